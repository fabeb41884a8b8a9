//! What users, dashboards and scripts see of a sync beyond the values: copied metadata, field manager, columns, events.

use anyhow::Result;
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind,
    expected,
    manifests::{self, ExternalSecret},
    observed::{self, metadata_map},
    story::{STORE, Story, TOKEN_SECRET},
    wait::soon,
};

use crate::exact::{assert_synced_exactly, managers};

#[tokio::test]
async fn labels_and_annotations_of_the_external_secret_are_copied() -> Result<()> {
    let story = Story::begin("copied-metadata").await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    let app = ExternalSecret::from_store("app", "store")
        .extracts(&story.key("app"))
        .labels(json!({ "team": "blue", "app": "web" }))
        .annotations(json!({ "example.com/note": "two words" }));
    story.external_secret(app).await?;
    assert_synced_exactly(&story, "app", &[("user", "admin")]).await?;

    story.patch(Kind::Secret, "app", &json!({ "metadata": { "labels": { "by-hand": "kept" } } })).await?;
    let change = json!({ "metadata": { "labels": { "team": null, "tier": "front" } } });
    story.patch(Kind::ExternalSecret, "app", &change).await?;
    story.synced("app").await?;
    let labels = metadata_map(&story.get(Kind::Secret, "app").await?, "labels");
    assert_eq!(labels.get("team"), None, "a label taken from the ExternalSecret goes with it");
    assert_eq!(labels.get("tier").map(String::as_str), Some("front"));
    assert_eq!(labels.get("by-hand").map(String::as_str), Some("kept"), "foreign labels stay");
    story.end().await
}

#[tokio::test]
async fn a_long_name_gives_a_hashed_field_manager() -> Result<()> {
    let story = Story::begin("long-name").await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    let name = "a-name-of-more-than-thirty-letters";
    story.external_secret(ExternalSecret::from_store(name, "store").extracts(&story.key("app"))).await?;
    assert_synced_exactly(&story, name, &[("user", "admin")]).await?;
    let managers = managers(&story.get(Kind::Secret, name).await?)?;
    assert_eq!(
        managers,
        [format!("externalsecrets.external-secrets.io/sha3/{} Update", expected::hash(name))]
    );
    story.end().await
}

#[tokio::test]
async fn the_target_may_have_another_name() -> Result<()> {
    let story = Story::begin("target-name").await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    let app = ExternalSecret::from_store("app", "store")
        .extracts(&story.key("app"))
        .target(json!({ "name": "renamed" }));
    story.external_secret(app).await?;
    let object = story.synced("app").await?;
    assert_eq!(object["status"]["binding"], json!({ "name": "renamed" }));
    let secret = story.secret_with("renamed", &[("user", "admin")]).await?;
    assert_eq!(secret["metadata"]["ownerReferences"][0]["name"], "app");
    assert!(story.cluster.find(Kind::Secret, &story.namespace, "app").await?.is_none());
    story.end().await
}

#[tokio::test]
async fn kubectl_shows_the_usual_columns() -> Result<()> {
    let story = Story::begin("columns").await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    story.external_secret(ExternalSecret::from_store("app", "store").extracts(&story.key("app"))).await?;
    story.synced("app").await?;

    let (header, row) = table(&story, "es").await?;
    let columns = ["NAME", "STORETYPE", "STORE", "REFRESH INTERVAL", "STATUS", "READY", "LAST SYNC"];
    assert_eq!(header, columns);
    assert_eq!(row[..6], ["app", "SecretStore", "store", "1h", "SecretSynced", "True"]);
    let (header, row) = table(&story, "ss").await?;
    assert_eq!(header, ["NAME", "AGE", "STATUS", "CAPABILITIES", "READY"]);
    assert_eq!(
        (row[0].as_str(), &row[2..]),
        ("store", ["Valid", "ReadWrite", "True"].map(str::to_owned).as_slice())
    );
    story.end().await
}

#[tokio::test]
async fn a_valid_store_says_so_in_an_event() -> Result<()> {
    let story = Story::begin("store-event").await?;
    story.token_store().await?;
    assert_says_valid(&story, Kind::SecretStore, STORE, "secret-store").await?;

    let auth = manifests::referring_to(manifests::token_login(TOKEN_SECRET), &story.namespace);
    let provider = manifests::vault_v2(story.vault.address(), "secret", &auth);
    story.create(&manifests::cluster_secret_store(&story.namespace, &story.class, &provider)).await?;
    assert_says_valid(&story, Kind::ClusterSecretStore, &story.namespace, "cluster-secret-store").await?;
    story.end().await
}

#[tokio::test]
async fn an_object_of_a_foreign_controller_class_is_left_alone() -> Result<()> {
    let mut story = Story::begin("foreign-class").await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    "somebody-else".clone_into(&mut story.class);
    let provider =
        manifests::vault_v2(story.vault.address(), "secret", &manifests::token_login(TOKEN_SECRET));
    story.create(&manifests::secret_store("foreign", &story.class, &provider)).await?;
    story
        .external_secret(ExternalSecret::from_store("ignored", "foreign").extracts(&story.key("app")))
        .await?;
    // By the time a younger object has been refreshed thrice, an older one would have been looked at.
    let witness = ExternalSecret::from_store("witness", "store").every("1s").extracts(&story.key("app"));
    story.external_secret(witness).await?;
    story.synced("witness").await?;
    story.refreshed("witness", 3).await?;
    for (kind, name) in [(Kind::SecretStore, "foreign"), (Kind::ExternalSecret, "ignored")] {
        assert_eq!(story.get(kind, name).await?["status"]["conditions"], json!(null), "{name}");
        assert_eq!(observed::occurrences(&story.events(kind, name).await?, "Valid"), 0);
    }
    assert!(story.cluster.find(Kind::Secret, &story.namespace, "ignored").await?.is_none());
    story.end().await
}

async fn assert_says_valid(story: &Story, kind: Kind, name: &str, component: &str) -> Result<()> {
    let event = soon("an event about the store", async || {
        let events = story.events(kind, name).await?;
        let valid = events.iter().find(|event| event.reason == "Valid").cloned();
        valid.ok_or_else(|| anyhow::anyhow!("there are only {events:?}"))
    })
    .await?;
    assert_eq!((event.class.as_str(), event.message.as_str()), ("Normal", "store validated"));
    assert_eq!(event.component, component);
    Ok(())
}

/// The header and the first row of `kubectl get`. Columns are at least three spaces apart, their names hold single ones.
async fn table(story: &Story, what: &str) -> Result<(Vec<String>, Vec<String>)> {
    let (succeeded, output, complaint) =
        story.cluster.kubectl(&["get", what, "-n", &story.namespace]).await?;
    assert!(succeeded, "{complaint}");
    let cells = |line: &str| {
        line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    let mut lines = output.lines().map(cells);
    Ok((lines.next().unwrap_or_default(), lines.next().unwrap_or_default()))
}
