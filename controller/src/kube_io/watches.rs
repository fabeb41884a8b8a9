//! Watches: each keeps a mirror and tells about what changed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::{ByteString, NamespaceResourceScope};
use kube::api::{ObjectMeta, PartialObjectMeta};
use kube::core::DynamicObject;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use strongroom_crds::{
    ClusterSecretStore, ExternalSecret, GeneratorState, SecretLease, SecretStore, SyncPolicy, names,
};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::registry::{Dependant, ReferenceKind};
use super::tail::Tail;
use super::watched::{Unread, WithData};
use super::{ApiError, Mirror, ObjectKey};
use crate::context::Context;
use crate::stores::{StoreId, StoreView};
use crate::{external_secret, generators, hash, leases, policies, secret_store};

/// What is kept of a managed Secret, or of another managed target: enough to tell whether it is in step, and no
/// value.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretDigest {
    /// The object's uid.
    pub uid: String,
    /// The version that was digested.
    pub resource_version: String,
    /// Hash of `.data` as it is (spec eso-core 2.4).
    pub hash: String,
    /// What the data-hash annotation claims.
    pub claimed_hash: Option<String>,
    /// The controlling owner, if there is one.
    pub controller: Option<OwnerReference>,
    /// The `created-by` label.
    pub created_by: Option<String>,
    /// When it goes, if it keeps the previous values of another.
    pub previous_until: Option<Timestamp>,
}

impl SecretDigest {
    /// The digest of `secret`; its values are not kept.
    pub fn of(secret: &Secret) -> Self {
        let data = secret.data.iter().flatten().map(|(key, value)| (key.as_str(), value.0.as_slice()));
        Self::with_hash(&secret.metadata, hash::data(data))
    }

    /// The digest of a Secret as it came. `None` if it is none.
    fn read(unread: &Unread<Secret>) -> Option<Self> {
        let WithData { metadata, data } = unread.with_data::<BTreeMap<String, ByteString>>()?;
        let data = data.iter().flatten().map(|(key, value)| (key.as_str(), value.0.as_slice()));
        Some(Self::with_hash(&metadata, hash::data(data)))
    }

    /// The digest of a target that is not a Secret. One without content has an empty hash.
    pub fn of_manifest(object: &DynamicObject) -> Self {
        Self::with_hash(&object.metadata, hash::manifest(&object.data).unwrap_or_default())
    }

    fn with_hash(meta: &ObjectMeta, hash: String) -> Self {
        Self {
            uid: meta.uid.clone().unwrap_or_default(),
            resource_version: meta.resource_version.clone().unwrap_or_default(),
            hash,
            claimed_hash: meta
                .annotations
                .iter()
                .flatten()
                .find(|(key, _)| *key == names::ANNOTATION_DATA_HASH)
                .map(|(_, value)| value.clone()),
            controller: meta
                .owner_references
                .iter()
                .flatten()
                .find(|owner| owner.controller == Some(true))
                .cloned(),
            created_by: meta
                .labels
                .iter()
                .flatten()
                .find(|(key, _)| *key == names::LABEL_CREATED_BY)
                .map(|(_, value)| value.clone()),
            previous_until: meta
                .annotations
                .iter()
                .flatten()
                .find(|(key, _)| *key == names::ANNOTATION_PREVIOUS_UNTIL)
                .and_then(|(_, value)| value.parse().ok()),
        }
    }
}

/// What is kept of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceView {
    /// Its labels, which store conditions select on.
    pub labels: BTreeMap<String, String>,
    /// True while it is being deleted.
    pub terminating: bool,
}

/// Which part of the cluster is watched.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Only this namespace.
    pub namespace: Option<String>,
    /// Cluster-scoped kinds, too.
    pub cluster_stores: bool,
}

/// The same interruption of a watch is a warning at most this often.
const QUIET: Duration = Duration::from_mins(10);

/// What a watch tells: the key, the value before and the value now.
type Notice<T> = Box<dyn Fn(&ObjectKey, Option<&T>, Option<&T>) + Send>;

