//! Credentials are renewed as long as Vault allows it, and then replaced with overlap: who uses them never notices.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
use serde_json::json;
use strongroom_e2e::{cluster::Kind, wait::soon};

use crate::leased::Leased;

#[tokio::test]
async fn a_refresh_brings_no_new_credentials_while_the_lease_is_renewed() -> Result<()> {
    let leased = Leased::begin("leases-renewed", ("9s", "1h"), ("1h", "leases")).await?;
    let controller = leased.controller("one").await?;
    leased.external_secret("app", "2s").await?;
    let first = leased.works("app").await?;
    let version = leased.story.get(Kind::Secret, "app").await?["metadata"]["resourceVersion"].clone();

    // Several lives of the lease as it was given, and a dozen refreshes.
    leased.story.refreshed("app", 5).await?;
    soon("three renewals", async || {
        let records = leased.records_of("app", "Active").await?;
        ensure!(records.len() == 1, "{} active leases", records.len());
        ensure!(records[0]["status"]["renewals"].as_i64() >= Some(3), "{}", records[0]["status"]);
        Ok(())
    })
    .await?;
    assert_eq!(leased.credentials("app").await?, first);
    assert_eq!(leased.story.get(Kind::Secret, "app").await?["metadata"]["resourceVersion"], version);
    leased.postgres.log_in(&first.user, &first.password).await?;
    assert_eq!((leased.database_roles().await?, leased.vault_leases().await?), (1, 1));

    // What a record says is no secret.
    let record = leased.records().await?[0].to_string();
    assert!(!record.contains(&first.password), "{record}");
    drop(controller);
    leased.story.end().await
}

#[tokio::test]
async fn who_logs_in_all_the_time_is_never_refused_while_credentials_are_replaced() -> Result<()> {
    let leased = Arc::new(Leased::begin("leases-rotated", ("12s", "30s"), ("1h", "leases")).await?);
    let controller = leased.controller("one").await?;
    leased.external_secret("app", "1h").await?;
    let first = leased.works("app").await?;

    let stop = Arc::new(AtomicBool::new(false));
    let (logins, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let client = {
        let (leased, stop, logins, most) =
            (Arc::clone(&leased), Arc::clone(&stop), Arc::clone(&logins), Arc::clone(&most));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let held = leased.credentials("app").await?;
                leased.postgres.log_in(&held.user, &held.password).await?;
                logins.fetch_add(1, Ordering::Relaxed);
                most.fetch_max(leased.database_roles().await?, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            anyhow::Ok(())
        })
    };
    let second = leased.others("app", &first).await?;
    let third = leased.others("app", &second).await?;
    // Both work for a while.
    leased.postgres.log_in(&third.user, &third.password).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::Relaxed);
    client.await??;
    // Five in a second, or as many as a busy machine has time for.
    assert!(logins.load(Ordering::Relaxed) > 20, "{logins:?} logins");
    assert!(most.load(Ordering::Relaxed) <= 2, "{most:?} roles at once for one object");
    drop(controller);
    if let Some(leased) = Arc::into_inner(leased) {
        leased.story.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn who_asks_for_new_credentials_gets_them_and_the_old_ones_work_for_the_grace_time() -> Result<()> {
    let leased = Leased::begin("leases-forced", ("1h", "2h"), ("1h", "leases")).await?;
    let controller = leased.controller("one").await?;
    leased.external_secret("app", "1h").await?;
    let first = leased.works("app").await?;
    let force = json!({ "metadata": { "annotations": { "external-secrets.io/force-sync": "1" } } });
    leased.story.patch(Kind::ExternalSecret, "app", &force).await?;
    let second = leased.others("app", &first).await?;
    leased.postgres.log_in(&first.user, &first.password).await?;
    leased.postgres.log_in(&second.user, &second.password).await?;
    leased.left(1).await?;
    leased.postgres.log_in(&second.user, &second.password).await?;
    assert!(leased.postgres.log_in(&first.user, &first.password).await.is_err(), "the old one still works");
    drop(controller);
    leased.story.end().await
}

#[tokio::test]
async fn beside_a_store_credentials_stay_until_the_store_has_something_new() -> Result<()> {
    let leased = Leased::begin("leases-mixed", ("1h", "2h"), ("1h", "leases")).await?;
    let controller = leased.controller("one").await?;
    leased.story.token_store().await?;
    leased.story.write("config", &json!({ "host": "one" })).await?;
    leased.external_secret_with("app", "2s", &leased.story.key("config")).await?;
    let first = leased.works("app").await?;
    leased.story.refreshed("app", 3).await?;
    // Also for the next process.
    controller.kill()?;
    let controller = leased.controller("two").await?;
    leased.story.refreshed("app", 3).await?;
    assert_eq!(leased.credentials("app").await?, first);
    leased.story.write("config", &json!({ "host": "two" })).await?;
    let second = leased.others("app", &first).await?;
    leased.postgres.log_in(&second.user, &second.password).await?;
    leased.left(1).await?;
    drop(controller);
    leased.story.end().await
}
