//! Custom resources as a store: read as a ServiceAccount that may, and no more of them than the store's whitelist lets
//! through.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret, cluster_secret_store, secret_store},
    story::Story,
    wait::soon,
};

const READER: &str = "reader";
const GROUP: &str = "stores.e2e.strongroom.dev";

async fn apply(story: &Story, name: &str, manifest: &Value) -> Result<()> {
    let path = story.testbed.run_dir.join(format!("{}-{name}.json", story.namespace));
    std::fs::write(&path, manifest.to_string())?;
    soon(&format!("{name} to be applied"), async || {
        let (good, _, said) =
            story.cluster.kubectl(&["apply", "--filename", &path.to_string_lossy()]).await?;
        ensure!(good, "{said}");
        Ok(())
    })
    .await
}

/// The definition of the kind Database, which all stories of this file share, and who may read its objects here.
async fn prepare(story: &Story) -> Result<()> {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("databases.{GROUP}") },
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": { "kind": "Database", "listKind": "DatabaseList", "plural": "databases", "singular": "database" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }],
        },
    });
    apply(story, "definition", &definition).await?;
    story.create(&manifests::service_account(READER)).await?;
    let reading = json!({ "apiGroups": [GROUP], "resources": ["databases"], "verbs": ["get", "list"] });
    story
        .create(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": { "name": READER }, "rules": [reading],
        }))
        .await?;
    story
        .create(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": READER },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": READER },
            "subjects": [{ "kind": "ServiceAccount", "name": READER, "namespace": story.namespace }],
        }))
        .await?;
    Ok(())
}

async fn database(story: &Story, name: &str, spec: &Value) -> Result<()> {
    let object = json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "Database",
        "metadata": { "name": name, "namespace": story.namespace }, "spec": spec,
    });
    apply(story, name, &object).await
}

/// Settings that read Databases as [`READER`]; in a ClusterSecretStore the namespaces of references are named.
fn provider(story: &Story, cluster: bool, rules: &Value) -> Value {
    let mut account = json!({ "name": READER });
    let mut ca = json!({ "type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt" });
    if cluster {
        account["namespace"] = story.namespace.as_str().into();
        ca["namespace"] = story.namespace.as_str().into();
    }
    json!({ "crd": {
        "server": { "url": story.testbed.api_server, "caProvider": ca },
        "auth": { "serviceAccount": account },
        "resource": { "group": GROUP, "version": "v1", "kind": "Database" },
        "whitelist": { "rules": rules },
    }})
}

#[tokio::test]
async fn fields_of_a_custom_resource_become_a_secret_and_are_followed() -> Result<()> {
    let story = Story::begin("crd-store").await?;
    prepare(&story).await?;
    database(
        &story,
        "app",
        &json!({ "user": "app", "port": 5432, "login": { "password": "<one>", "tls": true } }),
    )
    .await?;
    story.create(&secret_store("databases", &story.class, &provider(&story, false, &json!([])))).await?;
    let ready = story.store_ready(Kind::SecretStore, "databases").await?;
    ensure!(ready["status"]["capabilities"] == "ReadOnly", "{}", ready["status"]);

    let values = ExternalSecret::from_store("values", "databases")
        .every("1s")
        .takes("user", "app", "spec.user")
        .takes("port", "app", "spec.port")
        .takes("login", "app", "spec.login");
    story.external_secret(values).await?;
    // What is no text keeps its JSON text, printed as Go prints it.
    let login = r#"{"password":"\u003cone\u003e","tls":true}"#;
    story.secret_with("values", &[("user", "app"), ("port", "5432"), ("login", login)]).await?;
    let extract = json!({ "extract": { "key": "app", "property": "spec.login" } });
    story.external_secret(ExternalSecret::from_store("all", "databases").source(&extract)).await?;
    story.secret_with("all", &[("password", "<one>"), ("tls", "true")]).await?;

    database(
        &story,
        "app",
        &json!({ "user": "other", "port": 5432, "login": { "password": "<one>", "tls": true } }),
    )
    .await?;
    story.secret_with("values", &[("user", "other"), ("port", "5432"), ("login", login)]).await?;

    let absent = ExternalSecret::from_store("absent", "databases").takes("user", "none", "spec.user");
    story.external_secret(absent).await?;
    let condition = story.failed(Kind::ExternalSecret, "absent").await?;
    ensure!(condition.message.contains("RemoteKeyMissing"), "{}", condition.message);
    story.end().await
}

#[tokio::test]
async fn what_the_whitelist_does_not_let_through_is_refused() -> Result<()> {
    let story = Story::begin("crd-whitelist").await?;
    prepare(&story).await?;
    for name in ["app-a", "other"] {
        database(&story, name, &json!({ "user": name, "password": "canary-3b1f" })).await?;
    }
    let rules = json!([{ "name": "^app-", "properties": [r"^spec\.user$"] }]);
    story.create(&secret_store("databases", &story.class, &provider(&story, false, &rules))).await?;
    let allowed = ExternalSecret::from_store("allowed", "databases").takes("user", "app-a", "spec.user");
    story.external_secret(allowed).await?;
    story.secret_with("allowed", &[("user", "app-a")]).await?;
    for (name, key, property) in [("property", "app-a", "spec.password"), ("object", "other", "spec.user")] {
        let refused = ExternalSecret::from_store(name, "databases").takes("v", key, property);
        story.external_secret(refused).await?;
        let condition = story.failed(Kind::ExternalSecret, name).await?;
        ensure!(condition.message.contains("AccessDenied"), "{}", condition.message);
        ensure!(condition.message.contains("whitelist"), "{}", condition.message);
        ensure!(!condition.message.contains("canary"), "{}", condition.message);
    }
    story.end().await
}

#[tokio::test]
async fn a_cluster_store_reads_the_namespaces_where_its_account_may() -> Result<()> {
    let story = Story::begin("crd-cluster").await?;
    prepare(&story).await?;
    database(&story, "app", &json!({ "user": "app" })).await?;
    let rules = json!([{ "namespace": format!("^{}$", story.namespace) }]);
    let manifest = cluster_secret_store(&story.namespace, &story.class, &provider(&story, true, &rules));
    story.create(&manifest).await?;
    // Reading everywhere is not allowed, so it cannot be told whether a key may be read.
    story.store_ready(Kind::ClusterSecretStore, &story.namespace).await?;
    let key = format!("{}/app", story.namespace);
    let app = ExternalSecret::from_cluster_store("app", &story.namespace).takes("user", &key, "spec.user");
    story.external_secret(app).await?;
    story.secret_with("app", &[("user", "app")]).await?;
    for (name, key) in [("elsewhere", "kube-system/app"), ("bare", "app")] {
        let refused =
            ExternalSecret::from_cluster_store(name, &story.namespace).takes("user", key, "spec.user");
        story.external_secret(refused).await?;
        story.failed(Kind::ExternalSecret, name).await?;
    }
    story.end().await
}
