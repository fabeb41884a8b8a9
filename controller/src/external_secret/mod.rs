//! One ExternalSecret, from watch event to written Secret.

mod account;
mod apply;
mod asked;
#[cfg(test)]
mod attempts;
mod brake;
mod build;
mod change;
mod cleanup;
mod connect;
mod desired;
mod due;
#[cfg(test)]
mod faults;
mod fetch;
mod gather;
mod generate;
mod generic;
mod label;
mod near;
mod pause;
mod previous;
mod privilege;
mod render;
mod report;
mod shape;
mod sources;
mod spread;
mod status;
mod template;
mod unrendered;
mod uses;
pub mod watch;
mod window;
mod words;
mod writers;

use std::collections::BTreeMap;
use std::time::Duration;

use strongroom_crds::conditions::ConditionType;
use strongroom_crds::{Condition, CreationPolicy, ExternalSecret, ExternalSecretSpec};
use strongroom_provider_api::SecretBytes;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

pub use asked::{Ask, Asked, Asker};
pub use brake::{Brake, BrakeLimits, Held};
pub use gather::target_key;
pub use near::Near;
pub use status::{Refreshed, StatusSchema};
pub use uses::{Use, users};
pub use writers::Writers;

use crate::context::Context;
use crate::error::SyncError;
use crate::generators;
use crate::hash;
use crate::kube_io::ObjectKey;
use crate::leases::{self, Inputs};
use crate::schedule::{Job, Next};
use crate::stores::AccessError;
use crate::telemetry::traces;

pub use template::{TemplateFault, Templates};

use account::Account;
use apply::Applied;
use build::Built;
use desired::Desired;
use due::{Cause, Due};
use gather::Observed;
use generic::TargetKind;
use report::{Outcome, Synced};

/// One attempt on one ExternalSecret:
///
/// 1. *notice* happened: `watch` or a timer put the key into the schedule;
/// 2. [`gather`](gather::gather) what the caches know;
/// 3. decide whether it is [`due`](due::due);
/// 4. [`sources`](sources::sources) and [`connect`](connect::connect): which stores, and may they be used;
/// 5. [`fetch`](fetch::fetch) from the stores, then [`generate`](generate::generate);
/// 6. [`build`](build::build) the data, pure, and what the [`template`] makes of it;
/// 7. [`apply`](apply::apply) the one change;
/// 8. [`report`](report::report) status, event, log line and the next time.
pub async fn reconcile(context: &Context, job: Job<ObjectKey>) -> Next {
    let Some(observed) = gather::gather(context, &job.key) else {
        return Next::Forget;
    };
    let span = traces::attempt(&observed.key, observed.uid());
    attempt(context, &observed, &job, &span).instrument(span.clone()).await
}

async fn attempt(context: &Context, observed: &Observed, job: &Job<ObjectKey>, span: &Span) -> Next {
    let started = Instant::now();
    let outcome = sync(context, observed, job.asked).await;
    let outcome = match outcome {
        Err(error) if is_first_check_of_a_new_store(&error) || is_too_early(&error, observed) => {
            Ok(Outcome::Waiting)
        }
        outcome => outcome,
    };
    traces::ended(span, outcome.as_ref().map(Outcome::word).map_err(SyncError::reason));
    let failed = outcome.is_err();
    let next = report::report(context, observed, outcome, job.failures).await;
    context.metrics.reconciled(&observed.key, started.elapsed(), failed);
    next
}

/// Who looks after an ExternalSecret, as far as it is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeper {
    /// Another controller class.
    Foreign,
    /// Its stores are not known: not yet, or they do not exist.
    Unknown,
    /// This controller's class.
    Ours,
}

/// Who looks after the ExternalSecret `object` of `namespace`.
pub fn keeper(context: &Context, namespace: &str, object: &ExternalSecret) -> Keeper {
    let Ok(sources) = sources::sources(namespace, &object.spec) else { return Keeper::Unknown };
    let is_known = |source: &sources::Source| context.stores.get(&source.store).is_some();
    if connect::is_foreign(context, &sources) {
        Keeper::Foreign
    } else if sources.stores.is_empty() || sources.stores.iter().any(is_known) {
        Keeper::Ours
    } else {
        Keeper::Unknown
    }
}

