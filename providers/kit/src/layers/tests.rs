//! Tests of time limit and retry, in paused time.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::time::Instant;

use super::*;

/// Fails with what is queued, then answers; hangs where told to.
#[derive(Default)]
struct Flaky {
    faults: Mutex<VecDeque<Error>>,
    fault_after_first_entry: bool,
    hang: bool,
    calls: AtomicUsize,
    closed: AtomicBool,
}

impl Flaky {
    fn failing(faults: impl IntoIterator<Item = Error>) -> Self {
        Self { faults: Mutex::new(faults.into_iter().collect()), ..Self::default() }
    }

    async fn outcome(&self) -> Result<()> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.hang {
            std::future::pending::<()>().await;
        }
        match self.faults.lock().unwrap().pop_front() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl StoreClient for Flaky {
    async fn read(&self, _key: &RemoteKey) -> Result<Payload> {
        self.outcome().await.map(|()| Payload::bytes("v"))
    }

    fn list<'a>(&'a self, _scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        let entry = |name: &str| Listed { name: name.to_owned(), key: RemoteKey::latest(name) };
        if self.fault_after_first_entry {
            self.calls.fetch_add(1, Ordering::SeqCst);
            return stream::iter([Ok(entry("a")), Err(fault(ErrorKind::Unavailable)), Ok(entry("b"))])
                .boxed();
        }
        stream::once(self.outcome())
            .flat_map(move |outcome| match outcome {
                Ok(()) => stream::iter(vec![Ok(entry("a")), Ok(entry("b"))]),
                Err(error) => stream::iter(vec![Err(error)]),
            })
            .boxed()
    }

    async fn probe(&self) -> Result<Health> {
        self.outcome().await.map(|()| Health::Ready)
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

fn fault(kind: ErrorKind) -> Error {
    Error::new(kind, "read", "fault")
}

fn wrapped(flaky: Flaky) -> (Arc<Flaky>, Arc<dyn StoreClient>) {
    let flaky = Arc::new(flaky);
    (Arc::clone(&flaky), wrap(flaky, Limits::default()))
}

async fn read(client: &Arc<dyn StoreClient>) -> Result<Payload> {
    client.read(&RemoteKey::latest("k")).await
}

#[tokio::test(start_paused = true)]
async fn two_passing_faults_are_outlived_and_a_third_is_not() {
    for (faults, ok) in [(2, true), (3, false)] {
        let (flaky, client) = wrapped(Flaky::failing((0..faults).map(|_| fault(ErrorKind::Unavailable))));
        let start = Instant::now();
        assert_eq!(read(&client).await.is_ok(), ok);
        assert_eq!(flaky.calls.load(Ordering::SeqCst), 3);
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(300) && waited < Duration::from_millis(700), "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lasting_faults_are_not_retried() {
    for kind in ErrorKind::ALL {
        let (flaky, client) = wrapped(Flaky::failing([fault(kind)]));
        let passing = matches!(kind, ErrorKind::Unavailable | ErrorKind::Throttled);
        assert_eq!(read(&client).await.is_ok(), passing, "{kind:?}");
        assert_eq!(flaky.calls.load(Ordering::SeqCst), if passing { 2 } else { 1 }, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_hint_is_honoured_and_a_long_one_is_handed_on() {
    let hinted = |seconds| fault(ErrorKind::Throttled).with_retry_after(Duration::from_secs(seconds));
    let (_, client) = wrapped(Flaky::failing([hinted(2)]));
    let start = Instant::now();
    read(&client).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    let (flaky, client) = wrapped(Flaky::failing([hinted(3)]));
    assert_eq!(read(&client).await.unwrap_err().retry_after(), Some(Duration::from_secs(3)));
    assert_eq!(flaky.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_unavailable_after_the_time_limit() {
    let (_, client) = wrapped(Flaky { hang: true, ..Flaky::default() });
    let start = Instant::now();
    let error = read(&client).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.key(), Some("k"));
    assert!(start.elapsed() >= Duration::from_secs(90));
    let scope = Scope::default();
    let first = client.list(&scope).next().await.unwrap();
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_list_is_retried_only_before_its_first_entry() {
    let scope = Scope::default();
    let (flaky, client) = wrapped(Flaky::failing([fault(ErrorKind::Unavailable)]));
    let entries: Vec<_> = client.list(&scope).collect().await;
    assert!(entries.len() == 2 && entries.iter().all(Result::is_ok), "{entries:?}");
    assert_eq!(flaky.calls.load(Ordering::SeqCst), 2);

    let (flaky, client) = wrapped(Flaky { fault_after_first_entry: true, ..Flaky::default() });
    let entries: Vec<_> = client.list(&scope).collect().await;
    assert!(entries.len() == 2 && entries[0].is_ok() && entries[1].is_err(), "{entries:?}");
    assert_eq!(flaky.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn probe_and_close_reach_the_client() {
    let (flaky, client) = wrapped(Flaky::failing([fault(ErrorKind::Unavailable)]));
    assert_eq!(client.probe().await.unwrap(), Health::Ready);
    client.close().await;
    assert!(flaky.closed.load(Ordering::SeqCst));
}
