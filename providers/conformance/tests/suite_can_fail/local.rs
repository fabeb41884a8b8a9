//! A provider in memory that is broken in one way at a time.

mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use serde_json::json;
use strongroom_provider_api::{
    Access, Capabilities, Content, Deleted, Descriptor, Dialect, EmptySearch, Error, ErrorKind, FindRule,
    JsonMap, Listed, MissingProperty, Payload, PropertyOrder, Provider, RemoteKey, Resolver, Result, Scope,
    Stability, StoreClient, StoreKind, Toolbox, Violation, WriteRequest, Written,
};
use strongroom_provider_conformance::{Entry, Fixture, Store, StubResolver};

/// How the client misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub(crate) enum Flaw {
    None,
    AbsenceIsUnavailable,
    EmptyIsAbsent,
    PadsText,
    LosesNul,
    CutsAt32KiB,
    AsciiKeysOnly,
    IgnoresVersions,
    SharesABuffer,
    ClaimsToList,
    SkipsAnEntry,
    IgnoresPaths,
    OneTagIsEnough,
    LeaksInDebug,
    LeaksInErrors,
    LeaksInLogs,
    WritesNothing,
    WritesAgain,
    NeverUpdates,
    LosesFields,
    LosesProperties,
    TakesForeign,
    IgnoresRaces,
    ForgetsMarks,
    AbsentIsAFault,
    DeletesNothing,
    KeepsEmptyEntries,
    MixesKeys,
    KeepsDeletedVersions,
}

impl Flaw {
    pub(crate) const ALL: [Self; 28] = [
        Self::AbsenceIsUnavailable,
        Self::EmptyIsAbsent,
        Self::PadsText,
        Self::LosesNul,
        Self::CutsAt32KiB,
        Self::AsciiKeysOnly,
        Self::IgnoresVersions,
        Self::SharesABuffer,
        Self::ClaimsToList,
        Self::SkipsAnEntry,
        Self::IgnoresPaths,
        Self::OneTagIsEnough,
        Self::LeaksInDebug,
        Self::LeaksInErrors,
        Self::LeaksInLogs,
        Self::WritesNothing,
        Self::WritesAgain,
        Self::NeverUpdates,
        Self::LosesFields,
        Self::LosesProperties,
        Self::TakesForeign,
        Self::IgnoresRaces,
        Self::ForgetsMarks,
        Self::AbsentIsAFault,
        Self::DeletesNothing,
        Self::KeepsEmptyEntries,
        Self::MixesKeys,
        Self::KeepsDeletedVersions,
    ];

    pub(crate) fn found_by(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::AbsenceIsUnavailable => &["missing_key_is_not_found", "unknown_version_is_not_found"],
            Self::EmptyIsAbsent => &["empty_value_is_a_value"],
            Self::PadsText => &["text_comes_back_exactly", "empty_value_is_a_value"],
            Self::LosesNul => &["nul_bytes_come_back_exactly"],
            Self::CutsAt32KiB => &["sixty_four_kib_come_back"],
            Self::AsciiKeysOnly => &["unicode_key_is_found"],
            Self::IgnoresVersions => &["pinned_version_is_read", "unknown_version_is_not_found"],
            Self::SharesABuffer => &["parallel_reads_agree"],
            Self::ClaimsToList => &["nothing_found_is_empty", "every_name_is_found_and_can_be_read"],
            Self::SkipsAnEntry => &["every_name_is_found_and_can_be_read"],
            Self::IgnoresPaths => &["path_limits_the_search"],
            Self::OneTagIsEnough => &["tags_limit_the_search"],
            Self::LeaksInDebug | Self::LeaksInErrors | Self::LeaksInLogs => &["canary_never_shows"],
            Self::WritesNothing => &["new_entry_is_created_and_can_be_read"],
            Self::WritesAgain => &["same_again_is_unchanged"],
            Self::NeverUpdates => &["other_value_is_an_update"],
            Self::LosesFields => &["fields_become_properties"],
            Self::LosesProperties => &["property_is_set_beside_the_others"],
            Self::TakesForeign => &["foreign_entry_is_left_alone"],
            Self::IgnoresRaces => &["lost_race_is_a_conflict"],
            Self::ForgetsMarks => &["mark_is_known_to_later_clients"],
            Self::AbsentIsAFault => &["absent_entry_is_deleted_without_complaint"],
            Self::DeletesNothing => &["deleted_entry_of_ours_is_gone"],
            Self::KeepsEmptyEntries => &["property_is_deleted_and_the_last_one_takes_the_entry"],
            Self::MixesKeys => &["keys_read_together_are_as_if_read_alone"],
            Self::KeepsDeletedVersions => &["deleted_version_is_not_found"],
        }
    }
}

