//! Leases at Vault: what was granted, and how it is kept alive, ended and looked up.

use jiff::SignedDuration;
use serde::Deserialize;
use strongroom_provider_api::{Error, ErrorKind, Lease, LeaseEnd, LeaseStanding, Result};

use super::answer::{Granted, ResultType};
use super::bearer::Borne;
use super::parent::Known;
use super::{Answered, Engine, end};
use crate::api::Logical;

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

impl Answered {
    /// The lease that was granted, or the life of the token that was made, where that is what is `wanted`.
    pub(crate) fn lease(&self, wanted: ResultType) -> Option<Lease> {
        let Granted { lease_id, lease_duration, renewable } = &self.granted;
        let id = Some(lease_id.clone()).filter(|id| !id.is_empty());
        if *lease_duration <= 0 || (id.is_none() && wanted == ResultType::Data) {
            return None;
        }
        let mut lease = Lease {
            end: if *renewable && id.is_some() { LeaseEnd::Renewable } else { LeaseEnd::Fixed },
            id,
            issued: self.asked,
            expires: end(self.asked, *lease_duration),
            replace: None,
            parent: self.parent.as_ref().and_then(Known::recorded),
        };
        // A batch token has no name and cannot be renewed: its leases end with it.
        let batch = |parent: &&Known| parent.accessor.is_empty() && parent.expires.is_some();
        if let Some(batch) = self.parent.as_ref().filter(batch) {
            lease.expires = lease.expires.min(batch.expires);
            lease.end = LeaseEnd::Fixed;
        }
        Some(lease)
    }
}

impl Engine {
    /// Asks for `lease` to last `increment` from now, and keeps the token alive that it hangs from.
    ///
    /// # Errors
    /// `NotFound` where Vault says that it does not know the lease; as [`Api::ask`](crate::api::Api::ask) has them.
    pub(crate) async fn renew(&self, lease: &Lease, increment: Option<SignedDuration>) -> Result<Lease> {
        let Some(id) = &lease.id else { return Err(nameless("renew the lease")) };
        let seconds = increment.map(|increment| increment.as_secs().max(1));
        let asked = self.now();
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

    /// Ends `lease`. One that has ended is fine.
    ///
    /// # Errors
    /// As [`Api::ask`](crate::api::Api::ask) has them.
    pub(crate) async fn revoke(&self, lease: &Lease) -> Result<()> {
        let Some(id) = &lease.id else { return Err(nameless("revoke the lease")) };
        match self.bearer.ask(&self.api, &Logical::revoke_lease(id)).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The accessor of the login's token; `None` for the user's own token and for one that has no name.
    ///
    /// # Errors
    /// As [`Api::ask`](crate::api::Api::ask) has them.
    pub(crate) async fn login(&self) -> Result<Option<String>> {
        let borne = self.bearer.borne().await?;
        let Borne::Login(_) = &borne else { return Ok(None) };
        let known = self.parents.own(&self.api, &borne).await?;
        Ok(known.map(|known| known.accessor).filter(|accessor| !accessor.is_empty()))
    }

    /// Ends the token of this accessor. One that has ended is fine.
    ///
    /// # Errors
    /// As [`Api::ask`](crate::api::Api::ask) has them.
    pub(crate) async fn end_login(&self, accessor: &str) -> Result<()> {
        match self.bearer.ask(&self.api, &Logical::revoke_accessor(accessor)).await {
            // Vault calls an accessor that it does not know invalid.
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidPayload) => {
                Err(error)
            }
            Ok(_) | Err(_) => {
                self.api.toolbox.journal.ended(accessor);
                Ok(())
            }
        }
    }

    /// Whether `lease` holds.
    ///
    /// # Errors
    /// As [`Api::ask`](crate::api::Api::ask) has them.
    pub(crate) async fn standing(&self, lease: &Lease) -> Result<LeaseStanding> {
        let Some(id) = &lease.id else { return Err(nameless("look up the lease")) };
        let asked = self.now();
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
}

fn nameless(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation, "it has no id")
}