async fn sync(context: &Context, observed: &Observed, asked: Instant) -> Result<Outcome, SyncError> {
    if observed.is_deleting() {
        return cleanup::cleanup(context, observed).await;
    }
    let spec = observed.spec().map_err(|error| SyncError::Object(error.to_owned()))?;
    let sources = sources::sources(&observed.key.namespace, spec);
    if sources.as_ref().is_ok_and(|sources| connect::is_foreign(context, sources))
        || (!context.settings.cluster_stores && uses_cluster_store(spec))
    {
        return Ok(Outcome::NotOurs);
    }
    previous::expire(context, observed).await;
    if let Some(paused) = pause::paused(observed) {
        return Ok(Outcome::Paused(paused.clone()));
    }
    // Only now: what is wrong with another controller's object is for that one to say.
    let next_refresh = due::refresh_after(spec).map_err(SyncError::Object)?;
    if observed.namespace.terminating {
        return Err(SyncError::NamespaceTerminating(observed.key.namespace.clone()));
    }
    let (kind, observed) = generic::open(context, observed, spec).await?;
    let observed = observed.as_ref();
    let cause = match due::due(observed, spec).map_err(SyncError::Object)? {
        Due::Later(next) => return Ok(Outcome::InStep(next)),
        Due::Now(Cause::TargetMissing)
            if apply::is_only_unlabelled(context, &kind, observed, spec.target.creation_policy).await? =>
        {
            return Ok(Outcome::InStep(due::next_look(observed, spec)));
        }
        Due::Now(cause) => cause,
    };
    // Only now: an object that heeds no edits is in step whatever they say.
    let sources = sources?;
    if cleanup::hold(context, observed).await? {
        // The object has changed by it; the hops go on with the newest.
        return Ok(Outcome::InStep(Some(Duration::ZERO)));
    }
    let since = due::since(cause, asked, observed, next_refresh.unwrap_or_default());
    let generators = match generate::find(context, observed, sources.generators).await? {
        generate::Found::Ours(generators) => generators,
        generate::Found::Foreign => return Ok(Outcome::NotOurs),
    };
    let stands = |inputs: Option<&str>| {
        matches!(cause, Cause::IntervalPassed | Cause::Asked) && stand(context, observed, &generators, inputs)
    };
    if sources.stores.is_empty() && stands(None) {
        return Ok(kept(spec, cause, next_refresh));
    }
    let mut stores = connect::connect(context, observed, &sources.stores, since).await?;
    let fetched = match fetch::fetch(context, spec, sources.stores, &mut stores).await {
        Ok(fetched) => fetched,
        Err(error) => return Err(near::suggested(observed, &stores, error).await),
    };
    let parts = in_place(spec, || build::stored(spec, fetched, observed.now))?;
    let inputs = (!generators.is_empty()).then(|| build::fingerprint(&parts));
    if keyed(context, observed, inputs.as_deref()).is_some_and(|inputs| stands(Some(&inputs))) {
        return Ok(kept(spec, cause, next_refresh));
    }
    leases::make_room(context, &observed.key.namespace, observed.uid()).await;
    let made = generate::generate(context, observed, generators).await?;
    let outcome = carry_out(context, observed, spec, &kind, parts, &made).await;
    let used = outcome.is_ok().then(|| Inputs(keyed(context, observed, inputs.as_deref())));
    generate::settle(context, observed, &made, used.as_ref()).await;
    outcome.map(|outcome| outcome.into_outcome(cause, next_refresh))
}

/// What was generated is good, and nothing else has changed.
fn kept(spec: &ExternalSecretSpec, cause: Cause, next: Option<Duration>) -> Outcome {
    let applied = Applied::new(apply::Written::Nothing);
    let policy = spec.target.creation_policy;
    let synced = Synced { policy, applied, missing: Vec::new(), orphans: 0 };
    Outcome::Synced { cause, synced, next }
}

/// The fingerprint of what came from stores, keyed with the data of the target, which nobody guesses who cannot read it.
fn keyed(context: &Context, observed: &Observed, inputs: Option<&str>) -> Option<String> {
    let inputs = inputs?;
    let target = context.secrets.get(&observed.target_key())?;
    Some(hash::text(&format!("{}\n{inputs}", target.hash)))
}

