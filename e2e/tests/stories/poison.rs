//! A thousand objects that can never be synced do not hold up one that can.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    observed::ready,
    story::{STORE, Story, TOKEN_SECRET},
    wait::until,
};

use crate::stub_vault::StubVault;

const POISON: usize = 1000;
const HEALTHY: usize = 20;
const LONG: Duration = Duration::from_mins(10);
/// Generous, because the machine may be busy; what is usual is printed.
const MOST: Duration = Duration::from_secs(15);
/// How many times as long as alone is no more than a busy machine explains.
const TIMES: u32 = 20;
const BATCH: &str = "e2e.strongroom.dev/batch";

#[tokio::test]
async fn a_thousand_poison_objects_do_not_hold_up_a_healthy_one() -> Result<()> {
    let story = Story::begin_crowd("poison").await?;
    let stub = StubVault::start("one").await?;
    let controller = story.controller("only").await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", "any")).await?;
    let provider = manifests::vault_v2(&stub.address, "secret", &manifests::token_login(TOKEN_SECRET));
    story.create(&manifests::secret_store(STORE, &story.class, &provider)).await?;
    story.store_ready(Kind::SecretStore, STORE).await?;
    let alone = arrivals(&story, "alone").await?;

    stream::iter((0..POISON).map(|number| {
        let story = &story;
        async move { story.create(&poison(number)).await.map(drop) }
    }))
    .buffer_unordered(16)
    .try_collect::<()>()
    .await?;
    let first = arrivals(&story, "first").await?;
    until("all the poison to have failed", LONG, async || {
        let failed = failed(&story).await?;
        ensure!(failed == POISON, "{failed} of {POISON} have");
        Ok(())
    })
    .await?;
    let later = arrivals(&story, "later").await?;
    assert_eq!(failed(&story).await?, POISON, "the poison is still there");
    writeln!(
        std::io::stderr(),
        "create to Secret, median and longest: alone {alone}, just after {POISON} poison objects were created {first}, \
         while they go on failing {later}"
    )?;
    for seen in [&first, &later] {
        assert!(seen.longest < MOST.max(alone.longest * TIMES), "{seen}, and alone {alone}");
    }
    drop(controller);
    story.end().await
}

/// Each of ten kinds of fault; none can be mended by trying again.
fn poison(number: usize) -> Value {
    let name = format!("poison-{number}");
    let good =
        |store: &str| ExternalSecret::from_store(&name, store).labels(json!({ BATCH: "poison" })).every("1s");
    let object = match number % 10 {
        0 | 1 => good(STORE).every("soon").takes("v", "app", "v"),
        2 | 3 => good(STORE).source(&json!({ "find": { "name": { "regexp": "(" } } })),
        4 | 5 => good("nowhere").takes("v", "app", "v"),
        6 if number % 50 == 6 => good(STORE).takes("a", "large", "v").takes("b", "large", "v"),
        6 | 7 => good(STORE).takes("v", "app", "absent"),
        8 => good(STORE).source(&json!({
            "extract": { "key": "app" },
            "rewrite": [{ "regexp": { "source": "(", "target": "x" } }],
        })),
        _ => good(STORE)
            .entry(&json!({ "secretKey": "v", "remoteRef": { "key": "app", "property": "v", "decodingStrategy": "Base64" } })),
    };
    object.manifest()
}

async fn failed(story: &Story) -> Result<usize> {
    let objects = story.cluster.list(Kind::ExternalSecret, &story.namespace, BATCH).await?;
    Ok(objects.iter().filter(|object| ready(object).is_ok_and(|ready| ready.status == "False")).count())
}

/// How long healthy objects took from their creation to their Secret.
struct Arrivals {
    median: Duration,
    longest: Duration,
}

impl std::fmt::Display for Arrivals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} and {} ms", self.median.as_millis(), self.longest.as_millis())
    }
}

/// Creates healthy objects one after another and waits for each Secret.
async fn arrivals(story: &Story, round: &str) -> Result<Arrivals> {
    let mut took = Vec::new();
    for number in 0..HEALTHY {
        let name = format!("healthy-{round}-{number}");
        let begun = Instant::now();
        story.external_secret(ExternalSecret::from_store(&name, STORE).takes("v", "app", "v")).await?;
        while story.cluster.find(Kind::Secret, &story.namespace, &name).await?.is_none() {
            ensure!(begun.elapsed() < LONG, "{name} never came");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    Ok(Arrivals { median: took[HEALTHY / 2], longest: took[HEALTHY - 1] })
}
