//! How much earlier than its interval an object is refreshed, so that those that were synced together do not fall
//! due together for ever. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use strongroom_crds::{ExternalSecretSpec, SecretStoreRef, SourceRef};

use crate::hash;

/// At most this part of the interval.
const PART: u32 = 10;
/// However long the interval is.
const MOST: Duration = Duration::from_mins(10);
/// Different moments at which objects of one interval fall due.
const SLOTS: u32 = 16;

/// The part of `interval` by which a refresh comes early; always the same for the same sources.
///
/// It follows from what is read, not from the object's name: objects that read the same still fall due together,
/// and their reads are merged. Users expect the interval as an upper bound, so nothing ever comes later.
pub(super) fn early(spec: &ExternalSecretSpec, interval: Duration) -> Duration {
    (interval / PART).min(MOST) * slot(spec) / SLOTS
}

fn slot(spec: &ExternalSecretSpec) -> u32 {
    let default = spec.secret_store_ref.as_ref();
    let single = spec.data.iter().map(|entry| {
        let own = entry.source_ref.as_ref().and_then(|source| source.store_ref.as_ref());
        text(own.or(default), "key", Some(&entry.remote_ref.key))
    });
    let many = spec.data_from.iter().map(|entry| {
        let own = entry.source_ref.as_ref().and_then(|source: &SourceRef| source.store_ref.as_ref());
        let store = own.or(default);
        match (&entry.extract, &entry.find) {
            (Some(extract), _) => text(store, "key", Some(&extract.key)),
            (None, Some(find)) => text(store, "path", find.path.as_ref()),
            (None, None) => {
                let generator = entry.source_ref.as_ref().and_then(|source| source.generator_ref.as_ref());
                text(None, "generator", generator.map(|generator| &generator.name))
            }
        }
    });
    let read: BTreeSet<String> = single.chain(many).collect();
    let digest = hash::text(&read.into_iter().collect::<String>());
    digest.chars().next().and_then(|digit| digit.to_digit(SLOTS)).unwrap_or_default()
}

fn text(store: Option<&SecretStoreRef>, what: &str, name: Option<&String>) -> String {
    let kind = store.and_then(|store| store.kind);
    let store = store.and_then(|store| store.name.as_deref()).unwrap_or_default();
    format!("{kind:?}/{store}/{what}/{}\n", name.map_or("", String::as_str))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(value: Value) -> ExternalSecretSpec {
        serde_json::from_value(value).unwrap()
    }

    fn reads(keys: &[&str]) -> ExternalSecretSpec {
        let entry = |key: &&str| json!({ "secretKey": "k", "remoteRef": { "key": key } });
        let data: Vec<_> = keys.iter().map(entry).collect();
        spec(json!({ "secretStoreRef": { "name": "s" }, "data": data }))
    }

    #[test]
    fn a_thousand_objects_are_spread_over_a_tenth_of_the_interval() {
        let hour = Duration::from_hours(1);
        let mut by_moment = std::collections::BTreeMap::<Duration, u32>::new();
        for number in 0..1000 {
            *by_moment.entry(early(&reads(&[&format!("app-{number}")]), hour)).or_default() += 1;
        }
        assert_eq!(by_moment.len(), 16);
        assert!(by_moment.values().all(|count| (30..100).contains(count)), "{by_moment:?}");
        assert!(by_moment.keys().all(|early| *early < Duration::from_mins(6)));
    }

    #[test]
    fn those_who_read_the_same_stay_together_whatever_they_make_of_it() {
        let minute = Duration::from_mins(1);
        let properties = spec(json!({ "secretStoreRef": { "name": "s" }, "data": [
            { "secretKey": "user", "remoteRef": { "key": "b", "property": "user" } },
            { "secretKey": "password", "remoteRef": { "key": "b", "property": "password" } },
            { "secretKey": "other", "remoteRef": { "key": "a" } },
        ]}));
        assert_eq!(early(&properties, minute), early(&reads(&["a", "b"]), minute));
        let whole = spec(json!({ "secretStoreRef": { "name": "s" }, "dataFrom": [
            { "extract": { "key": "a" } }, { "extract": { "key": "b" } },
        ]}));
        assert_eq!(early(&whole, minute), early(&reads(&["b", "a"]), minute));
    }

    #[test]
    fn a_long_interval_is_cut_by_minutes_and_a_short_one_by_a_tenth() {
        for number in 0..100 {
            let spec = reads(&[&format!("app-{number}")]);
            assert!(early(&spec, Duration::from_hours(24 * 30)) < MOST);
            assert!(early(&spec, Duration::from_secs(1)) < Duration::from_millis(100));
            assert_eq!(early(&spec, Duration::ZERO), Duration::ZERO);
        }
    }
}
