//! The store client: a remote key is the name of an object, in a ClusterSecretStore with its namespace.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use strongroom_provider_api::{
    Error, ErrorKind, Health, Listed, Payload, RemoteKey, Resolver, Result, Scope, StoreClient, StoreKind,
    Toolbox, is_dns_name,
};
use strongroom_provider_kit::go_json::{self, Numbers};
use strongroom_provider_kit::remote_cluster::{ObjectName, RemoteCluster};

use crate::allowed::{Allowed, Wanted};
use crate::api::{Objects, Served};
use crate::config::CrdConfig;

/// A live handle for the objects of one kind.
#[derive(Debug)]
pub(crate) struct CrdClient {
    objects: Objects,
    allowed: Allowed,
    /// The namespace of a SecretStore. A ClusterSecretStore has none: its keys name one.
    home: Option<String>,
}

/// An object that a remote key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place<'a> {
    /// Empty for an object that has none.
    namespace: &'a str,
    name: &'a str,
}

impl CrdClient {
    /// A client whose references are resolved.
    ///
    /// # Errors
    /// As [`RemoteCluster::connect`].
    pub(crate) async fn connect(
        config: CrdConfig,
        resolver: Arc<dyn Resolver>,
        toolbox: &Toolbox,
    ) -> Result<Self> {
        let cluster = RemoteCluster::connect(config.access(), &resolver, toolbox).await?;
        let home = match resolver.store_kind() {
            StoreKind::Namespaced => Some(resolver.caller()?),
            StoreKind::Cluster => None,
        };
        let allowed = Allowed::new(config.whitelist.as_ref()).map_err(|faults| {
            let fault = faults.into_iter().next().map(|fault| format!("{}: {}", fault.field, fault.message));
            Error::new(ErrorKind::InvalidConfig, "use the settings", fault.unwrap_or_default())
        })?;
        Ok(Self { objects: Objects::new(cluster, config.resource), allowed, home })
    }

    async fn object(&self, key: &RemoteKey) -> Result<Value> {
        let parts = parts(&key.key, self.home.is_some())?;
        // Before anybody is asked: what may not be read is not even looked for.
        self.check(parts.name, parts.namespace, key.property.as_deref())?;
        let served = self.objects.served().await?;
        let namespace = namespace(parts.namespace, self.home.as_deref(), served.namespaced)?;
        let object = self.objects.get(&served, namespace, parts.name).await;
        if object.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidConfig) {
            self.objects.forget().await;
        }
        object
    }

    fn check(&self, name: &str, namespace: &str, property: Option<&str>) -> Result<()> {
        let namespace = self.home.is_none().then_some(namespace);
        if self.allowed.lets_through(Wanted { name, namespace, property }) {
            return Ok(());
        }
        let what = if property.is_some() { "this property of it" } else { "it as a whole" };
        let message = format!("the store's whitelist does not let {what} be read");
        Err(Error::new(ErrorKind::PermissionDenied, "read", message))
    }

    /// How an object that was found is called by users; `None` for what may not be read.
    fn listed(&self, served: &Served, object: ObjectName) -> Option<Listed> {
        let ObjectName { namespace, name } = object;
        self.check(&name, &namespace, None).ok()?;
        let name = match (&self.home, served.namespaced) {
            (None, true) => format!("{namespace}/{name}"),
            (Some(_), _) | (None, false) => name,
        };
        Some(Listed { key: RemoteKey::latest(&name), name })
    }

    /// Where is searched: in a SecretStore's own namespace, in a ClusterSecretStore everywhere.
    fn searched(&self, served: &Served) -> &str {
        self.home.as_deref().filter(|_| served.namespaced).unwrap_or_default()
    }
}

