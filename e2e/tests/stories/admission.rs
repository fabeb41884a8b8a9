//! What the API server accepts, refuses and fills in with our CustomResourceDefinitions, without any webhook.

use anyhow::Result;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    story::Story,
};

#[tokio::test]
async fn a_minimal_external_secret_reads_back_with_defaults() -> Result<()> {
    let story = Story::begin_alone("defaults").await?;
    let minimal = json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": { "name": "minimal" },
        "spec": { "secretStoreRef": { "name": "none" }, "data": [{ "secretKey": "k", "remoteRef": { "key": "r" } }] },
    });
    let stored = story.cluster.admitted(&story.namespace, &minimal).await?;
    assert_eq!(
        stored["spec"],
        json!({
            "refreshInterval": "1h0m0s",
            "secretStoreRef": { "name": "none" },
            "target": { "creationPolicy": "Owner", "deletionPolicy": "Retain" },
            "data": [{ "secretKey": "k", "remoteRef": { "key": "r" } }],
        })
    );
    let mut templated = minimal.clone();
    templated["spec"]["target"] = json!({ "template": {} });
    let stored = story.cluster.admitted(&story.namespace, &templated).await?;
    assert_eq!(
        stored["spec"]["target"]["template"],
        json!({ "engineVersion": "v2", "mergePolicy": "Replace" })
    );
    story.end().await
}

#[tokio::test]
async fn external_secrets_against_the_schema_are_refused_in_upstream_words() -> Result<()> {
    let story = Story::begin_alone("refused-objects").await?;
    let valid = || ExternalSecret::from_store("es", "store").takes("k", "r", "p");
    let rewriting = json!({ "extract": { "key": "r" }, "rewrite": [{
        "regexp": { "source": "a", "target": "b" }, "transform": { "template": "{{ .value }}" },
    }] });
    let two_sources = json!({ "sourceRef": {
        "storeRef": { "name": "a" }, "generatorRef": { "kind": "Fake", "name": "b" },
    } });
    let refused = [
        (
            valid().takes("a b", "r", "p"),
            "spec.data[1].secretKey: Invalid value: \"a b\": spec.data[1].secretKey in body should match",
        ),
        (valid().source(&rewriting), "spec.dataFrom[0].rewrite[0]: Too many: 2: must have at most 1 item"),
        (valid().source(&two_sources), "spec.dataFrom[0].sourceRef: Too many: 2: must have at most 1 item"),
        (
            valid().target(json!({ "creationPolicy": "Sometimes" })),
            "spec.target.creationPolicy: Unsupported value: \"Sometimes\": supported values: \"Owner\", \"Orphan\", \"Merge\", \"None\", \"CreateOrMerge\"",
        ),
        (
            valid().target(json!({ "deletionPolicy": "Never" })),
            "spec.target.deletionPolicy: Unsupported value: \"Never\": supported values: \"Delete\", \"Merge\", \"Retain\"",
        ),
        (
            ExternalSecret::from_store("es", "Not_A_Name").takes("k", "r", "p"),
            "spec.secretStoreRef.name: Invalid value: \"Not_A_Name\": spec.secretStoreRef.name in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'",
        ),
        (valid().entry(&json!({ "secretKey": "k" })), "spec.data[1].remoteRef: Required value"),
    ];
    for (object, words) in refused {
        assert_refused(&story, &object.manifest(), words).await;
    }
    let mut unknown_kind = valid().manifest();
    unknown_kind["spec"]["secretStoreRef"]["kind"] = "Store".into();
    let words = "spec.secretStoreRef.kind: Unsupported value: \"Store\": supported values: \"SecretStore\", \"ClusterSecretStore\"";
    assert_refused(&story, &unknown_kind, words).await;
    story.end().await
}

#[tokio::test]
async fn what_only_upstreams_webhook_refused_is_accepted() -> Result<()> {
    let story = Story::begin_alone("accepted-objects").await?;
    let valid = || ExternalSecret::from_store("es", "store").takes("k", "r", "p");
    let accepted = [
        valid().every("not a duration"),
        valid().takes("k", "r", "p"),
        ExternalSecret::from_store("es", "store"),
        valid().source(&json!({ "extract": { "key": "r" }, "find": { "name": { "regexp": "b" } } })),
        valid().target(json!({ "creationPolicy": "Merge", "deletionPolicy": "Delete" })),
    ];
    for object in accepted {
        story.cluster.admitted(&story.namespace, &object.manifest()).await?;
    }
    story.end().await
}

