//! `GeneratorDescriptor`: a generator with its types erased, so that a list can hold them all.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::Value;

use crate::descriptor::{schema_of, without_value};
use crate::{
    Error, ErrorKind, Generated, Generator, GeneratorClient, Lease, LeaseStanding, Resolver, Result,
    Stability, Toolbox, Violation,
};

/// Everything the kernel, the CRD schema and the docs need to know of a generator.
#[derive(Clone, Copy)]
pub struct GeneratorDescriptor {
    /// The API group, without version.
    pub group: &'static str,
    /// The API's kind.
    pub kind: &'static str,
    /// How far it has come.
    pub stability: Stability,
    schema: fn() -> Value,
    inspect: fn(&Value) -> Result<Inspection>,
    connect: fn(Value, Arc<dyn Resolver>, Toolbox) -> Connecting,
}

/// A client whose spec is a JSON value, on its way.
type Connecting = BoxFuture<'static, Result<Arc<dyn GeneratorClient<Value>>>>;

/// What can be said of a generator from its spec alone.
#[derive(Clone, Debug)]
struct Inspection {
    violations: Vec<Violation>,
    controller_class: Option<String>,
    connection: Value,
}

impl GeneratorDescriptor {
    /// The descriptor of `G`.
    pub const fn of<G: Generator>() -> Self {
        Self {
            group: G::GROUP,
            kind: G::KIND,
            stability: G::STABILITY,
            schema: schema_of::<G::Spec>,
            inspect: inspect::<G>,
            connect: |spec, resolver, toolbox| {
                Box::pin(async move {
                    let client = G::connect(parse::<G>(&spec)?, resolver, toolbox).await?;
                    Ok(Arc::new(Erased::<G>(client)) as Arc<dyn GeneratorClient<Value>>)
                })
            },
        }
    }

    /// JSON schema of the spec: OpenAPI 3 structure, subschemas inlined, no `$schema`, `title` or `nullable`.
    pub fn schema(&self) -> Value {
        (self.schema)()
    }

    /// The faults of `spec`; empty where there are none.
    ///
    /// # Errors
    /// `InvalidConfig` if it does not even parse; the message names field and reason.
    pub fn validate(&self, spec: &Value) -> Result<Vec<Violation>> {
        Ok((self.inspect)(spec)?.violations)
    }

    /// The class of the controllers that use it; `None` means every class.
    ///
    /// # Errors
    /// `InvalidConfig` if `spec` does not parse.
    pub fn controller_class(&self, spec: &Value) -> Result<Option<String>> {
        Ok((self.inspect)(spec)?.controller_class.filter(|class| !class.is_empty()))
    }

    /// With whom the generator talks, and as whom; `Null` for nobody. Clients are shared by it.
    ///
    /// # Errors
    /// `InvalidConfig` if `spec` does not parse.
    pub fn connection(&self, spec: &Value) -> Result<Value> {
        Ok((self.inspect)(spec)?.connection)
    }

    /// A live handle for every generator of this kind whose connection is that of `spec`.
    ///
    /// # Errors
    /// `InvalidConfig` where the spec does not parse or has faults (all are named), and whatever
    /// [`Generator::connect`] gives.
    pub async fn connect(
        &self,
        spec: Value,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<Value>>> {
        let violations = self.validate(&spec)?;
        if !violations.is_empty() {
            return Err(invalid(&violations));
        }
        (self.connect)(spec, resolver, toolbox).await
    }
}

impl fmt::Debug for GeneratorDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("GeneratorDescriptor");
        debug.field("group", &self.group).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A client of `G` that takes its spec as JSON. Every call checks the spec: the client is shared by generators that
/// differ in all but their connection.
struct Erased<G: Generator>(Arc<dyn GeneratorClient<G::Spec>>);

#[deny(clippy::missing_trait_methods, reason = "what is forgotten here would not reach the client")]
#[async_trait]
impl<G: Generator> GeneratorClient<Value> for Erased<G> {
    async fn generate(&self, spec: &Value) -> Result<Generated> {
        let spec = parse::<G>(spec)?;
        let violations = G::validate(&spec);
        if !violations.is_empty() {
            return Err(invalid(&violations));
        }
        self.0.generate(&spec).await
    }

