//! An ExternalSecret goes: its Secret goes with it, by the cluster's garbage collection or by the controller.

use anyhow::{Result, ensure};
use serde_json::json;
use strongroom_e2e::{
    audit::ApiRequest, cluster::Kind, expected::FINALIZER, manifests::ExternalSecret, story::Story,
    wait::soon,
};

#[tokio::test]
async fn an_owned_secret_is_collected_by_the_cluster() -> Result<()> {
    let story = Story::begin("collected").await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    story.external_secret(ExternalSecret::from_store("app", "store").extracts(&story.key("app"))).await?;
    story.synced("app").await?;

    let api = story.api_audit()?;
    story.delete(Kind::ExternalSecret, "app").await?;
    story.gone(Kind::ExternalSecret, "app").await?;
    story.gone(Kind::Secret, "app").await?;
    let user = story.shared_controller_user()?;
    let requests = api.api_requests(&story.cluster, &story.namespace).await?;
    let ours: Vec<&ApiRequest> =
        writes_to_secret(&story, &requests).filter(|request| request.user == user).collect();
    assert!(ours.is_empty(), "the controller need not do anything: {ours:?}");
    story.end().await
}

#[tokio::test]
async fn with_deletion_policy_delete_the_controller_deletes_the_secret_itself() -> Result<()> {
    let story = Story::begin("deleted").await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let app = ExternalSecret::from_store("app", "store")
        .extracts(&story.key("app"))
        .target(json!({ "deletionPolicy": "Delete" }));
    story.external_secret(app).await?;
    let object = story.synced("app").await?;
    assert_eq!(object["metadata"]["finalizers"], json!([FINALIZER]));

    let api = story.api_audit()?;
    story.delete(Kind::ExternalSecret, "app").await?;
    story.gone(Kind::ExternalSecret, "app").await?;
    story.gone(Kind::Secret, "app").await?;
    let requests = api.api_requests(&story.cluster, &story.namespace).await?;
    // Deletion is seen to whatever the class: the controller of another story may have been faster.
    let is_controller = |user: &str| user.starts_with("system:serviceaccount:e2e-controllers:");
    let deleted = |request: &ApiRequest| {
        request.verb == "delete" && is_controller(&request.user) && request.code == 200
    };
    assert!(writes_to_secret(&story, &requests).any(deleted), "{requests:?}");
    story.end().await
}

#[tokio::test]
async fn the_finalizer_comes_and_goes_with_the_deletion_policy() -> Result<()> {
    let story = Story::begin("finalizer").await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let app = ExternalSecret::from_store("app", "store").extracts(&story.key("app"));
    story.external_secret(app).await?;
    assert_eq!(story.synced("app").await?["metadata"]["finalizers"], json!(null));

    let policy = |policy: &str| json!({ "spec": { "target": { "deletionPolicy": policy } } });
    story.patch(Kind::ExternalSecret, "app", &policy("Delete")).await?;
    assert_eq!(story.synced("app").await?["metadata"]["finalizers"], json!([FINALIZER]));
    story.patch(Kind::ExternalSecret, "app", &policy("Retain")).await?;
    story.synced("app").await?;
    story.delete(Kind::ExternalSecret, "app").await?;
    story.gone(Kind::ExternalSecret, "app").await?;
    story.end().await
}

#[tokio::test]
async fn a_key_that_vanished_from_the_store_deletes_the_secret_only_if_the_policy_says_so() -> Result<()> {
    let story = Story::begin("vanished").await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    for (name, policy) in [("kept", "Retain"), ("deleted", "Delete")] {
        let object = ExternalSecret::from_store(name, "store")
            .every("1s")
            .extracts(&story.key("app"))
            .target(json!({ "deletionPolicy": policy }));
        story.external_secret(object).await?;
        story.secret_with(name, &[("password", "one")]).await?;
    }
    story.vault.remove_v2("secret", &story.key("app")).await?;
    story.gone(Kind::Secret, "deleted").await?;
    soon("the condition to tell the deletion", async || {
        let condition = strongroom_e2e::observed::ready(&story.get(Kind::ExternalSecret, "deleted").await?)?;
        ensure!(condition.status == "True" && condition.reason == "SecretDeleted", "{condition:?}");
        assert_eq!(condition.message, "secret deleted due to DeletionPolicy=Delete");
        Ok(())
    })
    .await?;
    story.failed(Kind::ExternalSecret, "kept").await?;
    story.secret_with("kept", &[("password", "one")]).await?;
    story.end().await
}

fn writes_to_secret<'a>(
    story: &'a Story,
    requests: &'a [ApiRequest],
) -> impl Iterator<Item = &'a ApiRequest> {
    requests.iter().filter(|request| {
        request.writes()
            && request.resource == "secrets"
            && request.namespace == story.namespace
            && request.name == "app"
    })
}
