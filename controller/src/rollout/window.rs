//! `Windows`: for how long a change is waited with, so that several in a row lead to one restart.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::compare::Content;
use crate::kube_io::ObjectKey;

/// No change is waited with longer than this many times the debounce time.
const LONGEST: u32 = 10;

/// The changes that are waited with, by policy. Nothing is decided by this memory but when: without it a change is noticed
/// as if it had happened just now.
#[derive(Debug, Default)]
pub struct Windows(Mutex<HashMap<ObjectKey, State>>);

#[derive(Debug, Default)]
struct State {
    window: Option<Window>,
    uids: HashMap<String, String>,
}

#[derive(Clone, Debug)]
struct Window {
    changed: BTreeMap<String, String>,
    first: Instant,
    last: Instant,
    since: Timestamp,
}

/// Whether it is time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing has changed.
    Nothing,
    /// Something has, and may again; wait so long.
    Open(Duration),
    /// It is time.
    Over {
        /// The present content, by Secret.
        changed: BTreeMap<String, String>,
        /// When the last change was noticed.
        since: Timestamp,
    },
}

impl Verdict {
    /// When to look again.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self {
            Self::Open(wait) => Some(*wait),
            Self::Nothing | Self::Over { .. } => None,
        }
    }
}

impl Windows {
    /// The policy is gone, or restarts nothing.
    pub fn forget(&self, key: &ObjectKey) {
        self.lock().remove(key);
    }

    /// The uids under which the Secrets of `key` were last seen unchanged.
    pub(super) fn uids(&self, key: &ObjectKey) -> HashMap<String, String> {
        self.lock().get(key).map(|state| state.uids.clone()).unwrap_or_default()
    }

    /// Notes what of `contents` has `changed`, and says whether it is time to restart.
    pub(super) fn watch(
        &self,
        key: &ObjectKey,
        contents: &[Content],
        changed: BTreeMap<String, String>,
        debounce: Duration,
        time: Timestamp,
    ) -> Verdict {
        let mut states = self.lock();
        let state = states.entry(key.clone()).or_default();
        for Content { secret, found } in contents {
            if let Some((uid, _)) = found.as_ref().filter(|_| !changed.contains_key(secret)) {
                state.uids.insert(secret.clone(), uid.clone());
            }
        }
        let now = Instant::now();
        state.window = match state.window.take() {
            _ if changed.is_empty() => None,
            Some(window) if window.changed == changed => Some(window),
            Some(window) => Some(Window { changed, last: now, since: time, ..window }),
            None => Some(Window { changed, first: now, last: now, since: time }),
        };
        let Some(window) = &state.window else { return Verdict::Nothing };
        let due = (window.last + debounce).min(window.first + debounce.saturating_mul(LONGEST));
        let wait = due.saturating_duration_since(now);
        if wait.is_zero() {
            Verdict::Over { changed: window.changed.clone(), since: window.since }
        } else {
            Verdict::Open(wait)
        }
    }

    /// What was changed is settled.
    pub(super) fn close(&self, key: &ObjectKey) {
        if let Some(state) = self.lock().get_mut(key) {
            state.window = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBOUNCE: Duration = Duration::from_secs(10);

    fn looks(windows: &Windows, content: Option<&str>) -> Verdict {
        let changed = content.map(|content| ("a".to_owned(), content.to_owned())).into_iter().collect();
        windows.watch(&ObjectKey::new("ns", "p"), &[], changed, DEBOUNCE, Timestamp::UNIX_EPOCH)
    }

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn every_further_change_is_waited_with_anew() {
        let windows = Windows::default();
        assert_eq!(looks(&windows, Some("1")), Verdict::Open(DEBOUNCE));
        pass(9).await;
        assert_eq!(looks(&windows, Some("1")), Verdict::Open(Duration::from_secs(1)));
        assert_eq!(looks(&windows, Some("2")), Verdict::Open(DEBOUNCE));
        pass(10).await;
        assert!(matches!(looks(&windows, Some("2")), Verdict::Over { changed, .. } if changed["a"] == "2"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_as_it_was_again_is_no_change() {
        let windows = Windows::default();
        looks(&windows, Some("1"));
        pass(9).await;
        assert_eq!(looks(&windows, None), Verdict::Nothing);
        assert_eq!(looks(&windows, Some("1")), Verdict::Open(DEBOUNCE), "the wait begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn who_changes_for_ever_is_not_waited_for_for_ever() {
        let windows = Windows::default();
        for second in 0..100 {
            assert!(matches!(looks(&windows, Some(&second.to_string())), Verdict::Open(_)), "{second}");
            pass(1).await;
        }
        assert!(matches!(looks(&windows, Some("100")), Verdict::Over { .. }));
    }
}
