//! `dispatch`: runs attempts as tasks, and survives each of them.

use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinSet;

use super::{Backoff, Job, Next, Schedule};

/// No attempt takes longer: every request inside has a limit of its own, this one catches what they miss.
const DEADLINE: Duration = Duration::from_mins(5);

/// Takes jobs until `stop` completes, then lets the running ones end (at most `grace`).
///
/// A panic or an overrun of one attempt costs that object one retry and nothing else. Panic messages are not
/// logged: they may hold data.
pub async fn dispatch<K, F, Fut>(
    schedule: Arc<Schedule<K>>,
    stop: impl Future<Output = ()>,
    grace: Duration,
    attempt: F,
) where
    K: Clone + Eq + Ord + Hash + Debug + Send + Sync + 'static,
    F: Fn(Job<K>) -> Fut,
    Fut: Future<Output = Next> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            biased; // stopping goes before new work
            () = &mut stop => break,
            Some(_) = running.join_next() => {}
            job = schedule.next() => {
                let key = job.key.clone();
                let attempt = attempt(job);
                let schedule = Arc::clone(&schedule);
                running.spawn(async move {
                    let next = survive(&key, attempt).await;
                    schedule.finish(&key, next);
                });
            }
        }
    }
    let ended = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, ended).await.is_err() {
        tracing::warn!("stopping although attempts are still running");
    }
}

async fn survive<K: Debug>(key: &K, attempt: impl Future<Output = Next>) -> Next {
    let retry = Next::Retry { backoff: Backoff::UPSTREAM, at_least: Duration::from_secs(1) };
    match tokio::time::timeout(DEADLINE, AssertUnwindSafe(attempt).catch_unwind()).await {
        Ok(Ok(next)) => next,
        Ok(Err(_panic)) => {
            tracing::error!(object = ?key, reason = "InternalError", "an attempt panicked; it will be retried");
            retry
        }
        Err(_elapsed) => {
            tracing::error!(object = ?key, reason = "InternalError", "an attempt took too long; it will be retried");
            retry
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::{Lane, Limits};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_panic_costs_that_object_one_retry_and_nothing_else() {
        let schedule = Arc::new(Schedule::new(Limits { total: 4, per_group: 4 }));
        let group = Arc::from("store");
        schedule.request(&"bad", &group, Lane::Changed);
        schedule.request(&"good", &group, Lane::Changed);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let attempt = |job: Job<&'static str>| {
            let seen = Arc::clone(&seen);
            async move {
                seen.lock().unwrap().push((job.key, job.failures));
                assert!(job.key != "bad" || job.failures > 0, "boom");
                Next::After(Duration::from_mins(50))
            }
        };
        dispatch(Arc::clone(&schedule), tokio::time::sleep(Duration::from_secs(10)), Duration::ZERO, attempt)
            .await;
        let mut seen = seen.lock().unwrap().clone();
        seen.sort_unstable();
        assert_eq!(seen, [("bad", 0), ("bad", 1), ("good", 0)]);
    }
}
