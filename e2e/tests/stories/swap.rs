//! Our controller takes over from upstream's: everything is as upstream left it, byte for byte, and stays so; what upstream
//! wrote is still known to be ours to take away.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use strongroom_e2e::{
    audit::AuditLog,
    cluster::Kind,
    controller::Controller,
    expected::{self, CREATED_BY, DATA_HASH, FINALIZER, MANAGED},
    manifests::{self, ExternalSecret, secret_store},
    observed::{metadata_map, refresh_time, resource_version, text_data},
    story::{STORE, Story, TOKEN_SECRET},
    wait::soon,
};

/// A refresh of an hour ago is due, one of this moment is not.
const OVERDUE: &str = "2020-01-01T00:00:00Z";

/// One ExternalSecret as users write it, and whose its Secret is.
struct Kept {
    name: &'static str,
    target: Value,
    spec: Value,
}

fn kept(name: &'static str, target: Value) -> Kept {
    Kept { name, target, spec: json!({}) }
}

fn all() -> Vec<Kept> {
    let once = json!({ "refreshPolicy": "CreatedOnce" });
    vec![
        kept("owner", json!({})),
        kept("a-name-that-is-longer-than-a-field-manager-may-be", json!({})),
        kept("renamed", json!({ "name": "another-name" })),
        kept("orphan", json!({ "creationPolicy": "Orphan" })),
        kept("merge", json!({ "creationPolicy": "Merge" })),
        kept("create-or-merge", json!({ "creationPolicy": "CreateOrMerge" })),
        kept("delete", json!({ "deletionPolicy": "Delete" })),
        kept("immutable", json!({ "immutable": true })),
        Kept { spec: once, ..kept("once", json!({})) },
        Kept { spec: json!({ "refreshInterval": "0" }), ..kept("zero", json!({})) },
    ]
}

impl Kept {
    fn policy(&self) -> &str {
        self.target["creationPolicy"].as_str().unwrap_or("Owner")
    }

    fn merges(&self) -> bool {
        self.policy().contains("Merge")
    }

    fn secret(&self) -> &str {
        self.target["name"].as_str().unwrap_or(self.name)
    }

    /// Whether a refresh that is overdue is made.
    fn is_periodic(&self) -> bool {
        !["once", "zero"].contains(&self.name)
    }
}

/// While everything is fresh, nothing is written, and nothing is read from the store.
#[tokio::test]
async fn what_upstream_left_fresh_is_left_alone() -> Result<()> {
    let story = Story::begin_alone("swap-fresh").await?;
    let now = now(&story).await?;
    let before = leave_as_upstream(&story, &now).await?;
    let (api, vault) = (story.api_audit()?, story.vault_audit()?);
    let controller = story.controller("ours").await?;
    witness(&story).await?;

    assert_eq!(versions(&story).await?, before);
    assert_wrote_nothing(
        &story,
        &controller,
        &api,
        &["secrets", "externalsecrets", "externalsecrets/status"],
    )
    .await?;
    assert_wrote_nothing(&story, &controller, &api, &["secretstores", "secretstores/status"]).await?;
    let reads = vault.vault_requests()?;
    let reads: Vec<_> = reads.iter().filter(|request| request.path.ends_with(&story.key("app"))).collect();
    assert!(reads.is_empty(), "{reads:?}");
    drop(controller);
    story.end().await
}

/// When everything is due, it is refreshed, and no Secret is written; then what upstream wrote is taken away by us.
#[tokio::test]
async fn what_upstream_left_overdue_is_refreshed_without_a_write_to_a_secret() -> Result<()> {
    let story = Story::begin_alone("swap-due").await?;
    let before = leave_as_upstream(&story, OVERDUE).await?;
    let api = story.api_audit()?;
    let controller = story.controller("ours").await?;
    witness(&story).await?;
    for kept in all() {
        soon(&format!("{} to be refreshed, or not", kept.name), async || {
            let time = refresh_time(&story.get(Kind::ExternalSecret, kept.name).await?);
            ensure!((time == OVERDUE) != kept.is_periodic(), "refreshTime is {time}");
            Ok(())
        })
        .await?;
    }
    let after = versions(&story).await?;
    for (name, versions) in &before {
        assert_eq!(after[name].1, versions.1, "the Secret of {name} was written");
    }
    assert_wrote_nothing(&story, &controller, &api, &["secrets"]).await?;

    stale_keys_and_labels_go(&story).await?;
    deletions_are_carried_out(&story).await?;
    drop(controller);
    story.end().await
}

