//! Vault is sealed and comes back; meanwhile the controller is restarted. No Secret suffers.

use anyhow::{Result, ensure};
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind, manifests::ExternalSecret, observed::resource_version, story::Story,
    vault_server::VaultServer, wait::soon,
};

use crate::exact::{FETCH_FAILED, assert_fetch_failure};

#[tokio::test]
async fn a_sealed_vault_hurts_no_secret_and_is_used_again_once_unsealed() -> Result<()> {
    let story = Story::begin_alone_patient("sealed-vault").await?;
    let server = VaultServer::start(&story.testbed, &story.namespace).await?;
    let first = story.controller("first").await?;
    story.token_store_at(&server.vault).await?;
    server.vault.write_v2("secret", &story.key("app"), &json!({ "password": "one" })).await?;
    story
        .external_secret(ExternalSecret::from_store("app", "store").every("2s").extracts(&story.key("app")))
        .await?;
    let secret = story.secret_with("app", &[("password", "one")]).await?;

    server.vault.seal().await?;
    let condition = story.failed(Kind::ExternalSecret, "app").await?;
    assert_fetch_failure(&condition, FETCH_FAILED, &["\"store\"", "spec.dataFrom[0]", "StoreUnavailable"]);
    assert_untouched(&story, &resource_version(&secret)).await?;

    first.kill()?;
    let api = story.api_audit()?;
    let second = story.controller("second").await?;
    soon("the second controller to find Vault sealed", async || {
        let requests = api.api_requests(&story.cluster, &story.namespace).await?;
        let ours = |resource: &str| {
            requests.iter().any(|request| {
                request.user == second.user
                    && request.resource == resource
                    && request.namespace == story.namespace
            })
        };
        ensure!(ours("events") || ours("externalsecrets/status"), "it has reported nothing yet");
        Ok(())
    })
    .await?;
    story.failed(Kind::ExternalSecret, "app").await?;
    assert_untouched(&story, &resource_version(&secret)).await?;

    server.vault.unseal(&server.unseal_key).await?;
    soon("Vault to take values again", async || {
        server.vault.write_v2("secret", &story.key("app"), &json!({ "password": "two" })).await
    })
    .await?;
    story.secret_with("app", &[("password", "two")]).await?;
    story.synced("app").await?;
    drop(second);
    story.end().await
}

async fn assert_untouched(story: &Story, version: &str) -> Result<()> {
    assert_eq!(resource_version(&story.get(Kind::Secret, "app").await?), version);
    Ok(())
}
