//! Status, event and the next time of a store, from a verdict.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource;
use serde_json::json;
use strongroom_crds::conditions::{
    ConditionType, EventReason, STATUS_FALSE, STATUS_TRUE, StoreReason, event_message, store_message,
};
use strongroom_crds::{ClusterSecretStore, Condition, SecretStore, SecretStoreStatus, StoreCapabilities};
use strongroom_provider_api::{Access, Error, ErrorKind, Upkeep};

use super::probe::Verdict;
use crate::context::Context;
use crate::external_secret;
use crate::kube_io::{ApiError, EventKind, Subject};
use crate::schedule::{Backoff, Next};
use crate::stores::{Readiness, StoreView};

/// After the first refused login: what the service needs may have been on its way.
const FIRST_REFUSED: Backoff = Backoff { first: Duration::from_secs(4), cap: Duration::from_secs(4) };
/// After a later one: Vault locks an identity out after five within a quarter of an hour. A change of the store or of
/// a credential is noticed and ends the wait.
const REFUSED: Backoff = Backoff { first: Duration::from_mins(2), cap: Duration::from_mins(7) };

/// What the status is to say.
struct Said {
    ready: &'static str,
    reason: StoreReason,
    message: String,
    event: EventKind,
}

/// Reports `verdict`: the status if it changed, an event if it did, and wakes who waits for the store.
///
/// `failures` is how many checks in a row have failed before this one.
pub(super) async fn report(context: &Context, store: &StoreView, verdict: &Verdict, failures: u32) -> Next {
    if let Verdict::NoInterval(error) = verdict
        && store.readiness() != Readiness::Unknown
    {
        return left_alone(context, store, error, failures).await;
    }
    let said = said(verdict);
    let mut status = store.status.clone();
    set_ready(context, &mut status, &said);
    if let Verdict::Valid { access, .. } = verdict {
        status.capabilities = Some(capabilities(*access));
    }
    if status != store.status {
        tracing::info!(object = %store.id, ready = said.ready, reason = said.reason.as_str(),
            message = said.message, "store checked");
        if let Err(error) = write_status(context, store, &status).await {
            tracing::warn!(object = %store.id, %error, "the status could not be written");
            return Next::Retry { backoff: Backoff::UPSTREAM, at_least: Duration::ZERO };
        }
        post(context, store, said.event, event(said.reason), &said.message).await;
        if let Verdict::Valid { upkeep: Upkeep::Unmaintained, .. } = verdict
            && !store.ignores_maintenance()
        {
            let (reason, message) = (EventReason::StoreUnmaintained, event_message::UNMAINTAINED);
            post(context, store, EventKind::Warning, reason, message).await;
        }
    }
    context.metrics.store_ready(&store.id, said.ready == STATUS_TRUE);
    if said.ready == STATUS_TRUE && store.readiness() != Readiness::Ready {
        external_secret::watch::store(context, &store.id);
    }
    match verdict {
        Verdict::Valid { interval, .. } | Verdict::Unknown { interval, .. } => Next::After(*interval),
        Verdict::NoInterval(error) | Verdict::NoClient(error) | Verdict::Broken(error) => {
            let backoff = match (error.kind(), failures) {
                (ErrorKind::Unauthenticated, 0) => FIRST_REFUSED,
                (ErrorKind::Unauthenticated, _) => REFUSED,
                _ => Backoff::UPSTREAM,
            };
            Next::Retry { backoff, at_least: error.retry_after().unwrap_or_default() }
        }
    }
}

/// A store that was told something goes on as it is when nothing but its interval is broken, as upstream's does.
async fn left_alone(context: &Context, store: &StoreView, error: &Error, failures: u32) -> Next {
    if failures == 0 {
        let message = error.to_string();
        tracing::warn!(object = %store.id, message, "the store is not checked");
        post(context, store, EventKind::Warning, EventReason::InvalidProviderConfig, &message).await;
    }
    Next::Retry { backoff: Backoff::UPSTREAM, at_least: Duration::ZERO }
}

