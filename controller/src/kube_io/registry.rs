//! `References`: owns who refers to which foreign object, and which of these objects have changed since.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::scope::Part;
use super::{ObjectKey, Scope, mirror};
use crate::stores::StoreId;

/// A kind of object that ours refer to and that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    /// Credentials, certificate authorities, templates.
    Secret,
    /// Certificate authorities, templates.
    ConfigMap,
    /// Whose tokens stores log in with: what else changes about it, changes nothing about them.
    ServiceAccount,
    /// The same, where its annotations say whose identity it takes on: every change of it counts.
    AnnotatedServiceAccount,
}

/// An object that something refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Its kind.
    pub kind: ReferenceKind,
    /// Where it lives.
    pub key: ObjectKey,
}

/// What refers to an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependant {
    /// A store whose client was made with it.
    Store(StoreId),
    /// An ExternalSecret whose template is in it.
    ExternalSecret(ObjectKey),
}

/// What the watch has shown at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Which stretch of an unbroken watch this is; `None` while nothing is watched.
    pub stretch: Option<u64>,
    /// The newest version of the object; 0 if none was shown.
    pub version: u64,
}

/// Whether a version that was read is still the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The watch has been unbroken since, and showed nothing newer.
    Same,
    /// It has changed.
    Changed,
    /// The watch cannot tell.
    Unknown,
}

/// Who refers to what. Written by store clients (through an [`Interest`] for as long as they live), by the
/// watch of ExternalSecrets, and by the watches of the referenced kinds.
///
/// It holds referenced objects only, whatever else lives in the cluster, and no values.
#[derive(Debug)]
pub struct References {
    /// Only references into these are watched.
    scope: Scope,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    targets: HashMap<Reference, Target>,
    templates: HashMap<ObjectKey, Vec<Reference>>,
    /// The unbroken stretch in which the watch of a kind in one part is.
    stretches: HashMap<(ReferenceKind, Part), u64>,
    begun: u64,
}

#[derive(Debug, Default)]
struct Target {
    dependants: HashMap<Dependant, usize>,
    /// The newest version that the watch has shown.
    newest: u64,
}

/// Keeps one reference noted until it is dropped.
#[derive(Debug)]
pub struct Interest {
    references: Arc<References>,
    reference: Reference,
    dependant: Dependant,
}

impl References {
    /// For watches of `scope`.
    pub fn within(scope: Scope) -> Self {
        Self { scope, state: Mutex::default() }
    }

    /// Notes that `dependant` refers to `reference`, before it is read: so that no change falls between.
    /// Gives what the watch has shown so far.
    pub fn interest(self: &Arc<Self>, reference: Reference, dependant: Dependant) -> (Interest, Shown) {
        let mut state = self.lock();
        let version = state.add(&reference, &dependant);
        let stretch = self.stretch(&state, &reference);
        drop(state);
        (Interest { references: Arc::clone(self), reference, dependant }, Shown { stretch, version })
    }

    /// Replaces what the template of the ExternalSecret `key` is made from.
    pub fn set_templates(&self, key: &ObjectKey, references: Vec<Reference>) {
        let mut state = self.lock();
        let dependant = Dependant::ExternalSecret(key.clone());
        for old in state.templates.remove(key).unwrap_or_default() {
            state.remove(&old, &dependant);
        }
        for reference in &references {
            state.add(reference, &dependant);
        }
        if !references.is_empty() {
            state.templates.insert(key.clone(), references);
        }
    }

    /// Whether what was `known` of `reference` is still the newest.
    pub fn freshness(&self, reference: &Reference, known: Shown) -> Freshness {
        let state = self.lock();
        let Some(target) = state.targets.get(reference) else { return Freshness::Unknown };
        if target.newest > known.version {
            Freshness::Changed
        } else if known.stretch.is_some() && known.stretch == self.stretch(&state, reference) {
            Freshness::Same
        } else {
            Freshness::Unknown
        }
    }

    /// The watch showed `version` of `reference`. Gives who has to look, which is nobody for nearly all
    /// objects of a cluster.
    pub(super) fn changed(&self, reference: &Reference, version: Option<&str>) -> Vec<Dependant> {
        let mut state = self.lock();
        let Some(target) = state.targets.get_mut(reference) else { return Vec::new() };
        target.newest = target.newest.max(mirror::number(version));
        target.dependants.keys().cloned().collect()
    }

    /// The watch of `kind` in `part` is unbroken from now on. Gives the stores that have to look because it was not
    /// before.
    pub(super) fn resumed(&self, kind: ReferenceKind, part: &Part) -> Vec<Dependant> {
        let mut state = self.lock();
        state.begun += 1;
        let begun = state.begun;
        state.stretches.insert((kind, part.clone()), begun);
        let missed = state
            .targets
            .iter()
            .filter(|(reference, _)| reference.kind == kind && part.holds(&reference.key.namespace));
        let mut dependants: Vec<_> =
            missed.flat_map(|(_, target)| target.dependants.keys().cloned()).collect();
        dependants.sort_unstable();
        dependants.dedup();
        dependants.retain(|dependant| matches!(dependant, Dependant::Store(_)));
        dependants
    }

