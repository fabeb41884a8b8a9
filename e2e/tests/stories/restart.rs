//! The controller crashes and starts again: fresh objects cost nothing, due ones go on.

use anyhow::Result;
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind, controller::Controller, manifests::ExternalSecret, observed::resource_version,
    story::Story,
};

const FRESH: [&str; 5] = ["fresh-1", "fresh-2", "fresh-3", "fresh-4", "fresh-5"];

#[tokio::test]
async fn after_a_crash_fresh_objects_cost_nothing_and_due_ones_go_on() -> Result<()> {
    let story = Story::begin_alone("restart").await?;
    let first = story.controller("first").await?;
    story.token_store().await?;
    for name in FRESH {
        story.write(name, &json!({ "password": name })).await?;
        story.external_secret(ExternalSecret::from_store(name, "store").extracts(&story.key(name))).await?;
    }
    story.write("due", &json!({ "password": "one" })).await?;
    story
        .external_secret(ExternalSecret::from_store("due", "store").every("2s").extracts(&story.key("due")))
        .await?;
    let before = versions_of_fresh(&story).await?;
    story.secret_with("due", &[("password", "one")]).await?;
    first.kill()?;

    let (api, vault) = (story.api_audit()?, story.vault_audit()?);
    story.write("due", &json!({ "password": "two" })).await?;
    let second = story.controller("second").await?;
    story.secret_with("due", &[("password", "two")]).await?;
    story.refreshed("due", 3).await?;

    assert_eq!(versions_of_fresh(&story).await?, before);
    let reads = vault.vault_requests()?;
    // Only values: other stories search the whole engine.
    let fresh = format!("secret/data/{}", story.key("fresh-"));
    let fresh_reads: Vec<_> = reads.iter().filter(|request| request.path.starts_with(&fresh)).collect();
    assert!(fresh_reads.is_empty(), "{fresh_reads:?}");
    assert!(
        reads.iter().any(|request| request.operation == "read" && request.path.contains(&story.key("due")))
    );
    assert_wrote_nothing_about_fresh(
        &story,
        &second,
        &api.api_requests(&story.cluster, &story.namespace).await?,
    );
    drop(second);
    story.end().await
}

async fn versions_of_fresh(story: &Story) -> Result<Vec<(String, String)>> {
    let mut versions = Vec::new();
    for name in FRESH {
        let object = story.synced(name).await?;
        versions.push((resource_version(&object), resource_version(&story.get(Kind::Secret, name).await?)));
    }
    Ok(versions)
}

fn assert_wrote_nothing_about_fresh(
    story: &Story,
    controller: &Controller,
    requests: &[strongroom_e2e::audit::ApiRequest],
) {
    let writes: Vec<_> = requests
        .iter()
        .filter(|request| {
            request.user == controller.user && request.writes() && request.namespace == story.namespace
        })
        .filter(|request| request.name.starts_with("fresh-"))
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
}
