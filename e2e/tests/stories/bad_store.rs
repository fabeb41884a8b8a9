//! A store that cannot work says why, and so do the objects that wait for it.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret, secret_store},
    observed::Condition,
    story::{STORE, Story, TOKEN_SECRET},
    wait::soon,
};

use crate::exact::{FETCH_FAILED, assert_fetch_failure, assert_never_shown};

#[tokio::test]
async fn a_provider_that_is_not_built_in_is_named_beside_those_that_are() -> Result<()> {
    let story = Story::begin("not-built-in").await?;
    let provider = json!({ "ngrok": { "apiUrl": "https://example.invalid", "vault": { "name": "x" } } });
    let condition = refused_store(&story, &provider).await?;
    assert!(condition.message.starts_with("unable to create client"), "{}", condition.message);
    assert!(
        condition.message.contains("ngrok") && condition.message.contains("vault"),
        "{}",
        condition.message
    );
    story.end().await
}

#[tokio::test]
async fn a_token_secret_that_is_missing_is_named() -> Result<()> {
    let story = Story::begin("no-token").await?;
    let provider = vault_with_token(&story);
    let condition = refused_store(&story, &provider).await?;
    assert!(condition.message.starts_with("unable to create client"), "{}", condition.message);
    assert!(condition.message.contains(TOKEN_SECRET), "{}", condition.message);
    story.end().await
}

#[tokio::test]
async fn a_wrong_token_is_told_without_the_token_and_a_right_one_heals() -> Result<()> {
    let story = Story::begin("wrong-token").await?;
    let canary = "hvs.canary-4f81aa02";
    story.create(&manifests::secret(TOKEN_SECRET, "token", canary)).await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let provider = vault_with_token(&story);
    let condition = refused_store(&story, &provider).await?;
    assert!(condition.message.starts_with("unable to validate store"), "{}", condition.message);
    assert!(condition.message.contains("LoginFailed"), "{}", condition.message);
    assert_never_shown(&story, canary).await?;

    let right = json!({ "stringData": { "token": story.vault.token() } });
    story.patch(Kind::Secret, TOKEN_SECRET, &right).await?;
    story.store_ready(Kind::SecretStore, STORE).await?;
    story.synced("app").await?;
    story.end().await
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told() -> Result<()> {
    let story = Story::begin("no-server").await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", "unused")).await?;
    let nobody = format!("http://127.0.0.1:{}", strongroom_e2e::process::free_port()?);
    let provider = manifests::vault_v2(&nobody, "secret", &manifests::token_login(TOKEN_SECRET));
    let condition = refused_store(&story, &provider).await?;
    assert!(condition.message.contains("StoreUnavailable"), "{}", condition.message);
    story.end().await
}

fn vault_with_token(story: &Story) -> Value {
    manifests::vault_v2(story.vault.address(), "secret", &manifests::token_login(TOKEN_SECRET))
}

/// Makes the store and an ExternalSecret `app` that waits for it, asserts that both fail, and gives the store's condition.
async fn refused_store(story: &Story, provider: &Value) -> Result<Condition> {
    story.create(&secret_store(STORE, &story.class, provider)).await?;
    let condition = story.failed(Kind::SecretStore, STORE).await?;
    assert_eq!(condition.reason, "InvalidProviderConfig", "{}", condition.message);
    soon("an event about the store", async || {
        let events = story.events(Kind::SecretStore, STORE).await?;
        let told = events.iter().any(|event| {
            event.class == "Warning"
                && event.reason == "InvalidProviderConfig"
                && event.component == "secret-store"
        });
        ensure!(told, "{events:?}");
        Ok(())
    })
    .await?;

    let app = ExternalSecret::from_store("app", STORE).takes("password", &story.key("app"), "password");
    story.external_secret(app).await?;
    let waiting = story.failed(Kind::ExternalSecret, "app").await?;
    assert_fetch_failure(&waiting, FETCH_FAILED, &["spec.data[0]", "SecretStore \"store\" is not ready"]);
    assert!(story.cluster.find(Kind::Secret, &story.namespace, "app").await?.is_none());
    Ok(condition)
}
