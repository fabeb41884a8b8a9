//! The generator VaultFolder: every value below a folder of a KV engine, each under a key of its own or all as one file.

mod leaf;
mod output;

use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use futures::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use strongroom_provider_api::{
    Content, Error, ErrorKind, Generated, Generator, GeneratorClient, OWN_GENERATORS, Provider as _,
    RemoteKey, Resolver, Result, Scope, SecretBytes, Stability, StoreClient as _, Toolbox, Violation,
};

use crate::Vault;
use crate::config::{self, VaultConfig};
use crate::connect;
use crate::engine;
use crate::kv::VaultClient;
use leaf::{Leaf, Nested};
use output::Format;

/// How many entries are read at once.
const READS: usize = 8;
/// How many entries a folder may have: they become one Secret.
const MOST: usize = 1_000;

/// The generator.
#[derive(Clone, Copy, Debug)]
pub struct VaultFolder;

/// The `spec` of a VaultFolder.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FolderSpec {
    /// Class of the controllers that use it. Absent or empty means every one.
    pub controller: Option<String>,
    /// The server, the login and the KV engine (`path` and `version`), as in a store.
    #[schemars(with = "VaultConfig")]
    pub provider: Value,
    /// The folders, in the engine. What two of them put at the same place is an error.
    #[schemars(length(min = 1))]
    pub paths: Vec<FolderPath>,
    /// What stands between the parts of a key: `_` where absent.
    pub separator: Option<String>,
    /// What becomes of objects and lists in values: `Flatten` (the default) makes a key of each member, `JSON` one text.
    #[serde(default)]
    pub nested: Nested,
    /// `Keys` (the default): one key for each value. `JSON`, `YAML`, `Env`: one file of that form.
    #[serde(default)]
    pub format: Format,
    /// The key of the file: `secrets.json`, `secrets.yaml` or `secrets.env` where absent.
    pub key: Option<String>,
}

/// One folder.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FolderPath {
    /// The folder; the engine's root where absent or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Whether folders below it are read, too: they are where absent.
    pub recursive: Option<bool>,
    /// What keys begin with. A `/` in it ends a part; what follows the last one is glued to what is found.
    pub prefix: Option<String>,
    /// Whether nothing may be there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

#[async_trait]
impl Generator for VaultFolder {
    const KIND: &'static str = "VaultFolder";
    const GROUP: &'static str = OWN_GENERATORS;
    const STABILITY: Stability = Stability::Alpha;
    type Spec = FolderSpec;

    fn validate(spec: &FolderSpec) -> Vec<Violation> {
        let mut violations = engine::faults(&spec.provider);
        let mount = spec.provider.get("path").and_then(Value::as_str).unwrap_or_default();
        violations.extend(engine::path_fault("provider.path", mount));
        if spec.paths.is_empty() {
            violations.push(Violation::new("paths", "must not be empty"));
        }
        for (place, path) in spec.paths.iter().enumerate() {
            let fault = (!path.path.is_empty()).then(|| engine::path_fault("", &path.path)).flatten();
            let named = |fault: Violation| Violation::new(format!("paths[{place}].path"), fault.message);
            violations.extend(fault.map(named));
        }
        if spec.key.is_some() && spec.format == Format::Keys {
            violations.push(Violation::new("key", "is for the formats JSON, YAML and Env"));
        }
        violations
    }

    fn controller_class(spec: &FolderSpec) -> Option<&str> {
        spec.controller.as_deref()
    }

    fn connection(spec: &FolderSpec) -> Value {
        spec.provider.clone()
    }

    async fn connect(
        spec: FolderSpec,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<FolderSpec>>> {
        let settings = engine::usable(&spec.provider)?;
        toolbox.logins.check(Vault::NAME, config::login_method(settings.auth.as_ref()))?;
        Ok(Arc::new(connect::client(settings, resolver, toolbox).await?))
    }
}

#[async_trait]
impl GeneratorClient<FolderSpec> for VaultClient {
    async fn generate(&self, spec: &FolderSpec) -> Result<Generated> {
        let mut leaves = Vec::new();
        for path in &spec.paths {
            leaves.extend(self.leaves(path, spec).await?);
        }
        Ok(Generated::fields(output::fields(spec, leaves)?))
    }

    async fn close(&self) {
        strongroom_provider_api::StoreClient::close(self).await;
    }
}

impl VaultClient {
    /// Every value below `path`.
    async fn leaves(&self, path: &FolderPath, spec: &FolderSpec) -> Result<Vec<Leaf>> {
        let folder = path.path.trim_matches('/');
        let scope = Scope { path: (!folder.is_empty()).then(|| folder.to_owned()), ..Scope::default() };
        let recursive = path.recursive.unwrap_or(true);
        let mut entries: Vec<(String, RemoteKey)> = Vec::new();
        let mut listed = self.list(&scope);
        while let Some(entry) = listed.try_next().await.map_err(|error| error.with_key(folder))? {
            let name = entry.name.strip_prefix(folder).unwrap_or(&entry.name).trim_start_matches('/');
            // The entries of a folder come before those of the folders in it.
            if !recursive && name.contains('/') {
                break;
            }
            if entries.len() >= MOST {
                let message = format!("there are more than {MOST} entries below this folder");
                return Err(
                    Error::new(ErrorKind::InvalidPayload, "read the folder", message).with_key(folder)
                );
            }
            entries.push((name.to_owned(), entry.key));
        }
        let mut leaves = Vec::new();
        for some in entries.chunks(READS) {
            let read = join_all(some.iter().map(|(_, key)| self.read(key))).await;
            for ((name, _), outcome) in some.iter().zip(read) {
                match outcome {
                    Ok(payload) => {
                        leaves.extend(leaf::leaves(path, spec.nested, name, &text(payload.content)?)?);
                    }
                    // Deleted, or gone since the list was made.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        if leaves.is_empty() && !path.optional {
            let message = "there is nothing below this folder";
            return Err(Error::new(ErrorKind::NotFound, "read the folder", message).with_key(folder));
        }
        Ok(leaves)
    }
}

/// The JSON text of an entry.
fn text(content: Content) -> Result<SecretBytes> {
    match content {
        Content::Bytes(bytes) => Ok(bytes),
        Content::Fields(_) => {
            Err(Error::new(ErrorKind::Internal, "read the folder", "an entry is not the text of an object"))
        }
    }
}

#[cfg(test)]
mod tests;
