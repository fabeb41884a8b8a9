//! The generator VaultDynamicSecret: whatever an engine of Vault's gives to a request, with its lease (spec eso-providers
//! E.1).

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use strongroom_provider_api::{
    Error, ErrorKind, Generated, Generator, GeneratorClient, Lease, LeaseStanding, Resolver, Result,
    Stability, Toolbox, Violation,
};

use crate::api::{Logical, Verb};
use crate::config::VaultConfig;
use crate::engine::{self, Engine, ResultType, answer};
use crate::path::LogicalPath;

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

fn any(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

impl DynamicSpec {
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
        self.get_parameters.as_ref().map(engine::query)
    }
}

#[async_trait]
impl Generator for VaultDynamicSecret {
    const KIND: &'static str = "VaultDynamicSecret";
    const STABILITY: Stability = Stability::Beta;
    type Spec = DynamicSpec;

    fn validate(spec: &DynamicSpec) -> Vec<Violation> {
        let mut violations = engine::faults(&spec.provider);
        violations.extend(engine::path_fault("path", &spec.path));
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
        Ok(Arc::new(Engine::connect(&spec.provider, &resolver, toolbox).await?))
    }
}

#[async_trait]
impl GeneratorClient<DynamicSpec> for Engine {
    async fn generate(&self, spec: &DynamicSpec) -> Result<Generated> {
        let path = LogicalPath::parse(&spec.path)
            .map_err(|fault| Error::new(ErrorKind::InvalidConfig, "generate", fault.to_string()))?;
        let request = Logical::generate(spec.verb(), &path, spec.query(), spec.parameters.clone());
        self.generated(&request, spec.result_type, spec.allow_empty_response)
            .await
            .map_err(|error| error.with_key(path.as_str()))
    }

    async fn renew(&self, lease: &Lease, increment: Option<SignedDuration>) -> Result<Lease> {
        Self::renew(self, lease, increment).await
    }

    async fn revoke(&self, lease: &Lease) -> Result<()> {
        Self::revoke(self, lease).await
    }

    async fn standing(&self, lease: &Lease) -> Result<LeaseStanding> {
        Self::standing(self, lease).await
    }

    async fn login(&self) -> Result<Option<String>> {
        Self::login(self).await
    }

    async fn end_login(&self, name: &str) -> Result<()> {
        Self::end_login(self, name).await
    }

    async fn close(&self) {
        Self::close(self).await;
    }
}

impl Engine {
    /// What `request` generates, with its lease.
    pub(crate) async fn generated(
        &self,
        request: &Logical,
        wanted: ResultType,
        may_be_empty: bool,
    ) -> Result<Generated> {
        let Some(answered) = self.lease(request).await? else {
            let none = engine::empty("unable to get dynamic secret: empty response from Vault");
            return if may_be_empty { Ok(Generated::default()) } else { Err(none) };
        };
        let fields = answer::fields(&answered.answer.body, wanted)?;
        Ok(Generated { fields, lease: answered.lease(wanted), ..Generated::default() })
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
