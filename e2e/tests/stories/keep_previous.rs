//! A SyncPolicy keeps what a Secret held before it changed, in a Secret beside it, for a while.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    observed::{resource_version, text_data},
    story::{STORE, Story},
    wait::soon,
};

use crate::restarts::{restarted_at, told};

const PREVIOUS: &str = "app-previous";

/// A store, a policy that keeps previous values for `kept`, and an ExternalSecret `app` that holds `one`.
async fn app(story: &Story, kept: &str) -> Result<()> {
    story.token_store().await?;
    story.write("app", &json!({ "password": "one", "user": "app" })).await?;
    let policy = json!({ "keepPrevious": kept });
    story.create(&manifests::sync_policy("policy", &["app"], &policy)).await?;
    let app = ExternalSecret::from_store("app", STORE).every("1s").extracts(&story.key("app"));
    story.external_secret(app).await?;
    story.secret_with("app", &[("password", "one"), ("user", "app")]).await?;
    Ok(())
}

async fn previous(story: &Story, password: &str) -> Result<Value> {
    soon("the previous values", async || {
        let secret = story.get(Kind::Secret, PREVIOUS).await?;
        let data = text_data(&secret)?;
        ensure!(data.get("password").map(String::as_str) == Some(password), "other values");
        ensure!(data.len() == 2, "{:?}", data.keys());
        Ok(secret)
    })
    .await
}

#[tokio::test]
async fn previous_values_outlive_a_crash_and_go_when_their_time_is_over() -> Result<()> {
    let story = Story::begin_alone("previous").await?;
    let controller = story.controller("one").await?;
    app(&story, "25s").await?;
    story.refreshed("app", 2).await?;
    assert!(story.get(Kind::Secret, PREVIOUS).await.is_err(), "nothing came before");

    story.create(&manifests::workload("Deployment", "web")).await?;
    let web = json!([{ "kind": "Deployment", "name": "web" }]);
    let restart = json!({ "restart": { "targets": web, "debounce": "1s", "minInterval": "1s" } });
    story.create(&manifests::sync_policy("restarts", &["app"], &restart)).await?;
    told(&story, "restarts", "TargetsRestarted", ["True", "UpToDate"]).await?;

    story.write("app", &json!({ "password": "two", "user": "app" })).await?;
    let kept = previous(&story, "one").await?;
    story.secret_with("app", &[("password", "two"), ("user", "app")]).await?;
    assert_eq!(kept["metadata"]["ownerReferences"][0]["name"], "app");
    let restarted = soon("the restart", async || {
        let at = restarted_at(&story.get(Kind::Deployment, "web").await?);
        ensure!(at.is_some(), "not yet");
        Ok(at)
    })
    .await?;

    controller.kill()?;
    let controller = story.controller("one").await?;
    story.refreshed("app", 3).await?;
    let after = story.get(Kind::Secret, PREVIOUS).await?;
    assert_eq!(resource_version(&after), resource_version(&kept), "it was written again");
    story.gone(Kind::Secret, PREVIOUS).await?;
    story.refreshed("app", 3).await?;
    story.secret_with("app", &[("password", "two"), ("user", "app")]).await?;
    assert_eq!(restarted_at(&story.get(Kind::Deployment, "web").await?), restarted, "a second restart");
    drop(controller);
    story.end().await
}

#[tokio::test]
async fn what_was_written_by_hand_is_not_kept_and_what_is_kept_goes_with_its_owner() -> Result<()> {
    let story = Story::begin("previous-owner").await?;
    app(&story, "1h").await?;
    let edit = json!({ "stringData": { "password": "by hand" } });
    story.patch(Kind::Secret, "app", &edit).await?;
    story.secret_with("app", &[("password", "one"), ("user", "app")]).await?;
    assert!(story.get(Kind::Secret, PREVIOUS).await.is_err(), "an edit by hand is kept");
    for (new, old) in [("two", "one"), ("three", "two")] {
        story.write("app", &json!({ "password": new, "user": "app" })).await?;
        previous(&story, old).await?;
    }
    story.secret_with("app", &[("password", "three"), ("user", "app")]).await?;
    story.delete(Kind::ExternalSecret, "app").await?;
    story.gone(Kind::Secret, PREVIOUS).await?;
    story.end().await
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_not_taken_for_it() -> Result<()> {
    let story = Story::begin("previous-foreign").await?;
    story.create(&manifests::secret(PREVIOUS, "theirs", "untouched")).await?;
    app(&story, "1h").await?;
    story.write("app", &json!({ "password": "two", "user": "app" })).await?;
    story.secret_with("app", &[("password", "two"), ("user", "app")]).await?;
    let event = story.event("app", "PreviousNotKept").await?;
    assert!(event.message.contains(PREVIOUS), "{}", event.message);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let theirs = text_data(&story.get(Kind::Secret, PREVIOUS).await?)?;
    assert_eq!(theirs.into_iter().collect::<Vec<_>>(), [("theirs".to_owned(), "untouched".to_owned())]);
    story.end().await
}
