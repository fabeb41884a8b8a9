//! A store that answers everything with 429: it is left alone as long as it asks, and then nobody rushes at it. And one of
//! which somebody has said how many calls a second it stands.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    observed::{self, ready},
    story::{STORE, Story, TOKEN_SECRET},
    wait::{soon, until},
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
/// Calls a second that a store stands.
const RATE: u32 = 10;
/// Less than [`OBJECTS`] reads take at the rate that holds for all stores, which is one a second.
const OF_ALL: Duration = Duration::from_mins(1);
/// Time in which the right to one more call comes.
const EACH: Duration = Duration::from_millis(1_000 / RATE as u64);
/// For so long the machine may keep requests from arriving that were made at their time.
const STALL: Duration = Duration::from_secs(1);
const ANNOTATION: &str = "strongroom.dev/requests-per-second";
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
    create_all(&story, "5s").await?;
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

#[tokio::test]
async fn a_store_is_asked_no_more_often_than_its_annotation_says() -> Result<()> {
    let story = Story::begin_alone_patient("rate").await?;
    let stub = StubVault::start("one").await?;
    let controller = story.controller_with("only", &["--store-requests-per-second=1"]).await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", "any")).await?;
    // All of them wait for the store, and ask as soon as it is there.
    create_all(&story, "1h").await?;
    let provider = manifests::vault_v2(&stub.address, "secret", &manifests::token_login(TOKEN_SECRET));
    let mut manifest = manifests::secret_store(STORE, &story.class, &provider);
    manifest["metadata"]["annotations"] = json!({ ANNOTATION: RATE.to_string() });
    story.create(&manifest).await?;
    all_hold(&story, "one").await?;
    let arrivals = stub.arrivals();
    ensure!(arrivals.len() >= OBJECTS, "{} reads for {OBJECTS} objects", arrivals.len());
    kept(&arrivals)?;
    let took = taken(&arrivals).context("there were reads")?;
    writeln!(std::io::stderr(), "{OBJECTS} reads at {RATE} a second took {took:?}")?;

    let wrong = json!({ "metadata": { "annotations": { ANNOTATION: "many" } } });
    story.patch(Kind::SecretStore, STORE, &wrong).await?;
    let event = soon("a warning about the annotation", async || {
        let events = story.events(Kind::SecretStore, STORE).await?;
        let event = events.iter().find(|event| event.reason == "AnnotationPassedOver").cloned();
        event.with_context(|| format!("there are only {events:?}"))
    })
    .await?;
    ensure!(event.message.contains(ANNOTATION) && event.message.contains("many"), "{event:?}");
    story.store_ready(Kind::SecretStore, STORE).await?;
    all_hold(&story, "one").await?;

    let none = json!({ "metadata": { "annotations": { ANNOTATION: "0" } } });
    story.patch(Kind::SecretStore, STORE, &none).await?;
    stub.set_value("two");
    stub.forget();
    let asked = json!({ "metadata": { "annotations": { "force-sync": "two" } } });
    for number in 0..OBJECTS {
        story.patch(Kind::ExternalSecret, &format!("app-{number}"), &asked).await?;
    }
    all_hold(&story, "two").await?;
    let without = taken(&stub.arrivals()).context("there were reads")?;
    writeln!(std::io::stderr(), "and without a rate {without:?}")?;
    ensure!(without < OF_ALL, "{without:?} without a rate");
    drop(controller);
    story.end().await
}

/// Between any two reads there are no more than a second's worth, which may be saved up, and what the time between them
/// gives.
fn kept(arrivals: &[Instant]) -> Result<()> {
    for (first, from) in arrivals.iter().enumerate() {
        for (last, to) in arrivals.iter().enumerate().skip(first) {
            let least = EACH * u32::try_from(last - first)?.saturating_sub(RATE);
            let between = to.duration_since(*from);
            ensure!(between + STALL >= least, "{} reads within {between:?}", last - first + 1);
        }
    }
    Ok(())
}

fn taken(arrivals: &[Instant]) -> Option<Duration> {
    Some(arrivals.last()?.duration_since(*arrivals.first()?))
}

async fn create_all(story: &Story, interval: &str) -> Result<()> {
    stream::iter((0..OBJECTS).map(|number| {
        let app = ExternalSecret::from_store(&format!("app-{number}"), STORE)
            .every(interval)
            .labels(json!({ BATCH: "app" }))
            .takes("v", &format!("app-{number}"), "v");
        async move { story.external_secret(app).await.map(drop) }
    }))
    .buffer_unordered(16)
    .try_collect::<()>()
    .await
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
