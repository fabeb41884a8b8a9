//! A controller is killed again and again: the next one ends the logins that it left, those of stores and of generators.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret, secret_store},
    story::Story,
    wait::{soon, until},
};

use crate::leaders::{LEASE, allow_leases};
use crate::leased::Leased;

const KILLS: usize = 10;

/// What the controllers of the story wrote about their logins; `None` if there is nothing to tell.
pub(crate) async fn journal(story: &Story) -> Result<Option<String>> {
    let secret = story.get(Kind::Secret, &format!("{LEASE}-logins")).await?;
    let Some(encoded) = secret["data"]["logins"].as_str() else { return Ok(None) };
    Ok(Some(String::from_utf8(BASE64_STANDARD.decode(encoded)?)?))
}

/// Credentials of a generator that renews them all the time, and a store, both behind one login method.
async fn stage() -> Result<Leased> {
    let story = Story::begin_alone("logins-killed").await?;
    let policy = story.namespace.clone();
    let rules = r#"
        path "secret/data/*" { capabilities = ["read"] }
        path "database/creds/*" { capabilities = ["read"] }
        path "sys/leases/revoke" { capabilities = ["update"] }
        path "auth/token/renew-accessor" { capabilities = ["update"] }
        path "auth/token/revoke-accessor" { capabilities = ["update"] }"#;
    let path = format!("sys/policies/acl/{policy}");
    story.vault.request(Method::POST, &path, Some(&json!({ "policy": rules }))).await?;
    let leased = Leased::told_in(story, ("60s", "2h"), ("2h", &policy)).await?;
    let story = &leased.story;
    allow_leases(story).await?;
    let renew = manifests::sync_policy("leases", &["database"], &json!({ "lease": { "renewAt": "10%" } }));
    story.create(&renew).await?;
    let auth = json!({ "kubernetes": {
        "mountPath": "kubernetes", "role": story.namespace,
        "serviceAccountRef": { "name": "vault-client", "audiences": ["vault"] },
    } });
    let provider = manifests::vault_v2(&story.testbed.vault.address, "secret", &auth);
    story.create(&secret_store("store", &story.class, &provider)).await?;
    story.write("app", &json!({ "password": "first" })).await?;
    Ok(leased)
}

/// How often the credentials were renewed.
async fn renewals(leased: &Leased) -> Result<i64> {
    let records = leased.records().await?;
    Ok(records.iter().filter_map(|record| record["status"]["renewals"].as_i64()).sum())
}

/// A value arrives through the store, and the credentials are renewed: both have logged in.
async fn works(leased: &Leased, value: &str) -> Result<()> {
    let story = &leased.story;
    let before = renewals(leased).await?;
    story.write("app", &json!({ "password": value })).await?;
    let force = json!({ "metadata": { "annotations": { "force-sync": value } } });
    story.patch(Kind::ExternalSecret, "app", &force).await?;
    story.secret_with("app", &[("password", value)]).await?;
    until("a renewal", Duration::from_mins(1), async || {
        ensure!(renewals(leased).await? > before, "none yet");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn ten_kills_leave_no_login_behind() -> Result<()> {
    let leased = stage().await?;
    let story = &leased.story;
    let mut controller = leased.leader("one").await?;
    let app = ExternalSecret::from_store("app", "store").takes("password", &story.key("app"), "password");
    story.external_secret(app).await?;
    leased.external_secret("database", "1h").await?;
    let credentials = leased.works("database").await?;
    works(&leased, "second").await?;
    assert_eq!(leased.tokens().await?, 2, "that of the store, and that from which the lease hangs");

    for round in 0..KILLS {
        controller = leased.after_kill(controller).await?;
        works(&leased, &format!("round {round}")).await?;
        // The login that keeps the lease of the first one alive is one more.
        soon(&format!("three logins in round {round}"), async || {
            let tokens = leased.tokens().await?;
            ensure!(tokens == 3, "{tokens}");
            Ok(())
        })
        .await?;
    }
    assert_eq!(
        leased.credentials("database").await?,
        credentials,
        "what the leases hang from was left alone"
    );
    let written = soon("a journal of the living one's two logins", async || {
        let written: Value = serde_json::from_str(&journal(story).await?.context("no journal")?)?;
        ensure!(written["own"].as_array().map(Vec::len) == Some(2), "{written}");
        ensure!(written["left"] == json!([]), "{written}");
        Ok(written)
    })
    .await?;
    ensure!(!written.to_string().contains("hvs."), "a token is written down");

    drop(controller);
    assert_eq!(journal(story).await?, None, "after a clean stop");
    assert_eq!(leased.tokens().await?, 1, "that from which the lease hangs");
    leased.story.end().await
}
