//! A SyncPolicy restarts the workloads that use a Secret when its content changes, and only then.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    observed::occurrences,
    story::{STORE, Story},
    wait::soon,
};
use tokio::time::{Duration, sleep};

const ANNOTATION: &str = "strongroom.dev/restarted-at";

/// The annotation of a workload's pod template that a restart leaves.
pub(crate) fn restarted_at(workload: &Value) -> Option<String> {
    workload["spec"]["template"]["metadata"]["annotations"][ANNOTATION].as_str().map(ToOwned::to_owned)
}

/// A condition of a policy: status, reason and message.
pub(crate) fn condition(policy: &Value, kind: &str) -> Result<[String; 3]> {
    let conditions = policy["status"]["conditions"].as_array().context("there are no conditions yet")?;
    let found = conditions.iter().find(|condition| condition["type"] == kind);
    let found = found.with_context(|| format!("there is no condition {kind}: {conditions:?}"))?;
    Ok(["status", "reason", "message"].map(|field| found[field].as_str().unwrap_or_default().to_owned()))
}

/// Waits until the policy's condition has this status and reason, for the policy as it is now, and gives the message.
pub(crate) async fn told(story: &Story, policy: &str, kind: &str, wanted: [&str; 2]) -> Result<String> {
    soon(&format!("SyncPolicy {policy} to say {kind} {wanted:?}"), async || {
        let policy = story.get(Kind::SyncPolicy, policy).await?;
        let [status, reason, message] = condition(&policy, kind)?;
        ensure!(policy["status"]["observedGeneration"] == policy["metadata"]["generation"], "not seen yet");
        ensure!([status.as_str(), reason.as_str()] == wanted, "it says {status}, {reason}: {message}");
        Ok(message)
    })
    .await
}

/// A store, and an ExternalSecret `app` that is refreshed every second and holds `one`.
async fn story_with_app(title: &str) -> Result<Story> {
    let story = Story::begin(title).await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let app = ExternalSecret::from_store("app", STORE).every("1s").extracts(&story.key("app"));
    story.external_secret(app).await?;
    Ok(story)
}

async fn restarted(story: &Story, kind: Kind, name: &str) -> Result<Value> {
    soon(&format!("{} {name} to be restarted", kind.name()), async || {
        let workload = story.get(kind, name).await?;
        ensure!(restarted_at(&workload).is_some(), "it is not: {}", workload["spec"]["template"]["metadata"]);
        Ok(workload)
    })
    .await
}

#[tokio::test]
async fn workloads_are_restarted_when_the_content_changes_and_not_before() -> Result<()> {
    let story = story_with_app("restarts").await?;
    for (kind, name) in
        [("Deployment", "web"), ("StatefulSet", "db"), ("DaemonSet", "agent"), ("Deployment", "other")]
    {
        story.create(&manifests::workload(kind, name)).await?;
    }
    let targets = json!([
        { "kind": "Deployment", "name": "web" },
        { "kind": "StatefulSet", "selector": { "matchLabels": { "app": "db" } } },
        { "kind": "DaemonSet", "name": "agent" },
    ]);
    let restart = json!({ "restart": { "targets": targets, "debounce": "1s", "minInterval": "5s" } });
    story.create(&manifests::sync_policy("policy", &["app"], &restart)).await?;
    story.secret_with("app", &[("password", "one")]).await?;
    told(&story, "policy", "TargetsRestarted", ["True", "UpToDate"]).await?;
    told(&story, "policy", "Accepted", ["True", "Accepted"]).await?;
    // Neither the first content nor a change of metadata is a reason.
    let annotation = json!({ "metadata": { "annotations": { "note": "new" } } });
    story.patch(Kind::ExternalSecret, "app", &annotation).await?;
    story.refreshed("app", 4).await?;
    assert_eq!(restarted_at(&story.get(Kind::Deployment, "web").await?), None);

    story.write("app", &json!({ "password": "two" })).await?;
    let web = restarted(&story, Kind::Deployment, "web").await?;
    restarted(&story, Kind::StatefulSet, "db").await?;
    restarted(&story, Kind::DaemonSet, "agent").await?;
    story.secret_with("app", &[("password", "two")]).await?;
    let event = story.event("app", "RolloutRestarted").await?;
    assert_eq!(event.class, "Normal");
    for named in [r#"Secret "app""#, r#"Deployment "web""#, r#"StatefulSet "db""#, r#"DaemonSet "agent""#] {
        assert!(event.message.contains(named), "{event:?}");
    }
    let managers = web["metadata"]["managedFields"].as_array().context("no managed fields")?;
    let ours =
        managers.iter().find(|it| it["manager"] == "strongroom-restart").context("no manager of ours")?;
    let annotation = format!("f:{ANNOTATION}");
    let owned = json!({ "f:spec": { "f:template": { "f:metadata": { "f:annotations": { ".": {}, annotation: {} } } } } });
    assert_eq!(ours["fieldsV1"], owned);

    // Silence from then on, and nothing for who is no target.
    story.refreshed("app", 6).await?;
    assert_eq!(restarted_at(&story.get(Kind::Deployment, "web").await?), restarted_at(&web));
    assert_eq!(restarted_at(&story.get(Kind::Deployment, "other").await?), None);
    let events = story.events(Kind::ExternalSecret, "app").await?;
    assert_eq!(occurrences(&events, "RolloutRestarted"), 1, "{events:?}");
    let policy = story.get(Kind::SyncPolicy, "policy").await?;
    assert!(!policy.to_string().contains("password"), "{policy:#}");
    story.end().await
}

