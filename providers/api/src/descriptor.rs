//! `Descriptor`: a provider with its types erased, so that a list can hold them all.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::Transform;
use serde_json::Value;

use crate::{
    Capabilities, Dialect, Error, ErrorKind, Provider, Resolver, Result, Stability, StoreClient, StoreKind,
    Toolbox, Upkeep, Violation,
};

/// Everything the kernel, the CRD schema, the docs and the metrics need to know of a provider.
#[derive(Clone, Copy)]
pub struct Descriptor {
    /// The key under `spec.provider`.
    pub name: &'static str,
    /// How far it has come.
    pub stability: Stability,
    /// Whether it is looked after.
    pub upkeep: Upkeep,
    /// Whether a `spec.retrySettings.retryInterval` that is no duration is a fault.
    pub retry_settings: bool,
    /// The login methods that its settings can choose.
    pub login_methods: &'static [&'static str],
    schema: fn() -> Value,
    inspect: fn(&Value, StoreKind) -> Result<Inspection>,
    connect: fn(Value, Arc<dyn Resolver>, Toolbox) -> Connecting,
}

/// A client on its way.
type Connecting = BoxFuture<'static, Result<Arc<dyn StoreClient>>>;

/// What can be said of a store from its settings alone.
#[derive(Clone, Debug)]
struct Inspection {
    violations: Vec<Violation>,
    capabilities: Capabilities,
    dialect: Dialect,
    login_method: Option<&'static str>,
}

impl Descriptor {
    /// The descriptor of `P`.
    pub const fn of<P: Provider>() -> Self {
        Self {
            name: P::NAME,
            stability: P::STABILITY,
            upkeep: P::UPKEEP,
            retry_settings: P::RETRY_SETTINGS,
            login_methods: P::LOGIN_METHODS,
            schema: schema_of::<P::Config>,
            inspect: inspect::<P>,
            connect: |config, resolver, toolbox| {
                Box::pin(async move { P::connect(parse::<P>(&config)?, resolver, toolbox).await })
            },
        }
    }

    /// JSON schema of the settings: OpenAPI 3 structure, subschemas inlined, no `$schema`, `title` or
    /// `nullable`.
    pub fn schema(&self) -> Value {
        (self.schema)()
    }

    /// The faults of `config`; empty where there are none.
    ///
    /// # Errors
    /// `InvalidConfig` if it does not even parse; the message names field and reason.
    pub fn validate(&self, config: &Value, kind: StoreKind) -> Result<Vec<Violation>> {
        Ok((self.inspect)(config, kind)?.violations)
    }

    /// What a store with these settings can do.
    ///
    /// # Errors
    /// `InvalidConfig` if `config` does not parse.
    pub fn capabilities(&self, config: &Value) -> Result<Capabilities> {
        Ok((self.inspect)(config, StoreKind::Cluster)?.capabilities)
    }

    /// By which rules its payloads are read.
    ///
    /// # Errors
    /// `InvalidConfig` if `config` does not parse.
    pub fn dialect(&self, config: &Value) -> Result<Dialect> {
        Ok((self.inspect)(config, StoreKind::Cluster)?.dialect)
    }

    /// A live handle for a store with these settings.
    ///
    /// # Errors
    /// `InvalidConfig` where the settings do not parse or have faults (all are named), or choose a login method that
    /// `toolbox` does not allow; nobody is asked then. And whatever
    /// [`Provider::connect`] gives.
    pub async fn connect(
        &self,
        config: Value,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn StoreClient>> {
        let Inspection { violations, login_method, .. } = (self.inspect)(&config, resolver.store_kind())?;
        if !violations.is_empty() {
            return Err(invalid(self.name, &violations));
        }
        toolbox.logins.check(self.name, login_method)?;
        (self.connect)(config, resolver, toolbox).await
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descriptor").field("name", &self.name).finish_non_exhaustive()
    }
}

fn parse<P: Provider>(config: &Value) -> Result<P::Config> {
    serde_path_to_error::deserialize(config).map_err(|error| {
        let message = unreadable(P::NAME, &error.path().to_string(), &error.inner().to_string());
        Error::new(ErrorKind::InvalidConfig, "read the settings", message)
    })
}

/// Names the field that the parser stumbled over: `path` is the parser's, `.` for the settings as a whole.
fn unreadable(provider: &str, path: &str, text: &str) -> String {
    let text = without_value(text);
    match path {
        "." => format!("spec.provider.{provider}: {text}"),
        path => format!("spec.provider.{provider}.{path}: {text}"),
    }
}

/// What the parser says, without the value it met: settings of the fake provider hold secrets, and a secret may
/// stand in the wrong place.
pub(crate) fn without_value(text: &str) -> String {
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("a value is not as expected: {expected}"),
        None if text.starts_with("missing field") => text.to_owned(),
        None => "the settings cannot be read".to_owned(),
    }
}

fn inspect<P: Provider>(config: &Value, kind: StoreKind) -> Result<Inspection> {
    let config = parse::<P>(config)?;
    Ok(Inspection {
        violations: P::validate(&config, kind),
        capabilities: P::capabilities(&config),
        dialect: P::dialect(&config),
        login_method: P::login_method(&config),
    })
}

fn invalid(provider: &str, violations: &[Violation]) -> Error {
    let faults: Vec<_> = violations
        .iter()
        .map(|violation| format!("spec.provider.{provider}.{}: {}", violation.field, violation.message))
        .collect();
    Error::new(ErrorKind::InvalidConfig, "use the settings", faults.join("; "))
}

/// The JSON schema of `T` as a CRD can hold it.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::openapi3().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    WithoutNullable.transform(&mut schema);
    schema.remove("title");
    schema.to_value()
}

/// Upstream's schema has no `nullable`: a `null` counts as absent there and is pruned by the API server.
#[derive(Clone, Copy)]
struct WithoutNullable;

impl Transform for WithoutNullable {
    fn transform(&mut self, schema: &mut schemars::Schema) {
        schema.remove("nullable");
        schemars::transform::transform_subschemas(self, schema);
    }
}

#[cfg(test)]
mod tests {
    use super::{unreadable, without_value};

    #[test]
    fn the_field_of_a_value_that_cannot_be_read_is_named() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Settings {
            #[expect(dead_code, reason = "only parsed")]
            auth: Auth,
        }
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Auth {
            #[expect(dead_code, reason = "only parsed")]
            secret_refs: Vec<String>,
        }
        let said = |config: serde_json::Value| {
            let error = serde_path_to_error::deserialize::<_, Settings>(&config).unwrap_err();
            unreadable("stub", &error.path().to_string(), &error.inner().to_string())
        };
        assert_eq!(
            said(serde_json::json!({ "auth": { "secretRefs": ["a", { "canary": 1 }] } })),
            "spec.provider.stub.auth.secretRefs[1]: a value is not as expected: a string"
        );
        assert_eq!(
            said(serde_json::json!({ "auth": {} })),
            "spec.provider.stub.auth: missing field `secretRefs`"
        );
        assert_eq!(
            said(serde_json::json!("canary")),
            "spec.provider.stub: a value is not as expected: struct Settings"
        );
    }

    #[test]
    fn a_parsers_text_is_shown_without_the_value_it_met() {
        let met = r#"invalid type: string "canary, expected x", expected a sequence"#;
        assert_eq!(without_value(met), "a value is not as expected: a sequence");
        assert_eq!(without_value("missing field `server`"), "missing field `server`");
        assert_eq!(without_value("canary"), "the settings cannot be read");
    }
}
