//! `Generator` and `GeneratorClient`: the contract of what produces fresh values.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Error, ErrorKind, Lease, LeaseStanding, Resolver, Result, SecretBytes, Stability, Toolbox, Violation,
};

/// The API group of upstream's generators, served as `v1alpha1`.
pub const UPSTREAM_GENERATORS: &str = "generators.external-secrets.io";

/// The API group of our own generators, served as `v1alpha1`.
pub const OWN_GENERATORS: &str = "generators.strongroom.dev";

/// One kind of generator: a zero-sized type.
#[async_trait]
pub trait Generator: Send + Sync + 'static {
    /// The API's kind, for example `Password`.
    const KIND: &'static str;
    /// The API group in which that kind is served.
    const GROUP: &'static str = UPSTREAM_GENERATORS;
    /// How far it has come.
    const STABILITY: Stability;
    /// The object's `spec`. Unknown fields are ignored (the API server has pruned them).
    type Spec: DeserializeOwned + JsonSchema + Send + Sync;

    /// Faults that can be seen without asking anybody; fields are below `spec`. Pure: no files, network, clock,
    /// randomness or waiting.
    fn validate(spec: &Self::Spec) -> Vec<Violation>;

    /// `spec.controller`, where this kind has one: only a controller of that class uses the generator (spec
    /// eso-core 6.1). `None` and an empty text mean every class.
    fn controller_class(spec: &Self::Spec) -> Option<&str> {
        let _ = spec;
        None
    }

    /// The part of the spec that says with whom the generator talks, and as whom; `Null` where it talks with
    /// nobody. Generators of one kind and namespace with equal connections share one client, and so one login.
    /// Must hold everything that [`connect`](Self::connect) looks at; must not hold a value that is secret.
    fn connection(spec: &Self::Spec) -> Value {
        let _ = spec;
        Value::Null
    }

    /// A live handle for every generator whose [`connection`](Self::connection) is that of `spec`. Resolves every
    /// reference of the connection, normally by logging in; must not generate anything. Called only with a spec
    /// that [`validate`](Self::validate) accepts. The resolver reaches the namespace of the consuming object only,
    /// whatever namespace a selector names (spec eso-core 6.2), and may be kept for later logins.
    async fn connect(
        spec: Self::Spec,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<Self::Spec>>>;
}

/// A live handle that generates, for one identity: immutable, shareable, object-safe. `S` is the generator's spec;
/// where the types are erased it is a JSON value.
///
/// # Contract
/// - Calls may run in parallel.
/// - **Nothing repeats [`generate`](Self::generate) by itself**: a call whose answer got lost may have made a
///   credential. The one exception is a refused login: the client logs in afresh *once* and repeats the call that was
///   refused. [`discard`](Self::discard), [`renew`](Self::renew), [`revoke`](Self::revoke) and
///   [`standing`](Self::standing) are idempotent and may be repeated from outside.
/// - Every value is given by `generate` alone. What is persisted (state, lease) must not hold one.
#[async_trait]
pub trait GeneratorClient<S: Sync>: Send + Sync {
    /// Fresh values. Each call makes others.
    async fn generate(&self, spec: &S) -> Result<Generated>;

    /// Undoes the `generate` that gave `state` (upstream's `Cleanup`). `spec` is the snapshot that was taken then.
    /// What is gone already is `Ok`.
    async fn discard(&self, spec: &S, state: &Value) -> Result<()> {
        let _ = (spec, state);
        Ok(())
    }

    /// Asks for `lease` to last `increment` from now (the service's own choice if `None`), and keeps its parent alive,
    /// if it has one and that can be done. Gives the lease as it stands then: the service may have granted less, or
    /// may have made it [`Fixed`](crate::LeaseEnd::Fixed) because it is near the longest it allows.
    ///
    /// # Errors
    /// `NotFound` only where the service says with authority that the lease has ended.
    async fn renew(&self, lease: &Lease, increment: Option<SignedDuration>) -> Result<Lease> {
        let _ = (lease, increment);
        Err(unsupported("renew a lease"))
    }

    /// Ends `lease` now, and with it what was generated. What has ended already is `Ok`.
    async fn revoke(&self, lease: &Lease) -> Result<()> {
        let _ = lease;
        Err(unsupported("revoke a lease"))
    }

    /// Whether `lease` still holds; changes nothing. For a lease that an earlier process recorded.
    async fn standing(&self, lease: &Lease) -> Result<LeaseStanding> {
        let _ = lease;
        Err(unsupported("look up a lease"))
    }

    /// A name for the handle's login that is not the login itself, as a [`LeaseParent`](crate::LeaseParent) has it. `None`
    /// where it has none, or the login is the user's own.
    async fn login(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// Ends the login of this name, which an earlier process has left. Leases that hang from it end as well: the caller
    /// has seen to it that there are none. One that has ended is `Ok`.
    async fn end_login(&self, name: &str) -> Result<()> {
        let _ = name;
        Err(unsupported("end a login"))
    }

    /// Ends the handle. Leases that it gave out live on: a login from which one hangs must be let go without being
    /// revoked. Called once, when no call is under way; errors are of no use to anybody then.
    async fn close(&self) {}
}

/// What one call of [`GeneratorClient::generate`] gave. The values are wiped on drop; `Debug` prints their lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// The values by name, in the order of the generator. Names are unique.
    pub fields: Vec<(String, SecretBytes)>,
    /// What [`discard`](GeneratorClient::discard) needs to undo this. Becomes `spec.state` of a GeneratorState, which
    /// many may read: never a value. `None` where there is nothing to undo.
    pub state: Option<Value>,
    /// For how long the values are good, where the service limits it.
    pub lease: Option<Lease>,
}

impl Generated {
    /// Values without state or lease.
    pub fn fields<N: Into<String>, V: Into<SecretBytes>>(fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { fields, ..Self::default() }
    }
}

impl<S: Sync> fmt::Debug for dyn GeneratorClient<S> + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GeneratorClient")
    }
}

fn unsupported(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation, "this generator gives no leases")
}
