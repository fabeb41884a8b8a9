//! The controller crashes, stops or is replaced, again and again: leases live on, and nobody gets new credentials.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use strongroom_e2e::{cluster::Kind, manifests, story::Story, wait::until};

use crate::leaders::{allow_leases, candidate_with, leads};
use crate::leased::{Credentials, GRACE, Leased};
use crate::restarts::restarted_at;

/// Objects of the long story. CI has two cores for everything; `STRONGROOM_LEASES` asks for another number.
const OBJECTS: usize = 40;
const KILLS: usize = 20;

/// What each Secret holds, and its resource version.
async fn held(leased: &Leased, objects: usize) -> Result<BTreeMap<String, (Credentials, String)>> {
    let mut all = BTreeMap::new();
    for number in 0..objects {
        let name = format!("app-{number}");
        let secret = leased.story.get(Kind::Secret, &name).await?;
        let version = secret["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        all.insert(name.clone(), (leased.credentials(&name).await?, version));
    }
    Ok(all)
}

async fn all_active(leased: &Leased, objects: usize) -> Result<()> {
    until("all leases to be active", Duration::from_mins(4), async || {
        let records = leased.records().await?;
        let active = records.iter().filter(|record| record["status"]["state"] == "Active").count();
        ensure!(active == objects && records.len() == objects, "{active} of {} are active", records.len());
        Ok(())
    })
    .await
}

/// How many seconds are left to the lease that ends first, by its record.
async fn least_left(leased: &Leased) -> Result<i64> {
    #[expect(clippy::disallowed_methods, reason = "records hold times of the real clock")]
    let now = Timestamp::now().as_second();
    let mut least = i64::MAX;
    for record in leased.records().await? {
        let given =
            [&record["status"]["lease"], &record["spec"]["lease"]].into_iter().find(|it| it.is_object());
        let end = given.and_then(|lease| lease["expires"].as_str()).context("a record without an end")?;
        least = least.min(end.parse::<Timestamp>()?.as_second() - now);
    }
    Ok(least)
}

fn objects() -> usize {
    #[expect(clippy::disallowed_methods, reason = "how much is asked for is said on the command line")]
    let asked = std::env::var("STRONGROOM_LEASES").ok();
    asked.and_then(|number| number.parse().ok()).unwrap_or(OBJECTS)
}

/// Has the leases of the story renewed after this share of their lives.
async fn renew_at(leased: &Leased, share: &str) -> Result<()> {
    let policy = json!({
        "apiVersion": "strongroom.dev/v1alpha1", "kind": "SyncPolicy", "metadata": { "name": "leases" },
        "spec": { "selector": {}, "lease": { "renewAt": share } },
    });
    leased.story.create(&policy).await?;
    Ok(())
}

/// Credentials that live for `ttl` in `objects` Secrets, a workload that would be restarted if one of these changed, and a
/// controller that is killed again and again, each time after `pause`. Nothing may change, and no login may be left behind.
async fn crashes(
    title: &str,
    (ttl, share): (&str, Option<&str>),
    objects: usize,
    pause: Duration,
) -> Result<()> {
    let story = Story::begin_crowd(title).await?;
    let leased = Leased::told_in(story, (ttl, "2h"), ("2h", "leases")).await?;
    if let Some(share) = share {
        renew_at(&leased, share).await?;
    }
    allow_leases(&leased.story).await?;
    let mut controller = leased.leader("one").await?;
    for number in 0..objects {
        leased.external_secret(&format!("app-{number}"), "15s").await?;
    }
    all_active(&leased, objects).await?;
    leased.story.create(&manifests::workload("Deployment", "web")).await?;
    let web = json!([{ "kind": "Deployment", "name": "web" }]);
    let policy = json!({
        "apiVersion": "strongroom.dev/v1alpha1", "kind": "SyncPolicy", "metadata": { "name": "restarts" },
        "spec": { "selector": {}, "restart": { "targets": web, "debounce": "1s", "minInterval": "1s" } },
    });
    leased.story.create(&policy).await?;
    crate::restarts::told(&leased.story, "restarts", "TargetsRestarted", ["True", "UpToDate"]).await?;
    let before = held(&leased, objects).await?;
    assert_eq!((leased.vault_leases().await?, leased.database_roles().await?), (objects, objects));
    let mut tokens = vec![leased.tokens().await?];

    let mut left = Vec::new();
    for _ in 0..KILLS {
        tokio::time::sleep(pause).await;
        controller = leased.after_kill(controller).await?;
        left.push(least_left(&leased).await?);
        tokens.push(leased.tokens().await?);
    }
    all_active(&leased, objects).await?;
    let after = held(&leased, objects).await?;
    let changed: Vec<_> = before.keys().filter(|name| before.get(*name) != after.get(*name)).collect();
    assert!(changed.is_empty(), "these Secrets changed: {changed:?}");
    assert_eq!((leased.vault_leases().await?, leased.database_roles().await?), (objects, objects));
    for (credentials, _) in after.values() {
        leased.postgres.log_in(&credentials.user, &credentials.password).await?;
    }
    assert_eq!(restarted_at(&leased.story.get(Kind::Deployment, "web").await?), None, "a rollout");
    let renewed = leased.records().await?;
    let renewals: i64 = renewed.iter().filter_map(|record| record["status"]["renewals"].as_i64()).sum();
    println_figures(objects, &tokens, renewals, &left);
    assert!(
        usize::try_from(renewals)? >= objects,
        "hardly anything was renewed between the crashes: {renewals}"
    );
    // The login that all hang from, that of the process before, and that of this one; and one of a process that was killed
    // before it could write down its name.
    assert!(tokens.iter().all(|count| *count <= 3 + 1), "logins are left behind: {tokens:?}");
    drop(controller);
    leased.story.end().await
}

#[tokio::test]
async fn twenty_crashes_under_leases_cost_no_credential_and_no_secret() -> Result<()> {
    // Refreshes and renewals fall into the time of the crashes.
    crashes("leases-crash", ("6m", Some("10%")), objects(), Duration::from_secs(2)).await
}

#[tokio::test]
#[ignore = "a busy machine starts a controller too late for leases that are so short"]
async fn twenty_crashes_under_leases_of_forty_seconds_cost_nothing_either() -> Result<()> {
    // Every lease is renewed several times between the crashes.
    crashes("leases-short", ("40s", None), objects() / 4, Duration::from_secs(3)).await
}

#[expect(clippy::print_stdout, reason = "the figures of this story are asked for")]
fn println_figures(objects: usize, tokens: &[usize], renewals: i64, left: &[i64]) {
    println!("{objects} leases, {KILLS} crashes: {renewals} renewals, 0 new credentials, tokens {tokens:?}");
    println!("seconds left to the lease that ends first, after each start: {left:?}");
}

#[tokio::test]
async fn a_change_of_the_leader_is_a_restart_like_any_other() -> Result<()> {
    let leased = Leased::begin("leases-leaders", ("3m", "2h"), ("2h", "leases")).await?;
    allow_leases(&leased.story).await?;
    renew_at(&leased, "10%").await?;
    let grace = format!("--generator-gc-grace-period={GRACE}");
    // Terms that a busy machine can keep.
    let terms = ["--leader-election-lease-duration=30s", "--leader-election-renew-deadline=20s"];
    let arguments = [&terms[..], &[grace.as_str()]].concat();
    let replica = async |role: &str| candidate_with(&leased.story, role, &arguments).await;
    let first = replica("first").await?;
    leads(&first).await?;
    let mut waiting = replica("second").await?;
    leased.external_secret("app-0", "5s").await?;
    leased.external_secret("app-1", "5s").await?;
    all_active(&leased, 2).await?;
    let before = held(&leased, 2).await?;
    // One that crashes, then one that is stopped in good order, as at a rolling update.
    first.kill()?;
    for (round, role) in ["third", "fourth"].into_iter().enumerate() {
        leads(&waiting).await?;
        let leader = std::mem::replace(&mut waiting, replica(role).await?);
        let enough = i64::try_from(round)? + 1;
        until("renewals by the new leader", Duration::from_mins(3), async || {
            for record in leased.records().await? {
                ensure!(record["status"]["renewals"].as_i64() >= Some(enough), "{}", record["status"]);
            }
            Ok(())
        })
        .await?;
        // Dropping it stops it in good order, and waits for its end.
        tokio::task::spawn_blocking(move || drop(leader)).await?;
    }
    leads(&waiting).await?;
    all_active(&leased, 2).await?;
    assert_eq!(held(&leased, 2).await?, before);
    assert_eq!((leased.vault_leases().await?, leased.database_roles().await?), (2, 2));
    drop(waiting);
    leased.story.end().await
}

#[tokio::test]
async fn a_clean_stop_leaves_the_leases_alive_for_who_comes_next() -> Result<()> {
    let leased = Leased::begin("leases-stop", ("45s", "2h"), ("2h", "leases")).await?;
    let controller = leased.controller("one").await?;
    leased.external_secret("app-0", "5s").await?;
    leased.external_secret("app-1", "5s").await?;
    all_active(&leased, 2).await?;
    let before = held(&leased, 2).await?;
    for role in ["two", "three"] {
        // A rolling update: the next starts while the one before ends.
        let next = leased.controller(role).await?;
        drop(next);
    }
    drop(controller);
    let last = leased.controller("four").await?;
    until("a renewal by the last", Duration::from_mins(4), async || {
        for record in leased.records().await? {
            ensure!(record["status"]["renewals"].as_i64() >= Some(2), "{}", record["status"]);
        }
        Ok(())
    })
    .await?;
    assert_eq!(held(&leased, 2).await?, before);
    assert_eq!(leased.vault_leases().await?, 2);
    for (credentials, _) in before.values() {
        leased.postgres.log_in(&credentials.user, &credentials.password).await?;
    }
    drop(last);
    leased.story.end().await
}
