//! Any request to Vault: the answer becomes a Secret, and its lease lives like any other.

use anyhow::{Result, ensure};
use http::Method;
use serde_json::json;
use strongroom_e2e::{cluster::Kind, postgres::Postgres, wait::soon};

use crate::engines::Engines;

#[tokio::test]
async fn a_request_that_grants_a_lease_is_kept_alive_and_revoked() -> Result<()> {
    let policy = r#"path "database/creds/*" { capabilities = ["read"] }
        path "sys/leases/revoke" { capabilities = ["update"] }"#;
    let engines = Engines::begin("request-leased", policy).await?;
    let postgres = Postgres::at(&engines.story.testbed.postgres);
    let role = json!({
        "db_name": "postgres",
        "creation_statements":
            "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';",
        "default_ttl": "9s", "max_ttl": "1h",
    });
    let path = format!("database/roles/{}", engines.unique());
    engines.story.vault.request(Method::POST, &path, Some(&role)).await?;
    let controller = engines.controller("one").await?;
    let spec = json!({ "path": format!("database/creds/{}", engines.unique()) });
    engines.generator(Kind::VaultRequest, spec).await?;
    engines.external_secret("app", Kind::VaultRequest, "2s").await?;
    let user = soon("credentials", async || Ok(engines.held("app", "username").await?.0)).await?;
    let password = engines.held("app", "password").await?.0;
    soon("two renewals", async || {
        let records = engines.records().await?;
        ensure!(records.len() == 1, "{} records", records.len());
        ensure!(records[0]["status"]["renewals"].as_i64() >= Some(2), "{}", records[0]["status"]);
        Ok(())
    })
    .await?;
    assert_eq!(engines.held("app", "username").await?.0, user);
    postgres.log_in(&user, &password).await?;
    engines.story.delete(Kind::ExternalSecret, "app").await?;
    soon("the credentials to end", async || {
        ensure!(postgres.log_in(&user, &password).await.is_err(), "they still work");
        ensure!(engines.records().await?.is_empty(), "the record is still there");
        Ok(())
    })
    .await?;
    drop(controller);
    engines.story.end().await
}

#[tokio::test]
async fn a_body_is_written_and_the_answer_becomes_a_secret() -> Result<()> {
    let policy = r#"path "+/encrypt/app" { capabilities = ["update"] }"#;
    let engines = Engines::begin("request-written", policy).await?;
    let mount = engines.unique().to_owned();
    let post = async |path: String, body: serde_json::Value| {
        engines.story.vault.request(Method::POST, &path, Some(&body)).await
    };
    post(format!("sys/mounts/{mount}"), json!({ "type": "transit" })).await?;
    post(format!("{mount}/keys/app"), json!({})).await?;
    let controller = engines.controller("one").await?;
    let body = json!({ "plaintext": "aGVsbG8=" });
    let spec = json!({ "path": format!("{mount}/encrypt/app"), "method": "POST", "body": body });
    engines.generator(Kind::VaultRequest, spec).await?;
    engines.external_secret("app", Kind::VaultRequest, "1h").await?;
    let ciphertext = soon("the answer", async || Ok(engines.held("app", "ciphertext").await?.0)).await?;
    assert!(ciphertext.starts_with("vault:v1:"), "{ciphertext}");
    let plain = post(format!("{mount}/decrypt/app"), json!({ "ciphertext": ciphertext })).await?;
    assert_eq!(plain["data"]["plaintext"], "aGVsbG8=");
    // No lease, no record.
    assert!(engines.records().await?.is_empty());
    drop(controller);
    engines.story.end().await
}
