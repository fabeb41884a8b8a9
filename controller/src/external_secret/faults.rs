//! The fault table: which answers of a store may cost anybody a Secret. Whole attempts, over a store and an API
//! server that answer as each row says.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use serde_json::{Value, json};
use strongroom_provider_api::{
    Dialect, EmptySearch, Error, ErrorKind, FindRule, JsonMap, Listed, MissingProperty, Payload,
    PropertyOrder, RemoteKey, Result, Scope, StoreClient,
};

use super::reconcile;
use crate::app::context_over;
use crate::kube_io::{ObjectKey, SecretDigest, Watched};
use crate::schedule::Job;
use crate::stores::StoreView;

/// How the store answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Every read fails so.
    Read(ErrorKind),
    /// The search fails so.
    Search(ErrorKind),
    /// The search finds entries, and reading them fails so.
    FoundRead(ErrorKind),
    /// The search finds nothing.
    NothingFound,
}

impl Fault {
    /// Only the store's own word that there is nothing may take data away.
    fn says_there_is_nothing(self) -> bool {
        let (Self::Read(kind) | Self::Search(kind) | Self::FoundRead(kind)) = self else { return true };
        kind == ErrorKind::NotFound
    }
}

#[async_trait]
impl StoreClient for Fault {
    async fn read(&self, _key: &RemoteKey) -> Result<Payload> {
        match self {
            Self::Read(kind) | Self::FoundRead(kind) => Err(Error::new(*kind, "read", "as the table says")),
            Self::Search(_) | Self::NothingFound => Ok(Payload::bytes("unused")),
        }
    }

    fn list<'a>(&'a self, _scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        let listed = match self {
            Self::Search(kind) => vec![Err(Error::new(*kind, "list", "as the table says"))],
            Self::NothingFound => Vec::new(),
            Self::Read(_) | Self::FoundRead(_) => {
                vec![Ok(Listed { name: "entry".to_owned(), key: RemoteKey::latest("entry") })]
            }
        };
        stream::iter(listed).boxed()
    }
}

const DIALECT: Dialect = Dialect {
    property: PropertyOrder::LiteralThenPath,
    map: JsonMap::Reserialised,
    missing_property: MissingProperty::InvalidPayload,
    empty_search: EmptySearch::NoData,
    find: FindRule::Free,
    find_converts_keys: false,
};

fn external_secret(policy: &str, fault: Fault) -> Value {
    let from = if matches!(fault, Fault::Read(_)) {
        json!({ "extract": { "key": "entry" } })
    } else {
        json!({ "find": { "name": { "regexp": "." } } })
    };
    json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {
            "name": "es", "namespace": "ns", "uid": "es-uid", "generation": 2, "resourceVersion": "1",
            "finalizers": [strongroom_crds::names::FINALIZER_EXTERNAL_SECRET],
        },
        "spec": {
            "secretStoreRef": { "name": "store" },
            "target": { "deletionPolicy": policy },
            "dataFrom": [from],
        },
    })
}

fn target() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "es", "namespace": "ns", "uid": "secret-uid", "resourceVersion": "1",
            "labels": { "reconcile.external-secrets.io/managed": "true" },
            "ownerReferences": [{
                "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "es", "uid": "es-uid",
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "data": { "k": "dg==" },
    })
}

fn store() -> StoreView {
    let store = json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": { "name": "store", "namespace": "ns", "uid": "store-uid", "generation": 1 },
        "spec": { "provider": { "fake": { "data": [] } } },
        "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
    });
    StoreView::namespaced(Watched(Ok(serde_json::from_value(store).unwrap())))
}

/// One attempt on an ExternalSecret with a target; gives the writes to the target.
async fn writes_to_target(flags: &[&str], policy: &str, fault: Fault) -> Vec<(String, Value)> {
    let object = external_secret(policy, fault);
    let (asked, stored) = (Arc::new(Mutex::new(Vec::new())), object.clone());
    let log = Arc::clone(&asked);
    let context = context_over(flags, move |method, path, body| match path {
        "/api/v1/namespaces/ns/secrets/es" => {
            if method != "GET" {
                log.lock().unwrap().push((method.to_owned(), body["data"].clone()));
            }
            (200, if method == "PUT" { body.clone() } else { target() })
        }
        _ if path.ends_with("/status") => {
            let mut object = stored.clone();
            object["status"] = body["status"].clone();
            object["metadata"]["resourceVersion"] = "2".into();
            (200, object)
        }
        _ => (201, body.clone()),
    });
    let key = ObjectKey::new("ns", "es");
    let watched = serde_json::from_value(object).unwrap();
    context.external_secrets.put(key.clone(), Some("1"), watched).unwrap();
    let digest = SecretDigest::of(&serde_json::from_value(target()).unwrap());
    context.secrets.put(key.clone(), Some("1"), digest).unwrap();
    let store = store();
    context.pool.adopt(&store, Arc::new(fault), DIALECT).await;
    context.stores.namespaced.put(store.id.key.clone(), Some("1"), store).unwrap();
    reconcile(&context, Job { key, failures: 0, asked: tokio::time::Instant::now() }).await;
    let asked = asked.lock().unwrap();
    asked.clone()
}

fn faults() -> Vec<Fault> {
    let kinds = ErrorKind::ALL.into_iter();
    let mut faults: Vec<_> =
        kinds.flat_map(|kind| [Fault::Read(kind), Fault::Search(kind), Fault::FoundRead(kind)]).collect();
    faults.push(Fault::NothingFound);
    faults
}

#[tokio::test]
async fn only_a_stores_own_word_takes_data_away_and_only_where_the_policy_says_so() {
    for fault in faults() {
        for policy in ["Retain", "Merge", "Delete"] {
            let writes = writes_to_target(&[], policy, fault).await;
            let row = format!("{fault:?} under {policy}");
            match (policy, fault.says_there_is_nothing()) {
                ("Delete", true) => assert_eq!(writes, [("DELETE".to_owned(), Value::Null)], "{row}"),
                ("Merge", true) => {
                    let [(method, data)] = writes.as_slice() else { panic!("{row}: {writes:?}") };
                    assert!(
                        method == "PUT" && data.as_object().is_none_or(serde_json::Map::is_empty),
                        "{row}"
                    );
                }
                _ => assert!(writes.is_empty(), "{row}: {writes:?}"),
            }
        }
    }
}

#[tokio::test]
async fn the_brake_holds_deleting_and_emptying_alike() {
    let flags = ["--deletion-brake-share=0", "--deletion-brake-minimum=0"];
    for fault in faults() {
        for policy in ["Retain", "Merge", "Delete"] {
            let writes = writes_to_target(&flags, policy, fault).await;
            assert!(writes.is_empty(), "{fault:?} under {policy}: {writes:?}");
        }
    }
}