#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Config {
    flaw: Flaw,
    store: u64,
    entries: Vec<Held>,
}

#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
struct Held {
    key: String,
    version: Option<String>,
    value: Vec<u8>,
    tags: BTreeMap<String, String>,
}

struct Local;

#[async_trait]
impl Provider for Local {
    const NAME: &'static str = "local";
    const STABILITY: Stability = Stability::Alpha;
    type Config = Config;

    fn validate(config: &Config, _kind: StoreKind) -> Vec<Violation> {
        let nameless = config.entries.iter().enumerate().filter(|(_, held)| held.key.is_empty());
        nameless.map(|(index, _)| Violation::new(format!("entries[{index}].key"), "is empty")).collect()
    }

    fn capabilities(_config: &Config) -> Capabilities {
        Capabilities {
            access: Access::ReadOnly,
            list: true,
            list_tags: true,
            versions: true,
            metadata: false,
            write: true,
        }
    }

    fn dialect(_config: &Config) -> Dialect {
        dialect()
    }

    async fn connect(
        config: Config,
        _resolver: Arc<dyn Resolver>,
        _toolbox: Toolbox,
    ) -> Result<Arc<dyn StoreClient>> {
        Ok(Arc::new(Client {
            flaw: config.flaw,
            store: config.store,
            writes: writes::Writes::of(config.store, config.flaw),
            entries: config.entries,
            last: Mutex::default(),
        }))
    }
}

pub(crate) fn dialect() -> Dialect {
    Dialect {
        property: PropertyOrder::PathOnly,
        map: JsonMap::RawText,
        missing_property: MissingProperty::NotFound,
        empty_search: EmptySearch::NoData,
        find: FindRule::Free,
        find_converts_keys: false,
    }
}

struct Client {
    flaw: Flaw,
    store: u64,
    writes: writes::Writes,
    entries: Vec<Held>,
    last: Mutex<String>,
}

impl Client {
    fn is_deleted(&self, held: &Held) -> bool {
        let Some(version) = &held.version else { return false };
        let place = (self.store, held.key.clone(), version.clone());
        self.flaw != Flaw::KeepsDeletedVersions && DELETED.lock().unwrap().contains(&place)
    }

    fn found(&self, key: &RemoteKey) -> Option<&Held> {
        let version = key.version.as_ref().filter(|_| self.flaw != Flaw::IgnoresVersions);
        let asked = |held: &&Held| {
            held.key == key.key
                && version.is_none_or(|version| held.version.as_ref() == Some(version))
                && !self.is_deleted(held)
        };
        let found = self.entries.iter().rev().find(asked);
        found.filter(|held| self.flaw != Flaw::EmptyIsAbsent || !held.value.is_empty())
    }
}

