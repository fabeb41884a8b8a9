//! What is to be done with a lease now: a pure function of its record, its owner and the time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use strongroom_crds::{LeaseState, RecordedLease, RevokeOn, SecretLease};

/// Our clock and the service's may differ by so much: a lease counts as ended by itself only when it ended so long ago.
const SKEW: SignedDuration = SignedDuration::from_secs(30);
/// Values that did not reach their target in this time never will: the process that made them has ended.
const ABANDONED: SignedDuration = SignedDuration::from_mins(10);
/// A lease without an end that cannot be revoked is given up so long after it should have been,
const GIVEN_UP: SignedDuration = SignedDuration::from_hours(1);
/// and any other after this: a certificate may live for months, and its namespace should not have to.
const LONG_GIVEN_UP: SignedDuration = SignedDuration::from_hours(24);
/// A service that rotates gets so long: it does so a moment after it has said.
const MOMENT: SignedDuration = SignedDuration::from_secs(1);
/// So early may what has a time for its replacement be replaced, and a twentieth of the time until then at most.
const EARLY: SignedDuration = SignedDuration::from_mins(5);
/// Nothing is looked at less often.
const LONGEST: Duration = crate::schedule::RESYNC;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing for so long.
    Wait(Duration),
    /// Ask for it to last this long from now.
    Renew(SignedDuration),
    /// It cannot be kept alive: others must take its place.
    Replace(Why),
    /// The service has put others in its place, or is about to: its owner reads them.
    Read,
    /// End it, then drop the record.
    Revoke,
    /// It has ended by itself: drop the record.
    Drop,
}

/// Why others must take a lease's place. `Display` is for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It was given without a right to renewal, and most of its life is over.
    Fixed,
    /// It is over.
    Ended,
    /// The renewal was refused.
    Refused,
    /// The renewal gave less than half of what was asked for.
    Truncated,
    /// The login from which it hangs ends before it, and cannot be kept alive from here.
    Parent,
}

/// Whether the object in whose target the values are is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// It is.
    Present,
    /// It is, but it or its namespace is being deleted: who deletes records now means all of it.
    Leaving,
    /// It is not, or it is another of the same name.
    Gone,
}

impl Why {
    /// The reason word of a condition and an event.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Fixed => "LeaseFixed",
            Self::Ended => "LeaseEnded",
            Self::Refused => "RenewalRefused",
            Self::Truncated => "RenewalTruncated",
            Self::Parent => "ParentEnds",
        }
    }

    /// What a person should know.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Fixed => "the lease cannot be renewed: new credentials take its place",
            Self::Ended => "the lease has ended: new credentials take its place",
            Self::Refused => "the renewal was refused: new credentials take its place",
            Self::Truncated => {
                "the lease is near the longest that the service allows: new credentials take its place"
            }
            Self::Parent => {
                "the login that the lease hangs from ends, and cannot be kept alive from here: new credentials take its \
                 place. In Vault, the right to `update` `auth/token/renew-accessor`, or a longer `token_max_ttl` or a \
                 `token_period` of the login's role, avoids this"
            }
        }
    }
}

/// What is to be done with `record` at `now`.
pub(super) fn step(record: &SecretLease, owner: Owner, now: Timestamp) -> Step {
    let lease = record.lease();
    let is_over = lease.expires.is_some_and(|end| now >= saturating(end, SKEW));
    let unwanted = record.metadata.deletion_timestamp.is_some() || owner == Owner::Gone;
    let patience = if lease.expires.is_none() { GIVEN_UP } else { LONG_GIVEN_UP };
    let given_up = unwanted && now >= saturating(since_deletion(record, now), patience);
    // What cannot be named cannot be revoked either.
    let ends_alone = lease.id.is_none() || lease.end == "Rotated";
    // Who deletes the record of a lease that is in use asks for its end, whatever a policy says.
    let spared = unwanted && owner != Owner::Present && is_spared(record);
    match record.state() {
        _ if unwanted && (is_over || ends_alone || given_up || spared) => Step::Drop,
        _ if unwanted => Step::Revoke,
        LeaseState::Superseded if is_over || ends_alone => Step::Drop,
        LeaseState::Superseded => superseded(record, lease, now),
        LeaseState::Pending if is_over => Step::Drop,
        LeaseState::Pending => {
            let abandoned = saturating(record.spec.lease.issued, ABANDONED);
            if now < abandoned {
                wait(abandoned.duration_since(now))
            } else if ends_alone {
                Step::Drop
            } else {
                Step::Revoke
            }
        }
        // The owner has been asked; its own attempts have their backoff. After the end nothing is left to do for it.
        LeaseState::Ending => Step::Wait(LONGEST),
        LeaseState::Active => active(record, lease, now),
    }
}

