//! Generators of AWS's tokens (spec eso-providers E).

mod ecr;
mod sts;

pub use ecr::{EcrAuthorizationToken, EcrScope, EcrSpec};
pub use sts::{StsParameters, StsSessionToken, StsSpec};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use strongroom_provider_api::{Lease, LeaseEnd, Violation};

use crate::config::{AwsAuth, auth_violations, region_violation};

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