#[async_trait]
impl StoreClient for Client {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        let mut key = key.clone();
        if self.flaw == Flaw::AsciiKeysOnly {
            key.key.retain(|letter| letter.is_ascii());
        }
        if self.flaw == Flaw::SharesABuffer {
            self.last.lock().unwrap().clone_from(&key.key);
            tokio::task::yield_now().await;
            key.key.clone_from(&self.last.lock().unwrap());
        }
        if let Some(value) = self.writes.value(&key.key).filter(|_| key.version.is_none()) {
            return Ok(Payload::bytes(value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)));
        }
        let Some(held) = self.found(&key) else {
            let kind = match self.flaw {
                Flaw::AbsenceIsUnavailable => ErrorKind::Unavailable,
                _ => ErrorKind::NotFound,
            };
            return Err(Error::new(kind, "read", "nothing there").with_key(&key.key));
        };
        let mut value = held.value.clone();
        let text = String::from_utf8_lossy(&value).into_owned();
        match self.flaw {
            Flaw::PadsText => value.push(b'\n'),
            Flaw::LosesNul => value.retain(|byte| *byte != 0),
            Flaw::CutsAt32KiB => value.truncate(32 << 10),
            Flaw::LeaksInDebug => return Ok(Payload::bytes(value).with_version(text)),
            Flaw::LeaksInErrors => return Err(Error::new(ErrorKind::InvalidPayload, "read", text)),
            Flaw::LeaksInLogs => tracing::trace!(text, "read"),
            _ => {}
        }
        Ok(Payload::bytes(value))
    }

    fn batch_size(&self, _key: &RemoteKey) -> usize {
        10
    }

    async fn read_many(&self, keys: &[RemoteKey]) -> Result<Vec<Option<Result<Payload>>>> {
        let mut outcomes = Vec::new();
        for key in keys {
            outcomes.push(Some(self.read(key).await));
        }
        if self.flaw == Flaw::MixesKeys {
            outcomes.rotate_left(1);
        }
        Ok(outcomes)
    }

    fn list<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        if self.flaw == Flaw::ClaimsToList {
            let error = Error::new(ErrorKind::Unsupported, "list", "it was a lie");
            return stream::once(async { Err(error) }).boxed();
        }
        let path = scope.path.as_ref().filter(|_| self.flaw != Flaw::IgnoresPaths);
        let within = |held: &Held| path.is_none_or(|path| held.key.starts_with(&format!("{path}/")));
        let has = |held: &Held, (name, value): (&String, &String)| held.tags.get(name) == Some(value);
        let tagged = |held: &Held| match self.flaw {
            Flaw::OneTagIsEnough => scope.tags.iter().any(|tag| has(held, tag)),
            _ => scope.tags.iter().all(|tag| has(held, tag)),
        };
        let skipped = usize::from(self.flaw == Flaw::SkipsAnEntry);
        let found = self.entries.iter().skip(skipped).filter(|held| within(held) && tagged(held));
        let listed: Vec<_> = found
            .map(|held| Ok(Listed { name: held.key.clone(), key: RemoteKey::latest(&held.key) }))
            .collect();
        stream::iter(listed).boxed()
    }

    async fn write(&self, key: &RemoteKey, request: &WriteRequest) -> Result<Written> {
        if self.found(key).is_some() && self.flaw != Flaw::TakesForeign {
            return Err(Error::new(ErrorKind::Conflict, "write", "it is not ours"));
        }
        self.writes.write(&key.key, &request.edit)
    }

    async fn delete(&self, key: &RemoteKey, property: Option<&str>) -> Result<Deleted> {
        if self.found(key).is_some() {
            return Ok(Deleted::Foreign);
        }
        self.writes.delete(&key.key, property)
    }

    async fn exists(&self, key: &RemoteKey, property: Option<&str>) -> Result<bool> {
        let value = self.writes.value(&key.key);
        Ok(value.is_some_and(|value| property.is_none_or(|property| value.get(property).is_some())))
    }
}

/// Numbers of stores: what is written to one outlives its clients.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Versions that were deleted: store, key, version.
static DELETED: Mutex<BTreeSet<(u64, String, String)>> = Mutex::new(BTreeSet::new());

/// A store of the provider with one flaw.
pub(crate) struct LocalFixture(pub(crate) Flaw);

#[async_trait]
impl Fixture for LocalFixture {
    fn descriptor(&self) -> Descriptor {
        Descriptor::of::<Local>()
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| {
                let version = entry.version.map(|version| self.version_name(version));
                json!({ "key": entry.key, "version": version, "value": entry.value, "tags": entry.tags })
            })
            .collect();
        Store {
            config: json!({ "flaw": self.0, "store": NEXT.fetch_add(1, Ordering::SeqCst), "entries": entries }),
            resolver: Arc::new(StubResolver::new(StoreKind::Namespaced)),
            stub: None,
            guard: None,
        }
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        let Content::Bytes(bytes) = &payload.content else { return None };
        bytes.expose_str().map(ToOwned::to_owned)
    }

    fn holds_any_bytes(&self) -> bool {
        true
    }

    async fn delete_version(&self, store: &Store, key: &str, version: u32) -> bool {
        let place = (store.config["store"].as_u64().unwrap(), key.to_owned(), self.version_name(version));
        DELETED.lock().unwrap().insert(place)
    }

    async fn lose_the_race(&self, store: &Store) -> bool {
        writes::be_faster(store.config["store"].as_u64().unwrap());
        true
    }

    fn faulty_settings(&self) -> Vec<(serde_json::Value, &'static str)> {
        let nameless = json!({ "key": "", "value": [], "tags": {} });
        vec![(json!({ "flaw": self.0, "store": 0, "entries": [nameless] }), "entries[0].key")]
    }
}
