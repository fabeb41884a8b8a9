//! The generator VaultDynamicSecret: whatever an engine of Vault's gives to a request, with its lease (spec eso-providers
//! E.1).

mod answer;
mod bearer;
mod client;
mod parent;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use strongroom_provider_api::{
    Error, ErrorKind, Generator, GeneratorClient, Provider as _, Resolver, Result, Stability, StoreKind,
    Toolbox, Violation,
};

use crate::Vault;
use crate::api::Verb;
use crate::config::{self, VaultConfig};
use crate::connect;
use crate::path::LogicalPath;
use bearer::Bearer;
use client::DynamicClient;

/// The generator.
#[derive(Clone, Copy, Debug)]
pub struct VaultDynamicSecret;

/// The `spec` of a VaultDynamicSecret.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DynamicSpec {
    /// Class of the controllers that use it. Absent or empty means every one.
    pub controller: Option<String>,
    /// Parameters of a write: the body.
    #[serde(default)]
    #[schemars(schema_with = "any")]
    pub parameters: Option<Value>,
    /// Parameters of a read: the query.
    pub get_parameters: Option<BTreeMap<String, Vec<String>>>,
    /// GET (the default), LIST or DELETE; anything else is a write.
    pub method: Option<String>,
    /// Which part of the answer is used.
    #[serde(default)]
    pub result_type: ResultType,
    /// The server and the login, as in a store.
    #[schemars(with = "VaultConfig")]
    pub provider: Value,
    /// The path below `/v1/`, for example `database/creds/app`.
    pub path: String,
    /// Accepted, for upstream's objects; what generates is never repeated.
    pub retry_settings: Option<DynamicRetry>,
    /// Whether an empty answer is no error.
    #[serde(default)]
    pub allow_empty_response: bool,
}

/// Upstream's `retrySettings`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DynamicRetry {
    /// How often.
    pub max_retries: Option<i32>,
    /// How long after a failure, as a Go duration.
    pub retry_interval: Option<String>,
}

/// Which part of the answer is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ResultType {
    /// The members of `data`.
    #[default]
    Data,
    /// The members of `auth`.
    Auth,
    /// The whole answer.
    Raw,
}

/// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
impl JsonSchema for ResultType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ResultType".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["Data", "Auth", "Raw"] })
    }
}

fn any(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

impl DynamicSpec {
    fn settings(&self) -> Result<VaultConfig, Violation> {
        serde_path_to_error::deserialize(&self.provider).map_err(|error| {
            let field = match error.path().to_string().as_str() {
                "." => "provider".to_owned(),
                path => format!("provider.{path}"),
            };
            // The parser's own words may quote what it met.
            Violation::new(field, "cannot be read")
        })
    }

    /// Upstream compares with upper case only.
    fn verb(&self) -> Verb {
        match self.method.as_deref() {
            None | Some("" | "GET") => Verb::Read,
            Some("LIST") => Verb::List,
            Some("DELETE") => Verb::Delete,
            Some(_) => Verb::Write,
        }
    }

    fn query(&self) -> Option<String> {
        let parameters = self.get_parameters.as_ref()?;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, values) in parameters {
            for value in values {
                query.append_pair(name, value);
            }
        }
        Some(query.finish())
    }
}

#[async_trait]
impl Generator for VaultDynamicSecret {
    const KIND: &'static str = "VaultDynamicSecret";
    const STABILITY: Stability = Stability::Beta;
    type Spec = DynamicSpec;

    fn validate(spec: &DynamicSpec) -> Vec<Violation> {
        let mut violations = match spec.settings() {
            Err(violation) => vec![violation],
            Ok(settings) => config::violations(&settings, StoreKind::Namespaced)
                .into_iter()
                .map(|found| Violation::new(format!("provider.{}", found.field), found.message))
                .collect(),
        };
        match LogicalPath::parse(&spec.path) {
            Ok(path) if !path.is_empty() => {}
            Ok(_) => violations.push(Violation::new("path", "must not be empty")),
            Err(fault) => violations.push(Violation::new("path", fault.to_string())),
        }
        violations
    }

    fn controller_class(spec: &DynamicSpec) -> Option<&str> {
        spec.controller.as_deref()
    }

    fn connection(spec: &DynamicSpec) -> Value {
        spec.provider.clone()
    }

    async fn connect(
        spec: DynamicSpec,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<DynamicSpec>>> {
        let settings = spec.settings().map_err(|violation| {
            let message = format!("spec.{}: {}", violation.field, violation.message);
            Error::new(ErrorKind::InvalidConfig, "use the settings", message)
        })?;
        toolbox.logins.check(Vault::NAME, config::login_method(settings.auth.as_ref()))?;
        let api = connect::api(&settings, resolver.as_ref(), toolbox).await?;
        let bearer = Bearer::new(settings.auth, &api, &resolver).await?;
        Ok(Arc::new(DynamicClient::new(api, bearer)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(extra: &Value) -> DynamicSpec {
        let mut spec = json!({
            "path": "database/creds/app",
            "provider": {
                "server": "https://vault.test",
                "auth": { "tokenSecretRef": { "name": "token", "key": "token" } },
            },
        });
        for (name, value) in extra.as_object().unwrap() {
            spec[name] = value.clone();
        }
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn the_method_is_upper_case_and_anything_else_writes() {
        for (method, verb) in [
            (json!(null), Verb::Read),
            (json!(""), Verb::Read),
            (json!("GET"), Verb::Read),
            (json!("LIST"), Verb::List),
            (json!("DELETE"), Verb::Delete),
            (json!("POST"), Verb::Write),
            (json!("get"), Verb::Write),
        ] {
            assert_eq!(spec(&json!({ "method": method })).verb(), verb, "{method}");
        }
    }

    #[test]
    fn parameters_of_a_read_become_a_query() {
        let spec = spec(&json!({ "getParameters": { "a": ["1", "x y"], "b&": ["ü"] } }));
        assert_eq!(spec.query().unwrap(), "a=1&a=x+y&b%26=%C3%BC");
    }

    #[test]
    fn faults_name_their_fields() {
        assert!(VaultDynamicSecret::validate(&spec(&json!({}))).is_empty());
        let fields = |extra| {
            let found = VaultDynamicSecret::validate(&spec(&extra));
            found.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(json!({ "path": "/" })), ["path"]);
        assert_eq!(fields(json!({ "path": "a/../b" })), ["path"]);
        assert_eq!(fields(json!({ "provider": { "server": 7 } })), ["provider.server"]);
    }

    #[test]
    fn generators_with_the_same_server_and_login_share_a_client() {
        let (one, other) = (spec(&json!({ "path": "a" })), spec(&json!({ "path": "b", "method": "LIST" })));
        assert_eq!(VaultDynamicSecret::connection(&one), VaultDynamicSecret::connection(&other));
    }
}
