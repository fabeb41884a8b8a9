//! The part that every generator here has: the server and the login, as in a store, and paths.

use serde_json::Value;
use strongroom_provider_api::{Error, ErrorKind, Result, StoreKind, Violation};

use crate::config::{self, VaultConfig};
use crate::path::LogicalPath;

/// The settings in `provider`.
fn settings(provider: &Value) -> Result<VaultConfig, Violation> {
    serde_path_to_error::deserialize(provider).map_err(|error| {
        let field = match error.path().to_string().as_str() {
            "." => "provider".to_owned(),
            path => format!("provider.{path}"),
        };
        // The parser's own words may quote what it met.
        Violation::new(field, "cannot be read")
    })
}

/// The settings in `provider`.
///
/// # Errors
/// `InvalidConfig` that names the field.
pub(crate) fn usable(provider: &Value) -> Result<VaultConfig> {
    settings(provider).map_err(|violation| {
        let message = format!("spec.{}: {}", violation.field, violation.message);
        Error::new(ErrorKind::InvalidConfig, "use the settings", message)
    })
}

/// The faults of `provider`.
pub(crate) fn faults(provider: &Value) -> Vec<Violation> {
    match settings(provider) {
        Err(violation) => vec![violation],
        Ok(settings) => config::violations(&settings, StoreKind::Namespaced)
            .into_iter()
            .map(|found| Violation::new(format!("provider.{}", found.field), found.message))
            .collect(),
    }
}

/// Why the text in `field` is not the path of something.
pub(crate) fn path_fault(field: &str, text: &str) -> Option<Violation> {
    match LogicalPath::parse(text) {
        Ok(path) if !path.is_empty() => None,
        Ok(_) => Some(Violation::new(field, "must not be empty")),
        Err(fault) => Some(Violation::new(field, fault.to_string())),
    }
}
