//! Hop 4, first half: the spec as lists of sources, each with the store or generator it draws from. Pure.

use std::fmt;

use strongroom_crds::{DataFrom, ExternalSecretSpec, Find, GeneratorRef, RemoteRef, Rewrite, StoreRefKind};
use strongroom_crds::{Enforcement, SecretStoreRef, validation};

use crate::error::SyncError;
use crate::kube_io::ObjectKey;
use crate::stores::StoreId;

/// What an ExternalSecret draws from.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    /// Stores, in the order in which they are merged: all of `dataFrom`, then all of `data` (spec eso-core 2.5).
    pub stores: Vec<Source>,
    /// Generators, in the order of `dataFrom`.
    pub generators: Vec<GeneratorSource>,
    /// Stores that are named and that nothing is read from: they count where classes are looked at.
    pub unread: Vec<StoreId>,
}

/// One element of `dataFrom` that draws from a generator.
#[derive(Clone, Debug)]
pub(super) struct GeneratorSource {
    /// Position in `dataFrom`.
    pub index: usize,
    /// The generator.
    pub generator: GeneratorRef,
    /// Changes to the keys.
    pub rewrite: Vec<Rewrite>,
}

impl GeneratorSource {
    /// Where it stands in the spec.
    pub(super) fn entry(&self) -> Entry {
        Entry::Generator { index: self.index }
    }
}

/// One element of `data` or `dataFrom` and the store it draws from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Where it stands in the spec.
    pub entry: Entry,
    /// The store it draws from.
    pub store: StoreId,
    /// What it asks for.
    pub ask: Ask,
}

/// Where a source stands in the spec; `Display` is upstream's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// `spec.data[index]`
    Data {
        /// Position in the list.
        index: usize,
        /// `remoteRef.key`
        key: String,
    },
    /// `spec.dataFrom[index].extract`
    Extract {
        /// Position in the list.
        index: usize,
    },
    /// `spec.dataFrom[index].find`
    Find {
        /// Position in the list.
        index: usize,
    },
    /// `spec.dataFrom[index].sourceRef.generatorRef`
    Generator {
        /// Position in the list.
        index: usize,
    },
}

impl Entry {
    /// Later entries win over earlier ones.
    pub(super) fn rank(&self) -> (bool, usize) {
        match self {
            Self::Extract { index } | Self::Find { index } | Self::Generator { index } => (false, *index),
            Self::Data { index, .. } => (true, *index),
        }
    }
}

/// What a source asks for.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// One value under one key.
    Value {
        /// Key in the Secret.
        secret_key: String,
        /// What to read.
        remote: RemoteRef,
    },
    /// All members of one entry.
    Members {
        /// What to read.
        remote: RemoteRef,
        /// Changes to the keys.
        rewrite: Vec<Rewrite>,
    },
    /// Every entry that matches.
    Matches {
        /// What to look for.
        find: Find,
        /// Changes to the keys.
        rewrite: Vec<Rewrite>,
    },
}

impl Ask {
    /// The remote key, where one is named.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::Value { remote, .. } | Self::Members { remote, .. } => Some(&remote.key),
            Self::Matches { .. } => None,
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data { key, .. } => write!(f, "{} (key: {key})", self.field()),
            Self::Extract { .. } | Self::Find { .. } | Self::Generator { .. } => self.field().fmt(f),
        }
    }
}

impl Entry {
    /// The field of the spec, without the name of a key.
    pub(super) fn field(&self) -> impl fmt::Display {
        fmt::from_fn(move |f| match self {
            Self::Data { index, .. } => write!(f, "spec.data[{index}]"),
            Self::Extract { index } => write!(f, "spec.dataFrom[{index}].extract"),
            Self::Find { index } => write!(f, "spec.dataFrom[{index}].find"),
            Self::Generator { index } => write!(f, "spec.dataFrom[{index}].sourceRef.generatorRef"),
        })
    }
}