#[tokio::test]
async fn a_store_has_exactly_one_provider() -> Result<()> {
    let story = Story::begin_alone("providers").await?;
    let vault =
        json!({ "server": "http://127.0.0.1:1", "auth": { "tokenSecretRef": { "name": "x", "key": "y" } } });
    let two = manifests::secret_store("two", "c", &json!({ "fake": { "data": [] }, "vault": vault }));
    assert_refused(&story, &two, "spec.provider: Too many: 2: must have at most 1 item").await;
    let none = manifests::cluster_secret_store("none", "c", &json!({}));
    assert_refused(
        &story,
        &none,
        "spec.provider: Invalid value: 0: spec.provider in body should have at least 1 properties",
    )
    .await;

    for interval in [json!(3600), json!("1h")] {
        let mut manifest = manifests::secret_store("one", "c", &json!({ "vault": vault }));
        manifest["spec"]["refreshInterval"] = interval.clone();
        let stored = story.cluster.admitted(&story.namespace, &manifest).await?;
        assert_eq!(stored["spec"]["refreshInterval"], interval);
        assert_eq!(stored["spec"]["provider"]["vault"]["server"], "http://127.0.0.1:1");
        assert_eq!(stored["spec"]["provider"]["vault"]["version"], "v2", "a default of the provider");
    }
    story.end().await
}

#[tokio::test]
async fn version_v1beta1_is_not_served() -> Result<()> {
    let story = Story::begin_alone("v1beta1").await?;
    let mut old = ExternalSecret::from_store("es", "store").takes("k", "r", "p").manifest();
    old["apiVersion"] = "external-secrets.io/v1beta1".into();
    let file = story.testbed.run_dir.join(format!("{}.json", story.namespace));
    std::fs::write(&file, old.to_string())?;
    let path = file.display().to_string();
    let (succeeded, _, complaint) =
        story.cluster.kubectl(&["apply", "-n", &story.namespace, "-f", &path]).await?;
    assert!(!succeeded);
    let words = "no matches for kind \"ExternalSecret\" in version \"external-secrets.io/v1beta1\"";
    assert!(complaint.contains(words), "{complaint}");
    story.end().await
}

#[tokio::test]
async fn kubectl_knows_short_names_categories_and_selectable_fields() -> Result<()> {
    let story = Story::begin_alone("kubectl").await?;
    // Stores of a class nobody has: no controller touches these objects.
    let provider = json!({ "fake": { "data": [] } });
    story.create(&manifests::secret_store("one", &story.class, &provider)).await?;
    for (name, store) in [("a", "one"), ("b", "other")] {
        story.external_secret(ExternalSecret::from_store(name, store).takes("k", "r", "p")).await?;
    }
    let names = async |arguments: &[&str]| -> Result<String> {
        let arguments = [&["get", "-n", &story.namespace, "-o", "name"], arguments].concat();
        let (succeeded, output, complaint) = story.cluster.kubectl(&arguments).await?;
        assert!(succeeded, "{complaint}");
        Ok(output.lines().collect::<Vec<_>>().join(" "))
    };
    let (a, b) = ("externalsecret.external-secrets.io/a", "externalsecret.external-secrets.io/b");
    let one = "secretstore.external-secrets.io/one";
    assert_eq!(names(&["es"]).await?, format!("{a} {b}"));
    assert_eq!(names(&["ss"]).await?, one);
    assert!(names(&["css"]).await.is_ok());
    let all = names(&["external-secrets"]).await?;
    assert!([a, b, one].iter().all(|name| all.contains(name)), "{all}");
    assert_eq!(names(&["es", "--field-selector", "spec.secretStoreRef.name=other"]).await?, b);
    story.delete(Kind::ExternalSecret, "b").await?;
    story.end().await
}

async fn assert_refused(story: &Story, manifest: &Value, words: &str) {
    match story.cluster.admitted(&story.namespace, manifest).await {
        Ok(stored) => assert_eq!(stored["spec"], words, "accepted"),
        Err(refusal) => assert!(refusal.to_string().contains(words), "{refusal}"),
    }
}
