//! Searches that find nothing, or that the store is not made for.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret, secret_store},
    story::{STORE, Story, TOKEN_SECRET},
};

async fn refused(story: &Story, name: &str, find: &Value, because: &str) -> Result<()> {
    let source = json!({ "find": find });
    story.external_secret(ExternalSecret::from_store(name, STORE).source(&source)).await?;
    let condition = story.failed(Kind::ExternalSecret, name).await?;
    ensure!(condition.message.contains(because), "{name}: {}", condition.message);
    ensure!(story.cluster.find(Kind::Secret, &story.namespace, name).await?.is_none(), "{name}");
    Ok(())
}

#[tokio::test]
async fn tags_that_no_entry_carries_are_no_failure_and_an_absent_folder_is_one() -> Result<()> {
    let story = Story::begin("no-such-tags").await?;
    story.token_store().await?;
    story.write("team/app", &json!({ "user": "admin" })).await?;
    let tags = json!({ "team": "nobody" });
    let find = json!({ "find": { "path": story.key("team"), "tags": tags } });
    story.external_secret(ExternalSecret::from_store("found", STORE).source(&find)).await?;
    story.synced("found").await?;
    ensure!(story.cluster.find(Kind::Secret, &story.namespace, "found").await?.is_none(), "it is empty");
    let absent = json!({ "path": story.key("nowhere"), "tags": tags });
    refused(&story, "absent", &absent, "Secret does not exist").await?;
    story.end().await
}

#[tokio::test]
async fn version_1_refuses_tags_even_beside_a_name() -> Result<()> {
    let story = Story::begin("tags-version-1").await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", story.vault.token())).await?;
    let provider = manifests::vault_v1(story.vault.address(), "kv1", &manifests::token_login(TOKEN_SECRET));
    story.create(&secret_store(STORE, &story.class, &provider)).await?;
    story.store_ready(Kind::SecretStore, STORE).await?;
    story.vault.write_v1("kv1", &story.key("app"), &json!({ "user": "admin" })).await?;
    for (name, tags) in [("empty", json!({})), ("some", json!({ "a": "b" }))] {
        let find = json!({ "path": story.namespace, "name": { "regexp": ".*" }, "tags": tags });
        refused(&story, name, &find, "cannot perform find by tag operations with kv version v1").await?;
    }
    story.end().await
}

#[tokio::test]
async fn the_fake_store_searches_by_name_only_and_an_empty_name_is_one() -> Result<()> {
    let story = Story::begin("find-fake").await?;
    let provider = json!({ "fake": { "data": [{ "key": "user", "value": "admin" }] } });
    story.create(&secret_store(STORE, &story.class, &provider)).await?;
    story.store_ready(Kind::SecretStore, STORE).await?;
    refused(&story, "nameless", &json!({ "path": "u" }), "unsupported find operator").await?;
    let find = json!({ "find": { "name": {} } });
    story.external_secret(ExternalSecret::from_store("all", STORE).source(&find)).await?;
    story.synced("all").await?;
    story.secret_with("all", &[("user", "admin")]).await?;
    story.end().await
}
