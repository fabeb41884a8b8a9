//! When a static role's next password is due: as Vault says, and soon again where it is late.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

/// Members of the answer that tell of the rotation.
pub(super) const FIELDS: [&str; 5] =
    ["ttl", "last_vault_rotation", "rotation_period", "rotation_schedule", "rotation_window"];

/// Vault rotates a few seconds after the time that it gave, and much later where the database does not answer. So it is
/// asked again after this,
const SOONEST: SignedDuration = SignedDuration::from_secs(1);
/// then after half of the time that it has been late, and at most after this.
const LATEST: SignedDuration = SignedDuration::from_mins(1);

/// What an answer says of the rotation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rotation {
    /// Seconds until the next one; `None` where nothing is said.
    left: Option<i64>,
    /// When the last one was, as Vault writes it.
    last: String,
}

/// Since when passwords should have been rotated that Vault still gives, by path.
#[derive(Debug, Default)]
pub(super) struct Late(Mutex<HashMap<String, Overdue>>);

#[derive(Debug)]
struct Overdue {
    /// The rotation that is to be followed by another.
    last: String,
    since: Timestamp,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    ttl: Value,
    #[serde(default)]
    last_vault_rotation: Value,
}

impl Rotation {
    /// What `body` says.
    pub(super) fn of(body: &[u8]) -> Self {
        let data = serde_json::from_slice::<Answer>(body).ok().and_then(|answer| answer.data);
        let Some(data) = data else { return Self::default() };
        let last = data.last_vault_rotation.as_str().unwrap_or_default().to_owned();
        Self { left: data.ttl.as_i64(), last }
    }

    /// When to read `path` again, as of `now`; `None` where Vault does not say when it rotates.
    pub(super) fn next(&self, late: &Late, path: &str, now: Timestamp) -> Option<Timestamp> {
        let left = self.left?;
        let wait = if left > 0 {
            late.forget(path);
            SignedDuration::from_secs(left)
        } else {
            (late.by(path, &self.last, now) / 2).clamp(SOONEST, LATEST)
        };
        now.checked_add(wait).ok()
    }
}

impl Late {
    /// For how long the rotation after `last` has been late.
    fn by(&self, path: &str, last: &str, now: Timestamp) -> SignedDuration {
        let mut late = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Overdue { last: last.to_owned(), since: now };
        let overdue = late.entry(path.to_owned()).or_insert_with(fresh);
        if overdue.last != last {
            *overdue = fresh();
        }
        now.duration_since(overdue.since)
    }

    fn forget(&self, path: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotation(data: &str) -> Rotation {
        Rotation::of(format!(r#"{{"data":{data}}}"#).as_bytes())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_next_read_is_when_vault_says_that_it_rotates() {
        let late = Late::default();
        let said =
            rotation(r#"{"ttl":86385,"last_vault_rotation":"2026-01-01T00:00:00Z","rotation_period":86400}"#);
        assert_eq!(said.next(&late, "p", at(10)), Some(at(86_395)));
        for silent in [r#"{"username":"u"}"#, r#"{"ttl":null}"#, "null", "[]"] {
            assert_eq!(rotation(silent).next(&late, "p", at(10)), None, "{silent}");
        }
    }

    #[test]
    fn while_vault_is_late_it_is_asked_soon_then_ever_less_often_and_never_without_pause() {
        let (late, mut now, mut reads) = (Late::default(), at(0), 0);
        let old = rotation(r#"{"ttl":0,"last_vault_rotation":"a"}"#);
        let mut in_ten_seconds = 0;
        while now < at(3_600) {
            let next = old.next(&late, "p", now).unwrap();
            assert!(next >= now + SOONEST && next <= now + LATEST, "{next}");
            now = next;
            reads += 1;
            in_ten_seconds += usize::from(now <= at(10));
        }
        assert!((5..=10).contains(&in_ten_seconds), "{in_ten_seconds} reads in the first ten seconds");
        assert!((60..=80).contains(&reads), "{reads} reads in an hour");
        // The next rotation that is late begins anew, and so does another role.
        let other = rotation(r#"{"ttl":-3,"last_vault_rotation":"b"}"#);
        assert_eq!(other.next(&late, "p", now), Some(now + SOONEST));
        assert_eq!(old.next(&late, "q", now), Some(now + SOONEST));
    }
}