/// True if a policy lets the lease live on when its owner goes. What never was in use has no rules, and is never spared.
fn is_spared(record: &SecretLease) -> bool {
    let revoke_on = record.rules().revoke_on;
    match record.state() {
        LeaseState::Pending => false,
        LeaseState::Active | LeaseState::Ending => !revoke_on.deletes(),
        LeaseState::Superseded => revoke_on == RevokeOn::Never,
    }
}

/// Others have taken its place. One that is not to be revoked keeps its record while it lives: it is still to be counted.
fn superseded(record: &SecretLease, lease: &RecordedLease, now: Timestamp) -> Step {
    let revoke_at = record.status.as_ref().and_then(|status| status.revoke_at).unwrap_or(now);
    let revoked = record.rules().revoke_on.replaces();
    match lease.expires {
        Some(end) if !revoked => wait(saturating(end, SKEW).duration_since(now)),
        _ if now < revoke_at => wait(revoke_at.duration_since(now)),
        _ if revoked => Step::Revoke,
        _ => Step::Drop,
    }
}

/// How the lease stands after a renewal that asked for `asked`: `Some` if others must take its place.
pub(super) fn after_renewal(lease: &RecordedLease, asked: SignedDuration, now: Timestamp) -> Option<Why> {
    let left = |end: Option<Timestamp>| end.map(|end| end.duration_since(now));
    let short = |left: Option<SignedDuration>| left.is_some_and(|left| left * 2 < asked);
    if lease.end == "Fixed" || short(left(lease.expires)) {
        return Some(Why::Truncated);
    }
    let parent = lease.parent.as_ref()?;
    // Earlier than the lease itself: nothing can be had for a last moment here.
    let ends = left(parent.expires).is_some_and(|left| left < asked);
    (ends && !parent.renewable).then_some(Why::Parent)
}

/// When the lease ends, be it by its own end or by its parent's.
pub(super) fn end(lease: &RecordedLease) -> Option<Timestamp> {
    let parent = lease.parent.as_ref().and_then(|parent| parent.expires);
    match (lease.expires, parent) {
        (Some(own), Some(parent)) => Some(own.min(parent)),
        (own, parent) => own.or(parent),
    }
}

/// When it is renewed, or replaced where it cannot be: at two thirds of its life, up to a tenth of it earlier, so that
/// leases that were given together are not renewed together. A policy may give another share.
pub(super) fn renewal(record: &SecretLease) -> Option<Timestamp> {
    let lease = record.lease();
    let end = end(lease)?;
    if lease.end == "Rotated" {
        return Some(saturating(end, MOMENT));
    }
    let share = i32::from(share(record));
    if let Some(replace) = lease.replace.filter(|_| lease.end == "Fixed") {
        let until = replace.duration_since(lease.issued).max(SignedDuration::ZERO);
        let early = (until / 20).min(EARLY) / 1000 * share;
        return replace.checked_sub(early).ok().map(|time| time.min(end));
    }
    let renewed = record.status.as_ref().and_then(|status| status.renewed);
    let since = renewed.unwrap_or(lease.issued);
    let life = end.duration_since(since).max(SignedDuration::ZERO);
    let (at, most) = renewed_after(record, life);
    since.checked_add(at - most / 1000 * share).ok()
}

