//! The generator VaultRequest: the answer to any one request, with its lease if there is one.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use strongroom_provider_api::{
    Error, ErrorKind, Generated, Generator, GeneratorClient, Lease, LeaseStanding, OWN_GENERATORS, Resolver,
    Result, Stability, Toolbox, Violation,
};

use crate::api::{Logical, Verb};
use crate::config::VaultConfig;
use crate::engine::{self, Engine, ResultType};
use crate::path::LogicalPath;

/// The generator.
#[derive(Clone, Copy, Debug)]
pub struct VaultRequest;

/// The `spec` of a VaultRequest.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestSpec {
    /// Class of the controllers that use it. Absent or empty means every one.
    pub controller: Option<String>,
    /// The server and the login, as in a store.
    #[schemars(with = "VaultConfig")]
    pub provider: Value,
    /// The path below `/v1/`, for example `transit/datakey/plaintext/app`.
    pub path: String,
    /// The verb; `GET` where absent.
    #[serde(default)]
    pub method: RequestMethod,
    /// Parameters in the address.
    pub query: Option<BTreeMap<String, Vec<String>>>,
    /// The body of a `POST`, `PUT` or `PATCH`.
    #[serde(default)]
    #[schemars(schema_with = "any")]
    pub body: Option<Value>,
    /// Which part of the answer is used.
    #[serde(default)]
    pub result_type: ResultType,
    /// Whether an empty answer is no error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_empty_response: bool,
}

/// The verb of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RequestMethod {
    /// Reads.
    #[default]
    Get,
    /// Lists.
    List,
    /// Writes.
    Post,
    /// Writes, too.
    Put,
    /// Changes members.
    Patch,
}

/// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
impl JsonSchema for RequestMethod {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RequestMethod".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["GET", "LIST", "POST", "PUT", "PATCH"] })
    }
}

fn any(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

impl RequestSpec {
    fn verb(&self) -> Verb {
        match self.method {
            RequestMethod::Get => Verb::Read,
            RequestMethod::List => Verb::List,
            RequestMethod::Post | RequestMethod::Put => Verb::Write,
            RequestMethod::Patch => Verb::Patch,
        }
    }
}

#[async_trait]
impl Generator for VaultRequest {
    const KIND: &'static str = "VaultRequest";
    const GROUP: &'static str = OWN_GENERATORS;
    const STABILITY: Stability = Stability::Alpha;
    type Spec = RequestSpec;

    fn validate(spec: &RequestSpec) -> Vec<Violation> {
        let mut violations = engine::faults(&spec.provider);
        violations.extend(engine::path_fault("path", &spec.path));
        let bodiless = matches!(spec.method, RequestMethod::Get | RequestMethod::List);
        if bodiless && spec.body.is_some() {
            violations.push(Violation::new("body", "is for the methods POST, PUT and PATCH"));
        }
        if spec.body.as_ref().is_some_and(|body| !body.is_object()) {
            violations.push(Violation::new("body", "is not an object"));
        }
        violations
    }

    fn controller_class(spec: &RequestSpec) -> Option<&str> {
        spec.controller.as_deref()
    }

    fn connection(spec: &RequestSpec) -> Value {
        spec.provider.clone()
    }

    async fn connect(
        spec: RequestSpec,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<RequestSpec>>> {
        Ok(Arc::new(Engine::connect(&spec.provider, &resolver, toolbox).await?))
    }
}

#[async_trait]
impl GeneratorClient<RequestSpec> for Engine {
    async fn generate(&self, spec: &RequestSpec) -> Result<Generated> {
        let path = LogicalPath::parse(&spec.path)
            .map_err(|fault| Error::new(ErrorKind::InvalidConfig, "generate", fault.to_string()))?;
        let query = spec.query.as_ref().map(engine::query);
        let request = Logical::request(spec.verb(), &path, query, spec.body.clone());
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(extra: &Value) -> RequestSpec {
        let mut spec = json!({
            "path": "transit/datakey/plaintext/app",
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
    fn every_verb_is_one_of_vaults() {
        for (method, verb) in [
            ("GET", Verb::Read),
            ("LIST", Verb::List),
            ("POST", Verb::Write),
            ("PUT", Verb::Write),
            ("PATCH", Verb::Patch),
        ] {
            assert_eq!(spec(&json!({ "method": method })).verb(), verb, "{method}");
        }
        assert_eq!(spec(&json!({})).verb(), Verb::Read);
    }

    #[test]
    fn faults_name_their_fields() {
        let fields = |extra| {
            let found = VaultRequest::validate(&spec(&extra));
            found.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
        };
        assert!(fields(json!({ "method": "POST", "body": { "a": 1 } })).is_empty());
        assert_eq!(fields(json!({ "path": "../sys" })), ["path"]);
        assert_eq!(fields(json!({ "body": { "a": 1 } })), ["body"]);
        assert_eq!(fields(json!({ "method": "PUT", "body": "text" })), ["body"]);
    }
}
