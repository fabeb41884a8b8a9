//! What the metrics show of the state as it is at the scrape: so that no gauge can drift away from what it tells.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use strongroom_crds::conditions::{ConditionType, STATUS_FALSE, STATUS_TRUE};
use strongroom_crds::{ExternalSecret, RefreshPolicy, SecretLease};

use crate::context::Context;
use crate::external_secret::{Keeper, keeper};
use crate::kube_io::{ObjectKey, Watched};
use crate::schedule::Load;
use crate::stores::BreakerState;
use crate::telemetry::Totals;

/// All metrics, as of now.
pub(super) fn text(context: &Context) -> String {
    let metrics = &context.metrics;
    metrics.set_held(context.brake.held());
    metrics.set_leases(|state| {
        let in_state =
            |record: &Watched<SecretLease>| record.0.as_ref().is_ok_and(|record| record.state() == state);
        context.leases.keys_where(|_, record| in_state(record)).len()
    });
    let leads = context.leads.load(Ordering::Relaxed);
    metrics.set_leads(leads);
    // Who waits for another to end has nothing to do, and nothing that is late.
    let load = |of: fn(&Context) -> Load| if leads { of(context) } else { Load::default() };
    let most = context.schedule.places();
    metrics.set_load("externalsecret", load(|context| context.schedule.load()), most);
    let most = context.store_schedule.places();
    metrics.set_load("store", load(|context| context.store_schedule.load()), most);
    let (totals, ages) = if leads { objects(context) } else { <(Totals, Vec<_>)>::default() };
    metrics.set_objects(totals, ages.into_iter());
    metrics.set_clients(context.pool.len());
    let stores = context.stores.all();
    context.breakers.retain(|store| stores.contains(store));
    let states: HashMap<_, _> = context.breakers.states().into_iter().collect();
    metrics.set_breakers(stores.into_iter().map(|store| {
        let state = states.get(&store).copied().unwrap_or(BreakerState::Closed);
        (store, state)
    }));
    metrics.text()
}

/// How the ExternalSecrets of this controller are, and how old the data of each is, in seconds.
fn objects(context: &Context) -> (Totals, Vec<(ObjectKey, f64)>) {
    let (mut totals, mut ages) = (Totals::default(), Vec::new());
    let now = context.clock.now();
    for key in context.external_secrets.keys_where(|_, _| true) {
        let Some(object) = context.external_secrets.get(&key) else { continue };
        let Ok(object) = &object.0 else {
            totals.not_ready += 1;
            continue;
        };
        if keeper(context, &key.namespace, object) == Keeper::Foreign {
            continue;
        }
        match ready(object) {
            Some(STATUS_TRUE) => totals.ready += 1,
            Some(STATUS_FALSE) => totals.not_ready += 1,
            Some(_) | None => totals.unknown += 1,
        }
        let told = object.status.as_ref().and_then(|status| status.refresh_time.as_ref()).map(|time| time.0);
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        let Some(refreshed) = told.max(context.refreshed.get(&key, uid)) else { continue };
        let age = now.duration_since(refreshed).as_secs_f64().max(0.0);
        totals.late += usize::from(allowed_age(object).is_some_and(|allowed| age > allowed));
        ages.push((key, age));
    }
    (totals, ages)
}

/// The status of the Ready condition.
fn ready(object: &ExternalSecret) -> Option<&str> {
    let conditions = &object.status.as_ref()?.conditions;
    let ready = conditions.iter().find(|condition| condition.type_ == ConditionType::Ready.as_str())?;
    Some(ready.status.as_str())
}

/// Two intervals, in seconds; none where nothing is refreshed by the clock.
fn allowed_age(object: &ExternalSecret) -> Option<f64> {
    match object.spec.refresh_policy {
        Some(RefreshPolicy::CreatedOnce | RefreshPolicy::OnChange) => None,
        Some(RefreshPolicy::Periodic) | None => {
            let interval = object.spec.refresh_every().ok()?.as_std()?;
            (!interval.is_zero()).then_some(interval.as_secs_f64() * 2.0)
        }
    }
}
