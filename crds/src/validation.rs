//! Decides what is wrong with a spec beyond what the schema refuses: the rules of upstream's admission webhook.
//!
//! There is no webhook here, and upstream runs without one too: an object that only the webhook would refuse is then
//! stored and synced. [`Enforcement`] keeps the two apart.

use std::collections::BTreeSet;
use std::fmt;

use crate::data_from::DataFrom;
use crate::external_secret::ExternalSecretSpec;
use crate::go_duration::{DurationError, GoDuration};
use crate::names::{
    ANNOTATION_SERVICE_ACCOUNT_NAME, SECRET_TYPE_BOOTSTRAP_TOKEN, SECRET_TYPE_SERVICE_ACCOUNT_TOKEN,
};
use crate::secret_store::SecretStoreSpec;
use crate::target::{CreationPolicy, DeletionPolicy, Target, Template};

/// One fault of a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field, from `spec` on, with indices: `spec.dataFrom[0]`.
    pub field: String,
    /// Upstream's text where it has one.
    pub message: String,
    /// Who refuses it.
    pub enforcement: Enforcement,
}

/// Who refuses an object with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Enforcement {
    /// Upstream's admission webhook and nobody else: the controller syncs such an object where it can.
    Admission,
    /// The controller too: it writes nothing for such an object.
    Controller,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Violation {
    fn admission(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), enforcement: Enforcement::Admission }
    }

    fn controller(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), enforcement: Enforcement::Controller }
    }
}

/// Every fault of an ExternalSecret's spec, in the order in which upstream looks (spec section 1.7).
pub fn violations(spec: &ExternalSecretSpec) -> Vec<Violation> {
    let mut found = Vec::new();
    found.extend(policy_violation(&spec.target));
    if spec.data.is_empty() && spec.data_from.is_empty() {
        found.push(Violation::admission("spec", "either data or dataFrom should be specified"));
    }
    found.extend(template_violations(&spec.target));
    for (index, entry) in spec.data_from.iter().enumerate() {
        found.extend(data_from_violations(index, entry));
    }
    if spec.target.deletion_policy == DeletionPolicy::Retain {
        found.extend(duplicate_keys(spec));
    }
    found.extend(duration_violations(spec));
    found
}

/// Deletion policies that need more than the creation policy gives.
fn policy_violation(target: &Target) -> Option<Violation> {
    let message = match (target.deletion_policy, target.creation_policy) {
        (
            DeletionPolicy::Delete,
            CreationPolicy::Merge | CreationPolicy::None | CreationPolicy::CreateOrMerge,
        ) => {
            "deletionPolicy=Delete must not be used when the controller doesn't own the secret. Please set creationPolicy=Owner"
        }
        (DeletionPolicy::Merge, CreationPolicy::None) => {
            "deletionPolicy=Merge must not be used with creationPolicy=None. There is no Secret to merge with"
        }
        (DeletionPolicy::Delete, CreationPolicy::Owner | CreationPolicy::Orphan)
        | (
            DeletionPolicy::Merge,
            CreationPolicy::Owner
            | CreationPolicy::Orphan
            | CreationPolicy::Merge
            | CreationPolicy::CreateOrMerge,
        )
        | (DeletionPolicy::Retain, _) => return None,
    };
    Some(Violation::admission("spec.target.deletionPolicy", message))
}

/// Templates that would gain privileges or write outside data, labels and annotations; the controller looks again
/// before it touches a Secret.
pub fn template_violations(target: &Target) -> Vec<Violation> {
    let Some(template) = &target.template else {
        return Vec::new();
    };
    let mut found: Vec<Violation> = privileged_type(template).into_iter().collect();
    if target.is_secret() {
        for (index, from) in template.template_from.iter().enumerate() {
            if !["", "Data", "Annotations", "Labels"].iter().any(|it| from.target.eq_ignore_ascii_case(it)) {
                found.push(Violation::controller(
                    format!("spec.target.template.templateFrom[{index}].target"),
                    format!(
                        "templateFrom target={} is not allowed when targeting a Secret, must be one of \"Data\", \"Annotations\" or \"Labels\"",
                        quoted(&from.target)
                    ),
                ));
            }
        }
    }
    found
}

