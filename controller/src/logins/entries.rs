//! `Entries`: which logins this process holds and which ones others left, and how that is written down. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The most that is written down of either kind, so that it stays below what a Secret may hold (1 MiB). What does not fit
/// is left to its own end.
const MOST: usize = 3_000;
/// Names longer than this are left to their own end, too.
const LONGEST_NAME: usize = 96;
/// What has no end of its own is forgotten after so long: Vault's default for the longest life.
const LONGEST_LIFE: Duration = Duration::from_hours(768);

/// Logins by name.
#[derive(Debug, Default)]
pub(super) struct Entries {
    own: BTreeMap<String, Own>,
    left: BTreeMap<String, Left>,
}

/// A login of this process.
#[derive(Debug)]
struct Own {
    connection: String,
    life: Duration,
    ends: Timestamp,
}

/// A login that another process left.
#[derive(Debug)]
struct Left {
    connection: String,
    ends: Timestamp,
}

/// What is written down. Times are in seconds.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Written {
    /// The process that wrote it.
    pub(super) process: String,
    /// Its logins: connection, name, and how long one lives after it was made or prolonged.
    #[serde(default)]
    own: Vec<(String, String, u64)>,
    /// Those that processes before it left: connection, name, and when one ends at the latest.
    #[serde(default)]
    left: Vec<(String, String, i64)>,
}

impl Entries {
    /// The login `name` of `connection` was made, or lives longer: for `life` from `now`. True if it was not known.
    pub(super) fn open(
        &mut self,
        connection: &str,
        name: &str,
        life: Option<Duration>,
        now: Timestamp,
    ) -> bool {
        if !is_fit(name) {
            return false;
        }
        let life = life.unwrap_or(LONGEST_LIFE).min(LONGEST_LIFE);
        let own = Own { connection: connection.to_owned(), life, ends: after(now, life) };
        self.own.insert(name.to_owned(), own).is_none()
    }

    /// The login `name` has ended. True if it was known.
    pub(super) fn end(&mut self, name: &str) -> bool {
        // Both: neither may stay.
        let (own, left) = (self.own.remove(name), self.left.remove(name));
        own.is_some() || left.is_some()
    }

    /// The names of what was left of `connection` and may still live.
    pub(super) fn left_of(&self, connection: &str, now: Timestamp) -> Vec<String> {
        let left = self.left.iter().filter(|(_, left)| left.connection == connection && left.ends > now);
        left.map(|(name, _)| name.clone()).collect()
    }

    /// Takes over what the process that wrote `written` had, which has ended by `now`.
    pub(super) fn take_over(&mut self, written: Written, now: Timestamp) {
        let own = written.own.into_iter().map(|(connection, name, life)| {
            // It may have prolonged a login until a moment ago.
            (connection, name, after(now, Duration::from_secs(life).min(LONGEST_LIFE)))
        });
        let left = written.left.into_iter().map(|(connection, name, ends)| {
            let latest = after(now, LONGEST_LIFE);
            (connection, name, Timestamp::from_second(ends).map_or(latest, |ends| ends.min(latest)))
        });
        for (connection, name, ends) in own.take(MOST).chain(left.take(MOST)) {
            if is_fit(&name) && !self.own.contains_key(&name) {
                self.left.insert(name, Left { connection, ends });
            }
        }
    }