#[tokio::test]
async fn a_rollback_is_left_alone() -> Result<()> {
    let story = story_with_app("rollback").await?;
    let web = story.create(&manifests::workload("Deployment", "web")).await?;
    let restart = json!({ "restart": { "targets": [{ "kind": "Deployment", "name": "web" }], "debounce": "500ms", "minInterval": "1s" } });
    story.create(&manifests::sync_policy("policy", &["app"], &restart)).await?;
    story.secret_with("app", &[("password", "one")]).await?;
    told(&story, "policy", "TargetsRestarted", ["True", "UpToDate"]).await?;
    story.write("app", &json!({ "password": "two" })).await?;
    restarted(&story, Kind::Deployment, "web").await?;
    // What `kubectl rollout undo` does: the template of the revision before, as a whole.
    let undo = json!([{ "op": "replace", "path": "/spec/template", "value": web["spec"]["template"] }]);
    story.cluster.patch_by_operations(Kind::Deployment, &story.namespace, "web", &undo).await?;
    story.refreshed("app", 5).await?;
    assert_eq!(restarted_at(&story.get(Kind::Deployment, "web").await?), None, "the rollback stands");
    story.write("app", &json!({ "password": "three" })).await?;
    restarted(&story, Kind::Deployment, "web").await?;
    story.end().await
}

#[tokio::test]
async fn a_rollout_of_argo_is_restarted_through_its_own_field() -> Result<()> {
    let story = story_with_app("argo").await?;
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "rollouts.argoproj.io" },
        "spec": {
            "group": "argoproj.io", "scope": "Namespaced",
            "names": { "kind": "Rollout", "listKind": "RolloutList", "plural": "rollouts", "singular": "rollout" },
            "versions": [{ "name": "v1alpha1", "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }],
        },
    });
    kubectl_apply(&story, "definition", &definition).await?;
    let rollout = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": { "name": "canary", "namespace": story.namespace }, "spec": { "replicas": 1 },
    });
    kubectl_apply(&story, "rollout", &rollout).await?;
    let restart =
        json!({ "restart": { "targets": [{ "kind": "Rollout", "name": "canary" }], "debounce": "500ms" } });
    story.create(&manifests::sync_policy("policy", &["app"], &restart)).await?;
    story.secret_with("app", &[("password", "one")]).await?;
    told(&story, "policy", "TargetsRestarted", ["True", "UpToDate"]).await?;
    story.write("app", &json!({ "password": "two" })).await?;
    let arguments = ["get", "rollouts.argoproj.io/canary", "--namespace", &story.namespace, "--output=json"];
    let spec = soon("the Rollout to be restarted", async || {
        let (good, object, said) = story.cluster.kubectl(&arguments).await?;
        ensure!(good, "{said}");
        let object: Value = serde_json::from_str(&object)?;
        ensure!(object["spec"]["restartAt"].is_string(), "{}", object["spec"]);
        Ok(object["spec"].clone())
    })
    .await?;
    assert_eq!(spec["template"], Value::Null, "{spec}");
    story.end().await
}

async fn kubectl_apply(story: &Story, name: &str, manifest: &Value) -> Result<()> {
    let path = story.testbed.run_dir.join(format!("{}-{name}.json", story.namespace));
    std::fs::write(&path, manifest.to_string())?;
    soon(&format!("{name} to be applied"), async || {
        let path = path.to_string_lossy();
        let (good, _, said) = story.cluster.kubectl(&["apply", "--filename", &path]).await?;
        ensure!(good, "{said}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_missing_workload_is_told_and_holds_up_neither_the_sync_nor_the_other_targets() -> Result<()> {
    let story = story_with_app("restarts-missing").await?;
    story.create(&manifests::workload("Deployment", "web")).await?;
    let targets =
        json!([{ "kind": "Deployment", "name": "absent" }, { "kind": "Deployment", "name": "web" }]);
    let restart = json!({ "restart": { "targets": targets, "debounce": "500ms" } });
    story.create(&manifests::sync_policy("policy", &["app"], &restart)).await?;
    story.secret_with("app", &[("password", "one")]).await?;
    let message = told(&story, "policy", "TargetsRestarted", ["False", "WorkloadNotFound"]).await?;
    assert_eq!(message, r#"there is no Deployment "absent""#);
    story.write("app", &json!({ "password": "two" })).await?;
    story.secret_with("app", &[("password", "two")]).await?;
    restarted(&story, Kind::Deployment, "web").await?;
    // Who comes later has the content.
    sleep(Duration::from_secs(2)).await;
    story.create(&manifests::workload("Deployment", "absent")).await?;
    told(&story, "policy", "TargetsRestarted", ["True", "UpToDate"]).await?;
    assert_eq!(restarted_at(&story.get(Kind::Deployment, "absent").await?), None);
    story.end().await
}