/// A token Secret would let its author act as somebody else: a ServiceAccount of their choice, or a new node.
fn privileged_type(template: &Template) -> Option<Violation> {
    const FIELD: &str = "spec.target.template.type";
    match template.type_.as_deref() {
        Some(SECRET_TYPE_BOOTSTRAP_TOKEN) => Some(Violation::controller(
            FIELD,
            format!("template.type=\"{SECRET_TYPE_BOOTSTRAP_TOKEN}\" is not allowed"),
        )),
        Some(SECRET_TYPE_SERVICE_ACCOUNT_TOKEN) => {
            let with = if names_service_account(template) {
                format!("annotation \"{ANNOTATION_SERVICE_ACCOUNT_NAME}\"")
            } else if template.template_from.iter().any(|it| it.target.eq_ignore_ascii_case("Annotations")) {
                "templateFrom target=\"Annotations\"".to_owned()
            } else {
                return None;
            };
            Some(Violation::controller(
                FIELD,
                format!("template.type=\"{SECRET_TYPE_SERVICE_ACCOUNT_TOKEN}\" with {with} is not allowed"),
            ))
        }
        Some(_) | None => None,
    }
}

fn names_service_account(template: &Template) -> bool {
    template.metadata.as_ref().is_some_and(|it| it.annotations.contains_key(ANNOTATION_SERVICE_ACCOUNT_NAME))
}

fn data_from_violations(index: usize, entry: &DataFrom) -> Vec<Violation> {
    let field = format!("spec.dataFrom[{index}]");
    let source = entry.source_ref.as_ref();
    let generated = source.is_some_and(|it| it.generator_ref.is_some());
    let ways = [entry.extract.is_some(), entry.find.is_some(), generated];
    let mut found = Vec::new();
    if ways.iter().filter(|it| **it).count() > 1 {
        found.push(Violation::admission(
            &field,
            "extract, find, or generatorRef cannot be set at the same time",
        ));
    }
    match source {
        None if !ways.contains(&true) => {
            found.push(Violation::admission(
                &field,
                "either extract, find, or sourceRef must be set to dataFrom",
            ));
        }
        Some(source) if source.store_ref.is_none() && !generated => found.push(Violation::admission(
            format!("{field}.sourceRef"),
            "generatorRef or storeRef must be set when using sourceRef in dataFrom",
        )),
        None | Some(_) => {}
    }
    found
}

fn duplicate_keys(spec: &ExternalSecretSpec) -> Vec<Violation> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (index, entry) in spec.data.iter().enumerate() {
        if !seen.insert(entry.secret_key.as_str()) {
            found.push(Violation::admission(
                format!("spec.data[{index}].secretKey"),
                format!("duplicate secretKey found: {}", entry.secret_key),
            ));
        }
    }
    found
}

/// Upstream cannot even read an object with such a duration, and then reads no other either; here it is one object's
/// fault.
fn duration_violations(spec: &ExternalSecretSpec) -> Vec<Violation> {
    let mut found = Vec::new();
    if let Err(error) = spec.refresh_every() {
        found.push(Violation::controller("spec.refreshInterval", error.to_string()));
    }
    for (index, window) in spec.sync_windows.iter().flat_map(|it| &it.windows).enumerate() {
        let duration: Result<GoDuration, DurationError> = window.duration.parse();
        if let Err(error) = duration {
            found.push(Violation::controller(
                format!("spec.syncWindows.windows[{index}].duration"),
                error.to_string(),
            ));
        }
    }
    found
}

/// Every fault of a store's spec that can be told without its provider (spec sections 1.4 and 1.7); the provider's
/// own rules come on top.
pub fn store_violations(spec: &SecretStoreSpec) -> Vec<Violation> {
    let mut found = Vec::new();
    if let Err(error) = spec.provider.single() {
        found.push(Violation::controller("spec.provider", error.to_string()));
    }
    match spec.check_every() {
        Ok(interval) if interval.is_some_and(GoDuration::is_negative) => {
            found.push(Violation::controller(
                "spec.refreshInterval",
                "spec.refreshInterval must not be negative",
            ));
        }
        Ok(_) => {}
        Err(error) => found.push(Violation::controller("spec.refreshInterval", error.to_string())),
    }
    for (outer, condition) in spec.conditions.iter().enumerate() {
        for (inner, pattern) in condition.namespace_regexes.iter().enumerate() {
            if let Err(error) = regex::Regex::new(pattern) {
                // The controller minds it only where it comes to it.
                found.push(Violation::admission(
                    format!("spec.conditions[{outer}].namespaceRegexes[{inner}]"),
                    format!(
                        "the regular expression {} does not compile: {}",
                        quoted(pattern),
                        last_line(&error)
                    ),
                ));
            }
        }
    }
    found
}

/// The reason alone: the regex crate draws the pattern with a marker above it.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

/// In double quotes, as JSON and Go write plain text.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
