//! An annotation or a label makes an ExternalSecret sync before its interval has passed.

use anyhow::Result;
use serde_json::{Value, json};
use strongroom_e2e::{cluster::Kind, manifests::ExternalSecret, observed::metadata_map, story::Story};

#[tokio::test]
async fn the_force_sync_annotation_syncs_at_once() -> Result<()> {
    syncs_after("forced-by-annotation", "annotations", &json!({ "external-secrets.io/force-sync": "1" }))
        .await
}

#[tokio::test]
async fn any_other_annotation_syncs_at_once() -> Result<()> {
    syncs_after("forced-by-any-annotation", "annotations", &json!({ "force-sync": "now" })).await
}

#[tokio::test]
async fn any_label_syncs_at_once() -> Result<()> {
    syncs_after("forced-by-label", "labels", &json!({ "rotated": "monday" })).await
}

async fn syncs_after(title: &str, field: &str, mark: &Value) -> Result<()> {
    let story = Story::begin(title).await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    story.external_secret(ExternalSecret::from_store("app", "store").extracts(&story.key("app"))).await?;
    story.secret_with("app", &[("password", "one")]).await?;

    story.write("app", &json!({ "password": "two" })).await?;
    story.patch(Kind::ExternalSecret, "app", &json!({ "metadata": { field: mark } })).await?;
    let secret = story.secret_with("app", &[("password", "two")]).await?;
    story.synced("app").await?;
    let copied = metadata_map(&secret, field);
    for (key, value) in mark.as_object().into_iter().flatten() {
        assert_eq!(copied.get(key).map(String::as_str), value.as_str());
    }
    story.end().await
}
