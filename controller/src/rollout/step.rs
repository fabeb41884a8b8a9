//! The steps of a restart on what is remembered of it: marked, looked up, begun, ended. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use strongroom_crds::{
    ContentChange, RestartStatus, RestartTarget, RestartedWorkload, SeenSecret, WorkloadKind,
};

use super::found::{Found, Lookup};
use crate::kube_io::{ApiError, ApiFailure};

/// So many Secrets are named as the cause of a restart.
const NAMED: usize = 16;

/// What is due is not looked at more often.
const SHORTEST: Duration = Duration::from_secs(1);

/// What is to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// Workloads that were restarted.
    pub restarted: Vec<String>,
    /// What the API server refused, or did not answer.
    pub refused: Vec<String>,
    /// Workloads that do not exist.
    pub missing: Vec<String>,
    /// Until the next restart may begin.
    pub wait: Option<Duration>,
}

/// Forgets the workloads that are no longer targets.
pub(super) fn retain(status: &mut RestartStatus, targets: &[RestartTarget]) {
    status.workloads.retain(|workload| {
        targets.iter().any(|target| {
            target.kind == workload.kind
                && match (&workload.selector, &target.name) {
                    (Some(selector), _) => target.selector.as_ref() == Some(selector),
                    // One that a selector found.
                    (None, None) => true,
                    (None, Some(name)) => workload.name.as_ref() == Some(name),
                }
        })
    });
}

/// The contents in `changed` are settled, and all targets are due for it. Given the time and the shortest time between two
/// restarts, what no longer matters of earlier ones is forgotten.
pub(super) fn commit(
    status: &mut RestartStatus,
    changed: &BTreeMap<String, String>,
    since: Timestamp,
    targets: &[RestartTarget],
    (now, min_interval): (Timestamp, Duration),
) {
    for SeenSecret { name, content } in &mut status.secrets {
        if let Some(present) = changed.get(name) {
            content.clone_from(present);
        }
    }
    status.last_change =
        Some(ContentChange { time: since, secrets: changed.keys().take(NAMED).cloned().collect() });
    status.workloads.retain(|workload| {
        workload.restarting.is_some() || rest(workload, now, min_interval).is_some_and(|rest| !rest.is_zero())
    });
    for target in targets {
        let known = status.workloads.iter_mut().find(|workload| {
            workload.kind == target.kind
                && workload.name == target.name
                && workload.selector == target.selector
        });
        match known {
            Some(known) => known.due = Some(since),
            None => status.workloads.push(RestartedWorkload {
                selector: target.selector.clone(),
                due: Some(since),
                ..empty(target.kind, target.name.clone())
            }),
        }
    }
}

/// True if a restart is to be begun or to be ended.
pub(super) fn is_any_due(status: &RestartStatus) -> bool {
    status.workloads.iter().any(|workload| workload.due.is_some() || workload.restarting.is_some())
}

/// Puts workloads in the place of selectors, and lets go what needs no restart: who was created after the change has the
/// new content, and who does not exist will have it.
pub(super) fn resolve(status: &mut RestartStatus, targets: &[RestartTarget], found: &Found) -> Notes {
    let mut notes = Notes::default();
    for target in targets {
        note(&mut notes, target, found);
    }
    let workloads = std::mem::take(&mut status.workloads);
    let (selected, named) = workloads.into_iter().partition::<Vec<_>, _>(|it| it.selector.is_some());
    status.workloads = named;
    for unresolved in selected {
        let listed =
            unresolved.selector.as_ref().and_then(|selector| found.listed(unresolved.kind, selector));
        match (listed, unresolved.due) {
            (None, _) if !is_unserved(&unresolved, found) => status.workloads.push(unresolved),
            (Some(listed), Some(due)) => {
                for one in listed {
                    mark(status, unresolved.kind, &one.name, due);
                }
            }
            (None, _) | (Some(_), None) => {}
        }
    }
    status.workloads.retain_mut(|workload| is_left(workload, found));
    notes
}

/// True if the API server does not know the kind: then there is nothing to restart.
fn is_unserved(unresolved: &RestartedWorkload, found: &Found) -> bool {
    found.listed.iter().any(|(kind, selector, answer)| {
        *kind == unresolved.kind
            && Some(selector) == unresolved.selector.as_ref()
            && answer.as_ref().is_err_and(|error| error.failure() == ApiFailure::NotFound)
    })
}

