//! One stored object with an unreadable duration does not stop the others.

use anyhow::Result;
use serde_json::json;
use strongroom_e2e::{cluster::Kind, manifests::ExternalSecret, story::Story};

#[tokio::test]
async fn an_unreadable_interval_is_told_and_stops_nobody_else() -> Result<()> {
    let story = Story::begin_alone("bad-duration").await?;
    // The bad object is there before the controller, so that the very first list holds it.
    story.write("app", &json!({ "password": "one" })).await?;
    let of = |name: &str| ExternalSecret::from_store(name, "store").extracts(&story.key("app"));
    story.external_secret(of("bad").every("five minutes")).await?;
    let controller = story.controller("only").await?;
    story.token_store().await?;
    story.external_secret(of("healthy")).await?;
    story.synced("healthy").await?;

    let condition = story.failed(Kind::ExternalSecret, "bad").await?;
    assert_eq!(condition.reason, "SecretSyncedError");
    for part in ["refreshInterval", "five minutes"] {
        assert!(condition.message.contains(part), "{}", condition.message);
    }
    let event = story.event("bad", "UpdateFailed").await?;
    assert!(event.class == "Warning" && event.message.contains("refreshInterval"), "{event:?}");

    // A second one arrives over the watch, and healthy ones go on.
    story.external_secret(of("also-bad").every("5 min")).await?;
    story.failed(Kind::ExternalSecret, "also-bad").await?;
    story.external_secret(of("also-healthy")).await?;
    story.synced("also-healthy").await?;

    story.patch(Kind::ExternalSecret, "bad", &json!({ "spec": { "refreshInterval": "5m" } })).await?;
    story.synced("bad").await?;
    story.secret_with("bad", &[("password", "one")]).await?;
    drop(controller);
    story.end().await
}
