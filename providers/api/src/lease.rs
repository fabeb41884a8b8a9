//! `Lease`: for how long generated values are good, and how that can be changed. Metadata only, never a value.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A time-limited right to what was generated, as it is recorded. Holds no value, so it may be stored in an object and
/// logged. With a login to the service its ids are enough to end it: they belong neither in conditions or events, which
/// more people read, nor in metric labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// The service's name for it (Vault: `lease_id`, the serial number of a certificate, the accessor of a token).
    /// `None` where it can neither be renewed nor revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When the values were generated, by our clock.
    pub issued: Timestamp,
    /// When they end, by our clock: counted from before the request, so never later than the service counts. `None` if
    /// the service sets no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What happens then.
    pub end: LeaseEnd,
    /// When others should take the values' place, where the generator has an opinion (a certificate's `expiryOffset`).
    /// For [`LeaseEnd::Fixed`] only; `None` is the kernel's own choice: two thirds of the life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<Timestamp>,
    /// The login from which it hangs, if it ends with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<LeaseParent>,
}

/// How a lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaseEnd {
    /// The values stop working at `expires`, unless [`renew`](crate::GeneratorClient::renew) moves that.
    Renewable,
    /// The values stop working at `expires` (a certificate, a lease that cannot be renewed): only others can follow.
    Fixed,
    /// The service puts other values in their place at `expires` (a static role): generating again reads them, and
    /// makes none. Nothing can be renewed or revoked. Until then a refresh reads, too.
    Rotated,
}

/// The login from which a lease hangs: when it ends, the lease does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaseParent {
    /// A name for the login that is not the login (Vault: the token's accessor), by which another login can keep it alive.
    pub accessor: String,
    /// When it ends if nobody renews it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// True if it can be renewed.
    #[serde(default)]
    pub renewable: bool,
}

/// Whether a recorded lease still holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseStanding {
    /// It holds; this is how it stands now.
    Holds(Lease),
    /// The service says with authority that it has ended.
    Ended,
}
