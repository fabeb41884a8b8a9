//! One SecretStore or ClusterSecretStore: is it usable, and does its status say so?

mod probe;
mod report;
mod watch;

pub(crate) use watch::{reference, watch};

use crate::context::{Context, Settings};
use crate::external_secret;
use crate::schedule::{Job, Next, RESYNC};
use crate::stores::StoreId;

/// One attempt on one store: gather it, probe it through the pool that the ExternalSecrets use, report.
pub async fn reconcile(context: &Context, job: Job<StoreId>) -> Next {
    let Some(store) = context.stores.get(&job.key) else {
        return Next::Forget;
    };
    let Settings { controller_class, stores, cluster_stores, store_interval, .. } = &context.settings;
    if !store.is_of_class(controller_class) || store.meta.deletion_timestamp.is_some() {
        return Next::After(RESYNC);
    }
    let started = tokio::time::Instant::now();
    let changed = context.pool.refresh(&store).await;
    // A store that we do not look after is used all the same, so its clients must be up to date.
    let looked_after = if job.key.cluster { *cluster_stores } else { *stores };
    let mut failed = false;
    let next = if looked_after {
        let verdict = probe::probe(context, &store).await;
        failed = verdict.is_failure();
        report::warn(context, &store).await;
        report::report(context, &store, &verdict, job.failures).await
    } else {
        Next::After(*store_interval)
    };
    if changed {
        // What failed with the credentials of before may work now; what is in step has nothing to gain.
        external_secret::watch::store(context, &store.id);
    }
    if looked_after {
        context.metrics.store_reconciled(&job.key, started.elapsed(), failed);
    }
    next
}
