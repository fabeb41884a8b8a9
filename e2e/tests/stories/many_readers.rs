//! Five hundred ExternalSecrets of ten keys from fifty paths of one store: a cycle costs a read of each path, counted in
//! Vault's audit log.

use std::{
    collections::BTreeMap,
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    expected,
    manifests::ExternalSecret,
    observed::ready,
    story::{STORE, Story},
    wait::until,
};

const OBJECTS: usize = 500;
const KEYS: usize = 10;
const PATHS: usize = 50;
const LONG: Duration = Duration::from_mins(10);
/// Unshared, each path would be read a hundred times a cycle. Shared, once; but on a busy machine a cycle takes longer than
/// the objects' interval of twenty seconds, and an object that falls due after a read began asks for another one.
const MOST_READS_OF_A_PATH: usize = 20;
const BATCH: &str = "e2e.strongroom.dev/batch";

#[tokio::test]
async fn objects_that_fall_due_together_read_each_path_once_a_cycle() -> Result<()> {
    let story = Story::begin_crowd("many-readers").await?;
    for path in 0..PATHS {
        story.write(&format!("path-{path}"), &json!({ "v": format!("value-{path}") })).await?;
    }
    let first = story.controller("first").await?;
    story.token_store().await?;
    stream::iter((0..OBJECTS).map(|number| {
        let mut app = ExternalSecret::from_store(&format!("app-{number}"), STORE)
            .every("20s")
            .labels(json!({ BATCH: "app" }));
        for key in 0..KEYS {
            let path = (number * 7 + key * 3) % PATHS;
            app = app.takes(&format!("k{key}"), &story.key(&format!("path-{path}")), "v");
        }
        let story = &story;
        async move { story.external_secret(app).await.map(drop) }
    }))
    .buffer_unordered(16)
    .try_collect::<()>()
    .await?;
    let is_synced = |object: &Value| {
        ready(object).is_ok_and(|condition| condition.status == "True")
            && object["status"]["syncedResourceVersion"] == expected::synced_resource_version(object)
    };
    until("all objects to be synced", LONG, async || {
        let objects = story.cluster.list(Kind::ExternalSecret, &story.namespace, BATCH).await?;
        let synced = objects.iter().filter(|object| is_synced(object)).count();
        ensure!(synced == OBJECTS, "{synced} of {OBJECTS} are");
        Ok(())
    })
    .await?;
    let before = times(&story).await?;
    first.kill()?;

    // All of them are due when the next controller begins.
    tokio::time::sleep(Duration::from_secs(21)).await;
    let vault = story.vault_audit()?;
    let begun = Instant::now();
    let second = story.controller("second").await?;
    until("a cycle to be over", LONG, async || {
        let now = times(&story).await?;
        let left = before.iter().filter(|(name, time)| now.get(*name) == Some(time)).count();
        ensure!(left == 0, "{left} objects were not refreshed yet");
        Ok(())
    })
    .await?;
    drop(second);
    let took = begun.elapsed().as_secs();
    let prefix = format!("secret/data/{}", story.key("path-"));
    let mut reads = BTreeMap::<String, usize>::new();
    for request in vault.vault_requests()? {
        if request.operation == "read" && request.path.starts_with(&prefix) {
            *reads.entry(request.path).or_default() += 1;
        }
    }
    let most = reads.values().copied().max().unwrap_or_default();
    writeln!(
        std::io::stderr(),
        "{OBJECTS} objects of {KEYS} keys from {PATHS} paths: {} reads for {} keys, {most} at most of one path; \
         the cycle took {took} s",
        reads.values().sum::<usize>(),
        OBJECTS * KEYS,
    )?;
    ensure!(reads.len() == PATHS, "{} of {PATHS} paths were read", reads.len());
    ensure!(most <= MOST_READS_OF_A_PATH, "a path was read {most} times");
    story.end().await
}

/// When each object was refreshed.
async fn times(story: &Story) -> Result<BTreeMap<String, String>> {
    let objects = story.cluster.list(Kind::ExternalSecret, &story.namespace, BATCH).await?;
    Ok(objects
        .iter()
        .map(|object| (object["metadata"]["name"].to_string(), object["status"]["refreshTime"].to_string()))
        .collect())
}