#[async_trait]
impl StoreClient for CrdClient {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        let object = self.object(key).await.map_err(|error| error.with_key(&key.key))?;
        let payload = Payload::bytes(go_json::printed(&object, Numbers::Integers));
        Ok(match object.pointer("/metadata/resourceVersion").and_then(Value::as_str) {
            Some(version) => payload.with_version(version),
            None => payload,
        })
    }

    /// Paths are ignored, as upstream does.
    fn list<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        let pages = stream::try_unfold(Some(String::new()), move |next| async move {
            let Some(next) = next else { return Ok::<_, Error>(None) };
            let served = self.objects.served().await?;
            let page = self.objects.names(&served, self.searched(&served), &scope.tags, &next).await?;
            let listed = page.names.into_iter().filter_map(|object| self.listed(&served, object));
            let listed: Vec<_> = listed.map(Ok).collect();
            let rest = Some(page.next).filter(|next| !next.is_empty());
            Ok(Some((stream::iter(listed), rest)))
        });
        pages.try_flatten().boxed()
    }

    async fn probe(&self) -> Result<Health> {
        self.objects.forget().await;
        let served = self.objects.served().await?;
        let namespace = self.searched(&served);
        if self.objects.are_readable(&served, namespace).await? {
            return Ok(Health::Ready);
        }
        if served.namespaced && self.home.is_none() {
            let message = "reading is not allowed in every namespace; it may be in those that are asked for";
            return Ok(Health::Unknown(message.to_owned()));
        }
        let message = format!("client is not allowed to get the objects in namespace {namespace:?}");
        Err(Error::new(ErrorKind::PermissionDenied, "check the rights", message))
    }
}

/// What `key` names. In a SecretStore it is a name and nothing else: the namespace is the store's own.
fn parts(key: &str, at_home: bool) -> Result<Place<'_>> {
    let place = match key.split_once('/') {
        Some(_) if at_home => {
            return Err(illegal("must not hold a slash in a SecretStore, which reads its own namespace"));
        }
        Some((namespace, name)) => Place { namespace, name },
        None => Place { namespace: "", name: key },
    };
    let has_slash = key.contains('/');
    if has_slash && (!is_dns_name(place.namespace) || place.namespace.contains('.')) {
        return Err(illegal("must be a namespace and a name, with one slash between them"));
    }
    // Names of some kinds hold colons; what would reach another path is none.
    if matches!(place.name, "" | "." | "..") || place.name.contains(['/', '%']) {
        return Err(illegal("holds no legal name of an object"));
    }
    Ok(place)
}

/// The namespace to ask in; empty for a kind that has none.
fn namespace<'a>(named: &'a str, home: Option<&'a str>, namespaced: bool) -> Result<&'a str> {
    match (namespaced, home) {
        (true, Some(home)) => Ok(home),
        (true, None) if named.is_empty() => Err(illegal(
            "must be of the form namespace/name: the kind has namespaces, and the store has none",
        )),
        (true, None) => Ok(named),
        (false, _) if named.is_empty() => Ok(""),
        (false, _) => Err(illegal("must not hold a slash: the kind has no namespaces")),
    }
}

fn illegal(what: &str) -> Error {
    Error::new(ErrorKind::InvalidPayload, "name the object", format!("the key {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_name_and_in_a_cluster_store_may_have_a_namespace() {
        assert_eq!(parts("db", true).unwrap(), Place { namespace: "", name: "db" });
        assert_eq!(parts("db", false).unwrap(), Place { namespace: "", name: "db" });
        assert_eq!(parts("prod/db", false).unwrap(), Place { namespace: "prod", name: "db" });
        assert_eq!(parts("system:admin", false).unwrap().name, "system:admin");
        for (key, at_home) in [
            ("prod/db", true),
            ("", true),
            ("..", true),
            ("/db", false),
            ("prod/", false),
            ("prod/..", false),
            ("prod/a/b", false),
            ("../db", false),
            ("a.b/db", false),
            ("prod/a%2fb", false),
        ] {
            assert_eq!(parts(key, at_home).unwrap_err().kind(), ErrorKind::InvalidPayload, "{key}");
        }
    }

    #[test]
    fn the_namespace_is_the_stores_own_or_the_keys() {
        assert_eq!(namespace("", Some("home"), true).unwrap(), "home");
        assert_eq!(namespace("prod", None, true).unwrap(), "prod");
        assert_eq!(namespace("", None, false).unwrap(), "");
        assert_eq!(namespace("", Some("home"), false).unwrap(), "");
        assert!(namespace("", None, true).is_err());
        assert!(namespace("prod", None, false).is_err());
    }
}
