//! SyncPolicies: which of them says what for which ExternalSecret, and what each tells of itself.
//!
//! A policy is attached to ExternalSecrets of its own namespace, by name or by label. Field by field the oldest policy that
//! says something holds. What a policy asks for is carried out where it belongs ([`rollout`]); what came of it is written
//! into its status here, once, and only if it differs.

mod attach;
mod fault;
mod status;
mod watch;

pub use attach::{Attached, Field, Paused, Ruled, RuledLease, attached, ruled};
pub use fault::duration;
pub use status::{Written, list};
pub use watch::{external_secret, secret, watch};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Resource as _;
use strongroom_crds::SyncPolicy;
use tokio::time::Instant;

use crate::context::Context;
use crate::external_secret::Keeper;
use crate::kube_io::{Events, Mirror, ObjectKey, Watched};
use crate::rollout::{self, Windows};
use crate::schedule::{Job, Limits, Next, RESYNC, Schedule};

/// Policies that are looked at at once, in all and in one namespace.
const LIMITS: Limits = Limits { total: 8, per_group: 2 };
/// A policy is not looked at more often than this, whatever changes around it.
const PACE: Duration = Duration::from_millis(250);
/// When it is not known who looks after what a policy is attached to.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What is known of policies.
#[derive(Debug)]
pub struct Policies {
    /// SyncPolicies. Written by their watch and by the status writes of `policies`.
    pub mirror: Arc<Mirror<Watched<SyncPolicy>>>,
    /// When each is looked at.
    pub schedule: Arc<Schedule<ObjectKey>>,
    /// Changes of content that are waited with. Written by `rollout`.
    pub windows: Windows,
    /// Events about what policies did.
    pub events: Events,
    looked: Mutex<HashMap<ObjectKey, Instant>>,
}

impl Policies {
    /// None known yet; what they do is told through `events`.
    pub fn new(events: Events) -> Self {
        Self {
            mirror: Arc::default(),
            schedule: Arc::new(Schedule::new(LIMITS)),
            windows: Windows::default(),
            events,
            looked: Mutex::default(),
        }
    }

    /// How long to wait before `key` may be looked at again; nothing if it may now, which counts as a look.
    fn pace(&self, key: &ObjectKey) -> Option<Duration> {
        let now = Instant::now();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = looked.get(key).map(|last| PACE.saturating_sub(now.duration_since(*last)));
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            return Some(wait);
        }
        looked.insert(key.clone(), now);
        None
    }

    fn forget(&self, key: &ObjectKey) {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        self.windows.forget(key);
    }
}

/// One attempt on one SyncPolicy.
pub async fn reconcile(context: &Context, job: Job<ObjectKey>) -> Next {
    let key = &job.key;
    let Some(seen) = context.policies.mirror.get(key) else {
        context.policies.forget(key);
        return Next::Forget;
    };
    let policy = match &seen.0 {
        Ok(policy) => policy,
        Err(error) => {
            tracing::warn!(policy = %key, error = %error.error, "a SyncPolicy cannot be read");
            return Next::After(RESYNC);
        }
    };
    if policy.meta().deletion_timestamp.is_some() {
        return Next::After(RESYNC);
    }
    if let Some(wait) = context.policies.pace(key) {
        return Next::After(wait);
    }
    let attached = attached(context, policy);
    match attached.keeper {
        Some(Keeper::Foreign) => return Next::After(RESYNC),
        // Whoever looks after them acts. Two who do might each forget what the other has seen.
        Some(Keeper::Unknown) => return Next::After(LOOK_AGAIN),
        Some(Keeper::Ours) | None => {}
    }
    let fault = fault::fault(&policy.spec);
    let mut written = Written::of(policy);
    let rolled = match (&policy.spec.restart, &fault) {
        // With nothing attached there is nothing to compare; what was seen before is kept until there is again.
        (Some(restart), None) if !attached.is_empty() => {
            let names = attached.of(Field::Restart);
            match rollout::roll(context, policy, restart, &names, &mut written).await {
                Ok(rolled) => Some(rolled),
                Err(error) => return status::unwritten(key, &error),
            }
        }
        // A fault is about to be mended: what was restarted for what is not forgotten.
        (Some(_) | None, _) => None,
    };
    let next = rolled.as_ref().map_or(Next::After(RESYNC), |rolled| rolled.next.clone());
    let now = context.clock.now();
    let next = match (next, policy.spec.pause.as_ref().map(|pause| pause.until.duration_since(now))) {
        (Next::After(wait), Some(left)) if left.is_positive() => Next::After(wait.min(left.unsigned_abs())),
        (next, _) => next,
    };
    let status = status::told(&written.status, policy, fault.as_deref(), &attached, rolled, now);
    match written.write(context, key, status).await {
        Ok(()) => next,
        Err(error) => status::unwritten(key, &error),
    }
}
