//! Hop 5: asks the stores. A failure says which entry it belongs to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use strongroom_crds::{DeletionPolicy, ExternalSecretSpec, Find, MetadataPolicy, RemoteRef};
use strongroom_provider_api::{
    Aspect, Capabilities, Dialect, EmptySearch, Error, ErrorKind, FindRule, Payload, PropertyOrder,
    RemoteKey, Scope, StoreClient,
};
use strongroom_templating::transform::find::NameFilter;
use tracing::Instrument as _;

use super::connect::{Connected, failed};
use super::sources::{Ask, Entry, Source};
use crate::context::Context;
use crate::error::SyncError;
use crate::stores::{Admission, Answer, StoreId};
use crate::telemetry::traces;

/// Reads of one object that are under way at once; more where one call reads many keys.
const CONCURRENCY: usize = 8;

/// What one source gave.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    /// The source.
    pub source: Source,
    /// How its payloads are read.
    pub dialect: Dialect,
    /// What it gave.
    pub found: Found,
}

/// What a source gave.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// The payload under the key that was asked for.
    One(Arc<Payload>),
    /// The payloads that matched, by name.
    Many(Vec<(String, Arc<Payload>)>),
    /// The store says with authority that there is nothing, and `deletionPolicy` heeds it.
    Nothing,
}

/// What the sources give, in their order.
///
/// # Errors
/// The first source, in their order, that could not be answered. Absence is an error under
/// `deletionPolicy: Retain` and [`Found::Nothing`] under the others (spec eso-core 2.5).
pub(super) async fn fetch(
    context: &Context,
    spec: &ExternalSecretSpec,
    sources: Vec<Source>,
    stores: &mut BTreeMap<StoreId, Connected>,
) -> Result<Vec<Fetched>, SyncError> {
    let answers = read_all(&sources, stores).await;
    let heeds_absence = spec.target.deletion_policy != DeletionPolicy::Retain;
    let mut fetched = Vec::with_capacity(sources.len());
    for source in sources {
        let Some(connected) = stores.get_mut(&source.store) else { continue };
        let found = match &source.ask {
            Ask::Value { remote, .. } | Ask::Members { remote, .. } => {
                let key = remote_key(remote, connected.handle.dialect);
                let unsupported = unsupported(&key, connected.handle.capabilities);
                let answer = match unsupported.map(Arc::new).map(Err) {
                    None => answers.get(&(source.store.clone(), key)).cloned(),
                    refused => refused,
                };
                answer.unwrap_or_else(|| Err(Arc::new(lost()))).map(Found::One)
            }
            Ask::Matches { find, .. } => matches(find, &source.entry, connected).await?,
        };
        let found = match found {
            Err(error) if heeds_absence && error.kind() == ErrorKind::NotFound => Found::Nothing,
            Err(error) => {
                if error.kind() == ErrorKind::Unauthenticated {
                    context.pool.discard(&connected.store, &connected.handle, Arc::clone(&error)).await;
                }
                return Err(settled(context, &source, connected, error));
            }
            Ok(found) => found,
        };
        fetched.push(Fetched { source, dialect: connected.handle.dialect, found });
    }
    for (id, connected) in stores {
        answered(context, id, connected);
    }
    Ok(fetched)
}

/// The store has answered: if that closes its breaker, those who wait come back.
fn answered(context: &Context, id: &StoreId, connected: &mut Connected) {
    if connected.admission.take().is_some_and(Admission::answered) {
        tracing::info!(store = %id, "the store answers again");
        context.schedule.release(&id.group());
    }
}

/// The failure of `source`, after its store's breaker has learned of it.
fn settled(context: &Context, source: &Source, connected: &mut Connected, error: Arc<Error>) -> SyncError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => {
            answered(context, &source.store, connected);
            failed(source, error, None)
        }
        ErrorKind::Unavailable | ErrorKind::Throttled => {
            let wait = connected.admission.take().and_then(|admission| admission.failed(&error));
            failed(source, error, wait)
        }
        // Made without asking, or by something that is not the service.
        ErrorKind::InvalidConfig
        | ErrorKind::Unauthenticated
        | ErrorKind::Conflict
        | ErrorKind::Unsupported
        | ErrorKind::InvalidPayload
        | ErrorKind::Internal => failed(source, error, None),
    }
}

