//! Starts a Vault server on 127.0.0.1, initialises and unseals it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::interrupt;
use crate::process::Server;
use crate::vault_api::{VaultApi, text_at};

const START_LIMIT: Duration = Duration::from_mins(1);

/// Where a Vault keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// In its memory: quick to start.
    Memory,
    /// In files of the run folder, as a server that is meant to last.
    Files,
}

/// A running, unsealed Vault; it stops when this value is dropped, and forgets everything.
#[derive(Debug)]
pub(crate) struct VaultServer {
    server: Server,
    /// The API with the root token.
    pub(crate) api: VaultApi,
    /// The one key share that unseals it.
    pub(crate) unseal_key: String,
    /// The binary, for stories that need a Vault of their own.
    pub(crate) binary: PathBuf,
    /// Audit log of every request, secrets hashed, one JSON object per line.
    pub(crate) audit_log: PathBuf,
}

impl VaultServer {
    /// Starts `binary` on `port` with its data in memory, its config in `run` and its output in `logs`.
    pub(crate) fn start(binary: PathBuf, run: &Path, logs: &Path, port: u16) -> Result<Self> {
        Self::start_with(Storage::Memory, binary, run, logs, port)
    }

    /// The same with a choice of storage.
    pub(crate) fn start_with(
        storage: Storage,
        binary: PathBuf,
        run: &Path,
        logs: &Path,
        port: u16,
    ) -> Result<Self> {
        let mut api = VaultApi::new(format!("http://127.0.0.1:{port}"));
        let config = run.join("vault.json");
        fs::write(&config, configuration(storage, run, port, &api.address).to_string())?;
        let mut vault = Command::new(&binary);
        vault.arg("server").arg("-config").arg(&config).env("HOME", run);
        let mut server = Server::start("vault", vault, logs)?;
        server.wait_ready(START_LIMIT, || api.get("sys/seal-status").is_ok())?;

        let keys = api.post("sys/init", &json!({"secret_shares": 1, "secret_threshold": 1}))?;
        let unseal_key = text_at(&keys, "/keys_base64/0")?;
        api.token = text_at(&keys, "/root_token")?;
        api.post("sys/unseal", &json!({"key": unseal_key}))?;
        // The unsealed server becomes active a moment later.
        server.wait_ready(START_LIMIT, || api.get("sys/health").is_ok())?;

        let audit_log = logs.join("vault-audit.jsonl");
        let options = json!({"file_path": audit_log, "log_raw": "false"});
        api.post("sys/audit/file", &json!({"type": "file", "options": options}))?;
        Ok(Self { server, api, unseal_key, binary, audit_log })
    }

    /// Unseals it again after it was sealed, and waits until it serves.
    pub(crate) fn unseal(&self) -> Result<()> {
        self.api.post("sys/unseal", &json!({"key": self.unseal_key}))?;
        let started = Instant::now();
        while let Err(error) = self.api.get("sys/health") {
            if started.elapsed() > START_LIMIT {
                return Err(error).context("Vault does not serve after it was unsealed");
            }
            interrupt::sleep(Duration::from_millis(20))?;
        }
        Ok(())
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }

    /// An error with the end of its log if the server has ended.
    pub(crate) fn check_running(&mut self) -> Result<()> {
        self.server.check_running()
    }
}

fn configuration(storage: Storage, run: &Path, port: u16, address: &str) -> serde_json::Value {
    let storage = match storage {
        Storage::Memory => json!({"inmem": {}}),
        Storage::Files => json!({"file": {"path": run.join("vault")}}),
    };
    json!({
        "storage": storage,
        "listener": [{"tcp": {"address": format!("127.0.0.1:{port}"), "tls_disable": true}}],
        "api_addr": address,
        "disable_mlock": true,
        "ui": false,
        "log_level": "info",
        "default_lease_ttl": "1h",
        "max_lease_ttl": "768h",
    })
}
