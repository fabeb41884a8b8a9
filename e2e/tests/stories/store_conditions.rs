//! A ClusterSecretStore says which namespaces may use it.

use anyhow::Result;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    story::{Story, TOKEN_SECRET},
};

use crate::exact::{FETCH_FAILED, assert_fetch_failure};

#[tokio::test]
async fn a_namespace_that_is_not_named_is_denied() -> Result<()> {
    let story = Story::begin("denied-by-name").await?;
    restricted_store(&story, json!([{ "namespaces": ["some-other-namespace"] }])).await?;
    assert_denied(&story).await?;
    story.end().await
}

#[tokio::test]
async fn a_namespace_that_matches_no_expression_is_denied() -> Result<()> {
    let story = Story::begin("denied-by-expression").await?;
    restricted_store(&story, json!([{ "namespaceRegexes": ["^prod-.*$", "^stage-"] }])).await?;
    assert_denied(&story).await?;
    story.end().await
}

#[tokio::test]
async fn one_matching_condition_is_enough() -> Result<()> {
    let story = Story::begin("allowed").await?;
    let conditions = json!([
        { "namespaces": ["some-other-namespace"], "namespaceRegexes": ["^prod-"] },
        { "namespaceSelector": { "matchLabels": { "no": "such" } }, "namespaceRegexes": ["llowed-[0-9a-f]+$"] },
    ]);
    restricted_store(&story, conditions).await?;
    story.synced("app").await?;
    story.end().await
}

#[tokio::test]
async fn a_namespace_is_allowed_by_name() -> Result<()> {
    let story = Story::begin("allowed-by-name").await?;
    restricted_store(&story, json!([{ "namespaces": [story.namespace] }])).await?;
    story.synced("app").await?;
    story.end().await
}

#[tokio::test]
async fn a_namespace_is_allowed_once_it_gets_the_label() -> Result<()> {
    let story = Story::begin("allowed-by-label").await?;
    restricted_store(&story, json!([{ "namespaceSelector": { "matchLabels": { "vault": "yes" } } }])).await?;
    assert_denied(&story).await?;
    let label = json!({ "metadata": { "labels": { "vault": "yes" } } });
    story.cluster.patch(Kind::Namespace, "", &story.namespace, &label).await?;
    story.synced("app").await?;
    story.secret_with("app", &[("password", "one")]).await?;
    story.end().await
}

/// A ClusterSecretStore with the story's name and these conditions, and an ExternalSecret `app` that uses it.
async fn restricted_store(story: &Story, conditions: Value) -> Result<()> {
    story.write("app", &json!({ "password": "one" })).await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", story.vault.token())).await?;
    let auth = manifests::referring_to(manifests::token_login(TOKEN_SECRET), &story.namespace);
    let provider = manifests::vault_v2(story.vault.address(), "secret", &auth);
    let mut manifest = manifests::cluster_secret_store(&story.namespace, &story.class, &provider);
    manifest["spec"]["conditions"] = conditions;
    story.create(&manifest).await?;
    story.store_ready(Kind::ClusterSecretStore, &story.namespace).await?;
    let app = ExternalSecret::from_cluster_store("app", &story.namespace).takes(
        "password",
        &story.key("app"),
        "password",
    );
    story.external_secret(app).await.map(drop)
}

async fn assert_denied(story: &Story) -> Result<()> {
    let denial = format!(
        "using cluster store \"{0}\" is not allowed from namespace \"{0}\": denied by spec.condition",
        story.namespace
    );
    let condition = story.failed(Kind::ExternalSecret, "app").await?;
    assert_fetch_failure(&condition, FETCH_FAILED, &[&denial, "spec.data[0]"]);
    let event = story.event("app", "UpdateFailed").await?;
    assert_eq!(event.class, "Warning");
    assert!(event.message.contains(&denial), "{}", event.message);
    assert!(story.cluster.find(Kind::Secret, &story.namespace, "app").await?.is_none());
    Ok(())
}