/// Reads every distinct key of every store once, where the store can do that.
async fn read_all(
    sources: &[Source],
    stores: &BTreeMap<StoreId, Connected>,
) -> HashMap<(StoreId, RemoteKey), Answer> {
    let mut wanted = HashMap::new();
    for (index, source) in sources.iter().enumerate() {
        if let Ask::Value { remote, .. } | Ask::Members { remote, .. } = &source.ask
            && let Some(connected) = stores.get(&source.store)
        {
            let wants = (source.store.clone(), remote_key(remote, connected.handle.dialect));
            wanted.entry(wants).or_insert(index);
        }
    }
    let at_once = wanted.keys().filter_map(|(id, key)| Some(stores.get(id)?.handle.client.batch_size(key)));
    let at_once = at_once.max().unwrap_or_default().max(CONCURRENCY);
    let reads = wanted.into_iter().filter_map(|((id, key), index)| {
        let connected = stores.get(&id)?;
        if unsupported(&key, connected.handle.capabilities).is_some() {
            return None;
        }
        let entry = &sources.get(index)?.entry;
        Some(async move {
            let answer = read(connected, &key, entry).await;
            ((id, key), answer)
        })
    });
    stream::iter(reads).buffer_unordered(at_once).collect().await
}

/// What is stored under `key`, for `entry`.
async fn read(connected: &Connected, key: &RemoteKey, entry: &Entry) -> Answer {
    let span = traces::read(&connected.store, &entry.field());
    let answer = connected.pass.read(key).instrument(span.clone()).await;
    traces::answered(&span, &answer);
    answer
}

