//! What every client is wrapped in: a pace that the store can stand, a time limit for each call, and a bounded
//! retry of reads.

mod changes;
mod pace;
mod rate;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use strongroom_provider_api::{
    Changes, Deleted, Error, ErrorKind, Health, Listed, Payload, RemoteKey, Result, Scope, StoreClient,
    WriteRequest, Written,
};
use tokio::time::{sleep, timeout};

pub use pace::{MOST, Pace};

use crate::jitter;

/// Limits of one client.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long one call may take (default 30 s), and how long it may wait for its turn; for a list, how long one
    /// entry may be waited for. Where a rate is set, calls wait as long as it takes.
    pub timeout: Duration,
    /// How often a failed call is tried again (default 2). Only `Unavailable` and `Throttled` are.
    pub retries: u32,
    /// The first wait before a retry, doubled each time (default 200 ms).
    pub first_wait: Duration,
    /// The longest wait (default 2 s). Where the service asks for more, the error is given instead.
    pub longest_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            retries: 2,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(2),
        }
    }
}

/// `client` within `limits`, at a pace of its own. `read`, `read_many` as a whole, `exists`, `probe` and the beginning of
/// `list` are retried; once a list has given an entry it is not, because entries would come twice. `write` and `delete`
/// are not retried here: nobody knows whether one that got no answer was carried out, and whoever tries again must look
/// first. `probe` does not wait for its turn: it is to tell whether the store answers even where much is waiting; it
/// counts as a call all the same. A list counts as one, however many pages it has.
pub fn wrap(client: Arc<dyn StoreClient>, limits: Limits) -> Arc<dyn StoreClient> {
    wrap_at(Arc::default(), client, limits)
}

/// [`wrap`] at a `pace` that it shares with the other clients of its store.
pub fn wrap_at(pace: Arc<Pace>, client: Arc<dyn StoreClient>, limits: Limits) -> Arc<dyn StoreClient> {
    Arc::new(Limited { client, limits, pace })
}

struct Limited {
    client: Arc<dyn StoreClient>,
    limits: Limits,
    pace: Arc<Pace>,
}

#[deny(clippy::missing_trait_methods, reason = "what is forgotten here would not reach the client")]
#[async_trait]
impl StoreClient for Limited {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        let call = || self.paced("read", Some(key), || self.client.read(key));
        self.limits.retried(call).await
    }

    fn batch_size(&self, key: &RemoteKey) -> usize {
        self.client.batch_size(key)
    }

    async fn read_many(&self, keys: &[RemoteKey]) -> Result<Vec<Option<Result<Payload>>>> {
        let call = || self.paced("read", None, || self.client.read_many(keys));
        self.limits.retried(call).await
    }

    fn list<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        Box::pin(
            stream::once(async move {
                self.limits
                    .retried(|| async {
                        let mut entries = self.client.list(scope);
                        let first = self.first(&mut entries).await?;
                        Ok((first, entries))
                    })
                    .await
            })
            .flat_map(move |begun| match begun {
                Ok((first, entries)) => stream::iter(first.map(Ok)).chain(self.rest(entries)).boxed(),
                Err(error) => stream::once(async { Err(error) }).boxed(),
            }),
        )
    }

    async fn write(&self, key: &RemoteKey, request: &WriteRequest) -> Result<Written> {
        self.paced("write", Some(key), || self.client.write(key, request)).await
    }

    async fn delete(&self, key: &RemoteKey, property: Option<&str>) -> Result<Deleted> {
        self.paced("delete", Some(key), || self.client.delete(key, property)).await
    }

    async fn exists(&self, key: &RemoteKey, property: Option<&str>) -> Result<bool> {
        let call = || self.paced("look for", Some(key), || self.client.exists(key, property));
        self.limits.retried(call).await
    }

    async fn probe(&self) -> Result<Health> {
        let call = || {
            self.pace.count();
            self.limits.timed("probe", None, self.client.probe())
        };
        self.limits.retried(call).await
    }

    fn changes(&self) -> Option<&dyn Changes> {
        self.client.changes().map(|_| self as &dyn Changes)
    }

    async fn close(&self) {
        let _ = timeout(self.limits.timeout, self.client.close()).await;
    }
}

impl Limited {
    /// `call` in its turn, and from then on within the time limit.
    async fn paced<T, F: Future<Output = Result<T>>>(
        &self,
        operation: &'static str,
        key: Option<&RemoteKey>,
        call: impl FnOnce() -> F,
    ) -> Result<T> {
        let place = self.pace.place(operation, self.limits.longest_wait);
        let place = if self.pace.has_rate() {
            place.await?
        } else {
            self.limits.timed(operation, key, place).await?
        };
        self.limits.timed(operation, key, call()).await.inspect_err(|error| place.failed(error))
    }

    /// The first entry.
    async fn first(&self, entries: &mut BoxStream<'_, Result<Listed>>) -> Result<Option<Listed>> {
        self.paced("list", None, || async { entries.next().await.transpose() }).await
    }

    /// The next entry, or an error where it takes too long.
    async fn next(&self, entries: &mut BoxStream<'_, Result<Listed>>) -> Option<Result<Listed>> {
        match timeout(self.limits.timeout, entries.next()).await {
            Ok(next) => next,
            Err(_) => Some(Err(self.limits.late("list"))),
        }
    }

    /// What follows the first entry; ends after an error.
    fn rest<'a>(&'a self, entries: BoxStream<'a, Result<Listed>>) -> BoxStream<'a, Result<Listed>> {
        Box::pin(stream::unfold(Some(entries), move |entries| async move {
            let mut entries = entries?;
            let next = self.next(&mut entries).await?;
            let entries = next.is_ok().then_some(entries);
            Some((next, entries))
        }))
    }
}

impl Limits {
    async fn timed<T>(
        &self,
        operation: &'static str,
        key: Option<&RemoteKey>,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match timeout(self.timeout, call).await {
            Ok(outcome) => outcome,
            Err(_) => Err(match key {
                Some(key) => self.late(operation).with_key(&key.key),
                None => self.late(operation),
            }),
        }
    }

    async fn retried<T, F: Future<Output = Result<T>>>(&self, call: impl Fn() -> F) -> Result<T> {
        let mut wait = self.first_wait;
        for _ in 0..self.retries {
            match call().await {
                Err(error) => match self.wait_before_retry(&error, wait) {
                    Some(pause) => sleep(pause).await,
                    None => return Err(error),
                },
                done => return done,
            }
            wait = (wait * 2).min(self.longest_wait);
        }
        call().await
    }

    /// How long to wait after `error`, or `None` where another try is of no use or was asked to come later.
    fn wait_before_retry(&self, error: &Error, wait: Duration) -> Option<Duration> {
        match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Throttled => {}
            ErrorKind::InvalidConfig
            | ErrorKind::Unauthenticated
            | ErrorKind::PermissionDenied
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Unsupported
            | ErrorKind::InvalidPayload
            | ErrorKind::Internal => return None,
        }
        match error.retry_after() {
            Some(hint) if hint > self.longest_wait => None,
            Some(hint) => Some(hint),
            None => Some(wait / 2 + jitter::up_to(wait / 2)),
        }
    }

    fn late(&self, operation: &'static str) -> Error {
        let message = format!("no answer within {} s", self.timeout.as_secs_f32());
        Error::new(ErrorKind::Unavailable, operation, message)
    }
}

#[cfg(test)]
mod tests;
