//! Credentials are renewed as long as Vault allows it, and then replaced with overlap: who uses them never notices.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use strongroom_e2e::{cluster::Kind, story::Story, wait::soon};

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
    assert!(logins.load(Ordering::Relaxed) > 50, "{logins:?} logins");
    assert!(most.load(Ordering::Relaxed) <= 2, "{most:?} roles at once for one object");
    drop(controller);
    if let Some(leased) = Arc::into_inner(leased) {
        leased.story.end().await?;
    }
    Ok(())
}

/// Objects whose credentials are replaced together.
const MANY: usize = 50;
/// Of these a client logs in with so many each time, in turn: each is tried within the time that two generations overlap.
const AT_ONCE: usize = 5;

/// What a client of [`MANY`] objects saw.
#[derive(Debug, Default)]
struct Seen {
    /// The users of each Secret, one after the other.
    users: BTreeMap<String, Vec<String>>,
    logins: usize,
    samples: usize,
    /// The most roles that the database had at a time.
    most: usize,
}

/// Logs in five times a second, with what the Secrets hold at that moment, until each has held two users; counts the
/// database's roles all the time.
async fn client_of_many(leased: &Leased) -> Result<Seen> {
    let mut seen = Seen::default();
    loop {
        let turn = seen.samples * AT_ONCE;
        for number in (turn..turn + AT_ONCE).map(|number| number % MANY) {
            let name = format!("app-{number}");
            let users = seen.users.entry(name.clone()).or_default();
            // Only the first may be waited for.
            let held = match leased.credentials(&name).await {
                Err(_) if users.is_empty() => continue,
                held => held?,
            };
            leased.postgres.log_in(&held.user, &held.password).await.context(name)?;
            seen.logins += 1;
            if users.last() != Some(&held.user) {
                users.push(held.user);
            }
        }
        seen.most = seen.most.max(leased.database_roles().await?);
        ensure!(seen.most <= 2 * MANY, "{} roles at once for {MANY} objects", seen.most);
        seen.samples += 1;
        if seen.users.len() == MANY && seen.users.values().all(|users| users.len() > 1) {
            return Ok(seen);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn fifty_objects_whose_credentials_are_replaced_together_never_have_more_than_two_users_each()
-> Result<()> {
    let story = Story::begin_crowd("leases-many").await?;
    // Every renewal is truncated: the second generation comes after 40 seconds.
    let leased = Leased::told_in(story, ("60s", "66s"), ("1h", "leases")).await?;
    let controller = leased.controller("one").await?;
    let create = async {
        for number in 0..MANY {
            leased.external_secret(&format!("app-{number}"), "1h").await?;
        }
        anyhow::Ok(())
    };
    let watched = tokio::time::timeout(Duration::from_mins(4), client_of_many(&leased));
    let (created, seen) = tokio::join!(create, watched);
    created?;
    let seen = seen??;
    println_seen(&seen);
    assert!(seen.logins > 5 * MANY, "{} logins", seen.logins);
    assert!(seen.most > MANY, "the generations never overlapped: {} roles", seen.most);
    drop(controller);
    leased.story.end().await
}

#[expect(clippy::print_stdout, reason = "the figures of this story are asked for")]
fn println_seen(seen: &Seen) {
    let users: usize = seen.users.values().map(Vec::len).sum();
    let Seen { logins, samples, most, .. } = seen;
    println!(
        "{MANY} objects, {users} users seen: {logins} logins, none refused; {most} roles at most in {samples} samples"
    );
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