/// True if all that the generators made is leased and holds.
fn stand(
    context: &Context,
    observed: &Observed,
    generators: &[(sources::GeneratorSource, generators::Resolved)],
    inputs: Option<&str>,
) -> bool {
    let placed = generators.iter().map(|(source, generator)| (source.index, generator));
    leases::stand(context, &observed.key.namespace, observed.uid(), placed, inputs, observed.now)
}

/// A template may take long: nobody may have to wait for this thread.
fn in_place<T>(spec: &ExternalSecretSpec, work: impl FnOnce() -> T) -> T {
    if renders_keys(spec) { tokio::task::block_in_place(work) } else { work() }
}

/// Makes of the target what the parts and what was generated say.
async fn carry_out(
    context: &Context,
    observed: &Observed,
    spec: &ExternalSecretSpec,
    kind: &TargetKind,
    mut parts: Vec<build::Part>,
    made: &[generate::Made],
) -> Result<CarriedOut, SyncError> {
    parts.extend(in_place(spec, || build::generated(made, observed.now))?);
    let account = Account { reads: build::take_reads(&mut parts), generators: account::generators(made) };
    match build::build(spec, parts)? {
        Built::Data { data, missing } => {
            let (applied, orphans) = match kind {
                TargetKind::Secret => write(context, observed, spec, data, &account).await?,
                TargetKind::Generic(kind) => {
                    let keys = data.keys().cloned().collect();
                    let span = traces::write(kind.kind(), observed.target_name());
                    let work = generic::write(context, observed, spec, kind, data);
                    let applied = work.instrument(span.clone()).await;
                    traces::ended(
                        &span,
                        applied.as_ref().map(|applied| applied.written().word()).map_err(SyncError::reason),
                    );
                    drop(span);
                    let digest = context.manifests.mirror(kind).get(&observed.target_key());
                    account::wrote(context, observed, (kind.kind(), digest), keys, &account, &applied);
                    (applied?, 0)
                }
            };
            let policy = spec.target.creation_policy;
            Ok(CarriedOut::Synced(Synced { policy, applied, missing, orphans }))
        }
        Built::Retain => Ok(CarriedOut::Retained),
        Built::Delete => {
            let now = deleted(context, observed, kind).await?;
            if now {
                account::deleted(context, observed, kind.name(), observed.target_key());
            }
            Ok(CarriedOut::Deleted(now))
        }
    }
}

/// What became of the target.
enum CarriedOut {
    Synced(Synced),
    Retained,
    /// False if it was gone before.
    Deleted(bool),
}

impl CarriedOut {
    fn into_outcome(self, cause: Cause, next: Option<Duration>) -> Outcome {
        match self {
            Self::Synced(synced) => Outcome::Synced { cause, synced, next },
            Self::Retained => Outcome::Retained { cause, next },
            Self::Deleted(now) => Outcome::Deleted { cause, now, next },
        }
    }
}

/// Brings the Secret in step with `data`; gives how many Secrets under earlier names were deleted, too.
async fn write(
    context: &Context,
    observed: &Observed,
    spec: &ExternalSecretSpec,
    data: BTreeMap<String, SecretBytes>,
    account: &Account,
) -> Result<(Applied, usize), SyncError> {
    if spec.target.creation_policy == CreationPolicy::None {
        let nothing = desired::claimed(observed, spec, ());
        apply::delete_orphans(context, observed, &nothing).await?;
        return Ok((Applied::new(apply::Written::Nothing), 0));
    }
    let (keys, orphans, applied) = match rendered(context, observed, spec, data).await {
        Ok(desired) => {
            let orphans = apply::delete_orphans(context, observed, &desired).await?;
            let span = traces::write("Secret", observed.target_name());
            let applied = apply::apply(context, observed, &desired).instrument(span.clone()).await;
            traces::ended(
                &span,
                applied.as_ref().map(|applied| applied.written().word()).map_err(SyncError::reason),
            );
            drop(span);
            (desired.content.data.into_keys().collect(), orphans, applied)
        }
        Err(fault) => (Vec::new(), 0, unrendered::apply(context, observed, spec, fault).await),
    };
    if context.audit.is_on() {
        let digest = context.secrets.get(&observed.target_key());
        account::wrote(context, observed, ("Secret", digest), keys, account, &applied);
    }
    Ok((applied?, orphans))
}

