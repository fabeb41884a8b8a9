//! Tests of time limit and retry, in paused time.

use std::collections::VecDeque;
use std::num::NonZeroU32;
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

/// Counts the calls that are under way, and is throttled where told to be.
#[derive(Default)]
struct Busy {
    under_way: AtomicUsize,
    most: AtomicUsize,
    calls: AtomicUsize,
    throttled: Mutex<Option<Error>>,
    /// Which key was asked for when.
    asked: Mutex<Vec<(String, Instant)>>,
    /// More calls than this at once are throttled.
    stands: AtomicUsize,
}

#[async_trait]
impl StoreClient for Busy {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.asked.lock().unwrap().push((key.key.clone(), Instant::now()));
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(under_way, Ordering::SeqCst);
        sleep(Duration::from_millis(100)).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        if let Some(error) = self.throttled.lock().unwrap().take() {
            return Err(error);
        }
        if under_way > self.stands.load(Ordering::SeqCst) {
            return Err(fault(ErrorKind::Throttled));
        }
        Ok(Payload::bytes("v"))
    }
}

fn busy(stands: usize) -> (Arc<Busy>, Arc<Pace>, Arc<dyn StoreClient>) {
    let busy = Arc::new(Busy { stands: AtomicUsize::new(stands), ..Busy::default() });
    let pace = Arc::<Pace>::default();
    let client = wrap_at(Arc::clone(&pace), Arc::clone(&busy) as _, Limits::default());
    (busy, pace, client)
}

async fn reads(client: &Arc<dyn StoreClient>, count: usize) -> Vec<Result<Payload>> {
    futures::future::join_all((0..count).map(|_| read(client))).await
}

#[tokio::test(start_paused = true)]
async fn only_so_many_calls_are_under_way_and_none_is_left_waiting() {
    let (busy, _, client) = busy(usize::MAX);
    assert!(reads(&client, 10 * MOST).await.iter().all(Result::is_ok));
    assert_eq!(busy.most.load(Ordering::SeqCst), MOST);
    assert_eq!(busy.calls.load(Ordering::SeqCst), 10 * MOST);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_asks_to_slow_down_gets_fewer_calls_for_a_while() {
    let (busy, pace, client) = busy(10);
    reads(&client, 10 * MOST).await;
    // Halved from 32 to 16 and to 8; one wave of throttled calls counts once.
    assert!((8..=10).contains(&pace.allowed()), "{} are allowed", pace.allowed());
    busy.most.store(0, Ordering::SeqCst);
    assert!(reads(&client, 3 * MOST).await.iter().all(Result::is_ok));
    assert!(busy.most.load(Ordering::SeqCst) <= 10);
    busy.stands.store(usize::MAX, Ordering::SeqCst);
    sleep(Duration::from_mins(1)).await;
    assert_eq!(pace.allowed(), MOST);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_wants_to_be_left_alone_is() {
    let (busy, _, client) = busy(usize::MAX);
    let hinted = fault(ErrorKind::Throttled).with_retry_after(Duration::from_mins(1));
    *busy.throttled.lock().unwrap() = Some(hinted);
    let error = read(&client).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Throttled, Some(Duration::from_mins(1))));
    sleep(Duration::from_secs(20)).await;
    // Nobody else asks it either, and everybody is told how long it will take.
    for error in reads(&client, 5).await.into_iter().map(Result::unwrap_err) {
        assert_eq!(error.retry_after(), Some(Duration::from_secs(40)));
    }
    assert_eq!(busy.calls.load(Ordering::SeqCst), 1);
    sleep(Duration::from_secs(39)).await;
    let start = Instant::now();
    read(&client).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(1_100), "a second is waited for");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cancelled_gives_its_place_to_the_next() {
    let (_, _, client) = busy(usize::MAX);
    for _ in 0..3 {
        let given_up = tokio::time::timeout(Duration::from_millis(50), reads(&client, 3 * MOST)).await;
        assert!(given_up.is_err());
    }
    assert!(reads(&client, MOST).await.iter().all(Result::is_ok));
}

