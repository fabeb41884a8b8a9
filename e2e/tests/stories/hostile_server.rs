//! A server that answers badly cannot redirect the token, fill the memory, or put its words into the cluster.

use anyhow::Result;
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind,
    fake_vault::{BadAnswer, CANARY, FakeVault},
    manifests::{self, ExternalSecret},
    story::{Story, TOKEN_SECRET},
};

use crate::exact::{FETCH_FAILED, assert_never_shown, assert_spoiled};

const MOST_TAKEN_KIB: usize = 64 * 1024;

#[tokio::test]
async fn a_redirect_is_not_followed() -> Result<()> {
    let fake = FakeVault::start().await?;
    fails_with(&fake, "redirecting-server", BadAnswer::Redirect, &["StoreUnavailable", "redirect"]).await?;
    assert_eq!(fake.trapped(), 0, "the token went to another server");
    Ok(())
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() -> Result<()> {
    let fake = FakeVault::start().await?;
    fails_with(&fake, "endless-server", BadAnswer::Endless, &["InvalidData", "larger than"]).await?;
    // One attempt takes its cap of 1 MiB and what the sockets hold; a few attempts may have been made.
    assert!((1..MOST_TAKEN_KIB).contains(&fake.sent_kib()), "{} KiB were taken", fake.sent_kib());
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_refused() -> Result<()> {
    let fake = FakeVault::start().await?;
    fails_with(&fake, "garbage-server", BadAnswer::Garbage, &["InvalidData", "JSON"]).await
}

#[tokio::test]
async fn a_server_error_is_told_without_its_body() -> Result<()> {
    let fake = FakeVault::start().await?;
    fails_with(&fake, "failing-server", BadAnswer::ServerError, &["StoreUnavailable"]).await
}

#[tokio::test]
async fn a_refusal_is_told_without_its_body() -> Result<()> {
    let fake = FakeVault::start().await?;
    fails_with(&fake, "refusing-server", BadAnswer::Refused, &["AccessDenied"]).await
}

/// Syncs from the real Vault first, then points the object at the fake.
async fn fails_with(fake: &FakeVault, title: &str, answer: BadAnswer, details: &[&str]) -> Result<()> {
    let story = Story::begin(title).await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let app = ExternalSecret::from_store("app", "store").takes("password", &story.key("app"), "password");
    story.external_secret(app).await?;
    story.synced("app").await?;

    let provider = manifests::vault_v2(&fake.address, "secret", &manifests::token_login(TOKEN_SECRET));
    story.create(&manifests::secret_store("fake", &story.class, &provider)).await?;
    story.store_ready(Kind::SecretStore, "fake").await?;
    let entry =
        json!({ "secretKey": "password", "remoteRef": { "key": answer.key(), "property": "password" } });
    let patch = json!({ "spec": { "secretStoreRef": { "name": "fake" }, "data": [entry] } });
    let details: Vec<&str> = ["spec.data[0]", "\"fake\""].iter().chain(details).copied().collect();
    assert_spoiled(&story, "app", &patch, FETCH_FAILED, &details).await?;
    assert_never_shown(&story, CANARY).await?;
    story.end().await
}
