//! `measured`: a client whose operations are timed, and whose failures are counted by kind.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use strongroom_provider_api::{
    Changes, Deleted, Error, ErrorKind, Health, Listed, Meter, Operation, Payload, RemoteKey, Result, Scope,
    StoreClient, WriteRequest, Written,
};
use tokio::time::Instant;

/// `client` of `provider`, with every operation told to `meter`: from its beginning to its end, with the wait for its turn
/// and with retries, as whoever asks sees it.
pub(super) fn measured(
    client: Arc<dyn StoreClient>,
    provider: &'static str,
    meter: Arc<dyn Meter>,
) -> Arc<dyn StoreClient> {
    Arc::new(Measured { client, provider, meter })
}

/// Tells of a connect that `begun` then and ended now.
pub(super) fn connected(meter: &dyn Meter, provider: &'static str, begun: Instant, failure: Option<&Error>) {
    meter.ended(Operation { provider, name: "connect" }, begun.elapsed(), failure.map(Error::kind));
}

struct Measured {
    client: Arc<dyn StoreClient>,
    provider: &'static str,
    meter: Arc<dyn Meter>,
}

impl Measured {
    async fn timed<T>(&self, name: &'static str, call: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = Instant::now();
        let outcome = call.await;
        self.ended(name, begun, outcome.as_ref().err().map(Error::kind));
        outcome
    }

    fn ended(&self, name: &'static str, begun: Instant, failure: Option<ErrorKind>) {
        self.meter.ended(Operation { provider: self.provider, name }, begun.elapsed(), failure);
    }
}

#[deny(clippy::missing_trait_methods, reason = "what is forgotten here would not reach the client")]
#[async_trait]
impl StoreClient for Measured {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        self.timed("read", self.client.read(key)).await
    }

    fn batch_size(&self, key: &RemoteKey) -> usize {
        self.client.batch_size(key)
    }

    async fn read_many(&self, keys: &[RemoteKey]) -> Result<Vec<Option<Result<Payload>>>> {
        self.timed("read", self.client.read_many(keys)).await
    }

    fn list<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        let begun = Instant::now();
        let entries = (self.client.list(scope), None);
        Box::pin(stream::unfold(entries, move |(mut entries, failure)| async move {
            let Some(entry) = entries.next().await else {
                self.ended("list", begun, failure);
                return None;
            };
            let failure = entry.as_ref().err().map(Error::kind).or(failure);
            Some((entry, (entries, failure)))
        }))
    }

    async fn write(&self, key: &RemoteKey, request: &WriteRequest) -> Result<Written> {
        self.timed("write", self.client.write(key, request)).await
    }

    async fn delete(&self, key: &RemoteKey, property: Option<&str>) -> Result<Deleted> {
        self.timed("delete", self.client.delete(key, property)).await
    }

    async fn exists(&self, key: &RemoteKey, property: Option<&str>) -> Result<bool> {
        self.timed("exists", self.client.exists(key, property)).await
    }

    async fn probe(&self) -> Result<Health> {
        self.timed("probe", self.client.probe()).await
    }

    fn changes(&self) -> Option<&dyn Changes> {
        self.client.changes()
    }

    async fn close(&self) {
        self.client.close().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use strongroom_provider_api::{Call, CallOutcome, Notice, Version};

    use super::*;

    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<(&'static str, Duration, Option<ErrorKind>)>>);

    impl Meter for Told {
        fn called(&self, _: Call, _: CallOutcome) {}

        fn ended(&self, operation: Operation, took: Duration, failure: Option<ErrorKind>) {
            assert_eq!(operation.provider, "stub");
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push((operation.name, took, failure));
        }
    }

    struct Slow;

    #[async_trait]
    impl StoreClient for Slow {
        async fn read(&self, key: &RemoteKey) -> Result<Payload> {
            tokio::time::sleep(Duration::from_secs(3)).await;
            match key.key.as_str() {
                "there" => Ok(Payload::bytes(b"x".to_vec())),
                _ => Err(Error::new(ErrorKind::NotFound, "read", "nothing there")),
            }
        }

        fn batch_size(&self, _: &RemoteKey) -> usize {
            20
        }

        async fn read_many(&self, keys: &[RemoteKey]) -> Result<Vec<Option<Result<Payload>>>> {
            Ok(keys.iter().map(|_| Some(Ok(Payload::bytes(b"x".to_vec())))).collect())
        }

        fn changes(&self) -> Option<&dyn Changes> {
            Some(self)
        }
    }

    #[async_trait]
    impl Changes for Slow {
        fn place(&self, _: &str) -> Option<String> {
            None
        }

        fn folder(&self, _: Option<&str>) -> Option<String> {
            None
        }

        async fn version(&self, _: &str) -> Result<Option<Version>> {
            Ok(None)
        }

        fn notices(&self) -> BoxStream<'_, Result<Notice>> {
            Box::pin(stream::empty())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_operation_is_told_once_with_its_time_and_the_kind_of_its_failure() {
        let told = Arc::new(Told::default());
        let client = measured(Arc::new(Slow), "stub", Arc::clone(&told) as _);
        client.read(&RemoteKey::latest("there")).await.unwrap();
        client.read(&RemoteKey::latest("absent")).await.unwrap_err();
        let scope = Scope::default();
        assert_eq!(client.list(&scope).count().await, 1, "one error");
        let three = Duration::from_secs(3);
        let many = [RemoteKey::latest("a"), RemoteKey::latest("b")];
        assert_eq!(client.batch_size(&many[0]), 20);
        assert!(client.read_many(&many).await.unwrap().iter().all(Option::is_some));
        assert!(client.changes().is_some());
        let wanted = [
            ("read", three, None),
            ("read", three, Some(ErrorKind::NotFound)),
            ("list", Duration::ZERO, Some(ErrorKind::Unsupported)),
            ("read", Duration::ZERO, None),
        ];
        assert_eq!(*told.0.lock().unwrap(), wanted);
    }
}