/// The field managers of upstream tell what is ours: keys and labels that nobody wants any more go, foreign ones stay.
async fn stale_keys_and_labels_go(story: &Story) -> Result<()> {
    for name in ["owner", "merge", "a-name-that-is-longer-than-a-field-manager-may-be"] {
        let change = json!({
            "metadata": { "labels": { "stale": null } },
            "spec": { "data": [{ "secretKey": "kept", "remoteRef": { "key": story.key("app"), "property": "kept" } }] },
        });
        story.patch(Kind::ExternalSecret, name, &change).await?;
        let mut expected = vec![("kept", "one")];
        if name == "merge" {
            expected.push(("foreign", "theirs"));
        }
        let secret = story.secret_with(name, &expected).await?;
        assert!(!metadata_map(&secret, "labels").contains_key("stale"), "{name}: {secret}");
        assert_eq!(metadata_map(&secret, "labels").get("app").map(String::as_str), Some("web"), "{name}");
        assert_eq!(secret["metadata"]["labels"][MANAGED], "true");
    }
    Ok(())
}

/// Upstream puts its finalizer on every ExternalSecret. It holds up no deletion, and each Secret goes or stays by policy.
async fn deletions_are_carried_out(story: &Story) -> Result<()> {
    for kept in all() {
        story.delete(Kind::ExternalSecret, kept.name).await?;
        story.gone(Kind::ExternalSecret, kept.name).await?;
        if kept.policy() == "Owner" {
            story.gone(Kind::Secret, kept.secret()).await?;
        }
    }
    for kept in all().iter().filter(|kept| kept.policy() != "Owner") {
        story.get(Kind::Secret, kept.secret()).await?;
    }
    Ok(())
}

/// Makes everything as upstream leaves it after a sync at `time`, and gives the versions of each ExternalSecret and its
/// Secret. No controller looks after it meanwhile.
async fn leave_as_upstream(story: &Story, time: &str) -> Result<BTreeMap<String, (String, String)>> {
    story.write("app", &json!({ "kept": "one", "stale": "two" })).await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", story.vault.token())).await?;
    let login = manifests::token_login(TOKEN_SECRET);
    let provider = manifests::vault_v2(story.vault.address(), "secret", &login);
    story.create(&secret_store(STORE, &story.class, &provider)).await?;
    let ready = |reason: &str, message: &str| json!([{ "type": "Ready", "status": "True", "reason": reason, "message": message, "lastTransitionTime": time }]);
    let status = json!({ "capabilities": "ReadWrite", "conditions": ready("Valid", "store validated") });
    story.cluster.patch_status(Kind::SecretStore, &story.namespace, STORE, &status).await?;
    for kept in all() {
        let object = user_writes(story, &kept).await?;
        upstream_writes_secret(story, &kept, &object).await?;
        let mut status = json!({
            "refreshTime": time,
            "syncedResourceVersion": expected::synced_resource_version(&object),
            "conditions": ready("SecretSynced", "secret synced"),
            "binding": { "name": kept.secret() },
        });
        if kept.policy() == "None" {
            status["binding"] = Value::Null;
        }
        story.cluster.patch_status(Kind::ExternalSecret, &story.namespace, kept.name, &status).await?;
    }
    versions(story).await
}

/// The user's manifest; upstream's finalizer is added as upstream does.
async fn user_writes(story: &Story, kept: &Kept) -> Result<Value> {
    let mut manifest = ExternalSecret::from_store(kept.name, STORE)
        .takes("kept", &story.key("app"), "kept")
        .takes("stale", &story.key("app"), "stale")
        .labels(json!({ "app": "web", "stale": "label" }))
        .annotations(json!({ "note": "copied" }))
        .target(kept.target.clone())
        .manifest();
    for (field, value) in kept.spec.as_object().into_iter().flatten() {
        manifest["spec"][field] = value.clone();
    }
    story.create(&manifest).await?;
    let finalizer = json!({ "metadata": { "finalizers": [FINALIZER] } });
    story.patch(Kind::ExternalSecret, kept.name, &finalizer).await
}

