//! A recorded case as its line in `e2e/cases` has it.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use strongroom_e2e::testbed::Testbed;

use crate::placeholders;

/// Where the cases are.
pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

/// Stage → object → class → observation → value.
pub(crate) type Expectation = BTreeMap<String, BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>>;

/// One case. A field that we do not know would be a promise we do not keep, so it is refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Group and name.
    pub(crate) name: String,
    /// Its namespace; hashes over it are part of the expectation.
    pub(crate) namespace: String,
    /// Labels of the namespace.
    #[serde(default)]
    pub(crate) ns_labels: BTreeMap<String, String>,
    /// Requests to Vault that come first.
    #[serde(default)]
    pub(crate) vault: Vec<VaultRequest>,
    /// Manifests that are there at the start.
    pub(crate) objects: Vec<Value>,
    /// What happens then.
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
    /// What was seen.
    pub(crate) expect: Expectation,
    /// What is odd about upstream's result.
    #[serde(default, rename = "note")]
    _note: String,
    /// Whether the case is better played in the second half, when garbage collection knows the kinds.
    #[serde(default)]
    pub(crate) late: bool,
}

/// One step, looked at when it has settled.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// The name of its stage.
    pub(crate) name: String,
    /// What is done.
    pub(crate) ops: Vec<Operation>,
}

/// One thing that is done in a step.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Operation {
    /// An object is created.
    Create {
        /// The manifest.
        object: Value,
    },
    /// An object is patched: an object is a merge patch, a list a JSON patch.
    Patch {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// The patch.
        body: Value,
    },
    /// An object is deleted, its dependents in the background.
    Delete {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// Who deletes its dependents: always the background.
        #[serde(rename = "policy")]
        _policy: Background,
    },
    /// Vault is asked for something.
    Vault(VaultRequest),
    /// Time passes.
    Wait {
        /// How much, in seconds.
        seconds: u64,
    },
    /// A store gets a condition.
    WaitStore {
        /// Kind of the store.
        kind: String,
        /// Its name.
        name: String,
    },
}

/// The only deletion policy of recorded cases.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) enum Background {
    /// Dependents go after the object.
    Background,
}

/// A request to Vault as its administrator.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct VaultRequest {
    /// HTTP method.
    pub(crate) method: String,
    /// Path below `/v1/`.
    pub(crate) path: String,
    /// Body.
    pub(crate) data: Option<Value>,
    /// No case needs a Vault namespace.
    #[serde(default, rename = "namespace")]
    _namespace: (),
}

/// All cases, with what their placeholders stand for on this test bed.
pub(crate) fn all(testbed: &Testbed) -> Result<Vec<Case>> {
    let folder = Path::new(FOLDER);
    let mut files: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("cannot read {FOLDER}"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        for line in fs::read_to_string(&file)?.lines() {
            cases.push(read(line, testbed).with_context(|| format!("a case in {}", file.display()))?);
        }
    }
    Ok(cases)
}

fn read(line: &str, testbed: &Testbed) -> Result<Case> {
    let raw: Value = serde_json::from_str(line)?;
    let namespace = raw["namespace"].as_str().context("a case without namespace")?;
    Ok(serde_json::from_str(&placeholders::filled(line, namespace, testbed))?)
}