/// Starts all watches as tasks; they run until they are aborted.
pub fn spawn(tasks: &mut JoinSet<anyhow::Result<()>>, client: Client, scope: &Scope, context: &Arc<Context>) {
    let external_secrets = context.notice(external_secret::watch::external_secret);
    tasks.spawn(never_ends(follow(
        scope.api::<Unread<ExternalSecret>>(&client),
        watcher::Config::default(),
        Arc::clone(&context.external_secrets),
        |unread| Some(unread.read()),
        external_secrets,
    )));
    tasks.spawn(never_ends(follow(
        scope.api::<Unread<Secret>>(&client),
        managed(),
        Arc::clone(&context.secrets),
        |unread| SecretDigest::read(&unread),
        context.notice(external_secret::watch::secret),
    )));
    tasks.spawn(never_ends(follow(
        scope.api::<Unread<SecretStore>>(&client),
        watcher::Config::default(),
        Arc::clone(&context.stores.namespaced),
        |unread| Some(StoreView::namespaced(unread.read())),
        context.notice(|context, key, old, new| {
            secret_store::watch(context, &StoreId::namespaced(key.clone()), old, new);
        }),
    )));
    tasks.spawn(never_ends(follow(
        scope.api::<Unread<GeneratorState>>(&client),
        watcher::Config::default(),
        Arc::clone(&context.generator_states),
        |unread| Some(unread.read()),
        context.notice(generators::watch),
    )));
    tasks.spawn(never_ends(follow(
        scope.api::<Unread<SecretLease>>(&client),
        watcher::Config::default(),
        Arc::clone(&context.leases),
        |unread| Some(unread.read()),
        context.notice(leases::watch),
    )));
    tasks.spawn(never_ends(follow(
        scope.api::<Unread<SyncPolicy>>(&client),
        watcher::Config::default(),
        Arc::clone(&context.policies.mirror),
        |unread| Some(unread.read()),
        context.notice(policies::watch),
    )));
    if scope.cluster_stores {
        tasks.spawn(never_ends(follow(
            Api::<Unread<ClusterSecretStore>>::all(client.clone()),
            watcher::Config::default(),
            Arc::clone(&context.stores.cluster),
            |unread| Some(StoreView::cluster(unread.read())),
            context.notice(|context, key, old, new| {
                secret_store::watch(context, &StoreId::cluster(key.name.clone()), old, new);
            }),
        )));
    } else {
        context.stores.cluster.stay_empty();
    }
    tasks.spawn(never_ends(scope.tail::<Secret>(&client, ReferenceKind::Secret, context).follow()));
    tasks.spawn(never_ends(scope.tail::<ConfigMap>(&client, ReferenceKind::ConfigMap, context).follow()));
    tasks.spawn(never_ends(
        scope.tail::<ServiceAccount>(&client, ReferenceKind::ServiceAccount, context).follow(),
    ));
    tasks.spawn(never_ends(follow_manifests(client.clone(), scope.clone(), Arc::clone(context))));
    // With one namespace and no cluster stores nobody asks for namespaces, and we may have no right to them.
    if scope.cluster_stores || scope.namespace.is_none() {
        tasks.spawn(never_ends(follow(
            Api::<PartialObjectMeta<Namespace>>::all(client),
            watcher::Config::default(),
            Arc::clone(&context.namespaces),
            |namespace| Some(NamespaceView::of(namespace)),
            context.notice(external_secret::watch::namespace),
        )));
    } else {
        context.namespaces.stay_empty();
    }
}

/// Starts the watch of a kind of generic target when the first ExternalSecret asks for it.
async fn follow_manifests(client: Client, scope: Scope, context: Arc<Context>) {
    let Some(mut starts) = context.manifests.starts() else { return };
    let mut watches = JoinSet::new();
    while let Some((kind, mirror)) = starts.recv().await {
        let api = match &scope.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, kind.resource()),
            None => Api::all_with(client.clone(), kind.resource()),
        };
        watches.spawn(follow(
            api,
            managed(),
            mirror,
            |object: DynamicObject| Some(SecretDigest::of_manifest(&object)),
            context.notice(external_secret::watch::secret),
        ));
    }
}

