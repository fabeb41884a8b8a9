//! A store that answers everything with 429: it is left alone as long as it asks, and then nobody rushes at it.

use std::{io::Write, time::Duration};

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    observed::{self, ready},
    story::{STORE, Story, TOKEN_SECRET},
    wait::until,
};

use crate::stub_vault::StubVault;

const OBJECTS: usize = 100;
/// For so long the store wants to be left alone, each time.
const ALONE: usize = 3;
const THROTTLED: Duration = Duration::from_secs(30);
/// Calls that were under way when it began to refuse, and three at each time that it may be asked again.
const MOST_REQUESTS: usize = 32 + 3 * (30 / ALONE);
/// Calls of one store that may be under way at once where it never refuses: half as many each time it does, and they come
/// back one by one.
const FULL_PACE: usize = 32;
const BATCH: &str = "e2e.strongroom.dev/batch";

#[tokio::test]
async fn a_store_that_refuses_everything_is_left_alone_and_comes_back_without_a_herd() -> Result<()> {
    let story = Story::begin_alone_patient("throttled").await?;
    let stub = StubVault::start("one").await?;
    let controller = story.controller("only").await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", "any")).await?;
    let provider = manifests::vault_v2(&stub.address, "secret", &manifests::token_login(TOKEN_SECRET));
    story.create(&manifests::secret_store(STORE, &story.class, &provider)).await?;
    story.store_ready(Kind::SecretStore, STORE).await?;
    stream::iter((0..OBJECTS).map(|number| {
        let app = ExternalSecret::from_store(&format!("app-{number}"), STORE)
            .every("5s")
            .labels(json!({ BATCH: "app" }))
            .takes("v", &format!("app-{number}"), "v");
        let story = &story;
        async move { story.external_secret(app).await.map(drop) }
    }))
    .buffer_unordered(16)
    .try_collect::<()>()
    .await?;
    all_hold(&story, "one").await?;

    stub.set_throttling(ALONE);
    stub.forget();
    tokio::time::sleep(THROTTLED).await;
    let refused = stub.requests();
    let mut told = 0;
    for object in story.cluster.list(Kind::ExternalSecret, &story.namespace, BATCH).await? {
        told += usize::from(ready(&object)?.message.contains("Throttled"));
    }

    stub.set_value("two");
    stub.set_throttling(0);
    stub.forget();
    all_hold(&story, "two").await?;
    writeln!(
        std::io::stderr(),
        "{OBJECTS} objects: {} s of 429 cost {refused} requests, {told} objects say so; then {} requests, {} at once at most",
        THROTTLED.as_secs(),
        stub.requests(),
        stub.most_at_once(),
    )?;
    ensure!(refused <= MOST_REQUESTS, "{refused} requests to a store that refuses");
    ensure!(told > 0, "no object says that its store refuses");
    ensure!(stub.most_at_once() < FULL_PACE, "{} requests at once", stub.most_at_once());
    drop(controller);
    story.end().await
}

async fn all_hold(story: &Story, value: &str) -> Result<()> {
    until(&format!("all Secrets to hold {value}"), Duration::from_mins(5), async || {
        let secrets = story.cluster.list(Kind::Secret, &story.namespace, BATCH).await?;
        let data = secrets.iter().filter_map(|secret| observed::text_data(secret).ok());
        let held = data.filter(|data| data.get("v").is_some_and(|held| held == value)).count();
        ensure!(held == OBJECTS, "{held} of {OBJECTS} do");
        Ok(())
    })
    .await
}
