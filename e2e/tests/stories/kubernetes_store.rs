//! Secrets of another namespace, read as a ServiceAccount that has rights there and nowhere else.

use anyhow::Result;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::{Cluster, Kind},
    manifests::{self, ExternalSecret, secret_store},
    story::Story,
};

/// The ServiceAccount that the store asks as.
pub(crate) const READER: &str = "reader";

/// Settings that read `remote` as [`READER`].
pub(crate) fn provider(story: &Story, remote: &str) -> Value {
    json!({ "kubernetes": {
        "remoteNamespace": remote,
        "server": {
            "url": story.testbed.api_server,
            "caProvider": { "type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt" },
        },
        "auth": { "serviceAccount": { "name": READER } },
    }})
}

/// A second namespace whose Secrets [`READER`] may read; gives its name.
pub(crate) async fn remote(story: &Story) -> Result<String> {
    let remote = format!("{}-remote", story.namespace);
    story.create_namespace(&remote).await?;
    story.create(&manifests::service_account(READER)).await?;
    allow_reading(&story.cluster, &remote, &story.namespace).await?;
    Ok(remote)
}

/// The [`READER`] of the namespace `home` may read the Secrets of `namespace`.
pub(crate) async fn allow_reading(cluster: &Cluster, namespace: &str, home: &str) -> Result<()> {
    let reading = json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"] });
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": { "name": READER }, "rules": [reading],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": READER },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": READER },
        "subjects": [{ "kind": "ServiceAccount", "name": READER, "namespace": home }],
    });
    for manifest in [role, binding] {
        cluster.create(namespace, &manifest).await?;
    }
    Ok(())
}

/// A Secret with labels.
pub(crate) fn labelled(name: &str, labels: &Value, data: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "labels": labels }, "stringData": data,
    })
}

#[tokio::test]
async fn secrets_of_another_namespace_are_read_found_and_followed() -> Result<()> {
    let story = Story::begin("kube-store").await?;
    let remote = remote(&story).await?;
    let config = r#"{"db":{"user":"app"}}"#;
    let data = json!({ "password": "one", "config.json": config, "config": config });
    story.cluster.create(&remote, &labelled("app", &json!({ "team": "a" }), &data)).await?;
    let other = labelled("other", &json!({ "team": "b" }), &json!({ "password": "two" }));
    story.cluster.create(&remote, &other).await?;
    story.create(&secret_store("remote", &story.class, &provider(&story, &remote))).await?;
    let ready = story.store_ready(Kind::SecretStore, "remote").await?;
    assert_eq!(ready["status"]["capabilities"], "ReadWrite");

    let labels = json!({ "key": "app", "property": "labels.team", "metadataPolicy": "Fetch" });
    let values = ExternalSecret::from_store("values", "remote")
        .takes("password", "app", "password")
        .takes("exact", "app", "config.json")
        .takes("user", "app", "config.db.user")
        .entry(&json!({ "secretKey": "team", "remoteRef": labels }));
    story.external_secret(values).await?;
    let expected = [("password", "one"), ("exact", config), ("user", "app"), ("team", "a")];
    story.secret_with("values", &expected).await?;

    story.external_secret(ExternalSecret::from_store("all", "remote").extracts("other")).await?;
    story.secret_with("all", &[("password", "two")]).await?;

    let find = json!({ "find": { "tags": { "team": "b" } } });
    story.external_secret(ExternalSecret::from_store("found", "remote").source(&find)).await?;
    story.secret_with("found", &[("other", r#"{"password":"two"}"#)]).await?;

    story
        .external_secret(ExternalSecret::from_store("fresh", "remote").every("1s").extracts("other"))
        .await?;
    let change = json!({ "stringData": { "password": "three" } });
    story.cluster.patch(Kind::Secret, &remote, "other", &change).await?;
    story.secret_with("fresh", &[("password", "three")]).await?;
    story.end().await
}

#[tokio::test]
async fn a_remote_secret_that_goes_away_takes_its_copy_with_it_where_that_is_asked_for() -> Result<()> {
    let story = Story::begin("kube-gone").await?;
    let remote = remote(&story).await?;
    story.cluster.create(&remote, &manifests::secret("app", "password", "one")).await?;
    story.create(&secret_store("remote", &story.class, &provider(&story, &remote))).await?;
    let kept = ExternalSecret::from_store("kept", "remote").every("1s").takes("password", "app", "password");
    let gone = ExternalSecret::from_store("gone", "remote")
        .every("1s")
        .takes("password", "app", "password")
        .target(json!({ "deletionPolicy": "Delete" }));
    for app in [kept, gone] {
        let name = story.external_secret(app).await?;
        story.secret_with(&name, &[("password", "one")]).await?;
    }
    story.cluster.delete(Kind::Secret, &remote, "app").await?;
    story.gone(Kind::Secret, "gone").await?;
    let condition = story.failed(Kind::ExternalSecret, "kept").await?;
    assert!(condition.message.contains("RemoteKeyMissing"), "{}", condition.message);
    story.secret_with("kept", &[("password", "one")]).await?;
    story.end().await
}

#[tokio::test]
async fn whoever_has_no_rights_there_gets_nothing_and_is_told() -> Result<()> {
    let story = Story::begin("kube-denied").await?;
    remote(&story).await?;
    // The reader may read the remote namespace, but this is the story's own.
    let elsewhere = provider(&story, &story.namespace);
    story.create(&secret_store("denied", &story.class, &elsewhere)).await?;
    let condition = story.failed(Kind::SecretStore, "denied").await?;
    assert!(condition.message.contains("not allowed to get secrets"), "{}", condition.message);
    story.end().await
}

#[tokio::test]
async fn a_kubeconfig_is_data_and_never_a_program() -> Result<()> {
    let story = Story::begin("kube-config").await?;
    let text = std::fs::read_to_string(&story.testbed.kubeconfig)?;
    let remote = remote(&story).await?;
    story.cluster.create(&remote, &manifests::secret("app", "password", "one")).await?;
    story.create(&manifests::secret("good", "kubeconfig", &text)).await?;
    let settings = |secret: &str| {
        let reference = json!({ "name": secret, "key": "kubeconfig" });
        json!({ "kubernetes": { "remoteNamespace": remote, "authRef": reference } })
    };
    story.create(&secret_store("good", &story.class, &settings("good"))).await?;
    story.external_secret(ExternalSecret::from_store("app", "good").extracts("app")).await?;
    story.secret_with("app", &[("password", "one")]).await?;

    let trace = story.testbed.run_dir.join(format!("{}-was-run", story.namespace));
    let program =
        json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": "touch", "args": [trace] });
    let evil = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        "clusters": [{ "name": "c", "cluster": { "server": story.testbed.api_server } }],
        "users": [{ "name": "u", "user": { "exec": program } }],
    });
    story.create(&manifests::secret("evil", "kubeconfig", &evil.to_string())).await?;
    story.create(&secret_store("evil", &story.class, &settings("evil"))).await?;
    let condition = story.failed(Kind::SecretStore, "evil").await?;
    assert!(condition.message.contains("exec is refused"), "{}", condition.message);
    assert!(!trace.exists(), "{} was made", trace.display());
    story.end().await
}
