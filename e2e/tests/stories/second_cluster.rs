//! Secrets of another cluster, which knows nothing of this one: read by kubeconfig, and by address, certificate authority
//! and a token of a ServiceAccount there.

use anyhow::Result;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret, secret_store},
    second_cluster::SecondCluster,
    story::Story,
};

use crate::kubernetes_store::{READER, allow_reading, labelled};

/// A ServiceAccount there without any rights.
const BLIND: &str = "blind";
const STORES: [&str; 2] = ["by-kubeconfig", "by-token"];

/// Settings that ask the other cluster with the token in the Secret `secret`.
fn by_token(story: &Story, other: &SecondCluster, secret: &str) -> Value {
    json!({ "kubernetes": {
        "remoteNamespace": story.namespace,
        "server": { "url": other.url, "caBundle": BASE64_STANDARD.encode(&other.ca) },
        "auth": { "token": { "bearerToken": { "name": secret, "key": "token" } } },
    } })
}

fn by_kubeconfig(story: &Story, secret: &str) -> Value {
    let reference = json!({ "name": secret, "key": "kubeconfig" });
    json!({ "kubernetes": { "remoteNamespace": story.namespace, "authRef": reference } })
}

/// A namespace there of the story's own name, with two ServiceAccounts, of which one may read.
async fn furnish(story: &Story, other: &SecondCluster) -> Result<()> {
    let (cluster, there) = (&other.cluster, &story.namespace);
    cluster.create("", &manifests::namespace(there, &json!({}))).await?;
    for name in [READER, BLIND] {
        cluster.create(there, &manifests::service_account(name)).await?;
    }
    allow_reading(cluster, there, there).await
}

#[tokio::test]
async fn secrets_of_another_cluster_are_read_found_and_followed_and_a_missing_right_is_told() -> Result<()> {
    let story = Story::begin("second-cluster").await?;
    let other = SecondCluster::start(&story.testbed, &story.namespace).await?;
    let there = &story.namespace;
    furnish(&story, &other).await?;
    // Here, too, there is such a Secret in such a namespace, and nobody asked for it.
    for (cluster, password) in [(&other.cluster, "theirs"), (&story.cluster, "ours")] {
        let data = json!({ "password": password });
        cluster.create(there, &labelled("app", &json!({ "team": "a" }), &data)).await?;
    }
    let unlabelled = labelled("other", &json!({ "team": "b" }), &json!({ "password": "another" }));
    other.cluster.create(there, &unlabelled).await?;

    let token = other.cluster.service_account_token(there, READER).await?;
    story.create(&manifests::secret("config", "kubeconfig", &other.kubeconfig(&token).to_string())).await?;
    story.create(&manifests::secret("token", "token", &token)).await?;
    let settings = [by_kubeconfig(&story, "config"), by_token(&story, &other, "token")];
    for (store, settings) in STORES.into_iter().zip(settings) {
        story.create(&secret_store(store, &story.class, &settings)).await?;
        story.store_ready(Kind::SecretStore, store).await?;
        let find = json!({ "find": { "tags": { "team": "a" } } });
        let apps = ExternalSecret::from_store(store, store)
            .every("1s")
            .takes("password", "app", "password")
            .source(&find);
        story.external_secret(apps).await?;
        story.secret_with(store, &[("password", "theirs"), ("app", r#"{"password":"theirs"}"#)]).await?;
    }

    let change = json!({ "stringData": { "password": "changed" } });
    other.cluster.patch(Kind::Secret, there, "app", &change).await?;
    let changed = [("password", "changed"), ("app", r#"{"password":"changed"}"#)];
    for store in STORES {
        story.secret_with(store, &changed).await?;
    }

    let token = other.cluster.service_account_token(there, BLIND).await?;
    story.create(&manifests::secret(BLIND, "token", &token)).await?;
    story.create(&secret_store(BLIND, &story.class, &by_token(&story, &other, BLIND))).await?;
    let condition = story.failed(Kind::SecretStore, BLIND).await?;
    assert!(condition.message.contains("not allowed to get secrets"), "{}", condition.message);

    other.cluster.delete(Kind::RoleBinding, there, READER).await?;
    for store in STORES {
        let condition = story.failed(Kind::ExternalSecret, store).await?;
        assert!(condition.message.contains("AccessDenied"), "{}", condition.message);
        story.secret_with(store, &changed).await?;
    }
    story.end().await
}
