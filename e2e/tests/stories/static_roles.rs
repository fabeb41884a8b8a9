//! Passwords that Vault rotates by itself: the Secret follows the rotation, not the interval, and is not written between.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use serde_json::json;
use strongroom_e2e::{cluster::Kind, postgres::Postgres, wait::soon};

use crate::engines::Engines;

const POLICY: &str = r#"path "database/static-creds/*" { capabilities = ["read"] }"#;

/// A user of the database whose password Vault rotates every `period`, and a generator that reads it.
async fn begin(title: &str, period: &str) -> Result<(Engines, Postgres)> {
    let engines = Engines::begin(title, POLICY).await?;
    let postgres = Postgres::at(&engines.story.testbed.postgres);
    let name = engines.unique();
    postgres.create_user(name).await?;
    let role = json!({ "db_name": "postgres", "username": name, "rotation_period": period });
    engines.story.vault.request(Method::POST, &format!("database/static-roles/{name}"), Some(&role)).await?;
    let name = name.to_owned();
    engines.generator(Kind::VaultStaticRole, json!({ "role": name })).await?;
    Ok((engines, postgres))
}

async fn works(engines: &Engines, postgres: &Postgres) -> Result<String> {
    soon("a password that works", async || {
        let (password, _) = engines.held("app", "password").await?;
        postgres.log_in(engines.unique(), &password).await?;
        Ok(password)
    })
    .await
}

#[tokio::test]
async fn the_secret_follows_the_rotation_within_seconds_and_is_written_once_for_each() -> Result<()> {
    let (engines, postgres) = begin("static-rotated", "10s").await?;
    let controller = engines.controller("one").await?;
    let vault = engines.story.vault_audit()?;
    // An hour: nothing but the rotation makes it due.
    engines.external_secret("app", Kind::VaultStaticRole, "1h").await?;
    works(&engines, &postgres).await?;

    let (mut passwords, mut versions) = (Vec::new(), Vec::new());
    let (mut refused, mut longest) = (None::<Instant>, Duration::ZERO);
    let began = Instant::now();
    while passwords.len() < 4 {
        ensure!(began.elapsed() < Duration::from_mins(3), "{} passwords in three minutes", passwords.len());
        let (password, version) = engines.held("app", "password").await?;
        match postgres.log_in(engines.unique(), &password).await {
            Ok(()) => refused = None,
            Err(_) => longest = longest.max(refused.get_or_insert_with(Instant::now).elapsed()),
        }
        if passwords.last() != Some(&password) {
            passwords.push(password);
        }
        if versions.last() != Some(&version) {
            versions.push(version);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(versions.len(), passwords.len(), "the Secret was written though the password was the same");
    assert!(longest < Duration::from_secs(6), "a rotated password was left in the Secret for {longest:?}");

    // One record for all of them, which holds none of them.
    let records = engines.records().await?;
    assert_eq!(records.len(), 1, "{records:?}");
    let record = records[0].to_string();
    assert!(passwords.iter().all(|password| !record.contains(password)), "{record}");
    assert_eq!(records[0]["status"]["state"], "Active");

    // Vault was asked a few times for each rotation, and not more.
    let path = format!("database/static-creds/{}", engines.unique());
    let all = vault.vault_requests()?.iter().filter(|request| request.path == path).count();
    let rotations = usize::try_from(began.elapsed().as_secs() / 10 + 2)?;
    assert!(all <= rotations * 6, "{all} reads for {rotations} rotations");
    drop(controller);
    engines.story.end().await
}

#[tokio::test]
async fn a_rotation_that_nobody_watched_is_noticed_at_the_start() -> Result<()> {
    let (engines, postgres) = begin("static-restart", "10s").await?;
    let controller = engines.controller("one").await?;
    engines.external_secret("app", Kind::VaultStaticRole, "1h").await?;
    let first = works(&engines, &postgres).await?;
    controller.kill()?;
    soon("the rotation", async || {
        let refused = postgres.log_in(engines.unique(), &first).await.is_err();
        ensure!(refused, "the first password still works");
        Ok(())
    })
    .await?;
    assert_eq!(engines.held("app", "password").await?.0, first, "nobody is there to write it");
    let controller = engines.controller("two").await?;
    let second = works(&engines, &postgres).await?;
    assert_ne!(second, first);
    drop(controller);
    engines.story.end().await
}

#[tokio::test]
async fn a_refresh_reads_writes_nothing_and_finds_a_rotation_by_hand() -> Result<()> {
    let (engines, postgres) = begin("static-by-hand", "1h").await?;
    let controller = engines.controller("one").await?;
    engines.external_secret("app", Kind::VaultStaticRole, "2s").await?;
    let first = works(&engines, &postgres).await?;
    let (_, version) = engines.held("app", "password").await?;
    let record = soon("the record", async || {
        let records = engines.records().await?;
        ensure!(records.len() == 1 && records[0]["status"]["state"] == "Active", "{records:?}");
        Ok(records[0].clone())
    })
    .await?;
    engines.story.refreshed("app", 4).await?;
    assert_eq!(engines.held("app", "password").await?, (first.clone(), version));
    assert_eq!(engines.records().await?, [record], "the record was written though nothing changed");

    let rotate = format!("database/rotate-role/{}", engines.unique());
    engines.story.vault.request(Method::POST, &rotate, Some(&json!({}))).await?;
    let second = engines.other("app", "password", &first).await?;
    postgres.log_in(engines.unique(), &second).await?;
    drop(controller);
    engines.story.end().await
}

#[tokio::test]
async fn a_static_role_behind_a_cluster_generator_works_and_a_forgotten_group_is_told() -> Result<()> {
    let (engines, postgres) = begin("static-cluster", "1h").await?;
    let controller = engines.controller("one").await?;
    let spec = json!({
        "controller": engines.story.class, "role": engines.unique(), "provider": engines.provider(),
    });
    let name = engines.unique().to_owned();
    engines
        .story
        .create(&json!({
            "apiVersion": "generators.external-secrets.io/v1alpha1", "kind": "ClusterGenerator",
            "metadata": { "name": name },
            "spec": { "kind": "VaultStaticRole", "generator": { "vaultStaticRoleSpec": spec } },
        }))
        .await?;
    for (object, kind, generator) in
        [("app", "ClusterGenerator", name.as_str()), ("forgotten", "VaultStaticRole", "generator")]
    {
        // Upstream's group, which is the default.
        engines
            .story
            .create(&json!({
                "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
                "metadata": { "name": object },
                "spec": { "dataFrom": [
                    { "sourceRef": { "generatorRef": { "kind": kind, "name": generator } } },
                ] },
            }))
            .await?;
    }
    works(&engines, &postgres).await?;
    let told = engines.story.failed(Kind::ExternalSecret, "forgotten").await?;
    let expected = "VaultStaticRole is of \"generators.strongroom.dev/v1alpha1\"";
    assert!(told.message.contains(expected), "{}", told.message);
    engines.story.cluster.delete(Kind::ClusterGenerator, "", &name).await.context("the ClusterGenerator")?;
    drop(controller);
    engines.story.end().await
}
