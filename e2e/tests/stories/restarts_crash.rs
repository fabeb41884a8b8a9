//! The controller crashes between a changed Secret and the restart it asks for: neither none nor two.

use anyhow::{Result, ensure};
use serde_json::json;
use strongroom_e2e::{
    chart::Release,
    cluster::Kind,
    controller::{Account, Controller},
    manifests::{self, ExternalSecret},
    story::{STORE, Story},
    wait::soon,
};
use tokio::time::{Duration, sleep};

use crate::restarts::{restarted_at, told};

#[tokio::test]
async fn a_crash_between_secret_and_restart_neither_loses_the_restart_nor_makes_two() -> Result<()> {
    let story = Story::begin_alone("restarts-crash").await?;
    let mut controller = story.controller("0").await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "0" })).await?;
    let app = ExternalSecret::from_store("app", STORE).every("1s").extracts(&story.key("app"));
    story.external_secret(app).await?;
    story.create(&manifests::workload("Deployment", "web")).await?;
    let restart = json!({ "restart": {
        "targets": [{ "kind": "Deployment", "name": "web" }], "debounce": "1s", "minInterval": "100ms" } });
    story.create(&manifests::sync_policy("policy", &["app"], &restart)).await?;
    story.secret_with("app", &[("password", "0")]).await?;
    told(&story, "policy", "TargetsRestarted", ["True", "UpToDate"]).await?;

    let mut seen = Vec::new();
    for (round, wait) in [0_u64, 300, 900, 1000, 1050, 1100, 1200, 1500].into_iter().enumerate() {
        let password = (round + 1).to_string();
        story.write("app", &json!({ "password": password })).await?;
        story.secret_with("app", &[("password", &password)]).await?;
        sleep(Duration::from_millis(wait)).await;
        controller.kill()?;
        controller = story.controller(&(round + 1).to_string()).await?;
        let restarted = soon(&format!("restart {round}, killed after {wait} ms"), async || {
            let web = story.get(Kind::Deployment, "web").await?;
            let restarted = restarted_at(&web);
            ensure!(restarted.is_some() && restarted.as_ref() != seen.last(), "{restarted:?}");
            Ok(restarted.unwrap_or_default())
        })
        .await?;
        told(&story, "policy", "TargetsRestarted", ["True", "UpToDate"]).await?;
        // Longer than debounce time and shortest interval: time for one too many.
        sleep(Duration::from_secs(3)).await;
        let again = restarted_at(&story.get(Kind::Deployment, "web").await?);
        assert_eq!(again.as_ref(), Some(&restarted), "round {round}, killed after {wait} ms");
        seen.push(restarted);
    }
    let generation = story.get(Kind::Deployment, "web").await?["metadata"]["generation"].as_u64();
    assert_eq!(generation, Some(1 + seen.len() as u64), "one edit of the workload for each change");
    drop(controller);
    story.end().await
}

#[tokio::test]
async fn a_missing_right_is_told_and_holds_up_no_sync() -> Result<()> {
    let story = Story::begin_alone("restarts-forbidden").await?;
    let values = format!(
        "scopedRBAC=true,scopedNamespace={},installCRDs=false,workloadRestarts.enabled=false",
        story.namespace
    );
    let release = Release::render(&story.testbed, "scoped", &story.namespace, &["--set", &values]).await?;
    release.apply(&story.cluster, &[]).await?;
    let account = Account { namespace: story.namespace.clone(), name: "scoped-strongroom".to_owned() };
    let flags = [
        &format!("--namespace={}", story.namespace),
        "--enable-cluster-store-reconciler=false",
        "--controller-class",
        &story.class,
    ];
    let controller = Controller::start_as(&story.testbed, &story.cluster, &account, &flags).await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let app = ExternalSecret::from_store("app", STORE).every("1s").extracts(&story.key("app"));
    story.external_secret(app).await?;
    story.create(&manifests::workload("Deployment", "web")).await?;
    let restart =
        json!({ "restart": { "targets": [{ "kind": "Deployment", "name": "web" }], "debounce": "500ms" } });
    story.create(&manifests::sync_policy("policy", &["app"], &restart)).await?;
    story.secret_with("app", &[("password", "one")]).await?;
    let message = told(&story, "policy", "TargetsRestarted", ["False", "RestartFailed"]).await?;
    assert!(message.contains("Deployment") && message.contains("Forbidden"), "{message}");
    story.write("app", &json!({ "password": "two" })).await?;
    story.secret_with("app", &[("password", "two")]).await?;
    story.event("app", "RolloutRestartFailed").await?;
    drop(controller);
    release.delete(&story.cluster).await?;
    story.end().await
}
