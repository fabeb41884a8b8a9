//! What was written to the stores of the provider in memory.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Map, Value};
use strongroom_provider_api::{Content, Deleted, Edit, Error, ErrorKind, Result, Written};

use super::Flaw;

static STORES: LazyLock<Mutex<HashMap<u64, Arc<Mutex<State>>>>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct State {
    entries: HashMap<String, Entry>,
    /// Somebody else is faster at the next write.
    race: bool,
}

#[derive(Clone)]
struct Entry {
    value: Value,
    ours: bool,
}

/// One client's view of its store.
pub(super) struct Writes {
    state: Arc<Mutex<State>>,
    flaw: Flaw,
    /// For the client that keeps the marks to itself.
    mine: Mutex<Vec<String>>,
}

/// Somebody else will be faster at the next write to `store`.
pub(super) fn be_faster(store: u64) {
    state(store).lock().unwrap().race = true;
}

fn state(store: u64) -> Arc<Mutex<State>> {
    Arc::clone(STORES.lock().unwrap().entry(store).or_default())
}

impl Writes {
    pub(super) fn of(store: u64, flaw: Flaw) -> Self {
        Self { state: state(store), flaw, mine: Mutex::default() }
    }

    pub(super) fn value(&self, key: &str) -> Option<Value> {
        self.state.lock().unwrap().entries.get(key).map(|entry| entry.value.clone())
    }

    pub(super) fn write(&self, key: &str, edit: &Edit) -> Result<Written> {
        let mut state = self.state.lock().unwrap();
        let old = state.entries.get(key).cloned();
        if std::mem::take(&mut state.race) && self.flaw != Flaw::IgnoresRaces {
            let ours = old.is_some_and(|old| old.ours);
            let theirs = Entry { value: serde_json::json!({"theirs": "1"}), ours };
            state.entries.insert(key.to_owned(), theirs);
            return Err(conflict());
        }
        let known =
            self.flaw != Flaw::ForgetsMarks || self.mine.lock().unwrap().iter().any(|mine| mine == key);
        if old.as_ref().is_some_and(|old| !old.ours || !known) {
            return Err(conflict());
        }
        let value = self.wanted(old.as_ref().map(|old| &old.value), edit);
        let written = match &old {
            None => Written::Created,
            Some(old) if old.value == value && self.flaw != Flaw::WritesAgain => {
                return Ok(Written::Unchanged);
            }
            Some(_) if self.flaw == Flaw::NeverUpdates => return Ok(Written::Updated),
            Some(_) => Written::Updated,
        };
        if self.flaw != Flaw::WritesNothing {
            state.entries.insert(key.to_owned(), Entry { value, ours: true });
            self.mine.lock().unwrap().push(key.to_owned());
        }
        Ok(written)
    }

    fn wanted(&self, old: Option<&Value>, edit: &Edit) -> Value {
        let text = |bytes: &[u8]| Value::from(String::from_utf8(bytes.to_vec()).unwrap());
        let named = |(name, value): (&String, &strongroom_provider_api::SecretBytes)| {
            (name.clone(), text(value.expose()))
        };
        match edit {
            Edit::Whole(Content::Bytes(bytes)) => {
                serde_json::from_slice(bytes.expose()).unwrap_or_else(|_| text(bytes.expose()))
            }
            Edit::Whole(Content::Fields(fields)) => {
                let most = if self.flaw == Flaw::LosesFields { 1 } else { fields.len() };
                fields
                    .iter()
                    .take(most)
                    .map(|(name, value)| named((name, value)))
                    .collect::<Map<_, _>>()
                    .into()
            }
            Edit::Properties(properties) => {
                let kept = old.filter(|_| self.flaw != Flaw::LosesProperties).and_then(Value::as_object);
                let mut members = kept.cloned().unwrap_or_default();
                members.extend(properties.iter().map(named));
                members.into()
            }
        }
    }

    pub(super) fn delete(&self, key: &str, property: Option<&str>) -> Result<Deleted> {
        let mut state = self.state.lock().unwrap();
        let Some(entry) = state.entries.get_mut(key) else {
            return match self.flaw {
                Flaw::AbsentIsAFault => Err(Error::new(ErrorKind::NotFound, "delete", "nothing there")),
                _ => Ok(Deleted::Absent),
            };
        };
        if self.flaw == Flaw::DeletesNothing {
            return Ok(Deleted::Removed);
        }
        if let (Some(property), Some(members)) = (property, entry.value.as_object_mut()) {
            if members.remove(property).is_none() {
                return Ok(Deleted::Absent);
            }
            if !members.is_empty() || self.flaw == Flaw::KeepsEmptyEntries {
                return Ok(Deleted::Removed);
            }
        }
        state.entries.remove(key);
        Ok(Deleted::Removed)
    }
}

fn conflict() -> Error {
    Error::new(ErrorKind::Conflict, "write", "somebody else's")
}