/// Managed targets only. Small pages bound the peak: each payload is hashed and dropped.
fn managed() -> watcher::Config {
    watcher::Config::default().labels(&format!("{}=true", names::LABEL_MANAGED)).page_size(200)
}

impl Scope {
    fn tail<K>(&self, client: &Client, kind: ReferenceKind, context: &Arc<Context>) -> Tail<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        let (references, context) = (Arc::clone(&context.references), Arc::clone(context));
        let tell = Box::new(move |dependant: &Dependant, known: bool| match dependant {
            Dependant::Store(id) => secret_store::reference(&context, id, known),
            Dependant::ExternalSecret(key) => external_secret::watch::template(&context, key),
        });
        Tail { api: self.api(client), kind, references, tell }
    }

    fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        }
    }
}

impl NamespaceView {
    fn of(namespace: PartialObjectMeta<Namespace>) -> Self {
        Self {
            terminating: namespace.metadata.deletion_timestamp.is_some(),
            labels: namespace.metadata.labels.unwrap_or_default(),
        }
    }
}

impl Context {
    /// A notice that hands this context to `tell`.
    fn notice<T>(
        self: &Arc<Self>,
        tell: impl Fn(&Self, &ObjectKey, Option<&T>, Option<&T>) + Send + 'static,
    ) -> Notice<T> {
        let context = Arc::clone(self);
        Box::new(move |key, old, new| tell(&context, key, old, new))
    }
}

async fn never_ends(watch: impl Future<Output = ()>) -> anyhow::Result<()> {
    watch.await;
    anyhow::bail!("a watch ended")
}

