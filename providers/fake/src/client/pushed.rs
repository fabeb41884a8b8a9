//! `Pushed`: owns what was pushed to the store, for as long as its client lives.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use strongroom_provider_api::{Content, Deleted, Edit, Error, ErrorKind, Result, SecretBytes, Written};

#[derive(Debug, Default)]
pub(super) struct Pushed(Mutex<BTreeMap<String, SecretBytes>>);

impl Pushed {
    pub(super) fn get(&self, key: &str) -> Option<SecretBytes> {
        self.lock().get(key).cloned()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    pub(super) fn write(&self, key: &str, edit: &Edit) -> Result<Written> {
        let mut pushed = self.lock();
        let old = pushed.get(key);
        let new = match edit {
            Edit::Whole(Content::Bytes(bytes)) => bytes.clone(),
            Edit::Whole(Content::Fields(fields)) => {
                printed(&fields.iter().map(|(name, value)| (name.clone(), text(value))).collect())
            }
            Edit::Properties(properties) => {
                let mut all = old.map_or_else(|| Ok(Map::new()), members)?;
                all.extend(properties.iter().map(|(name, value)| (name.clone(), text(value))));
                printed(&all)
            }
        };
        let written = match old {
            None => Written::Created,
            Some(old) if *old == new => return Ok(Written::Unchanged),
            Some(_) => Written::Updated,
        };
        pushed.insert(key.to_owned(), new);
        Ok(written)
    }

    pub(super) fn delete(&self, key: &str, property: Option<&str>) -> Result<Deleted> {
        let mut pushed = self.lock();
        let Some(old) = pushed.get(key) else { return Ok(Deleted::Absent) };
        let rest = match property {
            None => Map::new(),
            Some(property) => {
                let mut all = members(old)?;
                if all.remove(property).is_none() {
                    return Ok(Deleted::Absent);
                }
                all
            }
        };
        if rest.is_empty() {
            pushed.remove(key);
        } else {
            pushed.insert(key.to_owned(), printed(&rest));
        }
        Ok(Deleted::Removed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, SecretBytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The members of a JSON object.
pub(super) fn members(value: &SecretBytes) -> Result<Map<String, Value>> {
    let fault = "the value that stands there is not a JSON object, so it has no properties";
    serde_json::from_slice(value.expose())
        .map_err(|_| Error::new(ErrorKind::InvalidPayload, "change a property", fault))
}

fn printed(members: &Map<String, Value>) -> SecretBytes {
    Value::Object(members.clone()).to_string().into()
}

fn text(value: &SecretBytes) -> Value {
    String::from_utf8_lossy(value.expose()).into_owned().into()
}
