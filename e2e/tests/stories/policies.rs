//! What an ExternalSecret and a store promise beside the data: who may edit what, what stays, how often is looked.

use anyhow::{Result, ensure};
use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    observed::{metadata_map, resource_version},
    story::{STORE, Story},
    wait::soon,
};

/// Two entries, so that an edit has something to ask for.
async fn story_with_app(title: &str) -> Result<Story> {
    let story = Story::begin(title).await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    story.write("other", &json!({ "password": "other" })).await?;
    Ok(story)
}

fn force(value: &str) -> Value {
    json!({ "metadata": { "annotations": { "force-sync": value } } })
}

#[tokio::test]
async fn created_once_heeds_neither_edits_nor_forced_syncs_and_replaces_what_is_deleted() -> Result<()> {
    let story = story_with_app("created-once").await?;
    let mut manifest =
        ExternalSecret::from_store("app", STORE).every("1s").extracts(&story.key("app")).manifest();
    manifest["spec"]["refreshPolicy"] = "CreatedOnce".into();
    story.create(&manifest).await?;
    let before = story.secret_with("app", &[("password", "one")]).await?;
    story.synced("app").await?;

    story.write("app", &json!({ "password": "two" })).await?;
    story.patch(Kind::ExternalSecret, "app", &force("1")).await?;
    let edit = json!({ "spec": { "dataFrom": [{ "extract": { "key": story.key("other") } }] } });
    let edited = story.patch(Kind::ExternalSecret, "app", &edit).await?;
    // A witness that is created later and synced shows that the controller has had time to do otherwise.
    let witness = ExternalSecret::from_store("witness", STORE).every("1s").extracts(&story.key("app"));
    story.external_secret(witness).await?;
    story.refreshed("witness", 3).await?;
    let app = story.get(Kind::ExternalSecret, "app").await?;
    assert_eq!(app["metadata"]["generation"], edited["metadata"]["generation"]);
    assert_eq!(app["status"]["observedGeneration"], app["metadata"]["generation"], "it was seen");
    let after = story.secret_with("app", &[("password", "one")]).await?;
    assert_eq!(resource_version(&after), resource_version(&before));

    story.delete(Kind::Secret, "app").await?;
    story.secret_with("app", &[("password", "other")]).await?;
    story.end().await
}

#[tokio::test]
async fn foreign_metadata_stays_and_finalizers_of_a_template_are_set() -> Result<()> {
    let story = story_with_app("foreign-metadata").await?;
    let template =
        json!({ "metadata": { "labels": { "ours": "1" }, "finalizers": ["e2e.strongroom.dev/held"] } });
    let app = ExternalSecret::from_store("app", STORE).extracts(&story.key("app"));
    story.external_secret(app.target(json!({ "template": template }))).await?;
    let secret = story.secret_with("app", &[("password", "one")]).await?;
    assert_eq!(secret["metadata"]["finalizers"], json!(["e2e.strongroom.dev/held"]));

    let foreign = json!({ "metadata": {
        "labels": { "foreign": "label" }, "annotations": { "foreign": "annotation" },
        "finalizers": ["e2e.strongroom.dev/held", "e2e.strongroom.dev/foreign"],
    } });
    story.patch(Kind::Secret, "app", &foreign).await?;
    story.write("app", &json!({ "password": "two" })).await?;
    story.patch(Kind::ExternalSecret, "app", &force("1")).await?;
    let secret = story.secret_with("app", &[("password", "two")]).await?;
    let (labels, annotations) = (metadata_map(&secret, "labels"), metadata_map(&secret, "annotations"));
    assert_eq!(labels.get("foreign").map(String::as_str), Some("label"), "{labels:?}");
    assert_eq!(labels.get("ours").map(String::as_str), Some("1"), "{labels:?}");
    assert_eq!(annotations.get("foreign").map(String::as_str), Some("annotation"), "{annotations:?}");
    let finalizers = json!(["e2e.strongroom.dev/held", "e2e.strongroom.dev/foreign"]);
    assert_eq!(secret["metadata"]["finalizers"], finalizers);

    // So that the namespace can go.
    story.delete(Kind::ExternalSecret, "app").await?;
    story.patch(Kind::Secret, "app", &json!({ "metadata": { "finalizers": null } })).await?;
    story.end().await
}

/// Each store has a token of its own, so that Vault's audit log tells whose check it was.
#[tokio::test]
async fn a_store_is_checked_at_its_own_interval_be_it_a_number_or_a_duration() -> Result<()> {
    let story = Story::begin_patient("store-interval").await?;
    let vault = story.vault_audit()?;
    for (name, interval) in [("seconds", json!(2)), ("duration", json!("2s")), ("usual", Value::Null)] {
        let display_name = format!("{}-{name}", story.namespace);
        let wanted = json!({ "policies": ["root"], "ttl": "1h", "display_name": display_name });
        let made = story.vault.request(Method::POST, "auth/token/create", Some(&wanted)).await?;
        let token = made["auth"]["client_token"].as_str().unwrap_or_default();
        story.create(&manifests::secret(name, "token", token)).await?;
        let provider = manifests::vault_v2(story.vault.address(), "secret", &manifests::token_login(name));
        let mut manifest = manifests::secret_store(name, &story.class, &provider);
        if !interval.is_null() {
            manifest["spec"]["refreshInterval"] = interval;
        }
        story.create(&manifest).await?;
        story.store_ready(Kind::SecretStore, name).await?;
    }
    let checks = |name: &str| -> Result<usize> {
        let who = format!("token-{}-{name}", story.namespace);
        let requests = vault.vault_requests()?;
        let looks = requests.iter().filter(|request| request.path == "auth/token/lookup-self");
        Ok(looks.filter(|request| request.display_name == who).count())
    };
    let usual = checks("usual")?;
    for name in ["seconds", "duration"] {
        let before = checks(name)?;
        assert!(before > 0, "{name}: no check is seen");
        soon(&format!("store {name} to be checked again and again"), async || {
            let times = checks(name)? - before;
            ensure!(times >= 3, "{times} checks were seen");
            Ok(())
        })
        .await?;
    }
    assert_eq!(checks("usual")?, usual, "the usual interval is five minutes");
    story.end().await
}