/// The Secret, under upstream's field manager.
async fn upstream_writes_secret(story: &Story, kept: &Kept, object: &Value) -> Result<()> {
    let manager = expected::field_manager(kept.name);
    let mut data = BTreeMap::from([("kept", "one"), ("stale", "two")]);
    if kept.merges() {
        let foreign = manifests::secret(kept.secret(), "foreign", "theirs");
        story.cluster.create_as(&story.namespace, &foreign, "somebody-else").await?;
        data.insert("foreign", "theirs");
    }
    let hash = expected::data_hash(data.iter().map(|(key, value)| (*key, value.as_bytes())));
    let mut secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": kept.secret(),
            "labels": { "app": "web", "stale": "label", MANAGED: "true" },
            "annotations": { "note": "copied", DATA_HASH: hash },
        },
        "type": "Opaque",
        "data": { "kept": STANDARD.encode("one"), "stale": STANDARD.encode("two") },
    });
    if kept.policy() == "Owner" {
        secret["metadata"]["labels"][CREATED_BY] = expected::created_by(&story.namespace, kept.name).into();
        secret["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "name": kept.name,
            "uid": object["metadata"]["uid"],
            "controller": true,
            "blockOwnerDeletion": true,
        }]);
    }
    if kept.target["immutable"] == true {
        secret["immutable"] = true.into();
    }
    if kept.merges() {
        let cluster = &story.cluster;
        cluster.patch_as(Kind::Secret, &story.namespace, kept.secret(), &secret, &manager).await?;
    } else {
        story.cluster.create_as(&story.namespace, &secret, &manager).await?;
    }
    Ok(())
}

/// Versions of each ExternalSecret and of its Secret.
async fn versions(story: &Story) -> Result<BTreeMap<String, (String, String)>> {
    let mut versions = BTreeMap::new();
    for kept in all() {
        let object = resource_version(&story.get(Kind::ExternalSecret, kept.name).await?);
        let secret = story.get(Kind::Secret, kept.secret()).await?;
        assert_eq!(text_data(&secret)?["kept"], "one");
        versions.insert(kept.name.to_owned(), (object, resource_version(&secret)));
    }
    Ok(versions)
}

/// An object of the new time: when it has been refreshed a few times, the controller has seen everything else.
async fn witness(story: &Story) -> Result<()> {
    story.write("witness", &json!({ "password": "one" })).await?;
    let witness = ExternalSecret::from_store("witness", STORE).every("1s").extracts(&story.key("witness"));
    story.external_secret(witness).await?;
    story.synced("witness").await?;
    story.refreshed("witness", 3).await
}

async fn assert_wrote_nothing(
    story: &Story,
    controller: &Controller,
    api: &AuditLog,
    resources: &[&str],
) -> Result<()> {
    let requests = api.api_requests(&story.cluster, &story.namespace).await?;
    let writes: Vec<_> = requests
        .iter()
        .filter(|request| request.user == controller.user && request.writes())
        .filter(|request| request.namespace == story.namespace && request.name != "witness")
        // A creation is not named in the log; the only one is the witness's Secret.
        .filter(|request| resources.contains(&request.resource.as_str()) && request.verb != "create")
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
    let created = requests.iter().filter(|request| {
        request.user == controller.user && request.resource == "secrets" && request.verb == "create"
    });
    assert_eq!(created.count(), 1, "one Secret is new");
    Ok(())
}

/// The time by the cluster's clock.
async fn now(story: &Story) -> Result<String> {
    let namespace = story.cluster.get(Kind::Namespace, "", &story.namespace).await?;
    let created = namespace["metadata"]["creationTimestamp"].as_str();
    Ok(created.context("a namespace without a time")?.to_owned())
}
