//! A Vault server of a story's own, which it may seal without hurting others.

use std::path::Path;

use anyhow::{Context, Result};
use http::Method;
use serde_json::{Value, json};

use crate::{
    process::{GuardedProcess, free_port},
    testbed::Testbed,
    vault::Vault,
    wait::soon,
};

/// A running, initialised and unsealed Vault with KV v2 at `secret/`; its content is lost when it is dropped.
#[derive(Debug)]
pub struct VaultServer {
    /// The server, as its administrator.
    pub vault: Vault,
    /// The only unseal key.
    pub unseal_key: String,
    /// The same server behind TLS.
    pub tls_url: String,
    /// The certificate of the server behind TLS, PEM: it has signed itself.
    pub certificate: String,
    _process: GuardedProcess,
}

impl VaultServer {
    /// Starts a server; `name` tells its files from those of others.
    pub async fn start(testbed: &Testbed, name: &str) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let url = format!("http://{address}");
        let tls_address = format!("127.0.0.1:{}", free_port()?);
        let tls_url = format!("https://{tls_address}");
        let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
        let certificate = signed.cert.pem();
        let file = |what: &str| testbed.run_dir.join(format!("vault-{name}.{what}"));
        let (config, cert_file, key_file) = (file("json"), file("crt"), file("key"));
        std::fs::write(&cert_file, &certificate)?;
        std::fs::write(&key_file, signed.signing_key.serialize_pem())?;
        let plain = json!({ "tcp": { "address": address, "tls_disable": true } });
        let tls = json!({ "tcp": { "address": tls_address, "tls_cert_file": cert_file, "tls_key_file": key_file } });
        std::fs::write(&config, configuration(&[plain, tls], &url)?)?;
        let log = testbed.logs.join(format!("vault-{name}.log"));
        let process = Self::process(&testbed.vault.binary, &config, &log)?;

        let nobody = Vault::at(&url, "");
        let shares = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let keys = soon("a Vault that can be initialised", async || {
            nobody.request(Method::PUT, "sys/init", Some(&shares)).await
        })
        .await?;
        let unseal_key = keys["keys"][0].as_str().context("Vault gave no unseal key")?.to_owned();
        nobody.unseal(&unseal_key).await?;

        let vault = Vault::at(&url, keys["root_token"].as_str().context("Vault gave no root token")?);
        let engine = json!({ "type": "kv", "options": { "version": "2" } });
        soon("a Vault that is active", async || {
            vault.request(Method::POST, "sys/mounts/secret", Some(&engine)).await
        })
        .await?;
        soon("a KV engine that takes values", async || {
            vault.write_v2("secret", "started", &json!({ "by": name })).await
        })
        .await?;
        Ok(Self { vault, unseal_key, tls_url, certificate, _process: process })
    }

    fn process(binary: &Path, config: &Path, log: &Path) -> Result<GuardedProcess> {
        let argument = format!("-config={}", config.display());
        GuardedProcess::start(binary, &["server", &argument], &[], log)
    }
}

fn configuration(listeners: &[Value], url: &str) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec_pretty(&json!({
        "storage": { "inmem": {} },
        "listener": listeners,
        "api_addr": url,
        "disable_mlock": true,
    }))?)
}