async fn follow<K, T>(
    api: Api<K>,
    config: watcher::Config,
    mirror: Arc<Mirror<T>>,
    project: impl Fn(K) -> Option<T> + Send,
    notice: Notice<T>,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    T: Send + Sync,
{
    let mut events = watcher::watcher(api, config).default_backoff().boxed();
    let mut interruptions = Interruptions::default();
    loop {
        match events.try_next().await {
            Ok(Some(Event::Init)) => mirror.begin_relist(),
            Ok(Some(Event::InitApply(object) | Event::Apply(object))) => {
                store(&mirror, object, &project, &notice);
            }
            Ok(Some(Event::Delete(object))) => {
                let key = ObjectKey::of(object.meta());
                if let Some(old) = mirror.remove(&key, object.meta().resource_version.as_deref()) {
                    notice(&key, Some(&old), None);
                }
            }
            Ok(Some(Event::InitDone)) => {
                for (key, old) in mirror.end_relist() {
                    notice(&key, Some(&old), None);
                }
            }
            // The stream never ends by itself; it waits and goes on after an error.
            Ok(None) => return,
            Err(error) => interruptions.tell(watch_error(&error)),
        }
    }
}

/// The interruptions of one watch: what repeats, as where a definition is not installed, is a warning once in a while.
#[derive(Debug, Default)]
struct Interruptions(Option<(String, Instant)>);

impl Interruptions {
    fn tell(&mut self, error: String) {
        if self.is_news(&error) {
            tracing::warn!(error, "a watch was interrupted");
            self.0 = Some((error, Instant::now()));
        } else {
            tracing::debug!(error, "a watch was interrupted again");
        }
    }

    fn is_news(&self, error: &str) -> bool {
        self.0.as_ref().is_none_or(|(told, when)| told != error || when.elapsed() >= QUIET)
    }
}

/// What the mirror knows already, our own writes for the most part, is not even decoded.
fn store<K: Resource, T>(
    mirror: &Mirror<T>,
    object: K,
    project: impl Fn(K) -> Option<T>,
    notice: &Notice<T>,
) {
    let ObjectMeta { resource_version, .. } = object.meta();
    let (key, version) = (ObjectKey::of(object.meta()), resource_version.clone());
    if !mirror.wants(&key, version.as_deref()) {
        return;
    }
    let Some(value) = project(object) else {
        tracing::error!(object = %key, "a watch brought what is no object of its kind; it is left out");
        return;
    };
    if let Ok(old) = mirror.put(key.clone(), version.as_deref(), value)
        && let Some(new) = mirror.get(&key)
    {
        notice(&key, old.as_deref(), Some(&new));
    }
}

/// Classified like any other request: the text of a failed Secret list could quote data.
fn watch_error(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => ApiError::new("watch", "objects", error).to_string(),
        watcher::Error::WatchError(_) => "the watch expired".to_owned(),
        watcher::Error::NoResourceVersion => "a list came without a resource version".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::app::context_over;
    use crate::kube_io::Watched;

    #[tokio::test(start_paused = true)]
    async fn an_interruption_that_repeats_is_news_every_ten_minutes() {
        let mut interruptions = Interruptions::default();
        let mut told = 0;
        for _ in 0..120 {
            told += usize::from(interruptions.is_news("404"));
            interruptions.tell("404".to_owned());
            tokio::time::advance(Duration::from_secs(30)).await;
        }
        assert_eq!(told, 6, "in an hour");
        assert!(interruptions.is_news("403"));
    }

    /// A ConfigMap changes; one ExternalSecret of the namespace has its template there.
    #[tokio::test]
    async fn a_changed_template_source_asks_for_an_attempt_on_who_names_it_and_nobody_else() {
        let watches = AtomicUsize::new(0);
        let context = context_over(&[], move |_, path, _| {
            assert_eq!(path, "/api/v1/configmaps");
            let changed = |namespace: &str, name: &str, version: usize| {
                json!({ "type": "MODIFIED", "object": {
                    "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
                    "metadata": { "name": name, "namespace": namespace, "resourceVersion": version.to_string() },
                } })
            };
            match watches.fetch_add(1, Ordering::Relaxed) {
                0 => (
                    200,
                    json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
                    "metadata": { "resourceVersion": "5" }, "items": [] }),
                ),
                1 => (200, changed("ns", "other", 6)),
                2 => (200, changed("elsewhere", "templates", 7)),
                3 => (200, changed("ns", "templates", 8)),
                _ => (200, Value::Null),
            }
        });
        let context = Arc::new(context);
        for name in ["templated", "plain"] {
            let mut object = json!({
                "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
                "metadata": { "name": name, "namespace": "ns", "uid": name, "generation": 1 },
                "spec": {},
            });
            if name == "templated" {
                let from = json!({ "configMap": { "name": "templates", "items": [{ "key": "k" }] } });
                object["spec"]["target"] = json!({ "template": { "templateFrom": [from] } });
            }
            let object: Watched<ExternalSecret> = serde_json::from_value(object).unwrap();
            let key = ObjectKey::new("ns", name);
            external_secret::watch::external_secret(&context, &key, None, Some(&object));
            let _ = context.external_secrets.put(key.clone(), Some("1"), object);
            // What is new is attempted once.
            context.schedule.next().await;
            context.schedule.finish(&key, crate::schedule::Next::After(Duration::from_mins(50)));
        }

        let scope = Scope { namespace: None, cluster_stores: true };
        let client = context.cluster.client();
        let tail = scope.tail::<ConfigMap>(&client, ReferenceKind::ConfigMap, &context);
        let told = tokio::spawn(tail.follow());
        let job = tokio::time::timeout(Duration::from_secs(20), context.schedule.next()).await.unwrap();
        let key = ObjectKey::new("ns", "templated");
        assert_eq!((&job.key, job.failures), (&key, 0));
        assert_eq!(context.retemplated.get(&key), Some(1));
        assert_eq!(context.retemplated.get(&ObjectKey::new("ns", "plain")), None);
        let nobody = tokio::time::timeout(Duration::from_secs(1), context.schedule.next()).await;
        assert!(nobody.is_err(), "{nobody:?}");
        told.abort();

        external_secret::watch::external_secret(
            &context,
            &key,
            context.external_secrets.get(&key).as_deref(),
            None,
        );
        assert!(context.references.is_empty());
    }
}