/// The matching entries of one `find`. Entries that vanish between listing and reading are left out.
async fn matches(
    find: &Find,
    entry: &Entry,
    connected: &Connected,
) -> Result<Result<Found, Arc<Error>>, SyncError> {
    let Connected { handle, .. } = connected;
    if let Some(message) = refusal(find, handle.dialect.find) {
        return Ok(Err(Arc::new(Error::new(ErrorKind::Unsupported, "search", message))));
    }
    let pattern = find.name.as_ref().and_then(|name| name.regexp.as_deref());
    let filter = pattern.map(NameFilter::new).transpose();
    let filter = filter.map_err(|error| SyncError::Object(format!("{entry}.name.regexp: {error}")))?;
    // A name filter wins over tags, as upstream's does (spec eso-providers B.5).
    let tags = find.tags.clone().filter(|_| find.name.is_none()).unwrap_or_default();
    let scope = Scope { path: find.path.clone(), tags };
    let span = traces::list(&connected.store, &entry.field());
    let listed = handle.client.list(&scope).try_collect::<Vec<_>>().instrument(span.clone()).await;
    traces::ended(&span, listed.as_ref().map(|_| "found").map_err(|error| error.kind().reason()));
    drop(span);
    let mut listed = match listed {
        Ok(listed) => listed,
        Err(error) => return Ok(Err(Arc::new(error))),
    };
    if listed.is_empty()
        && handle.dialect.empty_search == EmptySearch::NotFound
        && let Err(error) = something_there(&*handle.client, scope).await
    {
        return Ok(Err(Arc::new(error)));
    }
    listed.retain(|listed| filter.as_ref().is_none_or(|filter| filter.matches(&listed.name)));
    let at_once = listed.iter().map(|listed| handle.client.batch_size(&listed.key)).max();
    let at_once = at_once.unwrap_or_default().max(CONCURRENCY);
    let reads = listed.into_iter().map(|listed| async move {
        match read(connected, &listed.key, entry).await {
            Ok(payload) => Ok(Some((listed.name, payload))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    });
    let found: Result<Vec<_>, _> = stream::iter(reads).buffered(at_once).try_collect().await;
    Ok(found.map(|found| Found::Many(found.into_iter().flatten().collect())))
}

fn remote_key(remote: &RemoteRef, dialect: Dialect) -> RemoteKey {
    let aspect = match remote.metadata_policy {
        Some(MetadataPolicy::Fetch) => Aspect::Metadata,
        Some(MetadataPolicy::None) | None => Aspect::Value,
    };
    let version = remote.version.clone().filter(|version| !version.is_empty());
    let property = remote.property.clone().filter(|property| !property.is_empty());
    let told = matches!(dialect.property, PropertyOrder::ByProvider | PropertyOrder::RawPath);
    let property = property.filter(|_| told);
    RemoteKey { key: remote.key.clone(), version, aspect, property }
}

/// Why a store of these `capabilities` must not be asked for `key`, if so.
fn unsupported(key: &RemoteKey, capabilities: Capabilities) -> Option<Error> {
    let metadata = key.aspect == Aspect::Metadata && !capabilities.metadata;
    let message = "remoteRef.metadataPolicy is Fetch, and this store keeps no metadata";
    metadata.then(|| Error::new(ErrorKind::Unsupported, "read", message).with_key(&key.key))
}

/// Why `find` is not for a store with this rule, if so (spec eso-providers B.5).
fn refusal(find: &Find, rule: FindRule) -> Option<&'static str> {
    match rule {
        FindRule::Free => None,
        FindRule::NameNeeded => {
            find.name.is_none().then_some("unsupported find operator: this store searches by find.name only")
        }
        FindRule::NoTags => {
            find.tags.is_some().then_some("cannot perform find by tag operations with kv version v1")
        }
    }
}

/// An error if there is nothing at all where a search met nothing; that no entry carries the tags is none.
async fn something_there(client: &dyn StoreClient, searched: Scope) -> Result<(), Error> {
    let absent = nothing_there(&searched);
    if searched.tags.is_empty() {
        return Err(absent);
    }
    let whole = Scope { tags: BTreeMap::new(), ..searched };
    client.list(&whole).try_next().await?.map(drop).ok_or(absent)
}

fn nothing_there(scope: &Scope) -> Error {
    let error = Error::new(ErrorKind::NotFound, "search", "Secret does not exist");
    match &scope.path {
        Some(path) => error.with_key(path),
        None => error,
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "read", "the answer got lost")
}

#[cfg(test)]
mod tests {
    use strongroom_provider_api::{Access, JsonMap, MissingProperty};

    use super::*;

    fn dialect(property: PropertyOrder) -> Dialect {
        Dialect {
            property,
            map: JsonMap::RawText,
            missing_property: MissingProperty::InvalidPayload,
            empty_search: EmptySearch::NoData,
            find: FindRule::Free,
            find_converts_keys: false,
        }
    }

    #[test]
    fn a_property_is_part_of_what_is_asked_only_where_the_provider_selects() {
        let remote =
            RemoteRef { key: "app".to_owned(), property: Some("user".to_owned()), ..RemoteRef::default() };
        assert_eq!(remote_key(&remote, dialect(PropertyOrder::ByProvider)).property.as_deref(), Some("user"));
        assert_eq!(remote_key(&remote, dialect(PropertyOrder::PathOnly)), RemoteKey::latest("app"));
    }

    #[test]
    fn metadata_is_asked_for_only_where_the_store_keeps_some() {
        let fetch = |policy| RemoteRef {
            key: "team/app".to_owned(),
            metadata_policy: policy,
            ..RemoteRef::default()
        };
        let able = Capabilities {
            access: Access::ReadOnly,
            list: false,
            list_tags: false,
            versions: false,
            metadata: true,
            write: false,
        };
        let unable = Capabilities { metadata: false, ..able };
        let metadata = remote_key(&fetch(Some(MetadataPolicy::Fetch)), dialect(PropertyOrder::PathOnly));
        assert!(unsupported(&metadata, able).is_none());
        let error = unsupported(&metadata, unable).unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.to_string(),
            r#"cannot read "team/app": remoteRef.metadataPolicy is Fetch, and this store keeps no metadata"#
        );
        for policy in [None, Some(MetadataPolicy::None)] {
            assert!(
                unsupported(&remote_key(&fetch(policy), dialect(PropertyOrder::PathOnly)), unable).is_none()
            );
        }
    }

    fn pair(tag: &str) -> (String, String) {
        (tag.to_owned(), "v".to_owned())
    }

    #[test]
    fn a_search_that_the_store_is_not_made_for_is_refused() {
        let find = |name: bool, tag: Option<&str>| Find {
            name: name.then(Default::default),
            // The empty tag stands for an empty map.
            tags: tag.map(|tag| Some(tag).filter(|tag| !tag.is_empty()).into_iter().map(pair).collect()),
            ..Find::default()
        };
        let refused = |rule| {
            [(false, None), (true, None), (true, Some("")), (true, Some("a")), (false, Some("a"))]
                .map(|(name, tag)| refusal(&find(name, tag), rule).is_some())
        };
        assert_eq!(refused(FindRule::Free), [false; 5]);
        assert_eq!(refused(FindRule::NameNeeded), [true, false, false, false, true]);
        assert_eq!(refused(FindRule::NoTags), [false, false, true, true, true]);
    }

    /// Holds so many entries, none of them with tags.
    struct Untagged(usize);

    #[async_trait::async_trait]
    impl StoreClient for Untagged {
        async fn read(&self, _key: &RemoteKey) -> Result<Payload, Error> {
            Ok(Payload::bytes("v"))
        }

        fn list<'a>(
            &'a self,
            scope: &'a Scope,
        ) -> stream::BoxStream<'a, Result<strongroom_provider_api::Listed, Error>> {
            let entry =
                || strongroom_provider_api::Listed { name: "e".to_owned(), key: RemoteKey::latest("e") };
            let held = if scope.tags.is_empty() { self.0 } else { 0 };
            stream::iter((0..held).map(move |_| Ok(entry()))).boxed()
        }
    }

    #[tokio::test]
    async fn that_no_entry_carries_the_tags_is_no_absence() {
        let tags = BTreeMap::from([("team".to_owned(), "nobody".to_owned())]);
        let scope = |tags: &BTreeMap<_, _>| Scope { path: Some("team".to_owned()), tags: tags.clone() };
        something_there(&Untagged(2), scope(&tags)).await.unwrap();
        for absent in [
            something_there(&Untagged(0), scope(&tags)).await,
            something_there(&Untagged(2), scope(&BTreeMap::new())).await,
        ] {
            assert_eq!(absent.unwrap_err().kind(), ErrorKind::NotFound);
        }
    }
}
