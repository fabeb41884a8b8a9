//! The stub's KV engine, version 1 and 2.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use serde_json::{Value, json};
use strongroom_provider_conformance::{Entry, StubRequest};

/// An answer's body, or the status of a refusal.
type Reply = Result<Value, u16>;

/// The entries by key.
#[derive(Default)]
pub(crate) struct Engine {
    entries: Mutex<BTreeMap<String, Kept>>,
    race: AtomicBool,
}

#[derive(Default)]
struct Kept {
    /// Those that were deleted are null.
    versions: Vec<Value>,
    custom: Value,
}

impl Engine {
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let mut kept: BTreeMap<String, Kept> = BTreeMap::new();
        for entry in entries {
            let known = kept.entry(entry.key.clone()).or_default();
            known.versions.push(serde_json::from_slice(&entry.value).unwrap());
            known.custom = json!(entry.tags);
        }
        Self { entries: Mutex::new(kept), race: AtomicBool::new(false) }
    }

    /// Somebody else writes just before the next write.
    pub(crate) fn be_faster(&self) {
        self.race.store(true, Ordering::SeqCst);
    }

    /// Deletes the version `number` of `key`, counted from 1, or all of it.
    pub(crate) fn delete(&self, key: &str, number: Option<usize>) -> bool {
        let mut entries = self.entries.lock().unwrap();
        let Some(number) = number else { return entries.remove(key).is_some() };
        let version = entries.get_mut(key).and_then(|kept| kept.versions.get_mut(number.checked_sub(1)?));
        version.is_some_and(|version| !std::mem::take(version).is_null())
    }

    pub(crate) fn unversioned(&self, key: &str, request: &StubRequest) -> Reply {
        let mut entries = self.entries.lock().unwrap();
        if request.query == "list=true" {
            return folder(&entries, key);
        }
        match request.method {
            Method::GET => {
                let kept = entries.get(key).ok_or(404_u16)?;
                Ok(json!({"data": kept.versions.last()}))
            }
            Method::DELETE => {
                entries.remove(key);
                Ok(Value::Null)
            }
            _ => {
                let value = serde_json::from_slice(&request.body).unwrap();
                entries.insert(key.to_owned(), Kept { versions: vec![value], custom: Value::Null });
                Ok(Value::Null)
            }
        }
    }

    pub(crate) fn versioned(&self, rest: &str, request: &StubRequest) -> Reply {
        let mut entries = self.entries.lock().unwrap();
        if let Some(key) = rest.strip_prefix("data/") {
            return match request.method {
                Method::GET => read(&entries, key, &request.query),
                Method::DELETE => {
                    if let Some(last) = entries.get_mut(key).and_then(|kept| kept.versions.last_mut()) {
                        *last = Value::Null;
                    }
                    Ok(Value::Null)
                }
                _ => {
                    if self.race.swap(false, Ordering::SeqCst) {
                        entries.entry(key.to_owned()).or_default().versions.push(json!({"theirs": "1"}));
                    }
                    write(&mut entries, key, request)
                }
            };
        }
        let key = rest.strip_prefix("metadata").ok_or(404_u16)?.trim_start_matches('/');
        if request.query == "list=true" {
            return folder(&entries, key);
        }
        match request.method {
            Method::GET => {
                let kept = entries.get(key).ok_or(404_u16)?;
                Ok(json!({"data": {"current_version": kept.versions.len(), "custom_metadata": kept.custom}}))
            }
            Method::DELETE => {
                entries.remove(key);
                Ok(Value::Null)
            }
            _ => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                entries.entry(key.to_owned()).or_default().custom = body["custom_metadata"].clone();
                Ok(Value::Null)
            }
        }
    }
}

fn read(entries: &BTreeMap<String, Kept>, key: &str, query: &str) -> Reply {
    let kept = entries.get(key).ok_or(404_u16)?;
    let version = match query.strip_prefix("version=") {
        None => kept.versions.len(),
        Some(number) => number.parse().map_err(|_| 400_u16)?,
    };
    let value = version.checked_sub(1).and_then(|index| kept.versions.get(index));
    let value = value.filter(|value| !value.is_null()).ok_or(404_u16)?;
    Ok(json!({"data": {"data": value, "metadata": {"version": version}}}))
}

fn write(entries: &mut BTreeMap<String, Kept>, key: &str, request: &StubRequest) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let kept = entries.entry(key.to_owned()).or_default();
    if body["options"]["cas"].as_u64() != Some(kept.versions.len() as u64) {
        return Err(400);
    }
    let mut value = body["data"].clone();
    if request.method == Method::PATCH {
        assert_eq!(request.headers["content-type"], "application/merge-patch+json");
        let mut old = kept.versions.last().cloned().filter(|old| !old.is_null()).ok_or(404_u16)?;
        for (name, changed) in value.as_object().unwrap() {
            if changed.is_null() {
                old.as_object_mut().unwrap().remove(name);
            } else {
                old[name] = changed.clone();
            }
        }
        value = old;
    }
    kept.versions.push(value);
    Ok(json!({"data": {"version": kept.versions.len()}}))
}

fn folder(entries: &BTreeMap<String, Kept>, folder: &str) -> Reply {
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let below = entries.keys().filter_map(|key| key.strip_prefix(&prefix));
    let keys: BTreeSet<String> = below
        .map(|rest| match rest.split_once('/') {
            Some((child, _)) => format!("{child}/"),
            None => rest.to_owned(),
        })
        .collect();
    if keys.is_empty() { Err(404) } else { Ok(json!({"data": {"keys": keys}})) }
}
