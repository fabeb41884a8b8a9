//! Certificates of Vault's PKI engine: issued, replaced before they end, also after a restart, and revoked.

use std::time::Duration;

use anyhow::{Result, ensure};
use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    observed::text_data,
    wait::{soon, until},
};

use crate::engines::Engines;

/// A PKI engine of the story's own with a root and the role `web`; and a login that may use it.
async fn begin(title: &str, revokes: bool) -> Result<Engines> {
    let revoke = if revokes { r#"path "+/revoke" { capabilities = ["update"] }"# } else { "" };
    let policy = format!(
        r#"path "+/issue/web" {{ capabilities = ["update"] }}
        path "+/sign/web" {{ capabilities = ["update"] }}
        {revoke}"#
    );
    let engines = Engines::begin(title, &policy).await?;
    let mount = engines.unique();
    let post =
        async |path: String, body: Value| engines.story.vault.request(Method::POST, &path, Some(&body)).await;
    post(format!("sys/mounts/{mount}"), json!({ "type": "pki" })).await?;
    let root = json!({ "common_name": "root.test", "ttl": "87600h", "key_type": "ec" });
    post(format!("{mount}/root/generate/internal"), root).await?;
    let role = json!({ "allow_any_name": true, "key_type": "ec", "max_ttl": "72h" });
    post(format!("{mount}/roles/web"), role).await?;
    Ok(engines)
}

/// Serial numbers in the form of Vault's paths that are revoked.
async fn revoked(engines: &Engines, serial: &str) -> Result<bool> {
    let path = format!("{}/cert/{serial}", engines.unique());
    let found = engines.story.vault.request(Method::GET, &path, None).await?;
    Ok(found["data"]["revocation_time"].as_i64().unwrap_or_default() > 0)
}

#[tokio::test]
async fn a_certificate_is_replaced_before_its_end_and_the_old_one_revoked_after_the_grace_time() -> Result<()>
{
    let engines = begin("certificate-replaced", true).await?;
    let controller = engines.controller("one").await?;
    let spec = json!({
        "mount": engines.unique(), "role": "web", "commonName": "app.test", "altNames": ["www.app.test"],
        "ttl": "60s", "expiryOffset": "50s", "revoke": true,
    });
    engines.generator(Kind::VaultCertificate, spec).await?;
    engines.external_secret("app", Kind::VaultCertificate, "2s").await?;
    let first = soon("a certificate", async || Ok(engines.held("app", "serial_number").await?.0)).await?;
    let data = text_data(&engines.story.get(Kind::Secret, "app").await?)?;
    assert!(data["tls.crt"].starts_with("-----BEGIN CERTIFICATE-----"), "{}", data["tls.crt"]);
    assert!(data["tls.key"].starts_with("-----BEGIN "), "no key");
    assert_eq!(data["ca.crt"].matches("BEGIN CERTIFICATE").count(), 1);
    let record = soon("the record", async || {
        let records = engines.records().await?;
        ensure!(records.len() == 1 && records[0]["status"]["state"] == "Active", "{records:?}");
        Ok(records[0].to_string())
    })
    .await?;
    assert!(record.contains(&first), "the serial number is what it is revoked by: {record}");
    assert!(!record.contains("PRIVATE KEY") && !record.contains("BEGIN CERTIFICATE"), "{record}");
    // Refreshes bring no other one while it holds.
    engines.story.refreshed("app", 3).await?;
    assert_eq!(engines.held("app", "serial_number").await?.0, first);

    // Half of its life at the earliest: thirty seconds before its end.
    let second = until("another certificate", Duration::from_secs(90), async || {
        let (serial, _) = engines.held("app", "serial_number").await?;
        ensure!(serial != first, "still the first");
        Ok(serial)
    })
    .await?;
    soon("the first to be revoked", async || {
        ensure!(revoked(&engines, &first).await?, "it is not");
        Ok(())
    })
    .await?;
    assert!(!revoked(&engines, &second).await?, "the one in use is revoked");

    engines.story.delete(Kind::ExternalSecret, "app").await?;
    soon("the last to be revoked", async || {
        let (serial, records) = (second.clone(), engines.records().await?);
        ensure!(revoked(&engines, &serial).await? && records.is_empty(), "{} records", records.len());
        Ok(())
    })
    .await?;
    drop(controller);
    engines.story.end().await
}

#[tokio::test]
async fn a_signed_certificate_is_for_a_key_of_ours_and_its_end_is_not_forgotten_by_a_restart() -> Result<()> {
    let engines = begin("certificate-signed", false).await?;
    let controller = engines.controller("one").await?;
    let spec = json!({
        "mount": engines.unique(), "role": "web", "method": "Sign", "privateKey": { "algorithm": "ECDSA" },
        "commonName": "app.test", "ttl": "40s",
    });
    engines.generator(Kind::VaultCertificate, spec).await?;
    engines.external_secret("app", Kind::VaultCertificate, "1h").await?;
    let first = soon("a certificate", async || Ok(engines.held("app", "serial_number").await?.0)).await?;
    let key = engines.held("app", "tls.key").await?.0;
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"), "not PKCS #8");
    soon("the record", async || {
        let records = engines.records().await?;
        ensure!(records.len() == 1 && records[0]["status"]["state"] == "Active", "{records:?}");
        Ok(())
    })
    .await?;
    controller.kill()?;
    let requests = engines.story.vault_audit()?;
    let controller = engines.controller("two").await?;
    // Two thirds of forty seconds.
    let second = until("another certificate", Duration::from_secs(90), async || {
        let (serial, _) = engines.held("app", "serial_number").await?;
        ensure!(serial != first, "still the first");
        Ok(serial)
    })
    .await?;
    assert_ne!(engines.held("app", "tls.key").await?.0, key, "a new certificate has a new key");
    // What is not to be revoked is not.
    assert!(!revoked(&engines, &first).await? && !revoked(&engines, &second).await?);
    let path = format!("{}/sign/web", engines.unique());
    let signed = requests.vault_requests()?.iter().filter(|request| request.path == path).count();
    assert_eq!(signed, 1, "the restart had another one made");
    drop(controller);
    engines.story.end().await
}

#[tokio::test]
async fn what_the_role_does_not_allow_is_told_without_being_repeated() -> Result<()> {
    let engines = begin("certificate-refused", false).await?;
    let role = json!({ "allowed_domains": "allowed.test", "allow_subdomains": true, "max_ttl": "72h" });
    let path = format!("{}/roles/web", engines.unique());
    engines.story.vault.request(Method::POST, &path, Some(&role)).await?;
    let controller = engines.controller("one").await?;
    let spec = json!({ "mount": engines.unique(), "role": "web", "commonName": "elsewhere.test" });
    engines.generator(Kind::VaultCertificate, spec).await?;
    engines.external_secret("app", Kind::VaultCertificate, "1h").await?;
    let condition = engines.story.failed(Kind::ExternalSecret, "app").await?;
    for part in ["VaultCertificate \"generator\"", "/issue/web", "does the role allow"] {
        assert!(condition.message.contains(part), "{}", condition.message);
    }
    drop(controller);
    engines.story.end().await
}
