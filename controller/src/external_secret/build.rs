//! Hop 6: from payloads to the Secret as it should be. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use strongroom_crds::{CreationPolicy, DeletionPolicy, ExternalSecret, ExternalSecretSpec, names};
use strongroom_provider_api::SecretBytes;

use super::fetch::{Fetched, Found};
use super::gather::Observed;
use super::shape;
use super::sources::{Ask, Entry};
use crate::error::SyncError;
use crate::hash;
use crate::kube_io::ObjectKey;

/// The API server's limit for all values of a Secret together.
const LARGEST_SECRET: usize = 1024 * 1024;

/// The target as it should be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Desired {
    /// Where it lives.
    pub key: ObjectKey,
    /// Its controlling owner.
    pub owner: OwnerReference,
    /// The field manager that writes it.
    pub manager: String,
    /// Labels to have.
    pub labels: BTreeMap<String, String>,
    /// Annotations to have, the data hash among them.
    pub annotations: BTreeMap<String, String>,
    /// All data.
    pub data: BTreeMap<String, SecretBytes>,
}

/// What is to become of the target.
#[derive(Clone, Debug)]
pub(super) enum Built {
    /// It should look like this.
    Target {
        /// The target.
        desired: Box<Desired>,
        /// One text for each entry that the stores do not have.
        missing: Vec<String>,
    },
    /// There is no data; it stays as it is.
    Retain,
    /// There is no data; it goes.
    Delete,
}

/// The target that the fetched payloads make (spec eso-core 2.5, 2.7, 2.9).
///
/// # Errors
/// Data that cannot be shaped as asked ([`SyncError::Data`], with the entry), and a result that may not be
/// written ([`SyncError::Rendered`], [`SyncError::Object`]).
pub(super) fn build(
    observed: &Observed,
    spec: &ExternalSecretSpec,
    fetched: Vec<Fetched>,
) -> Result<Built, SyncError> {
    let mut data = BTreeMap::new();
    let mut missing = Vec::new();
    for Fetched { source, dialect, found } in fetched {
        let shaped = match found {
            Found::Nothing => {
                missing.push(missing_text(&source.entry));
                continue;
            }
            Found::One(payload) => match &source.ask {
                Ask::Value { secret_key, remote } => shape::value(secret_key, remote, &payload, dialect),
                Ask::Members { remote, rewrite } => shape::members(remote, rewrite, &payload, dialect),
                Ask::Matches { .. } => continue,
            },
            Found::Many(payloads) => match &source.ask {
                Ask::Matches { find, rewrite } => shape::matches(find, rewrite, &payloads, dialect),
                Ask::Value { .. } | Ask::Members { .. } => continue,
            },
        };
        let heeds_absence = spec.target.deletion_policy != DeletionPolicy::Retain;
        match shaped {
            Ok(shaped) => data.extend(shaped),
            Err(shape::ShapeError::Missing(_)) if heeds_absence => missing.push(missing_text(&source.entry)),
            Err(error) => {
                let (entry, message) = (source.entry.to_string(), error.to_string());
                return Err(SyncError::Data { entry, store: source.store, message });
            }
        }
    }
    if data.is_empty() {
        match spec.target.deletion_policy {
            DeletionPolicy::Retain => return Ok(Built::Retain),
            DeletionPolicy::Delete => return Ok(Built::Delete),
            DeletionPolicy::Merge => {}
        }
    }
    check_rendered(&data)?;
    Ok(Built::Target { desired: Box::new(desired(observed, data)), missing })
}

/// What this version cannot do yet is refused before a store is asked or anything is written.
///
/// # Errors
/// [`SyncError::Unsupported`] names the field.
pub(super) fn check_supported(spec: &ExternalSecretSpec) -> Result<(), SyncError> {
    let unsupported = |field: &str| SyncError::Unsupported(format!("{field} is not built in yet"));
    let target = &spec.target;
    match target.creation_policy {
        CreationPolicy::Owner => {}
        other => return Err(unsupported(&format!("spec.target.creationPolicy {other:?}"))),
    }
    if target.template.is_some() {
        return Err(unsupported("spec.target.template"));
    }
    if target.manifest.is_some() {
        return Err(unsupported("spec.target.manifest"));
    }
    if target.immutable == Some(true) {
        return Err(unsupported("spec.target.immutable"));
    }
    if spec.sync_windows.is_some() {
        return Err(unsupported("spec.syncWindows"));
    }
    Ok(())
}

/// The rules of the API server, checked here so that the message can name the key.
fn check_rendered(data: &BTreeMap<String, SecretBytes>) -> Result<(), SyncError> {
    let legal = |key: &str| {
        !matches!(key, "." | "..")
            && !key.starts_with("..")
            && key.len() <= 253
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    if let Some(key) = data.keys().find(|key| !legal(key)) {
        return Err(SyncError::Rendered(format!("{key:?} cannot be a key of a Secret")));
    }
    let size: usize = data.values().map(SecretBytes::len).sum();
    if size > LARGEST_SECRET {
        let largest = data.iter().max_by_key(|(_, value)| value.len());
        let largest = largest
            .map_or(String::new(), |(key, value)| format!("; largest: {key:?}, {} bytes", value.len()));
        return Err(SyncError::Rendered(format!(
            "the Secret would hold {size} bytes, the API server takes at most {LARGEST_SECRET}{largest}"
        )));
    }
    Ok(())
}

fn desired(observed: &Observed, data: BTreeMap<String, SecretBytes>) -> Desired {
    let meta = observed.meta();
    let owner = OwnerReference {
        api_version: ExternalSecret::api_version(&()).into_owned(),
        kind: ExternalSecret::kind(&()).into_owned(),
        name: observed.key.name.clone(),
        uid: observed.uid().to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    // Without a template every label and annotation of the ExternalSecret is copied (spec eso-core 2.9 b).
    let mut labels = meta.labels.clone().unwrap_or_default();
    labels.insert(names::LABEL_CREATED_BY.to_owned(), hash::text(&observed.key.to_string()));
    labels.insert(names::LABEL_MANAGED.to_owned(), "true".to_owned());
    let mut annotations = meta.annotations.clone().unwrap_or_default();
    let hash = hash::data(data.iter().map(|(key, value)| (key.as_str(), value.expose())));
    annotations.insert(names::ANNOTATION_DATA_HASH.to_owned(), hash);
    let manager = field_manager(&observed.key.name);
    Desired { key: observed.target_key(), owner, manager, labels, annotations, data }
}

/// The field manager of the ExternalSecret `name` (spec eso-core 0).
fn field_manager(name: &str) -> String {
    let plain = format!("{}{name}", names::FIELD_MANAGER_PREFIX);
    if plain.len() <= 63 {
        plain
    } else {
        format!("{}sha3/{}", names::FIELD_MANAGER_PREFIX, hash::text(name))
    }
}

fn missing_text(entry: &Entry) -> String {
    let mut text = "secret does not exist at provider using ".to_owned();
    let _ = match entry {
        Entry::Data { index, key } => write!(text, "spec.data[{index}] (key={key})"),
        Entry::Extract { index } | Entry::Find { index } => write!(text, "spec.dataFrom[{index}]"),
    };
    text
}

impl Desired {
    /// Stands for the whole desired state; two that are equal have the same.
    pub(super) fn fingerprint(&self) -> String {
        let Self { key, owner, manager, labels, annotations, data: _ } = self;
        // The data is in it through the data hash among the annotations.
        hash::text(&format!("{key:?} {owner:?} {manager:?} {labels:?} {annotations:?}"))
    }
}