/// Tells what is passed over in the annotations of `store`.
pub(super) async fn warn(context: &Context, store: &StoreView) {
    if let Some(fault) = store.annotation_fault() {
        tracing::warn!(object = %store.id, fault, "an annotation is passed over");
        post(context, store, EventKind::Warning, EventReason::AnnotationPassedOver, &fault).await;
    }
}

fn said(verdict: &Verdict) -> Said {
    let invalid = |text: &str, error: &Error| Said {
        ready: STATUS_FALSE,
        reason: StoreReason::InvalidProviderConfig,
        message: format!("{text}: {}: {error}", error.kind().reason()),
        event: EventKind::Warning,
    };
    match verdict {
        Verdict::Valid { .. } => Said {
            ready: STATUS_TRUE,
            reason: StoreReason::Valid,
            message: store_message::VALID.to_owned(),
            event: EventKind::Normal,
        },
        Verdict::Unknown { message, .. } => Said {
            ready: STATUS_TRUE,
            reason: StoreReason::ValidationUnknown,
            message: format!("{}: {message}", store_message::UNKNOWN),
            event: EventKind::Warning,
        },
        Verdict::NoInterval(error) | Verdict::NoClient(error) => invalid(store_message::NO_CLIENT, error),
        Verdict::Broken(error) => invalid(store_message::NOT_VALID, error),
    }
}

fn event(reason: StoreReason) -> EventReason {
    match reason {
        StoreReason::Valid => EventReason::Valid,
        StoreReason::ValidationUnknown => EventReason::ValidationUnknown,
        StoreReason::InvalidProviderConfig
        | StoreReason::InvalidStoreConfiguration
        | StoreReason::ValidationFailed => EventReason::InvalidProviderConfig,
    }
}

fn capabilities(access: Access) -> StoreCapabilities {
    match access {
        Access::ReadOnly => StoreCapabilities::ReadOnly,
        Access::WriteOnly => StoreCapabilities::WriteOnly,
        Access::ReadWrite => StoreCapabilities::ReadWrite,
    }
}

fn set_ready(context: &Context, status: &mut SecretStoreStatus, said: &Said) {
    let old = status.conditions.iter().position(|condition| condition.type_ == ConditionType::Ready.as_str());
    let old = old.map(|index| status.conditions.remove(index));
    let since = old
        .filter(|old| old.status == said.ready)
        .and_then(|old| old.last_transition_time)
        .unwrap_or_else(|| Time(context.clock.now()));
    status.conditions.push(Condition {
        type_: ConditionType::Ready.to_string(),
        status: said.ready.to_owned(),
        reason: Some(said.reason.as_str().to_owned()),
        message: Some(said.message.clone()),
        last_transition_time: Some(since),
    });
}

/// Writes `status` and shows it to the next reader at once.
async fn write_status(
    context: &Context,
    store: &StoreView,
    status: &SecretStoreStatus,
) -> Result<(), ApiError> {
    let patch = json!(status);
    let key = &store.id.key;
    let written = if store.id.cluster {
        StoreView::cluster(context.cluster.patch_status::<ClusterSecretStore>(key, &patch).await?)
    } else {
        StoreView::namespaced(context.cluster.patch_status::<SecretStore>(key, &patch).await?)
    };
    let version = written.meta.resource_version.clone();
    // Not newer means that the watch was faster.
    let _ = context.stores.mirror(&store.id).put(key.clone(), version.as_deref(), written);
    Ok(())
}

async fn post(context: &Context, store: &StoreView, kind: EventKind, reason: EventReason, message: &str) {
    let (events, api_version) = if store.id.cluster {
        (&context.cluster_store_events, ClusterSecretStore::api_version(&()))
    } else {
        (&context.store_events, SecretStore::api_version(&()))
    };
    let subject = Subject {
        api_version: api_version.into_owned(),
        kind: store.id.kind().as_str().to_owned(),
        key: store.id.key.clone(),
        uid: store.uid().to_owned(),
        resource_version: store.meta.resource_version.clone().unwrap_or_default(),
    };
    events.post(&subject, kind, reason, message).await;
}