fn note(notes: &mut Notes, target: &RestartTarget, found: &Found) {
    let kind = target.kind.as_str();
    if let Some(name) = &target.name {
        let answer = found.named.iter().find(|(of, named, _)| *of == target.kind && named == name);
        match answer.map(|(_, _, answer)| answer) {
            Some(Ok(None)) => notes.missing.push(format!("there is no {kind} {name:?}")),
            Some(Err(error)) => notes.refused.push(error.to_string()),
            Some(Ok(Some(_))) | None => {}
        }
    }
    if let Some(selector) = &target.selector {
        let answer = found.listed.iter().find(|(of, by, _)| *of == target.kind && by == selector);
        match answer.map(|(_, _, answer)| answer) {
            Some(Err(error)) if error.failure() == ApiFailure::NotFound => {
                notes.missing.push(format!("the API server does not know the kind {kind}"));
            }
            Some(Err(error)) => notes.refused.push(error.to_string()),
            Some(Ok(_)) | None => {}
        }
    }
}

/// Whether what is remembered of `workload` still matters.
fn is_left(workload: &mut RestartedWorkload, found: &Found) -> bool {
    let (Some(name), Some(due)) = (&workload.name, workload.due) else { return true };
    match found.get(workload.kind, name) {
        Lookup::Unknown => true,
        Lookup::Missing => workload.restarting.is_some(),
        Lookup::Exists(one) => {
            if workload.uid.as_ref() != Some(&one.uid) {
                *workload = RestartedWorkload {
                    uid: Some(one.uid),
                    due: Some(due),
                    ..empty(workload.kind, workload.name.take())
                };
            }
            // Times of creation are cut to the second.
            if one.created > due {
                workload.due = None;
            }
            workload.due.is_some() || workload.restarting.is_some() || workload.restarted.is_some()
        }
    }
}

/// Begins what is due and may be.
pub(super) fn begin(status: &mut RestartStatus, now: Timestamp, min_interval: Duration) {
    for workload in &mut status.workloads {
        let resolved = workload.name.is_some() && workload.uid.is_some() && workload.restarting.is_none();
        let rested = rest(workload, now, min_interval).is_none_or(|rest| rest.is_zero());
        if workload.due.is_some() && resolved && rested {
            workload.due = None;
            workload.restarting = Some(now);
        }
    }
}

/// How long the next workload that is due has to be left alone yet.
pub(super) fn wait(status: &RestartStatus, now: Timestamp, min_interval: Duration) -> Option<Duration> {
    let due =
        status.workloads.iter().filter(|workload| workload.due.is_some() && workload.restarting.is_none());
    due.filter_map(|workload| rest(workload, now, min_interval)).map(|rest| rest.max(SHORTEST)).min()
}

/// Ends the restart of the workload at `place`. What may have been carried out is carried out under the same time once
/// more; what surely was not begins anew.
pub(super) fn end(
    status: &mut RestartStatus,
    place: usize,
    outcome: Result<(), ApiError>,
    now: Timestamp,
    notes: &mut Notes,
) {
    let changed = status.last_change.as_ref().map(|change| change.time);
    let Some(workload) = status.workloads.get_mut(place) else { return };
    let name = format!("{} {:?}", workload.kind.as_str(), workload.name.as_deref().unwrap_or_default());
    let Err(error) = outcome else {
        workload.restarting = None;
        // Not when it was begun: a crash may lie between.
        workload.restarted = Some(now);
        notes.restarted.push(name);
        return;
    };
    match error.failure() {
        ApiFailure::NotFound => {
            status.workloads.remove(place);
            return;
        }
        // Another uid, for example: looked up again.
        ApiFailure::Conflict
        | ApiFailure::Invalid
        | ApiFailure::Forbidden
        | ApiFailure::NamespaceTerminating => {
            workload.restarting = None;
            workload.due = workload.due.or(changed);
        }
        ApiFailure::AlreadyExists | ApiFailure::Unreachable => {}
    }
    notes.refused.push(error.to_string());
}

/// How long after its last restart the workload has to be left alone yet.
fn rest(workload: &RestartedWorkload, now: Timestamp, min_interval: Duration) -> Option<Duration> {
    let until = workload.restarted?.checked_add(SignedDuration::try_from(min_interval).ok()?).ok()?;
    let left = until.duration_since(now);
    // A time in the future cannot be ours.
    Some(if left.is_negative() { Duration::ZERO } else { left.unsigned_abs().min(min_interval) })
}

fn mark(status: &mut RestartStatus, kind: WorkloadKind, name: &str, due: Timestamp) {
    if let Some(known) = named(status, kind, name) {
        known.due = known.due.max(Some(due));
        return;
    }
    status.workloads.push(RestartedWorkload { due: Some(due), ..empty(kind, Some(name.to_owned())) });
}

fn named<'a>(
    status: &'a mut RestartStatus,
    kind: WorkloadKind,
    name: &str,
) -> Option<&'a mut RestartedWorkload> {
    let is_it =
        |workload: &&mut RestartedWorkload| workload.kind == kind && workload.name.as_deref() == Some(name);
    status.workloads.iter_mut().find(is_it)
}

fn empty(kind: WorkloadKind, name: Option<String>) -> RestartedWorkload {
    RestartedWorkload { kind, name, selector: None, uid: None, due: None, restarting: None, restarted: None }
}
