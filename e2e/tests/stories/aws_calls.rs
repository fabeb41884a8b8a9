//! What AWS is asked: as whom, and how often.

use anyhow::{Result, ensure};
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret, secret_store},
    story::Story,
    wait::soon,
};

use crate::aws::{ANNOTATION, Gate, ROLE, ask, fixed_keys, keep, provider};

const KEYS: usize = 10;

#[tokio::test]
async fn a_changed_role_of_a_service_account_is_taken_on_without_waiting_for_the_next_login() -> Result<()> {
    let story = Story::begin_alone("aws-role").await?;
    let gate = Gate::open(&story).await?;
    let controller = gate.controller(&story).await?;
    let key = keep(&story, "app", "one").await?;
    let annotated = |role: &str| json!({ "metadata": { "annotations": { ANNOTATION: role } } });
    story.create(&manifests::service_account("app")).await?;
    story.patch(Kind::ServiceAccount, "app", &annotated(ROLE)).await?;
    let auth = json!({ "jwt": { "serviceAccountRef": { "name": "app" } } });
    story.create(&secret_store("store", &story.class, &provider("SecretsManager", &auth))).await?;
    story.store_ready(Kind::SecretStore, "store").await?;
    let value = json!({ "secretKey": "value", "remoteRef": { "key": key } });
    story.external_secret(ExternalSecret::from_store("app", "store").entry(&value)).await?;
    story.secret_with("app", &[("value", "one")]).await?;
    let before = gate.logins().len();

    let other = "arn:aws:iam::123456789012:role/other";
    story.patch(Kind::ServiceAccount, "app", &annotated(other)).await?;
    soon("a login with the other role", async || {
        let logins = gate.logins();
        ensure!(logins.last().is_some_and(|login| login.ends_with(other)), "{logins:?}");
        Ok(())
    })
    .await?;
    ensure!(gate.logins().len() == before + 1, "{:?}", gate.logins());
    drop(controller);
    story.end().await
}

#[tokio::test]
async fn keys_that_are_due_together_are_read_in_one_call_and_alone_where_that_is_denied() -> Result<()> {
    let story = Story::begin_alone("aws-batch").await?;
    let gate = Gate::open(&story).await?;
    let controller = gate.controller(&story).await?;
    let auth = fixed_keys(&story).await?;
    for (store, service, together, alone) in [
        ("secrets", "SecretsManager", "BatchGetSecretValue", "GetSecretValue"),
        ("parameters", "ParameterStore", "GetParameters", "GetParameter"),
    ] {
        story.create(&secret_store(store, &story.class, &provider(service, &auth))).await?;
        story.store_ready(Kind::SecretStore, store).await?;
        let mut app = ExternalSecret::from_store(store, store);
        for number in 0..KEYS {
            let (name, value) = (format!("key-{number}"), format!("value-{number}"));
            let key = if service == "SecretsManager" {
                keep(&story, &name, &value).await?
            } else {
                // AWS takes no name that begins with its own.
                let key = format!("/app/{}", story.key(&name));
                let body = json!({ "Name": key, "Value": value, "Type": "SecureString" });
                ask(&story, "ssm", "AmazonSSM.PutParameter", &body).await?;
                key
            };
            app = app.entry(&json!({ "secretKey": name, "remoteRef": { "key": key } }));
        }
        gate.calls();
        story.external_secret(app).await?;
        let expected: Vec<_> =
            (0..KEYS).map(|number| (format!("key-{number}"), format!("value-{number}"))).collect();
        let expected: Vec<_> = expected.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        story.secret_with(store, &expected).await?;
        let calls = gate.calls();
        ensure!(calls == [together], "{calls:?}");

        gate.deny(together);
        let force = json!({ "metadata": { "annotations": { "force-sync": "1" } } });
        story.patch(Kind::ExternalSecret, store, &force).await?;
        let mut calls = Vec::new();
        soon("every key to be read alone", async || {
            calls.extend(gate.calls());
            let single = calls.iter().filter(|call| *call == alone).count();
            ensure!(single == KEYS, "{calls:?}");
            Ok(())
        })
        .await?;
        ensure!(calls.iter().filter(|call| *call == together).count() == 1, "{calls:?}");
        story.synced(store).await?;
    }
    drop(controller);
    story.end().await
}