    /// Forgets what has come to its own end.
    pub(super) fn forget_over(&mut self, now: Timestamp) {
        self.own.retain(|_, own| own.ends > now);
        self.left.retain(|_, left| left.ends > now);
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// When the last of what others left comes to its end.
    pub(super) fn all_over(&self) -> Option<Timestamp> {
        self.left.values().map(|left| left.ends).max()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.own.len() + self.left.len()
    }

    /// As it is written down by `process`; `None` if there is nothing to tell.
    pub(super) fn written(&self, process: &str) -> Option<Written> {
        if self.len() == 0 {
            return None;
        }
        let own =
            self.own.iter().map(|(name, own)| (own.connection.clone(), name.clone(), own.life.as_secs()));
        let left = self
            .left
            .iter()
            .map(|(name, left)| (left.connection.clone(), name.clone(), left.ends.as_second()));
        Some(Written {
            process: process.to_owned(),
            own: own.take(MOST).collect(),
            left: left.take(MOST).collect(),
        })
    }
}

/// Whether `name` is kept: as long as names are, and as long when written down.
fn is_fit(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(plain)
}

fn after(now: Timestamp, life: Duration) -> Timestamp {
    let life = SignedDuration::try_from(life).unwrap_or(SignedDuration::MAX);
    now.saturating_add(life).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Option<Duration> = Some(Duration::from_mins(1));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// What `entries` are to the next process, that begins `at` then.
    fn passed_on(entries: &Entries, then: Timestamp) -> Entries {
        let mut next = Entries::default();
        let text = serde_json::to_vec(&entries.written("first")).unwrap();
        next.take_over(serde_json::from_slice::<Option<Written>>(&text).unwrap().unwrap(), then);
        next
    }

    #[test]
    fn what_a_process_held_is_left_to_the_next_and_by_connection() {
        let mut first = Entries::default();
        assert!(first.open("a", "one", MINUTE, at(0)) && first.open("b", "two", MINUTE, at(0)));
        assert!(!first.open("a", "one", MINUTE, at(30)), "a renewal is no news");
        assert!(first.left_of("a", at(0)).is_empty(), "its own logins are not abandoned");
        let mut second = passed_on(&first, at(1_000));
        assert_eq!(second.left_of("a", at(1_000)), ["one"]);
        assert_eq!(second.left_of("b", at(1_000)), ["two"]);
        assert!(second.left_of("c", at(1_000)).is_empty());
        assert!(second.end("one") && !second.end("one"));
        assert!(second.left_of("a", at(1_000)).is_empty());
        // What it could not end is left to the third.
        assert_eq!(passed_on(&second, at(1_001)).left_of("b", at(1_001)), ["two"]);
    }

    #[test]
    fn what_was_left_is_over_a_life_after_the_takeover_and_not_later() {
        let mut first = Entries::default();
        first.open("a", "one", MINUTE, at(0));
        first.open("a", "endless", None, at(0));
        // It was renewed all the time, of which nothing is written.
        let mut second = passed_on(&first, at(600));
        assert_eq!(second.left_of("a", at(659)).len(), 2);
        assert_eq!(second.left_of("a", at(660)), ["endless"]);
        second.forget_over(at(660));
        assert_eq!(second.len(), 1);
        let over = second.all_over().unwrap();
        assert_eq!(over, at(600) + LONGEST_LIFE);
        // A third does not add to it.
        assert_eq!(passed_on(&second, at(900)).all_over(), Some(over));
        second.forget_over(over);
        assert!(second.written("second").is_none(), "nothing is left to tell");
    }

    #[test]
    fn a_login_that_nobody_renewed_is_forgotten() {
        let mut entries = Entries::default();
        entries.open("a", "idle", MINUTE, at(0));
        entries.open("a", "used", MINUTE, at(0));
        entries.open("a", "used", MINUTE, at(50));
        entries.forget_over(at(70));
        assert_eq!(entries.written("p").unwrap().own.len(), 1);
    }

    #[test]
    fn what_is_written_fits_into_a_secret_however_many_logins_there_are() {
        let mut entries = Entries::default();
        let connection = "c".repeat(32);
        for number in 0..3 * MOST {
            entries.open(&connection, &format!("{number:0>LONGEST_NAME$}"), None, at(0));
        }
        let mut next = passed_on(&entries, at(0));
        for number in 0..3 * MOST {
            next.open(&connection, &format!("x{number:0>95}"), None, at(0));
        }
        let text = serde_json::to_vec(&next.written("p")).unwrap();
        assert!(text.len() < 1 << 20, "{}", text.len());
        assert_eq!(next.left_of(&connection, at(0)).len(), MOST);
        for unfit in ["", "\"", &"n".repeat(LONGEST_NAME + 1)] {
            assert!(!next.open("c", unfit, None, at(0)), "{unfit:?}");
        }
    }
}
