//! Values come from Vault into Secrets: every login, both kinds of store, every way to choose values.

use anyhow::Result;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    observed::ready,
    story::Story,
};

use crate::exact::assert_synced_exactly;

const CLIENT: &str = "vault-client";

#[tokio::test]
async fn a_secret_store_logs_in_with_a_token() -> Result<()> {
    let story = Story::begin("token-login").await?;
    let auth = token(&story).await?;
    syncs_through_a_secret_store(story, auth).await
}

#[tokio::test]
async fn a_secret_store_logs_in_with_an_approle() -> Result<()> {
    let story = Story::begin("approle-login").await?;
    let auth = approle(&story).await?;
    syncs_through_a_secret_store(story, auth).await
}

#[tokio::test]
async fn a_secret_store_logs_in_as_a_service_account() -> Result<()> {
    let story = Story::begin("kubernetes-login").await?;
    let auth = kubernetes(&story).await?;
    syncs_through_a_secret_store(story, auth).await
}

#[tokio::test]
async fn a_secret_store_logs_in_with_a_user_and_a_password() -> Result<()> {
    let story = Story::begin("userpass-login").await?;
    story.create(&manifests::secret("password", "password", "suite-password")).await?;
    let password = json!({ "name": "password", "key": "password" });
    let auth = json!({ "userPass": { "username": "suite", "secretRef": password } });
    syncs_through_a_secret_store(story, auth).await
}

#[tokio::test]
async fn a_secret_store_logs_in_with_a_jwt_of_a_service_account() -> Result<()> {
    let story = Story::begin("jwt-login").await?;
    story.create(&manifests::service_account(CLIENT)).await?;
    let token = json!({ "serviceAccountRef": { "name": CLIENT } });
    let auth = json!({ "jwt": { "path": "jwt", "role": "suite", "kubernetesServiceAccountToken": token } });
    syncs_through_a_secret_store(story, auth).await
}

#[tokio::test]
async fn a_cluster_secret_store_logs_in_with_a_token() -> Result<()> {
    let story = Story::begin("cluster-token-login").await?;
    let auth = manifests::referring_to(token(&story).await?, &story.namespace);
    syncs_through_a_cluster_secret_store(story, auth).await
}

#[tokio::test]
async fn a_cluster_secret_store_logs_in_with_an_approle() -> Result<()> {
    let story = Story::begin("cluster-approle-login").await?;
    let auth = manifests::referring_to(approle(&story).await?, &story.namespace);
    syncs_through_a_cluster_secret_store(story, auth).await
}

#[tokio::test]
async fn a_cluster_secret_store_logs_in_as_a_service_account() -> Result<()> {
    let story = Story::begin("cluster-kubernetes-login").await?;
    let auth = manifests::referring_to(kubernetes(&story).await?, &story.namespace);
    syncs_through_a_cluster_secret_store(story, auth).await
}

#[tokio::test]
async fn a_reference_without_namespace_means_the_namespace_of_the_external_secret() -> Result<()> {
    let story = Story::begin("referent-login").await?;
    let auth = kubernetes(&story).await?;
    syncs_through_a_cluster_secret_store(story, auth).await
}

