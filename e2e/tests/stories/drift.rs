//! What is done to a Secret by hand is undone within seconds, however long the interval.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::ExternalSecret,
    observed::{occurrences, text_data},
    story::Story,
    wait::soon,
};

#[tokio::test]
async fn a_value_changed_by_hand_is_restored() -> Result<()> {
    let (story, _) = synced_story("edited-by-hand").await?;
    story
        .patch(Kind::Secret, "app", &json!({ "data": { "password": "dGFtcGVyZWQ=", "added": "eA==" } }))
        .await?;
    story.secret_with("app", &[("password", "one")]).await?;
    let updated = story.event("app", "Updated").await?;
    assert_eq!(updated.message, "secret updated");
    let events = story.events(Kind::ExternalSecret, "app").await?;
    assert_eq!((occurrences(&events, "Created"), occurrences(&events, "Updated")), (1, 1), "{events:?}");
    story.end().await
}

#[tokio::test]
async fn a_key_removed_by_hand_is_restored() -> Result<()> {
    let (story, _) = synced_story("removed-by-hand").await?;
    story.patch(Kind::Secret, "app", &json!({ "data": { "password": null } })).await?;
    story.secret_with("app", &[("password", "one")]).await?;
    story.end().await
}

#[tokio::test]
async fn a_deleted_secret_is_made_again() -> Result<()> {
    let (story, before) = synced_story("deleted-by-hand").await?;
    story.delete(Kind::Secret, "app").await?;
    soon("the Secret to be made again", async || {
        let secret = story.get(Kind::Secret, "app").await?;
        ensure!(secret["metadata"]["uid"] != before["metadata"]["uid"], "it is still the old one");
        assert_eq!(text_data(&secret)?.get("password").map(String::as_str), Some("one"));
        Ok(())
    })
    .await?;
    soon("a second event", async || {
        let events = story.events(Kind::ExternalSecret, "app").await?;
        ensure!(occurrences(&events, "Created") == 2, "{events:?}");
        Ok(())
    })
    .await?;
    story.end().await
}

async fn synced_story(title: &str) -> Result<(Story, Value)> {
    let story = Story::begin(title).await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    story
        .external_secret(ExternalSecret::from_store("app", "store").every("24h").extracts(&story.key("app")))
        .await?;
    story.synced("app").await?;
    let secret = story.secret_with("app", &[("password", "one")]).await?;
    // It is posted beside the status, and may come after it.
    story.event("app", "Created").await?;
    Ok((story, secret))
}