/// What the spec draws from. With it go the rules that hold without a webhook.
///
/// # Errors
/// [`SyncError::Object`] names every field at fault.
pub(super) fn sources(namespace: &str, spec: &ExternalSecretSpec) -> Result<Sources, SyncError> {
    let mut violations = validation::violations(spec);
    // What only the webhook of upstream refuses was accepted and synced where it did not run. Templates are looked
    // at once there is data for them: a store that fails is told first.
    violations.retain(|violation| {
        violation.enforcement == Enforcement::Controller
            && !violation.field.starts_with("spec.target.template")
    });
    if !violations.is_empty() {
        let faults: Vec<_> = violations
            .iter()
            .map(|violation| format!("{}: {}", violation.field, violation.message))
            .collect();
        return Err(SyncError::Object(faults.join("; ")));
    }
    let default = spec.secret_store_ref.as_ref();
    let mut sources = Sources::default();
    for (index, from) in spec.data_from.iter().enumerate() {
        if let Some(generator) = generator(index, from) {
            sources.generators.push(generator);
        } else if let Some(source) = data_from(namespace, default, index, from)? {
            sources.stores.push(source);
        } else {
            let own = from.source_ref.as_ref().and_then(|source| source.store_ref.as_ref());
            sources.unread.extend(own.and_then(|store| named(namespace, store)));
        }
    }
    for (index, entry) in spec.data.iter().enumerate() {
        let key = entry.remote_ref.key.clone();
        let own = entry.source_ref.as_ref();
        if own.is_some_and(|source| source.generator_ref.is_some()) {
            let message = "a generator gives many values; use spec.dataFrom";
            return Err(SyncError::Object(format!("spec.data[{index}].sourceRef.generatorRef: {message}")));
        }
        let own = own.and_then(|source| source.store_ref.as_ref());
        let store = store_id(namespace, own.or(default), &format!("spec.data[{index}]"))?;
        let ask = Ask::Value { secret_key: entry.secret_key.clone(), remote: entry.remote_ref.clone() };
        sources.stores.push(Source { entry: Entry::Data { index, key }, store, ask });
    }
    let default = default.and_then(|store| named(namespace, store));
    sources.unread.extend(default.filter(|store| sources.stores.iter().all(|source| source.store != *store)));
    Ok(sources)
}

/// Where several are given (no webhook refused it) find and extract win, as upstream's do.
fn generator(index: usize, from: &DataFrom) -> Option<GeneratorSource> {
    let generator = from.source_ref.as_ref()?.generator_ref.clone()?;
    let alone = from.find.is_none() && from.extract.is_none();
    alone.then(|| GeneratorSource { index, generator, rewrite: from.rewrite.clone() })
}

/// An entry that asks for nothing (no webhook refused it) is passed over, as upstream does.
fn data_from(
    namespace: &str,
    default: Option<&SecretStoreRef>,
    index: usize,
    from: &DataFrom,
) -> Result<Option<Source>, SyncError> {
    let rewrite = from.rewrite.clone();
    // Where both are given (no webhook refused it) find wins, as upstream's does.
    let (entry, ask) = if let Some(find) = &from.find {
        (Entry::Find { index }, Ask::Matches { find: find.clone(), rewrite })
    } else if let Some(remote) = &from.extract {
        (Entry::Extract { index }, Ask::Members { remote: remote.clone(), rewrite })
    } else {
        return Ok(None);
    };
    let own = from.source_ref.as_ref().and_then(|source| source.store_ref.as_ref());
    let store = store_id(namespace, own.or(default), &format!("spec.dataFrom[{index}]"))?;
    Ok(Some(Source { entry, store, ask }))
}

fn store_id(namespace: &str, store: Option<&SecretStoreRef>, field: &str) -> Result<StoreId, SyncError> {
    store.and_then(|store| named(namespace, store)).ok_or_else(|| {
        SyncError::Object(format!("{field}: no store is named, and spec.secretStoreRef names none"))
    })
}

/// The store that a reference names, if it names one.
fn named(namespace: &str, store: &SecretStoreRef) -> Option<StoreId> {
    let name = store.name.as_deref().filter(|name| !name.is_empty())?;
    Some(match store.kind {
        Some(StoreRefKind::ClusterSecretStore) => StoreId::cluster(name),
        Some(StoreRefKind::SecretStore) | None => StoreId::namespaced(ObjectKey::new(namespace, name)),
    })
}
