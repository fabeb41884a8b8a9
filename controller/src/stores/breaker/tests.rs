//! Tests of the breakers, in paused time.

use std::iter;

use serde_json::json;
use tokio::time::advance;

use super::*;
use crate::kube_io::Watched;

fn store(name: &str, generation: i64) -> StoreView {
    let store = json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": { "name": name, "namespace": "ns", "uid": name, "generation": generation },
        "spec": { "provider": { "fake": {} } },
    });
    StoreView::namespaced(Watched(Ok(serde_json::from_value(store).unwrap())))
}

fn object(number: usize) -> ObjectKey {
    ObjectKey::new("ns", format!("es-{number}"))
}

fn unavailable(key: &str) -> Arc<Error> {
    Arc::new(Error::new(ErrorKind::Unavailable, "read", "no answer").with_key(key))
}

/// A store and the objects that ask it; each reads a key of its own.
struct Bench {
    breakers: Arc<Breakers>,
    store: StoreView,
}

impl Bench {
    fn new() -> Self {
        Self { breakers: Arc::default(), store: store("s", 1) }
    }

    fn admit(&self, number: usize) -> Result<Admission, Held> {
        self.breakers.admit(&self.store, &object(number), iter::once(format!("key-{number}").as_str()))
    }

    fn fail(&self, number: usize) -> Option<Duration> {
        self.admit(number).unwrap().failed(&unavailable(&format!("key-{number}")))
    }

    fn fail_in_a_row(&self, count: u32) {
        for number in 0..count {
            self.fail(number as usize);
        }
    }