#[tokio::test]
async fn entries_take_properties_by_path_and_pinned_versions() -> Result<()> {
    let story = Story::begin("entries").await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "first" })).await?;
    let nested = json!({ "list": [{ "name": "a" }, { "name": "b" }] });
    story
        .write("app", &json!({ "user": "second", "port": 5432, "nested": nested, "dotted.key": "literal" }))
        .await?;
    let key = story.key("app");
    let app = ExternalSecret::from_store("app", "store")
        .takes("user", &key, "user")
        .takes("port", &key, "port")
        .takes("second-name", &key, "nested.list.1.name")
        .takes("all-names", &key, "nested.list.#.name")
        .takes("object", &key, "nested")
        .takes("dotted", &key, "dotted.key")
        .entry(&json!({ "secretKey": "first-user", "remoteRef": { "key": key, "property": "user", "version": "1" } }))
        .entry(&json!({ "secretKey": "whole", "remoteRef": { "key": key, "version": "1" } }));
    story.external_secret(app).await?;
    let data = [
        ("user", "second"),
        ("port", "5432"),
        ("second-name", "b"),
        ("all-names", r#"["a","b"]"#),
        ("object", r#"{"list":[{"name":"a"},{"name":"b"}]}"#),
        ("dotted", "literal"),
        ("first-user", "first"),
        ("whole", r#"{"user":"first"}"#),
    ];
    assert_synced_exactly(&story, "app", &data).await?;
    story.end().await
}

#[tokio::test]
async fn extract_takes_every_field_and_entries_overlay_it() -> Result<()> {
    let story = Story::begin("extract").await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin", "port": 5432, "on": true, "none": null })).await?;
    story.write("other", &json!({ "user": "other", "host": "db" })).await?;
    let app = ExternalSecret::from_store("app", "store")
        .extracts(&story.key("app"))
        .extracts(&story.key("other"))
        .takes("host", &story.key("app"), "port");
    story.external_secret(app).await?;
    let data = [("user", "other"), ("port", "5432"), ("on", "true"), ("none", ""), ("host", "5432")];
    assert_synced_exactly(&story, "app", &data).await?;
    story.end().await
}

#[tokio::test]
async fn find_takes_every_key_whose_path_matches() -> Result<()> {
    let story = Story::begin("find").await?;
    story.token_store().await?;
    for leaf in ["one", "deep/two", "three"] {
        story.write(leaf, &json!({ "leaf": leaf })).await?;
    }
    story.external_secret(finding(&story)).await?;
    assert_synced_exactly(&story, "app", &found(&story.namespace)).await?;
    story.end().await
}

#[tokio::test]
async fn kv_version_1_serves_entries_extract_and_find() -> Result<()> {
    let story = Story::begin("kv-version-1").await?;
    let auth = token(&story).await?;
    let provider = manifests::vault_v1(story.vault.address(), "kv1", &auth);
    story.create(&manifests::secret_store("store", &story.class, &provider)).await?;
    story.store_ready(Kind::SecretStore, "store").await?;
    for leaf in ["one", "deep/two", "three"] {
        story.vault.write_v1("kv1", &story.key(leaf), &json!({ "leaf": leaf })).await?;
    }
    let app = finding(&story).extracts(&story.key("one")).takes("three", &story.key("three"), "leaf");
    story.external_secret(app).await?;
    let [(one_key, one), (two_key, two)] = found(&story.namespace);
    let data = [(one_key, one), (two_key, two), ("leaf", "one"), ("three", "three")];
    assert_synced_exactly(&story, "app", &data).await?;
    story.end().await
}

#[tokio::test]
async fn a_mount_may_have_slashes() -> Result<()> {
    let story = Story::begin("deep-mount").await?;
    let auth = token(&story).await?;
    let provider = manifests::vault_v2(story.vault.address(), "deep/kv", &auth);
    story.create(&manifests::secret_store("store", &story.class, &provider)).await?;
    story.store_ready(Kind::SecretStore, "store").await?;
    story.vault.write_v2("deep/kv", &story.key("app"), &json!({ "user": "admin" })).await?;
    story.external_secret(ExternalSecret::from_store("app", "store").extracts(&story.key("app"))).await?;
    assert_synced_exactly(&story, "app", &[("user", "admin")]).await?;
    story.end().await
}

async fn token(story: &Story) -> Result<Value> {
    story.create(&manifests::secret("login", "token", story.vault.token())).await?;
    Ok(manifests::token_login("login"))
}

async fn approle(story: &Story) -> Result<Value> {
    let access = &story.testbed.vault;
    story.create(&manifests::secret("login", "secret-id", &access.secret_id)).await?;
    Ok(manifests::approle_login(&access.role_id, "login"))
}

async fn kubernetes(story: &Story) -> Result<Value> {
    story.create(&manifests::service_account(CLIENT)).await?;
    Ok(manifests::kubernetes_login(CLIENT))
}

async fn syncs_through_a_secret_store(story: Story, auth: Value) -> Result<()> {
    let provider = manifests::vault_v2(story.vault.address(), "secret", &auth);
    story.create(&manifests::secret_store("store", &story.class, &provider)).await?;
    assert_store_is_valid(&story, Kind::SecretStore, "store").await?;
    story.write("app", &json!({ "user": "admin", "password": "p4ss" })).await?;
    let app = ExternalSecret::from_store("app", "store").extracts(&story.key("app"));
    story.external_secret(app).await?;
    assert_synced_exactly(&story, "app", &[("user", "admin"), ("password", "p4ss")]).await?;
    story.end().await
}

async fn syncs_through_a_cluster_secret_store(story: Story, auth: Value) -> Result<()> {
    let provider = manifests::vault_v2(story.vault.address(), "secret", &auth);
    story.create(&manifests::cluster_secret_store(&story.namespace, &story.class, &provider)).await?;
    assert_store_is_valid(&story, Kind::ClusterSecretStore, &story.namespace).await?;
    story.write("app", &json!({ "user": "admin", "password": "p4ss" })).await?;
    let app = ExternalSecret::from_cluster_store("app", &story.namespace).extracts(&story.key("app"));
    story.external_secret(app).await?;
    assert_synced_exactly(&story, "app", &[("user", "admin"), ("password", "p4ss")]).await?;
    story.end().await
}

async fn assert_store_is_valid(story: &Story, kind: Kind, name: &str) -> Result<()> {
    let object = story.store_ready(kind, name).await?;
    let condition = ready(&object)?;
    assert_eq!((condition.reason.as_str(), condition.message.as_str()), ("Valid", "store validated"));
    assert_eq!(object["status"]["capabilities"], "ReadWrite");
    assert_eq!(object["metadata"]["finalizers"], Value::Null);
    Ok(())
}

fn finding(story: &Story) -> ExternalSecret {
    let find = json!({ "find": { "path": story.namespace, "name": { "regexp": "/(one|two)$" } } });
    ExternalSecret::from_store("app", "store").source(&find)
}

/// What [`finding`] finds: keys are the whole paths, with slashes made legal.
fn found(namespace: &str) -> [(&'static str, &'static str); 2] {
    let leaked = |leaf: &str| &*String::leak(format!("{namespace}_{leaf}"));
    [(leaked("one"), r#"{"leaf":"one"}"#), (leaked("deep_two"), r#"{"leaf":"deep/two"}"#)]
}
