//! `Asked`: which objects are due before their time, since when, and at whose word.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::kube_io::ObjectKey;

/// At whose word an object is due before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A user or a pipeline: whatever its windows say.
    User,
    /// The store holds something else: as if the interval had passed.
    Store,
}

/// A refresh before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// At whose word.
    pub asker: Asker,
    /// No read that began before that serves it.
    pub since: Instant,
}

/// What was asked for and has not been done. In memory only: after a restart the interval counts.
#[derive(Debug, Default)]
pub struct Asked(Mutex<HashMap<ObjectKey, Ask>>);

impl Asked {
    /// Notes `ask` for `key`, beside what was asked for before.
    pub fn set(&self, key: &ObjectKey, ask: Ask) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = asked.get(key).copied();
        let by_user = before.is_some_and(|before| before.asker == Asker::User);
        let since = before.map_or(ask.since, |before| before.since.max(ask.since));
        asked.insert(key.clone(), Ask { asker: if by_user { Asker::User } else { ask.asker }, since });
    }

    /// What is asked for `key`.
    pub fn get(&self, key: &ObjectKey) -> Option<Ask> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// `ask` has been done, unless more was asked for meanwhile.
    pub fn settle(&self, key: &ObjectKey, ask: Ask) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.get(key) == Some(&ask) {
            asked.remove(key);
        }
    }

    /// The object is gone.
    pub fn forget(&self, key: &ObjectKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_asked_for_during_an_attempt_outlives_it() {
        let (asked, key, now) = (Asked::default(), ObjectKey::new("ns", "es"), Instant::now());
        let first = Ask { asker: Asker::User, since: now };
        asked.set(&key, first);
        asked.set(&key, Ask { asker: Asker::Store, since: now + Duration::from_secs(1) });
        asked.settle(&key, first);
        let both = Ask { asker: Asker::User, since: now + Duration::from_secs(1) };
        assert_eq!(asked.get(&key), Some(both), "the later time, and the user's word");
        asked.settle(&key, both);
        assert_eq!(asked.get(&key), None);
    }
}
