//! `DynamicClient`: generates, and renews, looks up and revokes the leases of what was generated.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use strongroom_provider_api::{
    Error, ErrorKind, Generated, GeneratorClient, Lease, LeaseEnd, LeaseStanding, Result,
};

use super::answer::{self, Granted};
use super::bearer::{Bearer, Borne};
use super::parent::{Known, Parents};
use super::{DynamicSpec, ResultType};
use crate::api::{Api, Logical};
use crate::path::LogicalPath;

/// A live handle for one server and one identity.
#[derive(Debug)]
pub(super) struct DynamicClient {
    api: Arc<Api>,
    bearer: Bearer,
    parents: Parents,
}

/// What Vault says of a lease that is looked up.
#[derive(Deserialize)]
struct LookedUp {
    data: LeaseData,
}

#[derive(Deserialize)]
struct LeaseData {
    #[serde(default)]
    ttl: i64,
    #[serde(default)]
    renewable: bool,
}

#[async_trait]
impl GeneratorClient<DynamicSpec> for DynamicClient {
    async fn generate(&self, spec: &DynamicSpec) -> Result<Generated> {
        let path = LogicalPath::parse(&spec.path)
            .map_err(|fault| Error::new(ErrorKind::InvalidConfig, "generate", fault.to_string()))?;
        self.generated(spec, &path).await.map_err(|error| error.with_key(path.as_str()))
    }

    async fn renew(&self, lease: &Lease, increment: Option<SignedDuration>) -> Result<Lease> {
        let Some(id) = &lease.id else { return Err(nameless("renew the lease")) };
        let seconds = increment.map(|increment| increment.as_secs().max(1));
        let asked = self.api.clock.now();
        let mut renewed = lease.clone();
        match self.bearer.ask(&self.api, &Logical::renew_lease(id, seconds)).await {
            Ok(answer) => {
                let granted: Granted = serde_json::from_slice(&answer.body).unwrap_or_default();
                renewed.expires = end(asked, granted.lease_duration);
                let full = seconds.is_none_or(|seconds| granted.lease_duration >= seconds);
                renewed.end = if granted.renewable && full { LeaseEnd::Renewable } else { LeaseEnd::Fixed };
            }
            // Vault says so of a lease that cannot be renewed; the role may have changed.
            Err(error) if error.kind() == ErrorKind::InvalidPayload => renewed.end = LeaseEnd::Fixed,
            Err(error) => return Err(error),
        }
        if let Some(parent) = &lease.parent {
            renewed.parent = Some(self.parents.kept(&self.api, &self.bearer, parent).await?);
        }
        Ok(renewed)
    }

    async fn revoke(&self, lease: &Lease) -> Result<()> {
        let Some(id) = &lease.id else { return Err(nameless("revoke the lease")) };
        match self.bearer.ask(&self.api, &Logical::revoke_lease(id)).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn standing(&self, lease: &Lease) -> Result<LeaseStanding> {
        let Some(id) = &lease.id else { return Err(nameless("look up the lease")) };
        let asked = self.api.clock.now();
        let answer = match self.bearer.ask(&self.api, &Logical::look_up_lease(id)).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(LeaseStanding::Ended),
            Err(error) => return Err(error),
        };
        let Ok(LookedUp { data }) = serde_json::from_slice(&answer.body) else {
            let message = "Vault's answer is not the JSON that was expected";
            return Err(Error::new(ErrorKind::Unavailable, "look up the lease", message));
        };
        let kind = if data.renewable { LeaseEnd::Renewable } else { LeaseEnd::Fixed };
        Ok(LeaseStanding::Holds(Lease { expires: end(asked, data.ttl), end: kind, ..lease.clone() }))
    }

    async fn close(&self) {
        self.bearer.close().await;
    }
}

impl DynamicClient {
    pub(super) fn new(api: Arc<Api>, bearer: Bearer) -> Self {
        Self { api, bearer, parents: Parents::default() }
    }

    async fn generated(&self, spec: &DynamicSpec, path: &LogicalPath) -> Result<Generated> {
        let request = Logical::generate(spec.verb(), path, spec.query(), spec.parameters.clone());
        let before = self.parent().await?;
        let asked = self.api.clock.now();
        let answer = self.bearer.ask(&self.api, &request).await?;
        // An answer without a body is like none.
        if answer.status == 404 || answer.body.iter().all(u8::is_ascii_whitespace) {
            return if spec.allow_empty_response { Ok(Generated::default()) } else { Err(empty()) };
        }
        let granted = answer::granted(&answer.body);
        let parent = match (granted.lease_id.is_empty(), before) {
            (true, _) => None,
            // The call may have logged in afresh.
            (false, Some((borne, known))) => match self.bearer.borne().await? {
                now if now.generation() == borne.generation() => {
                    self.bearer.keep(&borne);
                    Some(known)
                }
                now => {
                    self.bearer.keep(&now);
                    self.parents.own(&self.api, &now).await?
                }
            },
            (false, None) => {
                self.bearer.keep(&self.bearer.borne().await?);
                None
            }
        };
        let fields = answer::fields(&answer.body, spec.result_type)?;
        let lease = lease(&granted, spec.result_type, parent.as_ref(), asked);
        Ok(Generated { fields, lease, ..Generated::default() })
    }

    /// The token from which the next lease will hang: one that is near its end is let go first.
    async fn parent(&self) -> Result<Option<(Borne, Known)>> {
        let borne = self.bearer.borne().await?;
        if borne.token().is_none() {
            return Ok(None);
        }
        let Some(known) = self.parents.own(&self.api, &borne).await? else { return Ok(None) };
        let is_login = matches!(borne, Borne::Login(_));
        if !is_login || !known.nears_its_end(self.api.clock.now()) {
            return Ok(Some((borne, known)));
        }
        self.bearer.let_go(&borne).await;
        let fresh = self.bearer.borne().await?;
        let known = self.parents.own(&self.api, &fresh).await?;
        Ok(known.map(|known| (fresh, known)))
    }
}

/// The lease that was granted; it hangs from `parent`.
fn lease(granted: &Granted, wanted: ResultType, parent: Option<&Known>, asked: Timestamp) -> Option<Lease> {
    let id = Some(granted.lease_id.clone()).filter(|id| !id.is_empty());
    if granted.lease_duration <= 0 || (id.is_none() && wanted == ResultType::Data) {
        return None;
    }
    let mut lease = Lease {
        end: if granted.renewable && id.is_some() { LeaseEnd::Renewable } else { LeaseEnd::Fixed },
        id,
        issued: asked,
        expires: end(asked, granted.lease_duration),
        parent: parent.and_then(Known::recorded),
    };
    // A batch token has no name and cannot be renewed: its leases end with it.
    if let Some(batch) = parent.filter(|parent| parent.accessor.is_empty() && parent.expires.is_some()) {
        lease.expires = lease.expires.min(batch.expires);
        lease.end = LeaseEnd::Fixed;
    }
    Some(lease)
}

fn end(asked: Timestamp, seconds: i64) -> Option<Timestamp> {
    asked.checked_add(SignedDuration::from_secs(seconds.max(0))).ok()
}

fn empty() -> Error {
    let message = "unable to get dynamic secret: empty response from Vault";
    Error::new(ErrorKind::InvalidPayload, "generate", message)
}

fn nameless(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation, "it has no id")
}