    async fn discard(&self, spec: &Value, state: &Value) -> Result<()> {
        self.0.discard(&parse::<G>(spec)?, state).await
    }

    async fn renew(&self, lease: &Lease, increment: Option<SignedDuration>) -> Result<Lease> {
        self.0.renew(lease, increment).await
    }

    async fn revoke(&self, lease: &Lease) -> Result<()> {
        self.0.revoke(lease).await
    }

    async fn standing(&self, lease: &Lease) -> Result<LeaseStanding> {
        self.0.standing(lease).await
    }

    async fn login(&self) -> Result<Option<String>> {
        self.0.login().await
    }

    async fn end_login(&self, name: &str) -> Result<()> {
        self.0.end_login(name).await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

fn parse<G: Generator>(spec: &Value) -> Result<G::Spec> {
    serde_path_to_error::deserialize(spec).map_err(|error| {
        let text = without_value(&error.inner().to_string());
        let message = match error.path().to_string().as_str() {
            "." => format!("spec: {text}"),
            path => format!("spec.{path}: {text}"),
        };
        Error::new(ErrorKind::InvalidConfig, "read the settings", message)
    })
}

fn inspect<G: Generator>(spec: &Value) -> Result<Inspection> {
    let spec = parse::<G>(spec)?;
    Ok(Inspection {
        violations: G::validate(&spec),
        controller_class: G::controller_class(&spec).map(ToOwned::to_owned),
        connection: G::connection(&spec),
    })
}

fn invalid(violations: &[Violation]) -> Error {
    let faults: Vec<_> = violations
        .iter()
        .map(|violation| format!("spec.{}: {}", violation.field, violation.message))
        .collect();
    Error::new(ErrorKind::InvalidConfig, "use the settings", faults.join("; "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use async_trait::async_trait;
    use serde_json::json;

    use super::*;
    use crate::{
        CaProvider, SecretBytes, SecretKeySelector, ServiceAccountSelector, StoreKind, UPSTREAM_GENERATORS,
    };

    /// Gives its `text`, under the name that it was connected with.
    #[derive(Debug)]
    struct Echo;

    #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
    struct EchoSpec {
        text: String,
        #[serde(default)]
        server: String,
        #[serde(default)]
        controller: String,
    }

    struct EchoClient {
        server: String,
    }

    #[async_trait]
    impl Generator for Echo {
        const KIND: &'static str = "Echo";
        const STABILITY: Stability = Stability::Alpha;
        type Spec = EchoSpec;

        fn validate(spec: &EchoSpec) -> Vec<Violation> {
            let fault = || Violation::new("text", "must not be empty");
            spec.text.is_empty().then(fault).into_iter().collect()
        }

        fn controller_class(spec: &EchoSpec) -> Option<&str> {
            Some(&spec.controller)
        }

        fn connection(spec: &EchoSpec) -> Value {
            json!({ "server": spec.server })
        }

        async fn connect(
            spec: EchoSpec,
            _: Arc<dyn Resolver>,
            _: Toolbox,
        ) -> Result<Arc<dyn GeneratorClient<EchoSpec>>> {
            Ok(Arc::new(EchoClient { server: spec.server }))
        }
    }

    #[async_trait]
    impl GeneratorClient<EchoSpec> for EchoClient {
        async fn generate(&self, spec: &EchoSpec) -> Result<Generated> {
            Ok(Generated::fields([(self.server.as_str(), spec.text.as_str())]))
        }
    }

    struct NoReferences;

    #[async_trait]
    impl Resolver for NoReferences {
        fn store_kind(&self) -> StoreKind {
            StoreKind::Namespaced
        }

        async fn secret(&self, _: &SecretKeySelector, _: Option<&str>) -> Result<SecretBytes> {
            Err(Error::new(ErrorKind::InvalidConfig, "read", "there is none"))
        }

        async fn labelled_secret(
            &self,
            _: &SecretKeySelector,
            _: (&str, &str),
        ) -> Result<BTreeMap<String, SecretBytes>> {
            Err(Error::new(ErrorKind::InvalidConfig, "read", "there is none"))
        }

        fn caller(&self) -> Result<String> {
            Err(Error::new(ErrorKind::InvalidConfig, "read", "there is none"))
        }

        async fn service_account_token(
            &self,
            _: &ServiceAccountSelector,
            _: &[String],
            _: i64,
        ) -> Result<SecretBytes> {
            Err(Error::new(ErrorKind::InvalidConfig, "read", "there is none"))
        }

        async fn ca_bundle(&self, _: &CaProvider) -> Result<Vec<u8>> {
            Err(Error::new(ErrorKind::InvalidConfig, "read", "there is none"))
        }
    }

    const ECHO: GeneratorDescriptor = GeneratorDescriptor::of::<Echo>();

    async fn connect(spec: Value) -> Result<Arc<dyn GeneratorClient<Value>>> {
        ECHO.connect(spec, Arc::new(NoReferences), Toolbox::default()).await
    }

    #[tokio::test]
    async fn one_client_serves_every_spec_of_its_connection() {
        let client = connect(json!({ "text": "a", "server": "s" })).await.unwrap();
        for text in ["a", "b"] {
            let generated = client.generate(&json!({ "text": text, "server": "s" })).await.unwrap();
            assert_eq!(generated, Generated::fields([("s", text)]));
        }
    }

    #[tokio::test]
    async fn a_faulty_spec_is_refused_with_field_and_reason_and_without_the_value() {
        let faulty = connect(json!({ "text": "" })).await.unwrap_err();
        assert_eq!(faulty.to_string(), "cannot use the settings: spec.text: must not be empty");
        let unreadable = connect(json!({ "text": { "canary": 1 } })).await.unwrap_err();
        let expected = "cannot read the settings: spec.text: a value is not as expected: a string";
        assert_eq!(unreadable.to_string(), expected);
        // A shared client meets specs that nobody checked when it was connected.
        let client = connect(json!({ "text": "a" })).await.unwrap();
        let error = client.generate(&json!({ "text": "" })).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    }

    #[test]
    fn what_a_spec_says_can_be_asked_without_connecting() {
        assert_eq!((ECHO.group, ECHO.kind), (UPSTREAM_GENERATORS, "Echo"));
        let spec = json!({ "text": "a", "server": "s", "controller": "other" });
        assert_eq!(ECHO.controller_class(&spec).unwrap().as_deref(), Some("other"));
        assert_eq!(ECHO.controller_class(&json!({ "text": "a", "controller": "" })).unwrap(), None);
        assert_eq!(ECHO.connection(&spec).unwrap(), json!({ "server": "s" }));
        assert_eq!(ECHO.schema()["properties"]["text"]["type"], "string");
    }

    #[tokio::test]
    async fn what_gives_no_leases_says_so() {
        let client = connect(json!({ "text": "a" })).await.unwrap();
        let lease = Lease {
            id: Some("l".to_owned()),
            issued: jiff::Timestamp::UNIX_EPOCH,
            expires: None,
            end: crate::LeaseEnd::Renewable,
            replace: None,
            parent: None,
        };
        assert_eq!(client.renew(&lease, None).await.unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(client.revoke(&lease).await.unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(client.standing(&lease).await.unwrap_err().kind(), ErrorKind::Unsupported);
        client.discard(&json!({ "text": "a" }), &Value::Null).await.unwrap();
    }
}
