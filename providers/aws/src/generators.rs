//! Generators of AWS's tokens (spec eso-providers E).

mod ecr;
mod sts;

pub use ecr::{EcrAuthorizationToken, EcrScope, EcrSpec};
pub use sts::{StsParameters, StsSessionToken, StsSpec};

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use strongroom_provider_api::{Lease, LeaseEnd, Provider as _, Resolver, Result, Toolbox, Violation};
use strongroom_provider_kit::aws::{Api, Role};

use crate::Aws;
use crate::config::{AwsAuth, auth_violations, login_method, region_violation};
use crate::identity::Caller;

/// What says with whom a generator talks, and as whom.
#[derive(Serialize)]
struct Connection<'a> {
    region: &'a str,
    auth: Option<&'a AwsAuth>,
    role: Option<&'a str>,
}

impl Connection<'_> {
    fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn violations(&self) -> Vec<Violation> {
        region_violation(self.region).into_iter().chain(auth_violations(self.auth)).collect()
    }

    /// Who asks for the token.
    async fn caller(&self, resolver: Arc<dyn Resolver>, toolbox: &Toolbox) -> Result<Caller> {
        toolbox.logins.check(Aws::NAME, login_method(self.auth))?;
        let roles = self.role.filter(|arn| !arn.is_empty()).map(Role::plain);
        let api = Api::new(self.region, toolbox)?;
        Caller::connect(api, self.auth.cloned(), roles.into_iter().collect(), resolver, toolbox).await
    }
}

/// What is good until `expires`, and can be neither renewed nor revoked. An end that has passed already is none that could
/// be heeded.
fn lease(now: Timestamp, expires: Timestamp) -> Option<Lease> {
    let lease = Lease {
        id: None,
        issued: now,
        expires: Some(expires),
        end: LeaseEnd::Fixed,
        replace: None,
        parent: None,
    };
    (expires > now).then_some(lease)
}
