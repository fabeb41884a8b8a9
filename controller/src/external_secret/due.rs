//! Hop 3: whether there is anything to do now: an ordered list of named checks, pure.

use std::time::Duration;

use strongroom_crds::conditions::{ConditionType, STATUS_FALSE, STATUS_TRUE};
use strongroom_crds::{
    Condition, CreationPolicy, ExternalSecretSpec, ExternalSecretStatus, RefreshPolicy, SyncWindows,
};
use tokio::time::Instant;

use super::asked::{Ask, Asker};
use super::gather::Observed;
use super::{pause, spread, window};

/// Objects that fall due within this share their reads; it is also at most a twentieth of their interval.
const TOGETHER: Duration = Duration::from_secs(1);

/// Whether a sync is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Now, and why.
    Now(Cause),
    /// Not now. In so long, or (`None`) only when something changes.
    Later(Option<Duration>),
}

/// Why a sync is due; part of the log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It was never synced.
    NeverSynced,
    /// Spec, labels or annotations changed since the last sync (a forced sync is one of these).
    Changed,
    /// A ConfigMap or Secret that its template is made from has changed.
    TemplateChanged,
    /// The last attempt failed.
    Failed,
    /// A lease of what its generators made cannot be kept alive: others must take its place.
    LeaseEnds,
    /// It was asked for before its time: by somebody, or because its store holds something else.
    Asked,
    /// The target does not exist, or has lost its managed label.
    TargetMissing,
    /// The target's data is not what was written.
    TargetAltered,
    /// The refresh interval has passed.
    IntervalPassed,
}

/// What the checks look at.
struct Facts<'a> {
    status: &'a ExternalSecretStatus,
    policy: Option<RefreshPolicy>,
    creation_policy: CreationPolicy,
    windows: Option<&'a SyncWindows>,
    /// Zero where one sync is all that is asked for.
    interval: Duration,
    current: String,
    observed: &'a Observed,
}

/// Whether a sync of the object is due (spec eso-core 2.3).
///
/// # Errors
/// The text about a `refreshInterval` that cannot be read.
pub(super) fn due(observed: &Observed, spec: &ExternalSecretSpec) -> Result<Due, String> {
    let status = observed.status();
    let facts = facts(observed, spec, &status)?;
    // The first that speaks decides; the target comes last, so that it is named only where all else is in step.
    let checks = [
        never_synced,
        changed,
        template_changed,
        failed,
        lease_ends,
        asked,
        interval_passed,
        target_missing,
        target_altered,
    ];
    Ok(checks.iter().find_map(|check| check(&facts)).map_or_else(|| Due::Later(facts.next_look()), Due::Now))
}

fn facts<'a>(
    observed: &'a Observed,
    spec: &'a ExternalSecretSpec,
    status: &'a ExternalSecretStatus,
) -> Result<Facts<'a>, String> {
    Ok(Facts {
        status,
        policy: spec.refresh_policy,
        creation_policy: spec.target.creation_policy,
        windows: spec.sync_windows.as_ref(),
        interval: refresh_after(spec)?.unwrap_or_default(),
        current: observed.resource_version(),
        observed,
    })
}

/// When the timer alone may make the object due.
pub(super) fn next_look(observed: &Observed, spec: &ExternalSecretSpec) -> Option<Duration> {
    let status = observed.status();
    facts(observed, spec, &status).ok()?.next_look()
}

/// True if the target is as it was last synced, for the object as it is now, and no refresh is more than one
/// interval late: then a failed attempt takes nothing from who uses the target.
pub(super) fn is_fresh(observed: &Observed) -> bool {
    let status = observed.status();
    let Ok(spec) = observed.spec() else { return false };
    let (Ok(facts), Ok(interval)) = (facts(observed, spec, &status), spec.refresh_every()) else {
        return false;
    };
    let interval = interval.as_std().unwrap_or_default();
    let in_step = [never_synced, changed, template_changed, target_missing, target_altered];
    let ready = |condition: &Condition| {
        condition.type_ == ConditionType::Ready.as_str() && condition.status == STATUS_TRUE
    };
    status.conditions.iter().any(ready)
        && in_step.iter().all(|check| check(&facts).is_none())
        && facts.age().is_none_or(|age| age < interval.saturating_mul(2))
}

