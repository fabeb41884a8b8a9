//! `Toolbox`: what a provider is given besides its settings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::login_journal::NoJournal;
use crate::template::PlainFields;
use crate::{
    AllowedLogins, Clock, Endpoints, ErrorKind, LoginJournal, OwnIdentity, Random, SystemClock, SystemRandom,
    TemplateRenderer,
};

/// What every provider is given. Cheap to clone. Made from [`Toolbox::default`], so that it can grow.
#[derive(Clone, Debug)]
pub struct Toolbox {
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub random: Arc<dyn Random>,
    /// Where calls are counted.
    pub meter: Arc<dyn Meter>,
    /// What renders the templates in settings.
    pub templates: Arc<dyn TemplateRenderer>,
    /// Which addresses may be connected to.
    pub reach: Reach,
    /// How stores may log in; heeded by the descriptor of a store, and by a generator that logs in.
    pub logins: AllowedLogins,
    /// Addresses that take the place of services' public ones.
    pub endpoints: Endpoints,
    /// Who the controller itself is, for stores that ask for it and may have it.
    pub own_identity: OwnIdentity,
    /// Where logins are noted; the one of the client that is about to be made.
    pub journal: Arc<dyn LoginJournal>,
}

/// Which addresses a store may be reached at. Settings name hosts, and whoever writes settings is not always
/// trusted with the network that the controller stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Every address.
    Any,
    /// Every address but link-local ones and those of cloud metadata services: they give out the machine's own
    /// credentials.
    #[default]
    NoMetadata,
    /// Only addresses of the public internet.
    Public,
}

/// One call to an external service, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// Upstream's label value for the service, for example `HashiCorp/Vault`.
    pub service: &'static str,
    /// Upstream's label value for the call, for example `ReadSecretData`.
    pub name: &'static str,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallOutcome {
    /// The service answered, be it with "not found".
    Success,
    /// Anything else.
    Error,
}

impl CallOutcome {
    /// The metric's label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
        }
    }
}

/// One operation on a store, as whoever uses the store sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The provider, by its key under `spec.provider`.
    pub provider: &'static str,
    /// What was done: `connect`, `read`, `list`, `write`, `delete`, `exists` or `probe`.
    pub name: &'static str,
}

/// Counts calls to external services (`externalsecret_provider_api_calls_count`), and what became of operations.
pub trait Meter: fmt::Debug + Send + Sync + 'static {
    /// Called once for each call, when it ended.
    fn called(&self, call: Call, outcome: CallOutcome);

    /// Called by the kernel once for each operation, when it ended: after the wait for its turn, and with what was tried
    /// again. Providers never call it.
    fn ended(&self, operation: Operation, took: Duration, failure: Option<ErrorKind>) {
        let _ = (operation, took, failure);
    }

    /// Called by the kernel when a read of the provider was not made because another one served, too.
    fn saved(&self, provider: &'static str) {
        let _ = provider;
    }
}

/// Counts nothing.
#[derive(Clone, Copy, Debug)]
struct NoMeter;

impl Meter for NoMeter {
    fn called(&self, _call: Call, _outcome: CallOutcome) {}
}

impl Default for Toolbox {
    /// The machine's clock and randomness, no meter, templates of plain fields, no metadata services,
    /// every login but the controller's own identity, public addresses, no journal.
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            meter: Arc::new(NoMeter),
            templates: Arc::new(PlainFields),
            reach: Reach::default(),
            logins: AllowedLogins::default(),
            endpoints: Endpoints::default(),
            own_identity: OwnIdentity::default(),
            journal: Arc::new(NoJournal),
        }
    }
}
