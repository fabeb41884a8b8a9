//! Which of several controllers works: one at a time, by a Lease. What each candidate may do is decided here, pure.
//!
//! The rules are those of Kubernetes' own clients, so that another controller of the same name takes turns with ours:
//! who holds the Lease renews it; who does not may take it when it has not changed for as long as it lasts, counted by
//! the candidate's own clock from when it saw the change. Every write carries the version that was read, so of two that
//! try at once one fails. Who cannot renew in time stops working before anybody else may begin.

mod leader;

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

pub use leader::{Election, Leadership};

/// How long things take in an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// For so long after its last renewal nobody else takes the Lease.
    pub lasts: Duration,
    /// Who could not renew it for so long stops working. Shorter than `lasts`.
    pub deadline: Duration,
    /// Time between two attempts to renew, or to take it. Shorter than `deadline`.
    pub retry: Duration,
}

/// What a Lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; empty if it was given back.
    pub holder: String,
    /// How long it lasts after a renewal.
    pub lasts: Duration,
    /// Since when this holder has it.
    pub acquired: Option<Timestamp>,
    /// When it was last renewed, by the holder's clock.
    pub renewed: Option<Timestamp>,
    /// How often it has changed hands.
    pub transitions: i32,
    /// The version that was read.
    pub version: Option<String>,
}

/// One who wants to lead.
#[derive(Debug)]
struct Candidate {
    identity: String,
    terms: Terms,
    /// What it last saw, and since when it has been so.
    seen: Option<(Record, Instant)>,
}

/// What a candidate does next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Writes this record: as a new Lease, if it has no version.
    Write(Record),
    /// Somebody else leads.
    Wait,
}

impl Terms {
    /// Why these terms cannot keep two from leading at once, if so.
    pub fn fault(&self) -> Option<&'static str> {
        if self.deadline >= self.lasts {
            return Some("the renew deadline must be shorter than the lease lasts");
        }
        (self.retry >= self.deadline).then_some("the retry period must be shorter than the renew deadline")
    }
}

impl Candidate {
    fn new(identity: String, terms: Terms) -> Self {
        Self { identity, terms, seen: None }
    }

    /// What to do about `record`, which was just read; `None` if there is no Lease.
    fn step(&mut self, record: Option<Record>, now: Instant, clock: Timestamp) -> Step {
        let Some(record) = record else {
            return Step::Write(self.held(None, clock));
        };
        let since = match &self.seen {
            Some((seen, since)) if *seen == record => *since,
            _ => {
                self.seen = Some((record.clone(), now));
                now
            }
        };
        let is_free = record.holder.is_empty() || record.holder == self.identity;
        if is_free || now.saturating_duration_since(since) >= record.lasts {
            return Step::Write(self.held(Some(record), clock));
        }
        Step::Wait
    }

    /// The record with which the candidate leads, after `old`.
    fn held(&self, old: Option<Record>, clock: Timestamp) -> Record {
        let same = old.as_ref().filter(|old| old.holder == self.identity);
        Record {
            holder: self.identity.clone(),
            lasts: self.terms.lasts,
            acquired: same.and_then(|old| old.acquired).or(Some(clock)),
            renewed: Some(clock),
            transitions: old.as_ref().map_or(0, |old| old.transitions + i32::from(same.is_none())),
            version: old.and_then(|old| old.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        lasts: Duration::from_secs(8),
        deadline: Duration::from_secs(5),
        retry: Duration::from_secs(1),
    };
    const CLOCK: Timestamp = Timestamp::UNIX_EPOCH;

    fn theirs(version: &str) -> Record {
        Record {
            holder: "other".to_owned(),
            lasts: TERMS.lasts,
            acquired: Some(CLOCK),
            renewed: Some(CLOCK),
            transitions: 3,
            version: Some(version.to_owned()),
        }
    }

    fn writes(step: Step) -> Record {
        let Step::Write(record) = step else { panic!("it waits") };
        record
    }

    #[test]
    fn a_lease_that_does_not_exist_or_was_given_back_is_taken_at_once() {
        let mut candidate = Candidate::new("me".to_owned(), TERMS);
        let created = writes(candidate.step(None, Instant::now(), CLOCK));
        assert_eq!((created.holder.as_str(), created.transitions, created.version), ("me", 0, None));
        let given_back = Record { holder: String::new(), ..theirs("7") };
        let taken = writes(candidate.step(Some(given_back), Instant::now(), CLOCK));
        assert_eq!((taken.transitions, taken.version.as_deref()), (4, Some("7")));
    }

    #[test]
    fn somebody_elses_lease_is_taken_when_it_has_not_changed_for_as_long_as_it_lasts() {
        let mut candidate = Candidate::new("me".to_owned(), TERMS);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(candidate.step(Some(theirs("1")), at(0), CLOCK), Step::Wait);
        assert_eq!(candidate.step(Some(theirs("1")), at(7), CLOCK), Step::Wait);
        // It was renewed: the time begins anew, whatever the holder's clock says.
        assert_eq!(candidate.step(Some(theirs("2")), at(9), CLOCK), Step::Wait);
        assert_eq!(candidate.step(Some(theirs("2")), at(16), CLOCK), Step::Wait);
        let taken = writes(candidate.step(Some(theirs("2")), at(17), CLOCK));
        assert_eq!((taken.holder.as_str(), taken.version.as_deref()), ("me", Some("2")));
    }

    #[test]
    fn its_own_lease_is_renewed_without_a_transition() {
        let mut candidate = Candidate::new("me".to_owned(), TERMS);
        let own = Record { holder: "me".to_owned(), ..theirs("5") };
        let later = CLOCK + Duration::from_mins(1);
        let renewed = writes(candidate.step(Some(own), Instant::now(), later));
        assert_eq!((renewed.acquired, renewed.renewed, renewed.transitions), (Some(CLOCK), Some(later), 3));
    }

    #[test]
    fn terms_that_let_two_lead_are_refused() {
        assert_eq!(TERMS.fault(), None);
        assert!(Terms { deadline: TERMS.lasts, ..TERMS }.fault().is_some());
        assert!(Terms { retry: TERMS.deadline, ..TERMS }.fault().is_some());
    }
}
