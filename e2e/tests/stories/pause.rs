//! A SyncPolicy pauses ExternalSecrets until a time, and says how old their data may get.

use anyhow::{Result, ensure};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    observed::{ready, resource_version},
    story::{STORE, Story},
    wait::soon,
};
use tokio::time::{Duration, sleep};

use crate::restarts::told;

async fn story_with_app(title: &str) -> Result<Story> {
    let story = Story::begin(title).await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let app = ExternalSecret::from_store("app", STORE).every("1s").extracts(&story.key("app"));
    story.external_secret(app).await?;
    story.secret_with("app", &[("password", "one")]).await?;
    story.synced("app").await?;
    Ok(story)
}

/// Waits until the Ready condition is of this status and its message contains this text.
async fn shows(story: &Story, status: &str, text: &str) -> Result<()> {
    soon(&format!("Ready {status}, {text:?}"), async || {
        let condition = ready(&story.get(Kind::ExternalSecret, "app").await?)?;
        ensure!(condition.status == status && condition.message.contains(text), "{condition:?}");
        Ok(())
    })
    .await
}

/// The time so many seconds from now, by the API server's clock.
async fn in_seconds(story: &Story, seconds: i64) -> Result<String> {
    let mark = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": format!("now-and-{seconds}") } });
    let mark = story.create(&mark).await?;
    let now: Timestamp = mark["metadata"]["creationTimestamp"].as_str().unwrap_or_default().parse()?;
    Ok((now + SignedDuration::from_secs(seconds)).to_string())
}

#[tokio::test]
async fn a_paused_object_is_left_alone_until_the_pause_is_over() -> Result<()> {
    let story = story_with_app("paused").await?;
    let until = in_seconds(&story, 3600).await?;
    let pause = json!({ "pause": { "until": until, "reason": "release freeze" } });
    story.create(&manifests::sync_policy("freeze", &["app"], &pause)).await?;
    told(&story, "freeze", "Paused", ["True", "Paused"]).await?;
    shows(&story, "True", "by SyncPolicy \"freeze\": release freeze").await?;
    // Neither a new value, nor an edit by hand, nor a forced sync, nor an edit of the object asks for anything.
    story.write("app", &json!({ "password": "two" })).await?;
    let by_hand = json!({ "stringData": { "password": "by hand" } });
    let edited = story.patch(Kind::Secret, "app", &by_hand).await?;
    let force = json!({ "metadata": { "annotations": { "force-sync": "now" } } });
    let object = story.patch(Kind::ExternalSecret, "app", &force).await?;
    sleep(Duration::from_secs(4)).await;
    let secret = story.get(Kind::Secret, "app").await?;
    assert_eq!(resource_version(&secret), resource_version(&edited));
    let after = story.get(Kind::ExternalSecret, "app").await?;
    assert_eq!(after["status"]["refreshTime"], object["status"]["refreshTime"]);

    let until = in_seconds(&story, 3).await?;
    story.patch(Kind::SyncPolicy, "freeze", &json!({ "spec": { "pause": { "until": until } } })).await?;
    story.secret_with("app", &[("password", "two")]).await?;
    told(&story, "freeze", "Paused", ["False", "PauseExpired"]).await?;
    let condition = ready(&story.synced("app").await?)?;
    assert_eq!(condition.message, "secret synced");
    story.end().await
}

#[tokio::test]
async fn a_paused_object_can_be_deleted() -> Result<()> {
    let story = story_with_app("paused-deleted").await?;
    let policy: Value = json!({ "deletionPolicy": "Delete" });
    story.patch(Kind::ExternalSecret, "app", &json!({ "spec": { "target": policy } })).await?;
    story.synced("app").await?;
    let pause = json!({ "pause": { "until": in_seconds(&story, 3600).await? } });
    story.create(&manifests::sync_policy("freeze", &["app"], &pause)).await?;
    shows(&story, "True", "paused until").await?;
    story.delete(Kind::ExternalSecret, "app").await?;
    story.gone(Kind::Secret, "app").await?;
    story.gone(Kind::ExternalSecret, "app").await?;
    story.end().await
}

#[tokio::test]
async fn data_that_is_too_old_is_not_ready_and_stays() -> Result<()> {
    let story = story_with_app("stale").await?;
    story.patch(Kind::ExternalSecret, "app", &json!({ "spec": { "refreshInterval": "1h" } })).await?;
    story.synced("app").await?;
    let before = story.get(Kind::Secret, "app").await?;
    story.create(&manifests::sync_policy("fresh", &["app"], &json!({ "maxStaleness": "2s" }))).await?;
    shows(&story, "False", "stale: ").await?;
    sleep(Duration::from_secs(3)).await;
    shows(&story, "False", "stale: ").await?;
    assert_eq!(resource_version(&story.get(Kind::Secret, "app").await?), resource_version(&before));
    // A policy that lets it be older takes that back, without a sync.
    story.patch(Kind::SyncPolicy, "fresh", &json!({ "spec": { "maxStaleness": "1h" } })).await?;
    shows(&story, "True", "secret synced").await?;
    story.end().await
}
