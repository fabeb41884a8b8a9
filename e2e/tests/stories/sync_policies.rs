//! What a SyncPolicy may say, which of several holds, and what each tells of itself.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::{Kind, refusal},
    manifests::{self, ExternalSecret},
    story::{STORE, Story},
    wait::soon,
};

use crate::restarts::{condition, told};

fn restart(target: &str) -> Value {
    json!({ "restart": { "targets": [{ "kind": "Deployment", "name": target }] } })
}

#[tokio::test]
async fn a_policy_that_makes_no_sense_is_refused_by_its_schema() -> Result<()> {
    let story = Story::begin_patient("policy-schema").await?;
    let policy = |spec: Value| json!({ "apiVersion": "strongroom.dev/v1alpha1", "kind": "SyncPolicy", "metadata": { "name": "p" }, "spec": spec });
    let refs = json!([{ "group": "external-secrets.io", "kind": "ExternalSecret", "name": "app" }]);
    let web = json!([{ "kind": "Deployment", "name": "web" }]);
    story
        .cluster
        .admitted(&story.namespace, &policy(json!({ "selector": {}, "restart": { "targets": web } })))
        .await?;
    for (bad, names) in [
        (json!({}), "exactly one of targetRefs and selector"),
        (json!({ "targetRefs": refs, "selector": {} }), "exactly one of targetRefs and selector"),
        (
            json!({ "targetRefs": [{ "group": "", "kind": "Secret", "name": "app" }] }),
            "spec.targetRefs[0].kind",
        ),
        (json!({ "selector": {}, "restart": { "targets": [] } }), "spec.restart.targets"),
        (
            json!({ "selector": {}, "restart": { "targets": [{ "kind": "Deployment" }] } }),
            "exactly one of name and selector",
        ),
        (
            json!({ "selector": {}, "restart": { "targets": [{ "kind": "Pod", "name": "a" }] } }),
            "spec.restart.targets[0].kind",
        ),
        (
            json!({ "selector": {}, "restart": { "targets": web, "debounce": "-1s" } }),
            "spec.restart.debounce",
        ),
    ] {
        let Err(error) = story.cluster.admitted(&story.namespace, &policy(bad.clone())).await else {
            panic!("{bad} is accepted")
        };
        assert!(refusal(&error) == Some(422) && error.to_string().contains(names), "{bad}: {error}");
    }
    story.end().await
}

#[tokio::test]
async fn the_older_policy_holds_and_when_it_goes_the_younger_one_does() -> Result<()> {
    let story = Story::begin("policy-conflict").await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    story.external_secret(ExternalSecret::from_store("app", STORE).extracts(&story.key("app"))).await?;
    story.secret_with("app", &[("password", "one")]).await?;
    // Equally old ones are told apart by name; the first letters see to that, whatever the second.
    story.create(&manifests::sync_policy("a-older", &["app"], &restart("web"))).await?;
    story.create(&manifests::sync_policy("b-younger", &["app"], &restart("other"))).await?;
    let message = told(&story, "b-younger", "Conflicted", ["True", "Overruled"]).await?;
    assert_eq!(message, r#"restart of ExternalSecret "app" is said by the older SyncPolicy "a-older""#);
    told(&story, "a-older", "Accepted", ["True", "Accepted"]).await?;
    assert!(condition(&story.get(Kind::SyncPolicy, "a-older").await?, "Conflicted").is_err());
    story.delete(Kind::SyncPolicy, "a-older").await?;
    soon("the younger one to hold", async || {
        let policy = story.get(Kind::SyncPolicy, "b-younger").await?;
        ensure!(condition(&policy, "Conflicted").is_err(), "{:#}", policy["status"]);
        ensure!(policy["status"]["restart"]["secrets"][0]["name"] == "app", "{:#}", policy["status"]);
        Ok(())
    })
    .await?;
    story.end().await
}

#[tokio::test]
async fn a_target_that_does_not_exist_is_told_until_it_does() -> Result<()> {
    let story = Story::begin("policy-target").await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    story.create(&manifests::sync_policy("policy", &["app"], &restart("web"))).await?;
    let message = told(&story, "policy", "Accepted", ["False", "TargetNotFound"]).await?;
    assert_eq!(message, r#"there is no ExternalSecret "app""#);
    story.external_secret(ExternalSecret::from_store("app", STORE).extracts(&story.key("app"))).await?;
    told(&story, "policy", "Accepted", ["True", "Accepted"]).await?;
    story.end().await
}
