//! An entry that cannot be served says which and why; the Secret stays as it was.

use anyhow::Result;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    observed::resource_version,
    story::Story,
};

use crate::exact::{FETCH_FAILED, assert_never_shown, assert_spoiled};

const CANARY: &str = "canary-91b2e7";

#[tokio::test]
async fn a_key_that_is_not_in_the_store_is_named() -> Result<()> {
    let story = synced_story("missing-key").await?;
    let key = story.key("absent");
    let entry = format!("spec.data[0] (key: {key})");
    let details = [entry.as_str(), "\"store\"", "RemoteKeyMissing"];
    assert_spoiled(&story, "app", &taking(&key, "password"), FETCH_FAILED, &details).await?;
    story.end().await
}

#[tokio::test]
async fn a_property_that_the_key_does_not_have_is_named() -> Result<()> {
    let story = synced_story("absent-property").await?;
    let key = story.key("app");
    let entry = format!("spec.data[0] (key: {key})");
    let details = [entry.as_str(), "\"store\"", "InvalidData", "\"nosuch\""];
    assert_spoiled(&story, "app", &taking(&key, "nosuch"), FETCH_FAILED, &details).await?;
    assert_never_shown(&story, CANARY).await?;
    story.end().await
}

#[tokio::test]
async fn a_value_that_cannot_be_decoded_is_not_shown() -> Result<()> {
    let story = synced_story("bad-base64").await?;
    let remote = json!({ "key": story.key("app"), "property": "password", "decodingStrategy": "Base64" });
    let patch = json!({ "spec": { "data": [{ "secretKey": "password", "remoteRef": remote }] } });
    let details = ["spec.data[0]", "\"store\"", "InvalidData", "error applying decoding strategy Base64"];
    assert_spoiled(&story, "app", &patch, FETCH_FAILED, &details).await?;
    assert_never_shown(&story, CANARY).await?;
    story.end().await
}

#[tokio::test]
async fn a_key_that_the_login_may_not_read_is_named() -> Result<()> {
    let story = synced_story("forbidden-key").await?;
    let narrow = strongroom_e2e::vault::Vault::at(story.vault.address(), &story.testbed.vault.narrow_token);
    story.create(&manifests::secret("narrow", "token", narrow.token())).await?;
    let provider = manifests::vault_v2(story.vault.address(), "secret", &manifests::token_login("narrow"));
    story.create(&manifests::secret_store("narrow-store", &story.class, &provider)).await?;
    story.store_ready(Kind::SecretStore, "narrow-store").await?;
    let patch = json!({ "spec": { "secretStoreRef": { "name": "narrow-store" } } });
    let details = ["spec.data[0]", "\"narrow-store\"", "AccessDenied"];
    assert_spoiled(&story, "app", &patch, FETCH_FAILED, &details).await?;
    story.end().await
}

#[tokio::test]
async fn a_store_that_does_not_exist_is_named_and_used_once_it_does() -> Result<()> {
    let story = synced_story("missing-store").await?;
    let patch = json!({ "spec": { "secretStoreRef": { "name": "later" } } });
    let details = ["spec.data[0]", "could not get SecretStore \"later\""];
    assert_spoiled(&story, "app", &patch, FETCH_FAILED, &details).await?;
    let provider =
        manifests::vault_v2(story.vault.address(), "secret", &manifests::token_login("vault-token"));
    story.create(&manifests::secret_store("later", &story.class, &provider)).await?;
    story.synced("app").await?;
    story.end().await
}

#[tokio::test]
async fn a_mount_that_does_not_exist_never_deletes_a_secret() -> Result<()> {
    let story = synced_story("missing-mount").await?;
    let provider =
        manifests::vault_v2(story.vault.address(), "nosuchmount", &manifests::token_login("vault-token"));
    story.create(&manifests::secret_store("lost", &story.class, &provider)).await?;
    story.store_ready(Kind::SecretStore, "lost").await?;
    story
        .patch(Kind::ExternalSecret, "app", &json!({ "spec": { "target": { "deletionPolicy": "Delete" } } }))
        .await?;
    story.synced("app").await?;
    let patch = json!({ "spec": { "secretStoreRef": { "name": "lost" } } });
    assert_spoiled(&story, "app", &patch, FETCH_FAILED, &["spec.data[0]", "\"lost\""]).await?;
    story.end().await
}

#[tokio::test]
async fn one_bad_entry_of_three_leaves_the_whole_secret_alone_and_is_healed_by_its_repair() -> Result<()> {
    let story = synced_story("one-of-three").await?;
    let entry = |secret_key: &str, property: &str| json!({ "secretKey": secret_key, "remoteRef": { "key": story.key("app"), "property": property } });
    let patch = |last: &str| json!({ "spec": { "data": [entry("a", "user"), entry("b", "password"), entry("c", last)] } });
    assert_spoiled(&story, "app", &patch("nosuch"), FETCH_FAILED, &["spec.data[2]", "InvalidData"]).await?;
    let before = resource_version(&story.get(Kind::Secret, "app").await?);
    story.patch(Kind::ExternalSecret, "app", &patch("user")).await?;
    story.synced("app").await?;
    let after = story.secret_with("app", &[("a", "admin"), ("b", CANARY), ("c", "admin")]).await?;
    assert_ne!(resource_version(&after), before);
    story.end().await
}

/// A story with a token store and an ExternalSecret `app`, synced, whose value is the canary.
async fn synced_story(title: &str) -> Result<Story> {
    let story = Story::begin(title).await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin", "password": CANARY })).await?;
    let app = ExternalSecret::from_store("app", "store").takes("password", &story.key("app"), "password");
    story.external_secret(app).await?;
    story.synced("app").await?;
    Ok(story)
}

fn taking(key: &str, property: &str) -> Value {
    json!({ "spec": { "data": [{ "secretKey": "password", "remoteRef": { "key": key, "property": property } }] } })
}
