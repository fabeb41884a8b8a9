//! `Known`: the state in which each entry was last seen, and who has to look because it is another one. Pure.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use strongroom_provider_api::Version;
use tokio::time::Instant;

use super::places::InUse;
use crate::kube_io::ObjectKey;

/// The service's clock and ours may differ by this much, and a refresh may have begun before its time was taken.
const CLOCKS_DIFFER: Duration = Duration::from_secs(1);
/// An entry that the login may not look at is tried again after this long: policies change.
const DENIED_FOR: Duration = Duration::from_mins(10);

/// What was seen of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    /// The mark, or nothing there.
    As(Option<String>),
    /// It may not be looked at.
    Denied(Instant),
}

/// Every entry in use, as it was last seen, by place.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<String, Seen>);

impl Known {
    /// Forgets what is no longer in use.
    pub(super) fn keep(&mut self, in_use: &BTreeMap<String, InUse>) {
        self.0.retain(|place, _| in_use.contains_key(place));
    }

    /// Whether `place` is worth a look.
    pub(super) fn may_look(&self, place: &str) -> bool {
        !matches!(self.0.get(place), Some(Seen::Denied(since)) if since.elapsed() < DENIED_FOR)
    }

    /// The login may not look at `place`.
    pub(super) fn denied(&mut self, place: &str) {
        self.0.insert(place.to_owned(), Seen::Denied(Instant::now()));
    }

    /// Notes that `place` is in this state, which nobody has to be told of.
    pub(super) fn note(&mut self, place: &str, state: Option<&Version>) {
        self.0.insert(place.to_owned(), Seen::As(state.map(|state| state.mark.clone())));
    }

    /// Notes that `place` is in this state; gives those of its users who may hold something older.
    ///
    /// An entry that is seen for the first time counts as changed for who was refreshed before it came into this
    /// state: so nothing is lost by a restart, or between an object's first sync and the first look at its entry.
    pub(super) fn outdated(
        &mut self,
        place: &str,
        state: Option<&Version>,
        users: &[(ObjectKey, Option<Timestamp>)],
    ) -> Vec<ObjectKey> {
        let seen = Seen::As(state.map(|state| state.mark.clone()));
        let before = self.0.insert(place.to_owned(), seen.clone());
        let hold_older = |refreshed: Option<Timestamp>| match &before {
            Some(before @ Seen::As(_)) => *before != seen,
            Some(Seen::Denied(_)) | None => match (state.and_then(|state| state.since), refreshed) {
                (Some(since), Some(refreshed)) => {
                    since.saturating_add(CLOCKS_DIFFER).is_ok_and(|since| since > refreshed)
                }
                // Nothing there, or no time: the interval counts. Never refreshed: it is due anyway.
                (None, _) | (_, None) => false,
            },
        };
        let outdated = users.iter().filter(|(_, refreshed)| hold_older(*refreshed));
        outdated.map(|(key, _)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-01-01T{text}Z").parse().unwrap()
    }

    fn version(mark: &str, since: &str) -> Version {
        Version { mark: mark.to_owned(), since: Some(at(since)) }
    }

    fn user(name: &str, refreshed: &str) -> (ObjectKey, Option<Timestamp>) {
        (ObjectKey::new("ns", name), Some(at(refreshed)))
    }

    #[test]
    fn another_mark_makes_every_user_look_once() {
        let users = [user("a", "12:00:00"), user("b", "12:00:00")];
        let mut known = Known::default();
        let mut outdated = |state| known.outdated("p", state, &users).len();
        let [one, two] = [version("1", "10:00:00"), version("2", "13:00:00")];
        assert_eq!(outdated(Some(&one)), 0);
        assert_eq!(outdated(Some(&one)), 0);
        assert_eq!(outdated(Some(&two)), 2);
        assert_eq!(outdated(Some(&two)), 0);
        assert_eq!(outdated(None), 2, "it is gone");
        assert_eq!(outdated(None), 0);
        assert_eq!(outdated(Some(&two)), 2, "it is back");
    }

    #[test]
    fn at_the_first_look_the_times_decide() {
        let users = [user("before", "12:00:00"), user("after", "13:00:30"), user("close", "13:00:00")];
        let found = Known::default().outdated("p", Some(&version("2", "13:00:00")), &users);
        assert_eq!(found, [ObjectKey::new("ns", "before"), ObjectKey::new("ns", "close")]);
        assert!(Known::default().outdated("p", None, &users).is_empty());
        let never = [(ObjectKey::new("ns", "never"), None)];
        assert!(Known::default().outdated("p", Some(&version("2", "13:00:00")), &never).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_not_be_looked_at_is_left_alone_for_a_while() {
        let mut known = Known::default();
        assert!(known.may_look("p"));
        known.denied("p");
        assert!(!known.may_look("p"));
        tokio::time::advance(DENIED_FOR).await;
        assert!(known.may_look("p"));
        known.keep(&BTreeMap::new());
        assert!(known.0.is_empty());
    }
}
