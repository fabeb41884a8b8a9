//! Whether a store can be used: its settings, its references, its login.

use std::sync::Arc;
use std::time::Duration;

use strongroom_crds::{Enforcement, GoDuration, validation};
use strongroom_provider_api::{Access, Error, ErrorKind, Health, Upkeep};

use crate::context::Context;
use crate::stores::StoreView;

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
    /// No client can be made.
    NoClient(Arc<Error>),
    /// The client does not work.
    Broken(Arc<Error>),
}

/// Probes `store`. The client is the one that ExternalSecrets use, so that a probe costs no login of its own.
pub(super) async fn probe(context: &Context, store: &StoreView) -> Verdict {
    let interval = match settings(store, context.settings.store_interval) {
        Ok(interval) => interval,
        Err(message) => return Verdict::NoClient(Arc::new(invalid(message))),
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

/// Checks what the schema cannot, and gives the interval.
fn settings(store: &StoreView, default: Duration) -> Result<Duration, String> {
    let spec = store.spec.as_ref().map_err(Clone::clone)?;
    let mut violations = validation::store_violations(spec);
    violations.retain(|violation| violation.enforcement == Enforcement::Controller);
    if !violations.is_empty() {
        let faults: Vec<_> = violations
            .iter()
            .map(|violation| format!("{}: {}", violation.field, violation.message))
            .collect();
        return Err(faults.join("; "));
    }
    let interval = spec.check_every().map_err(|error| format!("spec.refreshInterval: {error}"))?;
    Ok(interval.and_then(GoDuration::as_std).filter(|interval| !interval.is_zero()).unwrap_or(default))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidConfig, "read the settings", message)
}