/// Reads `count` keys, each asked for after the one before, and gives when they reached the service, in milliseconds since
/// `begin`.
async fn arrivals(busy: &Busy, client: &Arc<dyn StoreClient>, count: usize, begin: Instant) -> Vec<u128> {
    let keys: Vec<_> = (0..count).map(|number| RemoteKey::latest(number.to_string())).collect();
    busy.asked.lock().unwrap().clear();
    let outcomes = futures::future::join_all(keys.iter().map(|key| client.read(key))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let asked = busy.asked.lock().unwrap();
    let order: Vec<_> = asked.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(order, keys.iter().map(|key| key.key.as_str()).collect::<Vec<_>>(), "who came first is first");
    asked.iter().map(|(_, at)| (*at - begin).as_millis()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_in_every_second_and_whoever_waits_for_it_does_not_run_out_of_time() {
    let (busy, pace, client) = busy(usize::MAX);
    pace.set_rate(NonZeroU32::new(5));
    let begin = Instant::now();
    let arrivals = arrivals(&busy, &client, 500, begin).await;
    assert_eq!(arrivals[..7], [0, 0, 0, 0, 0, 200, 400]);
    assert_eq!(arrivals[499], 99_000, "longer than the time limit of a call");
    for (index, begin) in arrivals.iter().enumerate() {
        let within = arrivals[index..].iter().filter(|at| **at < begin + 1_000).count();
        assert!(within <= 10, "{within} calls in the second that begins at {begin} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_is_raised_or_lifted_holds_for_those_who_wait() {
    let (busy, pace, client) = busy(usize::MAX);
    pace.set_rate(NonZeroU32::new(1));
    let begin = Instant::now();
    let (arrivals, ()) = tokio::join!(arrivals(&busy, &client, 50, begin), async {
        sleep(Duration::from_millis(2_500)).await;
        pace.set_rate(NonZeroU32::new(10));
        sleep(Duration::from_secs(1)).await;
        pace.set_rate(None);
    });
    assert_eq!(arrivals[..3], [0, 1_000, 2_000]);
    let between = arrivals.iter().filter(|at| (2_500..3_500).contains(*at)).count();
    assert!((10..=20).contains(&between), "{between} calls at ten a second");
    let lifted = arrivals.iter().filter(|at| **at == 3_500).count();
    assert!(lifted >= MOST - 1, "as many as there are places: {arrivals:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_pause_that_the_service_asked_for_the_rate_holds() {
    let (busy, pace, client) = busy(usize::MAX);
    pace.set_rate(NonZeroU32::new(4));
    *busy.throttled.lock().unwrap() =
        Some(fault(ErrorKind::Throttled).with_retry_after(Duration::from_secs(2)));
    let begin = Instant::now();
    assert!(reads(&client, 20).await.iter().all(Result::is_ok));
    let asked = busy.asked.lock().unwrap();
    let after: Vec<_> =
        asked.iter().map(|(_, at)| (*at - begin).as_millis()).filter(|at| *at > 100).collect();
    assert_eq!(after[..5], [2_100, 2_100, 2_100, 2_100, 2_350], "a second's worth, and no herd");
}

#[tokio::test(start_paused = true)]
async fn a_probe_and_a_cancelled_wait_leave_the_rate_as_it_is() {
    let (busy, pace, client) = busy(usize::MAX);
    pace.set_rate(NonZeroU32::new(2));
    let begin = Instant::now();
    assert_eq!(client.probe().await.unwrap(), Health::Ready);
    assert_eq!(
        arrivals(&busy, &client, 3, begin).await,
        [0, 500, 1_000],
        "the probe was one of the first two"
    );
    let given_up = timeout(Duration::from_millis(100), reads(&client, 100)).await;
    assert!(given_up.is_err());
    sleep(Duration::from_secs(5)).await;
    let begin = Instant::now();
    assert_eq!(arrivals(&busy, &client, 3, begin).await, [0, 0, 500], "who gave up has spent nothing");
}
