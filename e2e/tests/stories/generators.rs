//! Generated values: made once and kept, made anew when they shall be, and never for a controller that is not meant.
//!
//! Generators have no controller class, and several controllers run here: each ExternalSecret draws from a store besides,
//! whose class says who looks after it.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::ExternalSecret,
    observed::{resource_version, text_data},
    story::Story,
    wait::soon,
};

const VERSION: &str = "generators.external-secrets.io/v1alpha1";

fn generator(kind: &str, spec: &Value) -> Value {
    json!({ "apiVersion": VERSION, "kind": kind, "metadata": { "name": "generator" }, "spec": spec })
}

fn draws_from(kind: &str) -> Value {
    json!({ "sourceRef": { "generatorRef": { "apiVersion": VERSION, "kind": kind, "name": "generator" } } })
}

/// What the Secret `app` holds under `key`, and its version.
async fn held(story: &Story, key: &str) -> Result<(String, String)> {
    let secret = story.get(Kind::Secret, "app").await?;
    let text = text_data(&secret)?.get(key).cloned().unwrap_or_default();
    ensure!(!text.is_empty(), "nothing under {key}");
    Ok((text, resource_version(&secret)))
}

#[tokio::test]
async fn a_generated_password_survives_a_restart_and_changes_when_a_sync_is_forced() -> Result<()> {
    let story = Story::begin_alone("generated-password").await?;
    let first = story.controller("first").await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    story.create(&generator("Password", &json!({ "length": 32, "symbols": 0 }))).await?;
    let object = ExternalSecret::from_store("app", "store").extracts(&story.key("app"));
    story.external_secret(object.source(&draws_from("Password"))).await?;
    story.synced("app").await?;
    let made = held(&story, "password").await?;
    assert_eq!(made.0.len(), 32);
    first.kill()?;

    let second = story.controller("second").await?;
    // It has looked at everything that was there, and made something new.
    story.write("other", &json!({ "user": "admin" })).await?;
    story.external_secret(ExternalSecret::from_store("other", "store").extracts(&story.key("other"))).await?;
    story.synced("other").await?;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(held(&story, "password").await?, made, "neither another value nor a write");

    // An edited generator is heeded at the next sync, not before.
    story.patch(Kind::PasswordGenerator, "generator", &json!({ "spec": { "length": 40 } })).await?;
    let force = json!({ "metadata": { "annotations": { "force-sync": "1" } } });
    story.patch(Kind::ExternalSecret, "app", &force).await?;
    soon("another password", async || {
        let (password, _) = held(&story, "password").await?;
        ensure!(password.len() == 40, "it has {} characters", password.len());
        Ok(())
    })
    .await?;
    drop(second);
    story.end().await
}

#[tokio::test]
async fn a_generator_that_appears_later_is_found_and_its_keys_are_rewritten() -> Result<()> {
    let story = Story::begin("generated-later").await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    let mut source = draws_from("Fake");
    source["rewrite"] = json!([{ "regexp": { "source": "^", "target": "made-" } }]);
    let object = ExternalSecret::from_store("app", "store").extracts(&story.key("app"));
    story.external_secret(object.source(&source)).await?;
    let condition = story.failed(Kind::ExternalSecret, "app").await?;
    let expected = "could not get secret data from provider: error processing spec.dataFrom[1].sourceRef.generatorRef, \
                    err: unable to get generator: Fake \"generator\": GeneratorMissing: it does not exist";
    assert_eq!(condition.message, expected);

    story.create(&generator("Fake", &json!({ "data": { "token": "fixed" } }))).await?;
    story.secret_with("app", &[("made-token", "fixed"), ("user", "admin")]).await?;
    story.end().await
}

#[tokio::test]
async fn a_kind_that_is_not_built_in_is_told_and_touches_nothing() -> Result<()> {
    let story = Story::begin("generator-not-built-in").await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    let object = ExternalSecret::from_store("app", "store").extracts(&story.key("app"));
    story.external_secret(object.source(&draws_from("Grafana"))).await?;
    let condition = story.failed(Kind::ExternalSecret, "app").await?;
    for part in ["unable to get generator: Grafana \"generator\": Unsupported:", "not built in", "Password"] {
        assert!(condition.message.contains(part), "{}", condition.message);
    }
    assert!(story.cluster.find(Kind::Secret, &story.namespace, "app").await?.is_none());
    story.end().await
}

#[tokio::test]
async fn a_one_time_code_is_made_from_a_seed_in_the_objects_own_namespace() -> Result<()> {
    let story = Story::begin("one-time-code").await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    // The seed and the code of RFC 6238.
    let seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    story.create(&strongroom_e2e::manifests::secret("seed", "seed", seed)).await?;
    let selector = json!({ "name": "seed", "key": "seed" });
    let spec = json!({ "secret": selector, "when": "1970-01-01T00:00:59Z", "length": 8 });
    story.create(&generator("MFA", &spec)).await?;
    let object = ExternalSecret::from_store("app", "store").extracts(&story.key("app"));
    story.external_secret(object.source(&draws_from("MFA"))).await?;
    story.secret_with("app", &[("timeLeft", "1"), ("token", "94287082"), ("user", "admin")]).await?;
    story.end().await
}
