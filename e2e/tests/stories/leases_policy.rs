//! What a SyncPolicy says about leases: when they are renewed, how long they overlap, and whether they are revoked. And
//! what events tell of their lives.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use strongroom_e2e::{cluster::Kind, manifests, observed::occurrences, wait::soon};

use crate::leased::Leased;

/// The seconds since 1970 of a time in a record.
fn seconds(time: &serde_json::Value) -> Result<i64> {
    Ok(time.as_str().context("no time")?.parse::<Timestamp>()?.as_second())
}

#[tokio::test]
async fn a_policy_says_when_leases_are_renewed_how_long_they_overlap_and_whether_they_are_revoked()
-> Result<()> {
    let leased = Leased::begin("lease-policy", ("200s", "1h"), ("1h", "leases")).await?;
    let policy = json!({ "lease": { "renewAt": "10%", "grace": "20s" } });
    leased.story.create(&manifests::sync_policy("policy", &["app"], &policy)).await?;
    let controller = leased.controller("one").await?;
    leased.external_secret("app", "1h").await?;
    let first = leased.works("app").await?;
    // Without the policy it would be renewed after 114 seconds at the soonest.
    let renewed = soon("an early renewal", async || {
        let mut records = leased.records_of("app", "Active").await?;
        let record = records.pop().context("no active lease")?;
        ensure!(record["status"]["renewals"].as_i64() >= Some(1), "{}", record["status"]);
        Ok(record)
    })
    .await?;
    let life = seconds(&renewed["status"]["renewed"])? - seconds(&renewed["spec"]["lease"]["issued"])?;
    assert!(life < 100, "renewed after {life} s");

    leased.force("app", "1").await?;
    let second = leased.others("app", &first).await?;
    // The controller's own grace time is 3 seconds.
    tokio::time::sleep(Duration::from_secs(8)).await;
    leased.postgres.log_in(&first.user, &first.password).await?;
    leased.left(1).await?;
    leased.postgres.log_in(&second.user, &second.password).await?;

    let events = leased.story.events(Kind::ExternalSecret, "app").await?;
    assert_eq!(
        ["LeaseIssued", "LeaseReplaced", "LeaseRevokeFailed"].map(|reason| occurrences(&events, reason)),
        [1, 1, 0],
        "{events:?}"
    );

    let never = json!({ "spec": { "lease": { "revokeOn": "Never" } } });
    leased.story.patch(Kind::SyncPolicy, "policy", &never).await?;
    soon("the record to say so", async || {
        let records = leased.records_of("app", "Active").await?;
        ensure!(records[0]["status"]["rules"]["revokeOn"] == "Never", "{}", records[0]["status"]);
        Ok(())
    })
    .await?;
    leased.story.delete(Kind::SyncPolicy, "policy").await?;
    leased
        .story
        .create(&manifests::sync_policy("policy", &["app"], &json!({ "lease": { "revokeOn": "Never" } })))
        .await?;
    leased.story.delete(Kind::ExternalSecret, "app").await?;
    soon("the record to go", async || {
        let records = leased.records().await?;
        ensure!(records.is_empty(), "{} records", records.len());
        Ok(())
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    leased.postgres.log_in(&second.user, &second.password).await?;
    drop(controller);
    leased.story.end().await
}

#[tokio::test]
async fn a_lease_that_cannot_be_revoked_is_told_once() -> Result<()> {
    let leased = Leased::begin("lease-events", ("40s", "1h"), ("1h", "plain-leases")).await?;
    let controller = leased.controller("one").await?;
    leased.external_secret("app", "2s").await?;
    let first = leased.works("app").await?;
    leased.force("app", "1").await?;
    leased.others("app", &first).await?;
    let event = leased.story.event("app", "LeaseRevokeFailed").await?;
    assert!(event.message.contains("sys/leases/revoke"), "{}", event.message);
    // Some more attempts, and some more refreshes.
    leased.story.refreshed("app", 3).await?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let events = leased.story.events(Kind::ExternalSecret, "app").await?;
    assert_eq!(occurrences(&events, "LeaseRevokeFailed"), 1, "{events:?}");
    assert_eq!(occurrences(&events, "LeaseIssued"), 1, "{events:?}");
    for event in &events {
        assert!(!event.message.contains("database/creds"), "an id of a lease is told: {}", event.message);
    }
    drop(controller);
    leased.story.end().await
}