/// After how much of `life` it is renewed, and how much earlier that may be.
fn renewed_after(record: &SecretLease, life: SignedDuration) -> (SignedDuration, SignedDuration) {
    match record.rules().renew_at.and_then(|percent| i32::try_from(percent).ok()) {
        Some(percent) => {
            let at = life / 100 * percent;
            (at, at / 10)
        }
        None => (life / 3 * 2, life / 10),
    }
}

/// When it is renewed next at the soonest, if so much of its life is left.
pub(super) fn soonest(record: &SecretLease, left: SignedDuration) -> Duration {
    let (at, most) = renewed_after(record, left);
    (at - most).max(SignedDuration::ZERO).unsigned_abs().min(LONGEST)
}

/// True if others must take the place of `record`, or, where the service rotates, are to be read at `now`.
pub(super) fn ends(record: &SecretLease, now: Timestamp) -> bool {
    match record.state() {
        LeaseState::Ending => true,
        LeaseState::Active if record.lease().end == "Rotated" => {
            renewal(record).is_some_and(|renewal| now >= renewal)
        }
        LeaseState::Active | LeaseState::Pending | LeaseState::Superseded => false,
    }
}

fn active(record: &SecretLease, lease: &RecordedLease, now: Timestamp) -> Step {
    let (Some(end), Some(renewal)) = (end(lease), renewal(record)) else { return Step::Wait(LONGEST) };
    if now < renewal {
        return wait(renewal.duration_since(now));
    }
    match lease.end.as_str() {
        "Rotated" => Step::Read,
        _ if now >= end => Step::Replace(Why::Ended),
        "Fixed" => Step::Replace(Why::Fixed),
        _ => Step::Renew(length(record)),
    }
}

/// For how long the lease was given at first: that is asked for again.
pub(super) fn length(record: &SecretLease) -> SignedDuration {
    let RecordedLease { issued, expires, .. } = &record.spec.lease;
    expires.map_or(SignedDuration::from_hours(1), |end| end.duration_since(*issued))
}

/// From 0 to 999, another for each lease and each of its renewals.
fn share(record: &SecretLease) -> u16 {
    let renewals = record.status.as_ref().and_then(|status| status.renewals).unwrap_or_default();
    let uid = record.metadata.uid.as_deref().unwrap_or_default();
    let seed = uid.bytes().chain(renewals.to_le_bytes());
    // FNV-1a: it only has to spread.
    let hash = seed.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    u16::try_from(hash % 1000).unwrap_or_default()
}

fn since_deletion(record: &SecretLease, now: Timestamp) -> Timestamp {
    record.metadata.deletion_timestamp.as_ref().map_or(now, |time| time.0)
}

fn wait(time: SignedDuration) -> Step {
    Step::Wait(time.unsigned_abs().min(LONGEST))
}