/// What the Secret is to be.
async fn rendered(
    context: &Context,
    observed: &Observed,
    spec: &ExternalSecretSpec,
    data: BTreeMap<String, SecretBytes>,
) -> Result<Desired, SyncError> {
    let span = traces::render();
    let rendered = template::content(context, observed, spec, data).instrument(span.clone()).await;
    let desired = rendered.and_then(|rendered| desired::desired(observed, spec, rendered));
    traces::ended(&span, desired.as_ref().map(|_| "rendered").map_err(SyncError::reason));
    desired
}

/// Deletes the target, in a span of its own; false if there was none.
async fn deleted(context: &Context, observed: &Observed, kind: &TargetKind) -> Result<bool, SyncError> {
    let span = traces::write(kind.name(), observed.target_name());
    let now = match kind {
        TargetKind::Secret => apply::delete(context, observed).instrument(span.clone()).await,
        TargetKind::Generic(kind) => {
            generic::apply::delete(context, kind, observed).instrument(span.clone()).await
        }
    };
    let word = |now: &bool| if *now { "deleted" } else { "unchanged" };
    traces::ended(&span, now.as_ref().map(word).map_err(SyncError::reason));
    now
}

fn renders_keys(spec: &ExternalSecretSpec) -> bool {
    let mut rewrites = spec.data_from.iter().flat_map(|from| &from.rewrite);
    rewrites.any(|rewrite| rewrite.transform.is_some())
}

/// Upstream reads it this way: only the object's own default store counts (spec eso-core 2.2, step 4).
fn uses_cluster_store(spec: &strongroom_crds::ExternalSecretSpec) -> bool {
    let kind = spec.secret_store_ref.as_ref().and_then(|store| store.kind);
    kind == Some(strongroom_crds::StoreRefKind::ClusterSecretStore)
}

/// A store and its ExternalSecrets are often created together. The store's first check takes a moment and then
/// wakes them; until it has ended nothing is wrong.
fn is_first_check_of_a_new_store(error: &SyncError) -> bool {
    matches!(error, SyncError::Access { error: AccessError::Fresh(_), .. })
}

/// Each kind has a watch of its own, and the ones' events may come before the others'. A store that is not there may be
/// about to come, and may be another controller's: nothing is said against an object that was never told anything and
/// that this process has only just met.
fn is_too_early(error: &SyncError, observed: &Observed) -> bool {
    const WATCHES_DIFFER: Duration = Duration::from_secs(1);
    let is_ready = |condition: &Condition| condition.type_ == ConditionType::Ready.as_str();
    matches!(error, SyncError::Access { error: AccessError::Absent(_), .. })
        && observed.seen.elapsed() < WATCHES_DIFFER
        && !observed.status().conditions.iter().any(is_ready)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;
    use crate::app::context_over;

    #[tokio::test(start_paused = true)]
    async fn nothing_is_said_of_a_missing_store_before_its_event_had_time_to_come() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let context = context_over(&[], move |_, _, body| {
            count.fetch_add(1, Ordering::Relaxed);
            (201, body.clone())
        });
        let key = ObjectKey::new("ns", "es");
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "name": "es", "namespace": "ns", "uid": "1", "generation": 1 },
            "spec": { "secretStoreRef": { "name": "late" }, "dataFrom": [{ "extract": { "key": "k" } }] },
        });
        let object = serde_json::from_value(object).unwrap();
        context.external_secrets.put(key.clone(), Some("1"), object).unwrap();
        let job = || Job { key: key.clone(), failures: 0, asked: Instant::now() };
        let next = reconcile(&context, job()).await;
        assert!(matches!(next, Next::After(wait) if wait <= Duration::from_secs(1)), "{next:?}");
        assert_eq!(asked.load(Ordering::Relaxed), 0);
        tokio::time::advance(Duration::from_secs(3)).await;
        reconcile(&context, job()).await;
        assert!(asked.load(Ordering::Relaxed) > 0, "the store is missing, and that is told");
    }
}
