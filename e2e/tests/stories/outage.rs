//! A store does not answer for several intervals: meanwhile it is hardly asked, and once it answers again every object
//! is in step within an interval, without a rush.

use std::{
    collections::BTreeMap,
    io::Write,
    time::{Duration, Instant},
};

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
const INTERVAL: Duration = Duration::from_secs(30);
/// Two intervals: thirty minutes of an hourly refresh would be half of one.
const OUTAGE: Duration = Duration::from_mins(1);
/// Calls of one store that may be under way at once.
const MOST_AT_ONCE: usize = 32;
const LONG: Duration = Duration::from_mins(5);
const BATCH: &str = "e2e.strongroom.dev/batch";

#[tokio::test]
async fn after_an_outage_every_object_is_in_step_within_an_interval_and_without_a_rush() -> Result<()> {
    let story = Story::begin_alone_patient("outage").await?;
    let (stub, other) = (StubVault::start("one").await?, StubVault::start("one").await?);
    let controller = story.controller("only").await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", "any")).await?;
    for (name, stub) in [(STORE, &stub), ("other", &other)] {
        let provider = manifests::vault_v2(&stub.address, "secret", &manifests::token_login(TOKEN_SECRET));
        story.create(&manifests::secret_store(name, &story.class, &provider)).await?;
        story.store_ready(Kind::SecretStore, name).await?;
    }
    let interval = format!("{}s", INTERVAL.as_secs());
    stream::iter((0..OBJECTS).map(|number| {
        let app = ExternalSecret::from_store(&format!("app-{number}"), STORE)
            .every(&interval)
            .labels(json!({ BATCH: "app" }))
            .takes("v", &format!("app-{number}"), "v");
        let story = &story;
        async move { story.external_secret(app).await.map(drop) }
    }))
    .buffer_unordered(16)
    .try_collect::<()>()
    .await?;
    let witness = ExternalSecret::from_store("witness", "other").every("2s").takes("v", "witness", "v");
    story.external_secret(witness).await?;
    all_hold(&story, "one").await?;

    stub.set_down(true);
    stub.forget();
    other.set_value("two");
    tokio::time::sleep(OUTAGE).await;
    let in_outage = stub.requests();
    let mut told = BTreeMap::<bool, usize>::new();
    for object in story.cluster.list(Kind::ExternalSecret, &story.namespace, BATCH).await? {
        let condition = ready(&object)?;
        if condition.status == "False" {
            ensure!(condition.message.contains("StoreUnavailable"), "{condition:?}");
            *told.entry(condition.message.contains("breaker")).or_default() += 1;
        }
    }
    // Another store is not touched.
    story.secret_with("witness", &[("v", "two")]).await?;
    story.refreshed("witness", 2).await?;

    stub.set_value("two");
    stub.forget();
    stub.set_down(false);
    let recovery = Instant::now();
    all_hold(&story, "two").await?;
    let recovered = recovery.elapsed();
    writeln!(
        std::io::stderr(),
        "{OBJECTS} objects: {} s of outage cost {in_outage} requests; {} waited, {} had tried; in step again {:.1} s after \
         its end, with {} requests, {} at once at most",
        OUTAGE.as_secs(),
        told.get(&true).copied().unwrap_or_default(),
        told.get(&false).copied().unwrap_or_default(),
        recovered.as_secs_f64(),
        stub.requests(),
        stub.most_at_once(),
    )?;
    assert_eq!(told.values().sum::<usize>(), OBJECTS, "every object says so");
    assert!(told.contains_key(&true), "no object says that it waits for the breaker");
    assert!(in_outage < 2 * OBJECTS, "{in_outage} requests during the outage");
    assert!(recovered < INTERVAL * 2, "it took {recovered:?}");
    assert!(stub.most_at_once() <= MOST_AT_ONCE, "{} requests at once", stub.most_at_once());
    drop(controller);
    story.end().await
}

async fn all_hold(story: &Story, value: &str) -> Result<()> {
    until(&format!("all Secrets to hold {value}"), LONG, async || {
        let secrets = story.cluster.list(Kind::Secret, &story.namespace, BATCH).await?;
        let held = secrets
            .iter()
            .filter_map(|secret| observed::text_data(secret).ok())
            .filter(|data| data.get("v").is_some_and(|held| held == value))
            .count();
        ensure!(held == OBJECTS, "{held} of {OBJECTS} do");
        Ok(())
    })
    .await
}