fn saturating(time: Timestamp, added: SignedDuration) -> Timestamp {
    time.checked_add(added).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use strongroom_crds::{
        LeaseOwner, LeaseRules, LeasedGenerator, RecordedParent, SecretLeaseSpec, SecretLeaseStatus,
    };

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn lease(end: &str, expires: i64) -> RecordedLease {
        RecordedLease {
            id: Some("id".to_owned()),
            issued: at(0),
            expires: Some(at(expires)),
            end: end.to_owned(),
            replace: None,
            parent: None,
        }
    }

    /// A lease of 300 seconds that was given at 0.
    fn record(state: LeaseState) -> SecretLease {
        let generator =
            LeasedGenerator { kind: "K".to_owned(), name: "g".to_owned(), snapshot: serde_json::json!({}) };
        let owner = LeaseOwner { kind: "E".to_owned(), name: "o".to_owned(), uid: "u".to_owned(), entry: 0 };
        let spec = SecretLeaseSpec {
            controller: "default".to_owned(),
            owner,
            generator,
            lease: lease("Renewable", 300),
        };
        let mut record = SecretLease::new("l", spec);
        record.metadata.uid = Some("uid".to_owned());
        record.status = Some(SecretLeaseStatus { state, ..SecretLeaseStatus::default() });
        record
    }

    fn status(record: &mut SecretLease) -> &mut SecretLeaseStatus {
        record.status.as_mut().unwrap()
    }

    fn kind(step: Step) -> &'static str {
        match step {
            Step::Wait(_) => "wait",
            Step::Renew(_) => "renew",
            Step::Replace(why) => why.reason(),
            Step::Read => "read",
            Step::Revoke => "revoke",
            Step::Drop => "drop",
        }
    }

    fn steps(record: &SecretLease, owner: Owner, seconds: &[i64]) -> Vec<&'static str> {
        seconds.iter().map(|now| kind(step(record, owner, at(*now)))).collect()
    }

    #[test]
    fn an_active_lease_is_renewed_between_57_and_67_percent_of_its_life() {
        let active = record(LeaseState::Active);
        let due = renewal(&active).unwrap();
        assert!((at(170)..=at(200)).contains(&due), "{due}");
        assert_eq!(steps(&active, Owner::Present, &[0, 169, 200, 299]), ["wait", "wait", "renew", "renew"]);
        assert_eq!(step(&active, Owner::Present, at(200)), Step::Renew(SignedDuration::from_secs(300)));
    }

    #[test]
    fn leases_that_were_given_together_are_not_renewed_together() {
        let mut times = std::collections::BTreeSet::new();
        for number in 0..100 {
            let mut one = record(LeaseState::Active);
            one.metadata.uid = Some(format!("uid-{number}"));
            times.insert(renewal(&one).unwrap());
        }
        assert!(times.len() > 50, "{}", times.len());
        let spread = times.last().unwrap().duration_since(*times.first().unwrap());
        assert!(spread.as_secs() >= 20, "{spread}");
    }

    #[test]
    fn the_next_renewal_counts_from_the_last() {
        let mut active = record(LeaseState::Active);
        status(&mut active).renewed = Some(at(200));
        status(&mut active).lease = Some(lease("Renewable", 500));
        assert_eq!(steps(&active, Owner::Present, &[201, 365, 400]), ["wait", "wait", "renew"]);
    }

    #[test]
    fn a_lease_that_is_over_is_replaced() {
        let active = record(LeaseState::Active);
        assert_eq!(steps(&active, Owner::Present, &[300, 10_000]), ["LeaseEnded", "LeaseEnded"]);
    }

    #[test]
    fn what_cannot_be_renewed_is_replaced_at_two_thirds_and_what_is_rotated_at_its_end() {
        let mut active = record(LeaseState::Active);
        active.spec.lease = lease("Fixed", 300);
        assert_eq!(steps(&active, Owner::Present, &[169, 200]), ["wait", "LeaseFixed"]);
        active.spec.lease = lease("Rotated", 300);
        assert_eq!(steps(&active, Owner::Present, &[299, 300, 301, 9_000]), ["wait", "wait", "read", "read"]);
        assert_eq!([299, 300, 301].map(|now| ends(&active, at(now))), [false, false, true]);
        // What has been replaced already ends alone, without being asked for.
        assert_eq!(steps(&active, Owner::Gone, &[1]), ["drop"]);
    }

    #[test]
    fn a_generator_may_say_when_others_take_the_place() {
        let mut active = record(LeaseState::Active);
        active.spec.lease = RecordedLease { replace: Some(at(280)), ..lease("Fixed", 300) };
        // A twentieth earlier at most.
        let due = renewal(&active).unwrap();
        assert!((at(266)..=at(280)).contains(&due), "{due}");
        assert_eq!(steps(&active, Owner::Present, &[265, 280, 300]), ["wait", "LeaseFixed", "LeaseEnded"]);
        active.spec.lease.expires = Some(at(1_000_000));
        active.spec.lease.replace = Some(at(900_000));
        assert!(renewal(&active).unwrap() >= at(900_000 - 300));
        // Never after the end, and what can be renewed is renewed in its own time.
        active.spec.lease = RecordedLease { replace: Some(at(900)), ..lease("Fixed", 300) };
        assert_eq!(renewal(&active), Some(at(300)));
        active.spec.lease = RecordedLease { replace: Some(at(10)), ..lease("Renewable", 300) };
        assert!(renewal(&active).unwrap() >= at(170));
    }

    #[test]
    fn a_parent_that_ends_earlier_is_renewed_in_time() {
        let mut active = record(LeaseState::Active);
        let parent = RecordedParent { accessor: "a".to_owned(), expires: Some(at(60)), renewable: true };
        active.spec.lease.parent = Some(parent);
        assert_eq!(steps(&active, Owner::Present, &[30, 40]), ["wait", "renew"]);
        assert_eq!(steps(&active, Owner::Present, &[60]), ["LeaseEnded"]);
    }

    #[test]
    fn a_renewal_may_leave_nothing_but_replacement() {
        let asked = SignedDuration::from_secs(300);
        assert_eq!(after_renewal(&lease("Renewable", 500), asked, at(200)), None);
        assert_eq!(after_renewal(&lease("Renewable", 300), asked, at(200)), Some(Why::Truncated));
        assert_eq!(after_renewal(&lease("Fixed", 500), asked, at(200)), Some(Why::Truncated));
        let mut hanging = lease("Renewable", 500);
        let parent = |expires, renewable| {
            Some(RecordedParent { accessor: "a".to_owned(), expires: Some(at(expires)), renewable })
        };
        for (expires, renewable, expected) in
            [(300, true, None), (300, false, Some(Why::Parent)), (500, false, None)]
        {
            hanging.parent = parent(expires, renewable);
            assert_eq!(after_renewal(&hanging, asked, at(200)), expected);
        }
    }

    #[test]
    fn what_was_superseded_is_revoked_after_the_grace_time_or_ends_by_itself() {
        let mut old = record(LeaseState::Superseded);
        status(&mut old).revoke_at = Some(at(120));
        assert_eq!(steps(&old, Owner::Present, &[119, 120, 329, 330]), ["wait", "revoke", "revoke", "drop"]);
    }

    #[test]
    fn without_its_owner_a_lease_is_revoked_at_once_and_its_record_never_stays_longer_than_it() {
        for state in LeaseState::ALL {
            assert_eq!(steps(&record(state), Owner::Gone, &[1, 329, 330]), ["revoke", "revoke", "drop"]);
            let mut deleted = record(state);
            deleted.metadata.deletion_timestamp = Some(Time(at(1)));
            assert_eq!(steps(&deleted, Owner::Present, &[1, 329, 330]), ["revoke", "revoke", "drop"]);
        }
    }

    #[test]
    fn a_lease_without_end_that_cannot_be_revoked_is_given_up_after_an_hour() {
        let mut deleted = record(LeaseState::Active);
        deleted.spec.lease.expires = None;
        deleted.metadata.deletion_timestamp = Some(Time(at(0)));
        assert_eq!(steps(&deleted, Owner::Gone, &[1, 3_599, 3_600]), ["revoke", "revoke", "drop"]);
    }

    #[test]
    fn a_certificate_of_a_year_that_cannot_be_revoked_holds_its_namespace_for_a_day() {
        let mut deleted = record(LeaseState::Active);
        deleted.spec.lease = lease("Fixed", 31_536_000);
        assert_eq!(
            steps(&deleted, Owner::Gone, &[200_000]),
            ["revoke"],
            "the record is not being deleted yet"
        );
        deleted.metadata.deletion_timestamp = Some(Time(at(0)));
        assert_eq!(steps(&deleted, Owner::Gone, &[1, 86_399, 86_400]), ["revoke", "revoke", "drop"]);
    }

    #[test]
    fn what_has_no_name_is_not_revoked() {
        for state in LeaseState::ALL {
            let mut nameless = record(state);
            nameless.spec.lease.id = None;
            assert_eq!(steps(&nameless, Owner::Gone, &[1]), ["drop"]);
        }
    }

    #[test]
    fn what_a_crash_left_on_its_way_is_revoked_when_nobody_can_be_at_it_any_more() {
        let mut pending = record(LeaseState::Pending);
        pending.spec.lease = lease("Renewable", 3_000);
        assert_eq!(
            steps(&pending, Owner::Present, &[1, 599, 600, 3_030]),
            ["wait", "wait", "revoke", "drop"]
        );
    }

    fn ruled(state: LeaseState, renew_at: Option<i64>, revoke_on: RevokeOn) -> SecretLease {
        let mut record = record(state);
        status(&mut record).rules = Some(LeaseRules { renew_at, revoke_on });
        record
    }

    #[test]
    fn a_policy_says_when_a_lease_is_renewed() {
        for (percent, early, due) in [(10, 27, 30), (50, 135, 150), (90, 243, 270)] {
            let active = ruled(LeaseState::Active, Some(percent), RevokeOn::Always);
            let when = renewal(&active).unwrap();
            assert!((at(early)..=at(due)).contains(&when), "{percent}: {when}");
            assert_eq!(steps(&active, Owner::Present, &[early - 1, due]), ["wait", "renew"], "{percent}");
        }
    }

    #[test]
    fn a_policy_says_whether_what_was_superseded_is_revoked() {
        for revoke_on in [RevokeOn::Always, RevokeOn::Replace, RevokeOn::Delete, RevokeOn::Never] {
            let mut old = ruled(LeaseState::Superseded, None, revoke_on);
            status(&mut old).revoke_at = Some(at(120));
            let expected = if revoke_on.replaces() { "revoke" } else { "wait" };
            assert_eq!(steps(&old, Owner::Present, &[119, 120, 330]), ["wait", expected, "drop"]);
            old.spec.lease.expires = None;
            let expected = if revoke_on.replaces() { "revoke" } else { "drop" };
            assert_eq!(steps(&old, Owner::Present, &[119, 120]), ["wait", expected], "{revoke_on:?}");
        }
    }

    #[test]
    fn a_policy_says_whether_a_lease_ends_with_its_owner() {
        let step = |state, revoke_on, owner, deleted: bool| {
            let mut record = ruled(state, None, revoke_on);
            record.metadata.deletion_timestamp = deleted.then(|| Time(at(1)));
            kind(step(&record, owner, at(1)))
        };
        for revoke_on in [RevokeOn::Always, RevokeOn::Replace, RevokeOn::Delete, RevokeOn::Never] {
            let expected = if revoke_on.deletes() { "revoke" } else { "drop" };
            for state in [LeaseState::Active, LeaseState::Ending] {
                assert_eq!(step(state, revoke_on, Owner::Gone, false), expected, "{revoke_on:?}");
                assert_eq!(step(state, revoke_on, Owner::Gone, true), expected, "{revoke_on:?}");
                // The namespace goes, and with it record and owner in any order.
                assert_eq!(step(state, revoke_on, Owner::Leaving, true), expected, "{revoke_on:?}");
                assert_eq!(step(state, revoke_on, Owner::Leaving, false), "wait", "{revoke_on:?}");
                assert_eq!(step(state, revoke_on, Owner::Present, true), "revoke", "the user's own word");
            }
            let expected = if revoke_on == RevokeOn::Never { "drop" } else { "revoke" };
            assert_eq!(step(LeaseState::Superseded, revoke_on, Owner::Gone, false), expected);
            assert_eq!(step(LeaseState::Pending, revoke_on, Owner::Gone, false), "revoke", "never in use");
        }
    }

    #[test]
    fn a_restart_changes_nothing() {
        // Nothing but the record, the owner and the time goes in; a record is the same after a restart.
        let stored = serde_json::to_value(record(LeaseState::Active)).unwrap();
        let read: SecretLease = serde_json::from_value(stored).unwrap();
        for now in [0, 169, 200, 299] {
            let (before, after) = (record(LeaseState::Active), &read);
            assert_eq!(step(&before, Owner::Present, at(now)), step(after, Owner::Present, at(now)));
        }
    }

    #[test]
    fn a_clock_that_went_back_makes_nobody_wait_longer_than_an_hour() {
        let active = record(LeaseState::Active);
        assert!(matches!(step(&active, Owner::Present, at(-100_000)), Step::Wait(wait) if wait <= LONGEST));
    }
}