/// Since when a read must have begun to serve a sync that was `asked` for, or fell due, then: not before it was
/// asked for, nor before the state of the object was seen that is going to be reported as synced. Only a refresh
/// that nothing but its interval calls for may share the reads of objects that fell due a moment earlier.
pub(super) fn since(cause: Cause, asked: Instant, observed: &Observed, interval: Duration) -> Instant {
    let earlier = match cause {
        Cause::IntervalPassed => asked.checked_sub(TOGETHER.min(interval / 20)).unwrap_or(asked),
        // Not when this object was put into line: those that were asked for together share their reads.
        Cause::Asked => observed.asked.map_or(asked, |ask| ask.since),
        Cause::NeverSynced
        | Cause::Changed
        | Cause::TemplateChanged
        | Cause::Failed
        | Cause::LeaseEnds
        | Cause::TargetMissing
        | Cause::TargetAltered => asked,
    };
    earlier.max(observed.seen)
}

/// How long after a sync a refresh is due: `spec.refreshInterval` (the default is one hour), and a little
/// [earlier](spread::early). None where one sync is all that is asked for.
///
/// # Errors
/// Field and reason.
pub(super) fn refresh_after(spec: &ExternalSecretSpec) -> Result<Option<Duration>, String> {
    let interval = spec.refresh_every().map_err(|error| format!("spec.refreshInterval: {error}"))?;
    let interval = interval.as_std().filter(|interval| !interval.is_zero());
    Ok(interval.map(|interval| interval.saturating_sub(spread::early(spec, interval))))
}

fn never_synced(facts: &Facts<'_>) -> Option<Cause> {
    let synced = facts.status.synced_resource_version.as_deref().is_some_and(|version| !version.is_empty());
    // An interval of zero asks for one sync only, and remembers it by the version alone.
    let once = facts.is_once() && synced;
    (!once && (!synced || facts.status.refresh_time.is_none())).then_some(Cause::NeverSynced)
}

/// An orphan is never missed before its time: whoever deleted it may have meant it (spec eso-core 2.3).
fn target_missing(facts: &Facts<'_>) -> Option<Cause> {
    let minded = facts.creation_policy != CreationPolicy::Orphan;
    (minded && facts.observed.target.is_none()).then_some(Cause::TargetMissing)
}

fn target_altered(facts: &Facts<'_>) -> Option<Cause> {
    let minded = facts.creation_policy != CreationPolicy::Orphan;
    let target = facts.observed.target.as_ref().filter(|_| minded)?;
    (target.claimed_hash.as_ref() != Some(&target.hash)).then_some(Cause::TargetAltered)
}

fn failed(facts: &Facts<'_>) -> Option<Cause> {
    let mut conditions = facts.status.conditions.iter();
    // Ready alone, or with it our own condition of the last attempt.
    let told = [ConditionType::Ready, ConditionType::Synced].map(ConditionType::as_str);
    conditions
        .any(|condition| {
            condition.status == STATUS_FALSE
                && told.contains(&condition.type_.as_str())
                && !pause::is_marked_stale(condition)
        })
        .then_some(Cause::Failed)
}

fn changed(facts: &Facts<'_>) -> Option<Cause> {
    let differs = facts.status.synced_resource_version.as_deref() != Some(facts.current.as_str());
    (facts.heeds_changes() && differs).then_some(Cause::Changed)
}

/// Upstream waits for the next refresh; a template counts as part of the spec with us.
fn template_changed(facts: &Facts<'_>) -> Option<Cause> {
    (facts.heeds_changes() && facts.observed.retemplated.is_some()).then_some(Cause::TemplateChanged)
}

/// Credentials that end wait for no interval, policy or window.
fn lease_ends(facts: &Facts<'_>) -> Option<Cause> {
    facts.observed.lease_ends.then_some(Cause::LeaseEnds)
}

fn asked(facts: &Facts<'_>) -> Option<Cause> {
    let ask = facts.heeded_ask()?;
    let open = ask.asker == Asker::User || facts.window() == window::Verdict::Open;
    open.then_some(Cause::Asked)
}

