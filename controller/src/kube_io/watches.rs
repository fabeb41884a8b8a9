//! Watches: each keeps a mirror and tells about what changed.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, ServiceAccount};
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
use super::scope::{Part, Scope};
use super::tail::Tail;
use super::watched::Unread;
use super::{ApiError, Mirror, NamespaceView, ObjectKey, SecretDigest};
use crate::context::Context;
use crate::stores::{StoreId, StoreView};
use crate::{external_secret, generators, leases, policies, secret_store};

/// The same interruption of a watch is a warning at most this often.
const QUIET: Duration = Duration::from_mins(10);

/// What a watch tells: the key, the value before and the value now.
type Notice<T> = Box<dyn Fn(&ObjectKey, Option<&T>, Option<&T>) + Send>;

/// The same, told to a context.
type Tell<T> = fn(&Context, &ObjectKey, Option<&T>, Option<&T>);

/// Starts watches.
struct Starter<'a> {
    tasks: &'a mut JoinSet<anyhow::Result<()>>,
    client: Client,
    scope: &'a Scope,
    context: &'a Arc<Context>,
}

/// Starts all watches as tasks; they run until they are aborted.
pub fn spawn(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    client: &Client,
    scope: &Scope,
    context: &Arc<Context>,
) {
    let usual = watcher::Config::default;
    let mut start = Starter { tasks, client: client.clone(), scope, context };
    start.follow::<Unread<ExternalSecret>, _>(
        &usual(),
        &context.external_secrets,
        |unread| Some(unread.read()),
        external_secret::watch::external_secret,
    );
    start.follow::<Unread<Secret>, _>(
        &managed(),
        &context.secrets,
        |unread| SecretDigest::read(&unread),
        external_secret::watch::secret,
    );
    start.follow::<Unread<SecretStore>, _>(
        &usual(),
        &context.stores.namespaced,
        |unread| Some(StoreView::namespaced(unread.read())),
        |context, key, old, new| secret_store::watch(context, &StoreId::namespaced(key.clone()), old, new),
    );
    start.follow::<Unread<GeneratorState>, _>(
        &usual(),
        &context.generator_states,
        |unread| Some(unread.read()),
        generators::watch,
    );
    start.follow::<Unread<SecretLease>, _>(
        &usual(),
        &context.leases,
        |unread| Some(unread.read()),
        leases::watch,
    );
    start.follow::<Unread<SyncPolicy>, _>(
        &usual(),
        &context.policies.mirror,
        |unread| Some(unread.read()),
        policies::watch,
    );
    start.tails::<Secret>(ReferenceKind::Secret);
    start.tails::<ConfigMap>(ReferenceKind::ConfigMap);
    start.tails::<ServiceAccount>(ReferenceKind::ServiceAccount);
    tasks.spawn(never_ends(follow_manifests(client.clone(), scope.clone(), Arc::clone(context))));
    spawn_of_cluster(tasks, client, scope, context);
}

/// The watches of kinds without a namespace.
fn spawn_of_cluster(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    client: &Client,
    scope: &Scope,
    context: &Arc<Context>,
) {
    if scope.cluster_stores {
        tasks.spawn(never_ends(follow(
            Api::<Unread<ClusterSecretStore>>::all(client.clone()),
            watcher::Config::default(),
            Part::default(),
            Arc::clone(&context.stores.cluster),
            |unread| Some(StoreView::cluster(unread.read())),
            context.notice(|context, key, old, new| {
                secret_store::watch(context, &StoreId::cluster(key.name.clone()), old, new);
            }),
        )));
    } else {
        context.stores.cluster.stay_empty();
    }
    // With some namespaces and no cluster stores nobody asks for namespaces, and we may have no right to them.
    if scope.cluster_stores || scope.is_everything() {
        tasks.spawn(never_ends(follow(
            Api::<PartialObjectMeta<Namespace>>::all(client.clone()),
            watcher::Config::default(),
            Part::default(),
            Arc::clone(&context.namespaces),
            |namespace| Some(NamespaceView::of(namespace)),
            context.notice(external_secret::watch::namespace),
        )));
    } else {
        context.namespaces.stay_empty();
    }
}

/// Starts the watches of a kind of generic target when the first ExternalSecret asks for it.
async fn follow_manifests(client: Client, scope: Scope, context: Arc<Context>) {
    let Some(mut starts) = context.manifests.starts() else { return };
    let mut watches = JoinSet::new();
    while let Some((kind, mirror)) = starts.recv().await {
        mirror.filled_by(scope.parts().len());
        for part in scope.parts() {
            watches.spawn(follow(
                part.manifests(&client, kind.resource()),
                managed(),
                part.clone(),
                Arc::clone(&mirror),
                |object: DynamicObject| Some(SecretDigest::of_manifest(&object)),
                context.notice(external_secret::watch::secret),
            ));
        }
    }
}

/// Managed targets only. Small pages bound the peak: each payload is hashed and dropped.
fn managed() -> watcher::Config {
    watcher::Config::default().labels(&format!("{}=true", names::LABEL_MANAGED)).page_size(200)
}

impl Starter<'_> {
    /// A watch of each part, all into one mirror.
    fn follow<K, T>(
        &mut self,
        config: &watcher::Config,
        mirror: &Arc<Mirror<T>>,
        project: fn(K) -> Option<T>,
        tell: Tell<T>,
    ) where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + DeserializeOwned + Debug + Send + 'static,
        T: Send + Sync + 'static,
    {
        mirror.filled_by(self.scope.parts().len());
        for part in self.scope.parts() {
            let (api, mirror) = (part.api::<K>(&self.client), Arc::clone(mirror));
            let notice = self.context.notice(tell);
            self.tasks.spawn(never_ends(follow(api, config.clone(), part.clone(), mirror, project, notice)));
        }
    }

    /// A watch of the metadata of each part.
    fn tails<K>(&mut self, kind: ReferenceKind)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + DeserializeOwned + Debug + Send + 'static,
    {
        for part in self.scope.parts() {
            self.tasks.spawn(never_ends(tail::<K>(&self.client, part, kind, self.context).follow()));
        }
    }
}

fn tail<K>(client: &Client, part: &Part, kind: ReferenceKind, context: &Arc<Context>) -> Tail<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    let (references, context) = (Arc::clone(&context.references), Arc::clone(context));
    let tell = Box::new(move |dependant: &Dependant, known: bool| match dependant {
        Dependant::Store(id) => secret_store::reference(&context, id, known),
        Dependant::ExternalSecret(key) => external_secret::watch::template(&context, key),
    });
    Tail { api: part.api(client), kind, part: part.clone(), references, tell }
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
    part: Part,
    mirror: Arc<Mirror<T>>,
    project: impl Fn(K) -> Option<T> + Send,
    notice: Notice<T>,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    T: Send + Sync,
{
    let mut events = watcher::watcher(api, config).default_backoff().boxed();
    let mut interruptions = Interruptions::default();
    let mut relist = 0;
    loop {
        match events.try_next().await {
            Ok(Some(Event::Init)) => relist = mirror.begin_relist(),
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
                for (key, old) in mirror.end_relist(&part, relist) {
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

        let client = context.cluster.client();
        let tail = tail::<ConfigMap>(&client, &Part::default(), ReferenceKind::ConfigMap, &context);
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
