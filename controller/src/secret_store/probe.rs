//! Whether a store can be used: its settings, its references, its login.

use std::sync::Arc;
use std::time::Duration;

use strongroom_crds::{Enforcement, GoDuration, validation};
use strongroom_provider_api::{Access, Error, ErrorKind, Health, Upkeep};

use crate::context::Context;
use crate::stores::StoreView;

/// The field that says when to look again.
const INTERVAL: &str = "spec.refreshInterval";

/// What a probe found out (spec eso-core 3).
#[derive(Debug)]
pub(super) enum Verdict {
    /// It can be used.
    Valid {
        /// What it can do.
        access: Access,
        /// Whether the provider is looked after.
        upkeep: Upkeep,
        /// Time to the next probe.
        interval: Duration,
    },
    /// It cannot be told from here.
    Unknown {
        /// Why not.
        message: String,
        /// Time to the next probe.
        interval: Duration,
    },
    /// When to look again cannot be told; that says nothing of whether it can be used.
    NoInterval(Arc<Error>),
    /// No client can be made.
    NoClient(Arc<Error>),
    /// The client does not work.
    Broken(Arc<Error>),
}

impl Verdict {
    /// True if something is wrong with the store.
    pub(super) const fn is_failure(&self) -> bool {
        matches!(self, Self::NoInterval(_) | Self::NoClient(_) | Self::Broken(_))
    }
}

/// Probes `store`. The client is the one that ExternalSecrets use, so that a probe costs no login of its own.
pub(super) async fn probe(context: &Context, store: &StoreView) -> Verdict {
    let interval = match settings(store, context.settings.store_interval) {
        Ok(interval) => interval,
        Err(Fault { message, is_of_interval: true }) => {
            return Verdict::NoInterval(Arc::new(invalid(message)));
        }
        Err(Fault { message, is_of_interval: false }) => {
            return Verdict::NoClient(Arc::new(invalid(message)));
        }
    };
    let upkeep = match store.provider() {
        Ok((descriptor, _)) => match store.retry_fault().filter(|_| descriptor.retry_settings) {
            Some(fault) => return Verdict::NoClient(Arc::new(invalid(fault))),
            None => descriptor.upkeep,
        },
        Err(error) => return Verdict::NoClient(Arc::new(error)),
    };
    let handle = match context.pool.handle(store, None).await {
        Ok(handle) => handle,
        // Its credentials are the callers': there is nothing to log in with from here.
        Err(_) if context.pool.needs_caller(store).await => {
            return match store.provider().and_then(|(descriptor, config)| descriptor.capabilities(config)) {
                Ok(capabilities) => Verdict::Valid { access: capabilities.access, upkeep, interval },
                Err(error) => Verdict::NoClient(Arc::new(error)),
            };
        }
        Err(error) => return Verdict::NoClient(error),
    };
    match handle.client.probe().await {
        Ok(Health::Ready) => Verdict::Valid { access: handle.capabilities.access, upkeep, interval },
        Ok(Health::Unknown(message)) => Verdict::Unknown { message, interval },
        Err(error) => {
            let error = Arc::new(error);
            if error.kind() == ErrorKind::Unauthenticated {
                context.pool.discard(store, &handle, Arc::clone(&error)).await;
            }
            Verdict::Broken(error)
        }
    }
}

/// What is wrong with the settings.
struct Fault {
    message: String,
    /// Nothing but `spec.refreshInterval` is.
    is_of_interval: bool,
}

/// Checks what the schema cannot, and gives the interval.
fn settings(store: &StoreView, default: Duration) -> Result<Duration, Fault> {
    let of_all = |message: &String| Fault { message: message.clone(), is_of_interval: false };
    let spec = store.spec.as_ref().map_err(of_all)?;
    let mut violations = validation::store_violations(spec);
    violations.retain(|violation| violation.enforcement == Enforcement::Controller);
    if !violations.is_empty() {
        let faults: Vec<_> = violations
            .iter()
            .map(|violation| format!("{}: {}", violation.field, violation.message))
            .collect();
        let is_of_interval = violations.iter().all(|violation| violation.field == INTERVAL);
        return Err(Fault { message: faults.join("; "), is_of_interval });
    }
    let of_interval = |message| Fault { message, is_of_interval: true };
    let interval = spec.check_every().map_err(|error| of_interval(format!("{INTERVAL}: {error}")))?;
    Ok(interval.and_then(GoDuration::as_std).filter(|interval| !interval.is_zero()).unwrap_or(default))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidConfig, "read the settings", message)
}
