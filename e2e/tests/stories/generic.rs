//! Targets that are not Secrets: a ConfigMap and a custom kind, written, restored, merged and left alone.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    observed::{ready, resource_version},
    story::Story,
    wait::soon,
};

const SWITCH: &str = "--unsafe-allow-generic-targets";

fn config_map(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } })
}

fn into(api_version: &str, kind: &str, template: Value) -> Value {
    let template = Some(template).filter(|template| !template.is_null());
    let mut target = json!({ "manifest": { "apiVersion": api_version, "kind": kind } });
    if let Some(template) = template {
        target["template"] = template;
    }
    target
}

async fn holds(story: &Story, name: &str, data: &Value) -> Result<Value> {
    soon(&format!("ConfigMap {name} to hold {data}"), async || {
        let object = story.get(Kind::ConfigMap, name).await?;
        ensure!(object["data"] == *data, "it holds {}", object["data"]);
        Ok(object)
    })
    .await
}

#[tokio::test]
async fn a_generic_target_needs_the_switch() -> Result<()> {
    let story = Story::begin("generic-off").await?;
    story.token_store().await?;
    story.write("app", &json!({ "host": "db" })).await?;
    let app = ExternalSecret::from_store("app", "store").extracts(&story.key("app"));
    story.external_secret(app.target(into("v1", "ConfigMap", Value::Null))).await?;
    let condition = story.failed(Kind::ExternalSecret, "app").await?;
    assert_eq!(condition.reason, "SecretSyncedError");
    assert!(condition.message.starts_with("invalid generic target: "), "{}", condition.message);
    let event = story.event("app", "UpdateFailed").await?;
    assert!(event.message.contains("Enable with --unsafe-allow-generic-targets flag"), "{}", event.message);
    assert!(story.cluster.find(Kind::ConfigMap, &story.namespace, "app").await?.is_none());
    story.end().await
}

#[tokio::test]
async fn a_config_map_is_written_restored_and_left_alone_while_in_step() -> Result<()> {
    let story = Story::begin_alone("generic-config-map").await?;
    let controller = story.controller_with("only", &[SWITCH]).await?;
    story.token_store().await?;
    story.write("app", &json!({ "host": "db", "port": "5432" })).await?;
    let app = ExternalSecret::from_store("app", "store").every("1s").extracts(&story.key("app"));
    story.external_secret(app.target(into("v1", "ConfigMap", Value::Null))).await?;
    let data = json!({ "host": "db", "port": "5432" });
    let made = holds(&story, "app", &data).await?;
    assert_eq!(made["metadata"]["labels"]["reconcile.external-secrets.io/managed"], "true");
    assert_eq!(made["metadata"]["ownerReferences"][0]["kind"], "ExternalSecret");
    let object = story.synced("app").await?;
    assert_eq!(ready(&object)?.reason, "ResourceSynced");
    assert_eq!(object["status"]["binding"], Value::Null);
    assert_eq!(story.event("app", "Created").await?.message, "Created ConfigMap app");

    story.refreshed("app", 2).await?;
    let later = story.get(Kind::ConfigMap, "app").await?;
    assert_eq!(resource_version(&later), resource_version(&made), "nothing changed, nothing is written");

    story.patch(Kind::ConfigMap, "app", &json!({ "data": { "host": "spoiled", "more": "x" } })).await?;
    holds(&story, "app", &data).await?;
    story.delete(Kind::ConfigMap, "app").await?;
    holds(&story, "app", &data).await?;

    story.delete(Kind::ExternalSecret, "app").await?;
    story.gone(Kind::ConfigMap, "app").await?;
    drop(controller);
    story.end().await
}

#[tokio::test]
async fn merging_adds_to_a_config_map_of_others() -> Result<()> {
    let story = Story::begin_alone("generic-merge").await?;
    let controller = story.controller_with("only", &[SWITCH]).await?;
    story.token_store().await?;
    let mut theirs = config_map("theirs");
    theirs["data"] = json!({ "kept": "yes", "host": "old" });
    story.create(&theirs).await?;
    story.write("app", &json!({ "host": "db" })).await?;
    let mut target = into("v1", "ConfigMap", json!({ "data": { "host": "{{ .host }}.example.test" } }));
    target["name"] = json!("theirs");
    target["creationPolicy"] = json!("Merge");
    let app = ExternalSecret::from_store("app", "store").extracts(&story.key("app"));
    story.external_secret(app.target(target)).await?;
    let made = holds(&story, "theirs", &json!({ "kept": "yes", "host": "db.example.test" })).await?;
    assert_eq!(made["metadata"]["ownerReferences"], Value::Null);
    drop(controller);
    story.end().await
}

#[tokio::test]
async fn values_go_to_paths_of_a_custom_kind_with_their_types() -> Result<()> {
    let story = Story::begin_alone("generic-paths").await?;
    let controller = story.controller_with("only", &[SWITCH]).await?;
    story.token_store().await?;
    story.create(&manifests::secret("unused", "k", "v")).await?;
    story.write("net", &json!({ "app": "web", "port": "8443" })).await?;
    let template = json!({ "templateFrom": [
        { "target": "spec", "literal": "podSelector:\n  matchLabels:\n    app: {{ .app }}\n" },
        { "target": "spec.ingress[0].ports[0]", "literal": "protocol: TCP\nport: {{ .port }}\n" },
        { "target": "Labels", "literal": "team: {{ .app }}-team" },
    ] });
    let net = ExternalSecret::from_store("net", "store").every("1s").extracts(&story.key("net"));
    story.external_secret(net.target(into("networking.k8s.io/v1", "NetworkPolicy", template))).await?;
    story.synced("net").await?;
    let read = async || -> Result<Value> {
        let (ok, text, errors) = story
            .cluster
            .kubectl(&["get", "networkpolicy", "net", "-n", &story.namespace, "-o", "json"])
            .await?;
        ensure!(ok, "{errors}");
        Ok(serde_json::from_str(&text)?)
    };
    let made = read().await?;
    assert_eq!(made["spec"]["podSelector"]["matchLabels"]["app"], "web");
    assert_eq!(made["spec"]["ingress"][0]["ports"][0], json!({ "protocol": "TCP", "port": 8443 }));
    assert_eq!(made["metadata"]["labels"]["team"], "web-team");
    // The API server adds what is not said; that must not look like somebody else's change.
    assert_ne!(made["spec"]["policyTypes"], Value::Null);
    story.refreshed("net", 2).await?;
    assert_eq!(resource_version(&read().await?), resource_version(&made));
    drop(controller);
    story.end().await
}