    fn state(&self) -> BreakerState {
        self.breakers.states().first().map_or(BreakerState::Closed, |(_, state)| *state)
    }
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_open_it_and_one_trial_closes_it() {
    let bench = Bench::new();
    bench.fail_in_a_row(FAILURES - 1);
    assert_eq!(bench.state(), BreakerState::Closed);
    let wait = bench.fail(99).expect("it is open");
    assert_eq!((wait, bench.state()), (OPEN.first, BreakerState::Open));
    let held = bench.admit(7).unwrap_err();
    assert_eq!(held.wait, OPEN.first);
    assert_eq!(
        held.error.to_string(),
        "cannot ask the store: its breaker is open (no answer); one object at a time tries it out, and the others wait"
    );
    advance(OPEN.first).await;
    assert_eq!(bench.state(), BreakerState::HalfOpen);
    let trial = bench.admit(7).unwrap();
    assert!(bench.admit(8).is_err(), "one goes first");
    assert!(trial.answered(), "that closed it");
    assert_eq!(bench.state(), BreakerState::Closed);
    assert!(!bench.admit(8).unwrap().answered(), "it was closed already");
}

#[tokio::test(start_paused = true)]
async fn failed_trials_make_the_others_wait_longer_a_quarter_of_a_minute_at_most() {
    let bench = Bench::new();
    bench.fail_in_a_row(FAILURES);
    let mut waits = Vec::new();
    for number in 0..8 {
        advance(bench.admit(50).unwrap_err().wait).await;
        waits.push(bench.fail(number).unwrap().as_secs());
    }
    assert_eq!(waits, [4, 8, 15, 15, 15, 15, 15, 15]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_comes_and_goes_is_not_trusted_at_once() {
    let bench = Bench::new();
    bench.fail_in_a_row(FAILURES);
    advance(OPEN.first).await;
    assert!(bench.admit(0).unwrap().answered());
    bench.fail_in_a_row(FAILURES);
    assert_eq!(bench.admit(0).unwrap_err().wait, OPEN.first * 2);
    advance(OPEN.first * 2).await;
    assert!(bench.admit(0).unwrap().answered());
    advance(TRUSTED).await;
    bench.fail_in_a_row(FAILURES);
    assert_eq!(bench.admit(0).unwrap_err().wait, OPEN.first);
}

#[tokio::test(start_paused = true)]
async fn a_success_in_between_begins_the_row_anew() {
    let bench = Bench::new();
    for _ in 0..10 {
        bench.fail_in_a_row(FAILURES - 1);
        bench.admit(99).unwrap().answered();
    }
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn one_object_and_one_request_count_once() {
    let bench = Bench::new();
    for _ in 0..20 {
        bench.fail(1);
    }
    assert_eq!(bench.state(), BreakerState::Closed, "one object cannot open it");
    let bench = Bench::new();
    let error = unavailable("shared");
    for number in 0..20 {
        bench.admit(number).unwrap().failed(&error);
    }
    assert_eq!(bench.state(), BreakerState::Closed, "one request cannot, whoever waited for its answer");
}

#[tokio::test(start_paused = true)]
async fn where_one_key_fails_only_those_who_read_it_wait() {
    let bench = Bench::new();
    let fail = |number: usize| {
        let admission = bench.breakers.admit(&bench.store, &object(number), iter::once("bad")).unwrap();
        admission.failed(&unavailable("bad"))
    };
    for number in 0..FAILURES as usize {
        fail(number);
    }
    assert!(bench.breakers.admit(&bench.store, &object(50), ["good", "bad"].into_iter()).is_err());
    let other = bench.admit(51).unwrap();
    assert!(!other.answered(), "that says nothing about the bad key");
    assert!(bench.breakers.admit(&bench.store, &object(50), iter::once("bad")).is_err());
    // Once another key fails, too, it is the store.
    bench.fail(52);
    assert!(bench.admit(51).is_err());
}

#[tokio::test(start_paused = true)]
async fn another_store_is_never_touched() {
    let bench = Bench::new();
    bench.fail_in_a_row(FAILURES);
    let other = store("other", 1);
    for number in 0..20 {
        bench.breakers.admit(&other, &object(number), iter::empty()).unwrap().answered();
    }
    assert!(bench.admit(0).is_err());
    let states = bench.breakers.states();
    assert_eq!(states, [(bench.store.id.clone(), BreakerState::Open)]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_store_begins_anew() {
    let mut bench = Bench::new();
    let late = bench.admit(0).unwrap();
    bench.fail_in_a_row(FAILURES);
    bench.store = store("s", 2);
    bench.admit(0).unwrap().answered();
    assert_eq!(bench.state(), BreakerState::Closed);
    late.failed(&unavailable("key-0"));
    bench.fail_in_a_row(FAILURES - 1);
    assert_eq!(bench.state(), BreakerState::Closed, "what is still told of the old one does not count");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_wants_to_be_left_alone_is_left_alone_at_once() {
    let bench = Bench::new();
    let throttled = Error::new(ErrorKind::Throttled, "read", "too many").with_key("key-0");
    let throttled = Arc::new(throttled.with_retry_after(Duration::from_secs(45)));
    assert_eq!(bench.admit(0).unwrap().failed(&throttled), Some(Duration::from_secs(45)));
    let held = bench.admit(1).unwrap_err();
    assert_eq!((held.wait, held.error.kind()), (Duration::from_secs(45), ErrorKind::Throttled));
    advance(Duration::from_secs(44)).await;
    assert!(bench.admit(1).is_err());
    advance(Duration::from_secs(1)).await;
    bench.admit(1).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_years_is_not_believed() {
    let bench = Bench::new();
    let throttled = Error::new(ErrorKind::Throttled, "read", "too many");
    let throttled = Arc::new(throttled.with_retry_after(Duration::from_secs(u64::MAX)));
    assert_eq!(bench.admit(0).unwrap().failed(&throttled), Some(LONGEST_PAUSE));
}

#[tokio::test(start_paused = true)]
async fn a_trial_without_a_verdict_leaves_room_for_the_next() {
    let bench = Bench::new();
    bench.fail_in_a_row(FAILURES);
    advance(OPEN.first).await;
    drop(bench.admit(0).unwrap());
    let denied = Arc::new(Error::new(ErrorKind::Unauthenticated, "log in", "refused"));
    assert_eq!(bench.admit(1).unwrap().failed(&denied), None);
    assert!(bench.admit(2).unwrap().answered());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_said_to_work_is_tried_at_once_by_one() {
    let bench = Bench::new();
    bench.fail_in_a_row(FAILURES);
    bench.breakers.try_now(&bench.store.id);
    let _trial = bench.admit(0).unwrap();
    assert!(bench.admit(1).is_err());
}

#[tokio::test(start_paused = true)]
async fn late_failures_do_not_prolong_it() {
    let bench = Bench::new();
    let late: Vec<_> = (50..70).map(|number| bench.admit(number).unwrap()).collect();
    bench.fail_in_a_row(FAILURES);
    for admission in late {
        assert_eq!(admission.failed(&unavailable("x")), Some(OPEN.first));
    }
}
