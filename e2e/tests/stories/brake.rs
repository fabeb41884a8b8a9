//! What takes Secrets away, and what does not: outages and refusals never do, and absence only so fast.

use anyhow::{Result, ensure};
use http::Method;
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind,
    manifests::ExternalSecret,
    observed::ready,
    story::{Story, TOKEN_SECRET},
    vault_server::VaultServer,
    wait::soon,
};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Two may go at once. When five lose their data, three stay, say so, and go on when the brake is released.
#[tokio::test]
async fn when_too_much_vanishes_at_once_the_rest_is_held_until_released() -> Result<()> {
    let story = Story::begin_alone_patient("brake").await?;
    let flags = ["--deletion-brake-share=0", "--deletion-brake-minimum=2"];
    let controller = story.controller_with("careful", &flags).await?;
    story.token_store().await?;
    for name in NAMES {
        story.write(name, &json!({ "password": name })).await?;
        let target = json!({ "deletionPolicy": "Delete" });
        let object = ExternalSecret::from_store(name, "store").every("2s").extracts(&story.key(name));
        story.external_secret(object.target(target)).await?;
        story.synced(name).await?;
    }
    for name in NAMES {
        story.vault.remove_v2("secret", &story.key(name)).await?;
    }
    let held = soon("three to be held", async || {
        let mut held = Vec::new();
        for name in NAMES {
            let condition = ready(&story.get(Kind::ExternalSecret, name).await?)?;
            if condition.status == "False" && condition.message.contains("DeletionsHeld") {
                held.push((name, condition));
            }
        }
        ensure!(held.len() == 3, "{held:?}");
        Ok(held)
    })
    .await?;
    for (name, condition) in &held {
        assert!(condition.message.starts_with("could not delete secret: DeletionsHeld: "), "{condition:?}");
        assert!(condition.message.contains("no more than 2 may"), "{condition:?}");
        story.get(Kind::Secret, name).await?;
        let event = story.event(name, "UpdateFailed").await?;
        assert!(event.class == "Warning" && event.message.contains("DeletionsHeld"), "{event:?}");
    }
    soon("the metric", async || {
        let held = controller.metric("strongroom_deletions_held").await?;
        ensure!((held - 3.0).abs() < 0.1, "it is {held}");
        Ok(())
    })
    .await?;

    // What has its data again is as it was.
    let (back, _) = held[0];
    story.write(back, &json!({ "password": "back" })).await?;
    story.secret_with(back, &[("password", "back")]).await?;
    story.synced(back).await?;
    drop(controller);

    let bold = story.controller_with("bold", &["--deletion-brake-share=1"]).await?;
    for (name, _) in &held[1..] {
        story.gone(Kind::Secret, name).await?;
    }
    story.get(Kind::Secret, back).await?;
    drop(bold);
    story.end().await
}

/// With `deletionPolicy: Delete`, too, a Secret outlives everything but the word that its data is gone.
#[tokio::test]
async fn an_outage_a_denied_path_or_a_refused_login_deletes_nothing() -> Result<()> {
    let story = Story::begin("drill").await?;
    let server = VaultServer::start(&story.testbed, &story.namespace).await?;
    server.vault.write_v2("secret", &story.key("app"), &json!({ "password": "one" })).await?;
    story.token_store_at(&server.vault).await?;
    for (name, policy) in [("deleted", "Delete"), ("emptied", "Merge")] {
        let object = ExternalSecret::from_store(name, "store")
            .every("1s")
            .extracts(&story.key("app"))
            .target(json!({ "deletionPolicy": policy }));
        story.external_secret(object).await?;
        story.secret_with(name, &[("password", "one")]).await?;
    }
    let untouched = async |why: &str| -> Result<()> {
        for name in ["deleted", "emptied"] {
            let condition = story.failed(Kind::ExternalSecret, name).await?;
            assert!(!condition.message.contains("RemoteKeyMissing"), "{why}: {condition:?}");
            story.secret_with(name, &[("password", "one")]).await?;
        }
        Ok(())
    };

    server.vault.seal().await?;
    untouched("sealed").await?;
    server.vault.unseal(&server.unseal_key).await?;
    for name in ["deleted", "emptied"] {
        story.synced(name).await?;
    }

    let wanted = json!({ "policies": ["default"], "ttl": "1h" });
    let weak = server.vault.request(Method::POST, "auth/token/create", Some(&wanted)).await?;
    let weak = weak["auth"]["client_token"].as_str().unwrap_or_default();
    story.patch(Kind::Secret, TOKEN_SECRET, &json!({ "stringData": { "token": weak } })).await?;
    untouched("denied").await?;

    story.patch(Kind::Secret, TOKEN_SECRET, &json!({ "stringData": { "token": "wrong" } })).await?;
    story.failed(Kind::SecretStore, "store").await?;
    untouched("refused").await?;

    let right = json!({ "stringData": { "token": server.vault.token() } });
    story.patch(Kind::Secret, TOKEN_SECRET, &right).await?;
    server.vault.remove_v2("secret", &story.key("app")).await?;
    story.gone(Kind::Secret, "deleted").await?;
    story.secret_with("emptied", &[]).await?;
    story.end().await
}