/// Whether an object of this `spec` is refreshed before its time at the word of `asker`: where an annotation would do
/// it, or, at the store's word, where the timer would.
pub(super) fn heeds(spec: &ExternalSecretSpec, asker: Asker) -> bool {
    let interval = refresh_after(spec).ok().flatten();
    let periodic = matches!(spec.refresh_policy, Some(RefreshPolicy::Periodic) | None);
    match asker {
        _ if periodic => interval.is_some(),
        Asker::User => spec.refresh_policy == Some(RefreshPolicy::OnChange),
        Asker::Store => false,
    }
}

/// Sync windows hold up a refresh that is due by its interval or at the store's word, and nothing else.
fn interval_passed(facts: &Facts<'_>) -> Option<Cause> {
    let passed = facts.remaining().is_some_and(|remaining| remaining.is_zero());
    (passed && facts.window() == window::Verdict::Open).then_some(Cause::IntervalPassed)
}

impl Facts<'_> {
    fn window(&self) -> window::Verdict {
        window::verdict(self.windows, self.observed.now)
    }

    /// When the timer alone may make it due. Behind a closed window that is when a window begins or ends, not a
    /// poll (spec eso-core Q2).
    fn next_look(&self) -> Option<Duration> {
        let remaining = if self.heeded_ask().is_some() { Duration::ZERO } else { self.remaining()? };
        match (remaining, self.window()) {
            (remaining, _) if !remaining.is_zero() => Some(remaining),
            (_, window::Verdict::Closed(change)) => change,
            (remaining, window::Verdict::Open) => Some(remaining),
        }
    }

    fn heeded_ask(&self) -> Option<Ask> {
        self.observed.asked.filter(|ask| self.observed.spec().is_ok_and(|spec| heeds(spec, ask.asker)))
    }

    fn heeds_changes(&self) -> bool {
        match self.policy {
            Some(RefreshPolicy::CreatedOnce) => false,
            Some(RefreshPolicy::OnChange) => true,
            // Upstream's tests pin it: with interval zero not even a spec edit is heeded (spec eso-core Q9).
            Some(RefreshPolicy::Periodic) | None => !self.is_once(),
        }
    }

    fn is_periodic(&self) -> bool {
        matches!(self.policy, Some(RefreshPolicy::Periodic) | None)
    }

    fn is_once(&self) -> bool {
        self.is_periodic() && self.interval.is_zero()
    }

    /// Time until the interval has passed; none where no timer runs.
    fn remaining(&self) -> Option<Duration> {
        self.age().map(|age| self.interval.saturating_sub(age))
    }

    /// Time since the last refresh; none where no timer runs. A time in the future cannot be
    /// ours: as old as can be.
    fn age(&self) -> Option<Duration> {
        if !self.is_periodic() || self.is_once() {
            return None;
        }
        let last = self.status.refresh_time.as_ref()?.0;
        let last = self.observed.refreshed.map_or(last, |later| later.max(last));
        let age = self.observed.now.duration_since(last);
        Some(if age.is_negative() { Duration::MAX } else { age.unsigned_abs() })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::{SignedDuration, Timestamp};
    use serde_json::{Value, json};
    use strongroom_crds::ExternalSecret;

    use super::*;
    use crate::kube_io::{NamespaceView, ObjectKey, SecretDigest, Watched};

    const SYNCED: &str = "2026-01-01T00:00:00Z";

    /// An object synced at [`SYNCED`] and in step, with `spec` merged into a plain one.
    fn observed(spec: &Value, minutes_later: i64) -> Observed {
        let mut object = json!({
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": { "name": "es", "namespace": "ns", "uid": "1", "generation": 1 },
            "spec": { "refreshInterval": "1h" },
            "status": { "refreshTime": SYNCED, "conditions": [{ "type": "Ready", "status": "True" }] },
        });
        for (key, value) in spec.as_object().unwrap() {
            object["spec"][key] = value.clone();
        }
        let digest = SecretDigest {
            uid: "2".to_owned(),
            resource_version: "1".to_owned(),
            hash: "h".to_owned(),
            claimed_hash: Some("h".to_owned()),
            controller: None,
            created_by: None,
            previous_until: None,
        };
        let synced: Timestamp = SYNCED.parse().unwrap();
        let mut observed = Observed {
            key: ObjectKey::new("ns", "es"),
            object: Arc::new(Watched(Ok(serde_json::from_value(object).unwrap()))),
            seen: tokio::time::Instant::now(),
            target: Some(Arc::new(digest)),
            namespace: Arc::new(NamespaceView::default()),
            retemplated: None,
            asked: None,
            lease_ends: false,
            refreshed: None,
            ruled: crate::policies::Ruled::default(),
            now: synced + SignedDuration::from_mins(minutes_later),
        };
        let version = observed.resource_version();
        edit(&mut observed, |es| es.status.as_mut().unwrap().synced_resource_version = Some(version));
        observed
    }

    fn edit(observed: &mut Observed, edit: impl FnOnce(&mut ExternalSecret)) {
        let mut object = observed.object.0.clone().unwrap();
        edit(&mut object);
        observed.object = Arc::new(Watched(Ok(object)));
    }

    fn verdict(observed: &Observed) -> Due {
        due(observed, observed.spec().unwrap()).unwrap()
    }

    #[test]
    fn a_lease_that_ends_waits_for_no_policy_and_no_interval() {
        for spec in [json!({}), json!({ "refreshPolicy": "CreatedOnce" }), json!({ "refreshInterval": "0" })]
        {
            let mut observed = observed(&spec, 1);
            observed.lease_ends = true;
            assert_eq!(verdict(&observed), Due::Now(Cause::LeaseEnds), "{spec}");
        }
    }

    #[test]
    fn a_changed_template_source_is_heeded_where_a_spec_edit_is() {
        for (spec, heeded) in [
            (json!({}), true),
            (json!({ "refreshPolicy": "OnChange" }), true),
            (json!({ "refreshPolicy": "CreatedOnce" }), false),
            (json!({ "refreshInterval": "0" }), false),
        ] {
            let mut observed = observed(&spec, 1);
            assert!(matches!(verdict(&observed), Due::Later(_)), "{spec}");
            observed.retemplated = Some(1);
            let due = verdict(&observed);
            assert_eq!(due == Due::Now(Cause::TemplateChanged), heeded, "{spec}: {due:?}");
        }
    }

    #[test]
    fn a_refresh_that_no_status_tells_counts() {
        let mut observed = observed(&json!({ "refreshInterval": "30s" }), 1);
        assert_eq!(verdict(&observed), Due::Now(Cause::IntervalPassed));
        observed.refreshed = Some(observed.now - SignedDuration::from_secs(10));
        // A tenth of the interval may be taken away.
        let Due::Later(Some(wait)) = verdict(&observed) else { panic!("due") };
        assert!((17..=20).contains(&wait.as_secs()), "{wait:?}");
    }

    #[test]
    fn data_is_fresh_while_it_is_in_step_and_one_refresh_late_at_most() {
        assert!(is_fresh(&observed(&json!({}), 119)));
        assert!(!is_fresh(&observed(&json!({}), 120)));
        let mut edited = observed(&json!({}), 1);
        edit(&mut edited, |es| es.metadata.generation = Some(2));
        assert!(!is_fresh(&edited));
        let mut gone = observed(&json!({}), 1);
        gone.target = None;
        assert!(!is_fresh(&gone));
    }

    #[test]
    fn an_object_in_step_waits_for_its_interval() {
        // The spread takes something away, a tenth at most.
        let Due::Later(Some(remaining)) = verdict(&observed(&json!({}), 20)) else { panic!("it is due") };
        assert!((34 * 60..=40 * 60).contains(&remaining.as_secs()), "{remaining:?}");
        assert_eq!(verdict(&observed(&json!({}), 60)), Due::Now(Cause::IntervalPassed));
    }

    #[test]
    fn no_interval_is_ever_prolonged_nor_cut_by_more_than_a_tenth() {
        for number in 0..200 {
            let entry = json!([{ "secretKey": "k", "remoteRef": { "key": format!("app-{number}") } }]);
            for minutes in [10, 60, 24 * 60] {
                let spec = json!({ "data": entry, "refreshInterval": format!("{minutes}m") });
                assert_eq!(verdict(&observed(&spec, minutes)), Due::Now(Cause::IntervalPassed), "{spec}");
                let early = observed(&spec, minutes - minutes / 10 - 1);
                assert!(matches!(verdict(&early), Due::Later(Some(_))), "{spec}");
            }
        }
    }

    #[test]
    fn a_sync_in_the_future_is_not_believed() {
        assert_eq!(verdict(&observed(&json!({}), -5)), Due::Now(Cause::IntervalPassed));
    }

    #[test]
    fn a_target_that_is_gone_or_altered_is_due_under_every_policy() {
        for policy in ["Periodic", "OnChange", "CreatedOnce"] {
            let spec = json!({ "refreshPolicy": policy });
            let mut gone = observed(&spec, 1);
            gone.target = None;
            assert_eq!(verdict(&gone), Due::Now(Cause::TargetMissing), "{policy}");
            let mut altered = observed(&spec, 1);
            let digest =
                SecretDigest { hash: "other".to_owned(), ..(**altered.target.as_ref().unwrap()).clone() };
            altered.target = Some(Arc::new(digest));
            assert_eq!(verdict(&altered), Due::Now(Cause::TargetAltered), "{policy}");
        }
    }

    #[test]
    fn an_orphan_is_not_missed_before_its_time() {
        let mut gone = observed(&json!({ "target": { "creationPolicy": "Orphan" } }), 1);
        gone.target = None;
        assert!(matches!(verdict(&gone), Due::Later(Some(_))));
    }

    #[test]
    fn an_edit_is_heeded_except_by_created_once_and_interval_zero() {
        let edited = |spec: Value| {
            let mut observed = observed(&spec, 1);
            edit(&mut observed, |es| es.metadata.generation = Some(2));
            verdict(&observed)
        };
        assert_eq!(edited(json!({})), Due::Now(Cause::Changed));
        assert_eq!(edited(json!({ "refreshPolicy": "OnChange" })), Due::Now(Cause::Changed));
        assert_eq!(edited(json!({ "refreshPolicy": "CreatedOnce" })), Due::Later(None));
        assert_eq!(edited(json!({ "refreshInterval": "0" })), Due::Later(None));
    }

    #[test]
    fn any_label_or_annotation_forces_a_sync() {
        let mut labelled = observed(&json!({}), 1);
        edit(&mut labelled, |es| es.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into()));
        assert_eq!(verdict(&labelled), Due::Now(Cause::Changed));
        let mut annotated = observed(&json!({}), 1);
        edit(&mut annotated, |es| {
            es.metadata.annotations =
                Some([("external-secrets.io/force-sync".to_owned(), "1".to_owned())].into());
        });
        assert_eq!(verdict(&annotated), Due::Now(Cause::Changed));
    }

    #[test]
    fn without_a_timer_nothing_is_due_however_late() {
        for spec in [
            json!({ "refreshPolicy": "OnChange" }),
            json!({ "refreshPolicy": "CreatedOnce" }),
            json!({ "refreshInterval": "0s" }),
            json!({ "refreshInterval": "-5m" }),
        ] {
            assert_eq!(verdict(&observed(&spec, 100_000)), Due::Later(None), "{spec}");
        }
    }

    #[test]
    fn a_closed_window_holds_up_the_interval_and_nothing_else() {
        // Synced at midnight; the window opens at nine.
        let windows = json!({ "kind": "allow", "windows": [{ "schedule": "0 9 * * *", "duration": "1h" }] });
        let spec = json!({ "syncWindows": windows });
        assert_eq!(verdict(&observed(&spec, 8 * 60)), Due::Later(Some(Duration::from_secs(3601))));
        assert_eq!(verdict(&observed(&spec, 9 * 60)), Due::Now(Cause::IntervalPassed));
        let mut edited = observed(&spec, 8 * 60);
        edit(&mut edited, |es| es.metadata.generation = Some(2));
        assert_eq!(verdict(&edited), Due::Now(Cause::Changed));
    }

    #[test]
    fn what_was_never_synced_or_failed_last_is_due() {
        let mut new = observed(&json!({}), 1);
        edit(&mut new, |es| es.status = None);
        assert_eq!(verdict(&new), Due::Now(Cause::NeverSynced));
        let mut failed = observed(&json!({}), 1);
        edit(&mut failed, |es| es.status.as_mut().unwrap().conditions[0].status = "False".to_owned());
        assert_eq!(verdict(&failed), Due::Now(Cause::Failed));
    }

    #[test]
    fn what_a_policy_calls_too_old_asks_for_no_attempt() {
        let mut stale = observed(&json!({ "refreshPolicy": "CreatedOnce" }), 1);
        edit(&mut stale, |es| {
            let ready = &mut es.status.as_mut().unwrap().conditions[0];
            ready.status = "False".to_owned();
            ready.message = Some("stale: the data is old".to_owned());
        });
        assert_eq!(verdict(&stale), Due::Later(None));
    }

    #[test]
    fn only_a_refresh_by_its_interval_may_share_slightly_earlier_reads() {
        let mut observed = observed(&json!({}), 60);
        let (hour, asked) = (Duration::from_hours(1), observed.seen + Duration::from_secs(10));
        assert_eq!(since(Cause::IntervalPassed, asked, &observed, hour), asked - TOGETHER);
        assert_eq!(
            since(Cause::IntervalPassed, asked, &observed, Duration::from_secs(2)),
            asked - Duration::from_millis(100)
        );
        assert_eq!(since(Cause::Changed, asked, &observed, hour), asked);
        // The edit was seen while the attempt that is to answer an older request was beginning.
        observed.seen = asked + Duration::from_secs(1);
        assert_eq!(since(Cause::IntervalPassed, asked, &observed, hour), observed.seen);
        assert_eq!(since(Cause::Changed, asked, &observed, hour), observed.seen);
    }

    #[test]
    fn an_interval_that_cannot_be_read_is_named() {
        let observed = observed(&json!({ "refreshInterval": "soon" }), 1);
        let error = due(&observed, observed.spec().unwrap()).unwrap_err();
        assert!(error.starts_with("spec.refreshInterval: ") && error.contains("soon"), "{error}");
    }

    #[test]
    fn what_is_asked_for_is_due_where_an_annotation_or_the_timer_would_make_it_due() {
        let since = tokio::time::Instant::now();
        for (spec, user, store) in [
            (json!({}), true, true),
            (json!({ "refreshPolicy": "OnChange" }), true, false),
            (json!({ "refreshPolicy": "CreatedOnce" }), false, false),
            (json!({ "refreshInterval": "0" }), false, false),
        ] {
            for (asker, heeded) in [(Asker::User, user), (Asker::Store, store)] {
                let mut observed = observed(&spec, 1);
                observed.asked = Some(Ask { asker, since });
                let due = verdict(&observed) == Due::Now(Cause::Asked);
                assert_eq!(due, heeded, "{spec} {asker:?}");
                assert_eq!(heeds(observed.spec().unwrap(), asker), heeded, "{spec} {asker:?}");
            }
        }
    }

    #[test]
    fn a_closed_window_holds_up_the_stores_word_and_not_the_users() {
        // It opens at nine.
        let windows = json!({ "kind": "allow", "windows": [{ "schedule": "0 9 * * *", "duration": "1h" }] });
        let closed = json!({ "syncWindows": windows });
        let mut observed = observed(&closed, 1);
        observed.asked = Some(Ask { asker: Asker::User, since: tokio::time::Instant::now() });
        assert_eq!(verdict(&observed), Due::Now(Cause::Asked));
        observed.asked = Some(Ask { asker: Asker::Store, since: tokio::time::Instant::now() });
        let till_nine = Duration::from_secs(60 * (9 * 60 - 1) + 1);
        assert_eq!(verdict(&observed), Due::Later(Some(till_nine)));
    }

    #[test]
    fn those_that_were_asked_for_together_may_share_a_read() {
        let begun = tokio::time::Instant::now();
        let mut observed = observed(&json!({}), 1);
        observed.seen = begun;
        observed.asked = Some(Ask { asker: Asker::Store, since: begun });
        let later = begun + Duration::from_secs(3);
        assert_eq!(since(Cause::Asked, later, &observed, Duration::from_hours(1)), begun);
    }
}
