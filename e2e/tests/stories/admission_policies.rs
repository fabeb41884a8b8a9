//! The chart's ValidatingAdmissionPolicies refuse, when it is applied, what the controller says in a condition otherwise.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    chart::Release,
    cluster::{Kind, refusal},
    manifests::{self, ExternalSecret},
    story::{STORE, Story},
    wait::soon,
};

/// Manifests that the controller refuses, each with what the policy says about it.
fn refused(story: &Story) -> [(Value, &'static str); 5] {
    let app = || ExternalSecret::from_store("app", STORE).takes("v", "any", "v");
    let denied = || ExternalSecret::from_cluster_store("app", &story.namespace).takes("v", "any", "v");
    let elsewhere = json!({ "secretKey": "w", "remoteRef": { "key": "any" }, "sourceRef": {
        "storeRef": { "kind": "ClusterSecretStore", "name": story.namespace } } });
    let token = json!({ "type": "kubernetes.io/service-account-token",
        "metadata": { "annotations": { "kubernetes.io/service-account.name": "admin" } } });
    [
        (app().every("1 day").manifest(), "is not a duration"),
        (
            app().target(json!({ "template": { "type": "bootstrap.kubernetes.io/token" } })).manifest(),
            "is not allowed",
        ),
        (app().target(json!({ "template": token })).manifest(), "is not allowed"),
        (denied().manifest(), "denied by spec.condition"),
        (app().entry(&elsewhere).manifest(), "denied by spec.condition"),
    ]
}

/// A cluster store that lets in the namespaces of `conditions`.
async fn let_in(story: &Story, conditions: &Value) -> Result<()> {
    let change = json!({ "spec": { "conditions": conditions } });
    story.cluster.patch(Kind::ClusterSecretStore, "", &story.namespace, &change).await.map(drop)
}

#[tokio::test]
async fn policies_refuse_what_the_controller_would_refuse_and_nothing_else() -> Result<()> {
    let story = Story::begin("admission").await?;
    story.token_store().await?;
    let login = manifests::referring_to(manifests::token_login("vault-token"), &story.namespace);
    let provider = manifests::vault_v2(story.vault.address(), "secret", &login);
    let mut everywhere = manifests::cluster_secret_store(&story.namespace, &story.class, &provider);
    everywhere["spec"]["conditions"] = json!([{ "namespaces": ["elsewhere"] }]);
    story.create(&everywhere).await?;
    for (manifest, _) in refused(&story) {
        story.create(&manifest).await?;
        let condition = story.failed(Kind::ExternalSecret, "app").await?;
        ensure!(!condition.message.contains("not ready"), "{condition:?}");
        story.delete(Kind::ExternalSecret, "app").await?;
        story.gone(Kind::ExternalSecret, "app").await?;
    }

    let only_here = format!(
        r#"validatingAdmissionPolicy={{"enabled": true, "namespaceSelector": {{"matchLabels": {{"kubernetes.io/metadata.name": "{}"}}}}}}"#,
        story.namespace
    );
    let arguments = ["--show-only", "templates/admissionpolicy.yaml", "--set-json", &only_here];
    let release = Release::render(&story.testbed, &story.namespace, &story.namespace, &arguments).await?;
    release.apply(&story.cluster, &[]).await?;
    for (manifest, words) in refused(&story) {
        // A policy takes a moment to come into force.
        soon(&format!("{words}: {}", manifest["spec"]), async || {
            let Err(error) = story.cluster.admitted(&story.namespace, &manifest).await else {
                anyhow::bail!("it is admitted")
            };
            ensure!(refusal(&error).is_some_and(|code| code == 422 || code == 403), "{error:#}");
            ensure!(error.to_string().contains(words), "{error:#}");
            Ok(())
        })
        .await?;
    }

    for interval in ["1h30m", "0", "1.5s", "90s"] {
        let app = ExternalSecret::from_store("app", STORE).every(interval).takes("v", "any", "v").manifest();
        story.cluster.admitted(&story.namespace, &app).await?;
    }
    let app = ExternalSecret::from_cluster_store("app", &story.namespace).takes("v", "any", "v").manifest();
    let label = json!({ "matchLabels": { "kubernetes.io/metadata.name": story.namespace } });
    let terms = json!({ "matchExpressions": [
        { "key": "kubernetes.io/metadata.name", "operator": "In", "values": ["elsewhere", story.namespace] },
        { "key": "no-such-label", "operator": "DoesNotExist" },
    ] });
    for conditions in [
        json!([{ "namespaces": ["elsewhere", story.namespace] }]),
        json!([{ "namespaces": ["elsewhere"] }, { "namespaceRegexes": ["^adm.*"] }]),
        json!([{ "namespaceSelector": label }]),
        json!([{ "namespaceSelector": terms }]),
    ] {
        let_in(&story, &conditions).await?;
        soon(&format!("to be let in by {conditions}"), async || {
            story.cluster.admitted(&story.namespace, &app).await.map(drop)
        })
        .await?;
        let_in(&story, &json!([{ "namespaces": ["elsewhere"] }])).await?;
        soon("to be kept out again", async || {
            ensure!(story.cluster.admitted(&story.namespace, &app).await.is_err(), "it is admitted");
            Ok(())
        })
        .await?;
    }
    release.delete(&story.cluster).await?;
    story.end().await
}