    /// The watch of `kind` in `part` is broken: from now on it cannot tell what is newest.
    pub(super) fn interrupted(&self, kind: ReferenceKind, part: &Part) {
        self.lock().stretches.remove(&(kind, part.clone()));
    }

    /// How many objects are referred to.
    pub fn len(&self) -> usize {
        self.lock().targets.len()
    }

    /// True if nothing is referred to.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In which stretch of its watch `reference` is, if it is watched.
    fn stretch(&self, state: &State, reference: &Reference) -> Option<u64> {
        let part = self.scope.parts().iter().find(|part| part.holds(&reference.key.namespace))?;
        state.stretches.get(&(reference.kind, part.clone())).copied()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives the newest version that the watch has shown.
    fn add(&mut self, reference: &Reference, dependant: &Dependant) -> u64 {
        let target = self.targets.entry(reference.clone()).or_default();
        *target.dependants.entry(dependant.clone()).or_default() += 1;
        target.newest
    }

    fn remove(&mut self, reference: &Reference, dependant: &Dependant) {
        let Some(target) = self.targets.get_mut(reference) else { return };
        if let Some(times) = target.dependants.get_mut(dependant) {
            *times -= 1;
            if *times == 0 {
                target.dependants.remove(dependant);
            }
        }
        if target.dependants.is_empty() {
            self.targets.remove(reference);
        }
    }
}

/// Of the whole cluster.
impl Default for References {
    fn default() -> Self {
        Self::within(Scope::of(&[], true))
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.references.lock().remove(&self.reference, &self.dependant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str) -> Reference {
        Reference { kind: ReferenceKind::Secret, key: ObjectKey::new("ns", name) }
    }

    fn store(name: &str) -> Dependant {
        Dependant::Store(StoreId::cluster(name))
    }

    #[test]
    fn a_change_is_told_to_those_that_refer_to_the_object_for_as_long_as_they_do() {
        let references = Arc::new(References::default());
        let (first, _) = references.interest(secret("token"), store("a"));
        let (second, _) = references.interest(secret("token"), store("a"));
        references.set_templates(&ObjectKey::new("ns", "es"), vec![secret("token")]);
        assert_eq!(references.changed(&secret("other"), Some("7")), []);
        drop(first);
        let mut told = references.changed(&secret("token"), Some("7"));
        told.sort_unstable();
        assert_eq!(told, [store("a"), Dependant::ExternalSecret(ObjectKey::new("ns", "es"))]);
        drop(second);
        references.set_templates(&ObjectKey::new("ns", "es"), Vec::new());
        assert!(references.is_empty());
    }

    #[test]
    fn a_version_is_fresh_while_an_unbroken_watch_shows_nothing_newer() {
        let references = Arc::new(References::default());
        let (_before, unwatched) = references.interest(secret("token"), store("a"));
        assert_eq!(references.freshness(&secret("token"), unwatched), Freshness::Unknown);
        assert_eq!(references.resumed(ReferenceKind::Secret, &Part::default()), [store("a")]);
        let (_interest, shown) = references.interest(secret("token"), store("a"));
        let freshness = |version| references.freshness(&secret("token"), Shown { version, ..shown });
        assert_eq!(freshness(5), Freshness::Same);
        // An event that the read overtook says nothing.
        references.changed(&secret("token"), Some("5"));
        assert_eq!(freshness(5), Freshness::Same);
        references.changed(&secret("token"), Some("6"));
        assert_eq!(freshness(5), Freshness::Changed);
        assert_eq!(freshness(6), Freshness::Same);
        references.interrupted(ReferenceKind::Secret, &Part::default());
        assert_eq!(freshness(6), Freshness::Unknown);
        references.resumed(ReferenceKind::Secret, &Part::default());
        assert_eq!(freshness(6), Freshness::Unknown, "something may have been missed");
    }

    #[test]
    fn what_lies_outside_the_watched_namespaces_is_never_known_to_be_fresh() {
        let scope = Scope::of(&["other".to_owned(), "another".to_owned()], false);
        let references = Arc::new(References::within(scope.clone()));
        for part in scope.parts() {
            assert_eq!(references.resumed(ReferenceKind::Secret, part), []);
        }
        let (_interest, shown) = references.interest(secret("token"), store("a"));
        assert_eq!(references.freshness(&secret("token"), shown), Freshness::Unknown);
    }

    #[test]
    fn the_watch_of_one_namespace_says_nothing_about_another() {
        let scope = Scope::of(&["ns".to_owned(), "other".to_owned()], false);
        let [own, other] = scope.parts() else { panic!() };
        let references = Arc::new(References::within(scope.clone()));
        let (_before, _) = references.interest(secret("token"), store("a"));
        assert_eq!(references.resumed(ReferenceKind::Secret, other), []);
        assert_eq!(references.resumed(ReferenceKind::Secret, own), [store("a")]);
        let (_interest, shown) = references.interest(secret("token"), store("a"));
        references.interrupted(ReferenceKind::Secret, other);
        assert_eq!(references.freshness(&secret("token"), shown), Freshness::Same);
        references.interrupted(ReferenceKind::Secret, own);
        assert_eq!(references.freshness(&secret("token"), shown), Freshness::Unknown);
    }
}
