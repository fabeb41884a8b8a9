//! Tests of merged reads, in paused time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use tokio::time::timeout;

use super::*;
use crate::schedule::{Group, Job, Lane, Limits, Next, Schedule, dispatch};

const LATENCY: Duration = Duration::from_millis(20);

/// Answers after [`LATENCY`] with what it held when the read arrived, and counts.
#[derive(Default)]
struct Counting {
    reads: Mutex<BTreeMap<String, u32>>,
    under_way: AtomicUsize,
    value: AtomicU32,
    /// Keys that one call may read; none where there is no such call.
    batch: usize,
    /// What calls for many keys are answered with instead.
    refusal: Option<ErrorKind>,
    /// Keys of each call for many.
    batches: Mutex<Vec<usize>>,
}

struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl StoreClient for Counting {
    async fn read(&self, key: &RemoteKey) -> strongroom_provider_api::Result<Payload> {
        *self.reads.lock().unwrap().entry(key.key.clone()).or_default() += 1;
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let _under_way = UnderWay(&self.under_way);
        let value = self.value.load(Ordering::SeqCst);
        sleep(LATENCY).await;
        match key.key.as_str() {
            "absent" => Err(Error::new(ErrorKind::NotFound, "read", "absent")),
            "panics" => panic!("boom"),
            "large" => Ok(Payload::bytes(vec![0; KEPT_BYTES + 1])),
            _ => Ok(Payload::bytes(value.to_string())),
        }
    }

    fn batch_size(&self, key: &RemoteKey) -> usize {
        if key.version.is_none() { self.batch.max(1) } else { 1 }
    }

    async fn read_many(
        &self,
        keys: &[RemoteKey],
    ) -> strongroom_provider_api::Result<Vec<Option<strongroom_provider_api::Result<Payload>>>> {
        self.batches.lock().unwrap().push(keys.len());
        sleep(LATENCY).await;
        if let Some(kind) = self.refusal {
            return Err(Error::new(kind, "read", "refused"));
        }
        let value = || Payload::bytes(self.value.load(Ordering::SeqCst).to_string());
        let outcome = |key: &RemoteKey| match key.key.as_str() {
            "untold" => None,
            "denied" => Some(Err(Error::new(ErrorKind::PermissionDenied, "read", "denied"))),
            "passing" => Some(Err(Error::new(ErrorKind::Unavailable, "read", "passing"))),
            _ => Some(Ok(value())),
        };
        Ok(keys.iter().map(outcome).collect())
    }
}

impl Counting {
    fn count(&self) -> u32 {
        self.reads.lock().unwrap().values().sum()
    }
}

fn reads() -> (Arc<Counting>, Reads) {
    let client = Arc::new(Counting::default());
    (Arc::clone(&client), Reads::new(client))
}

fn batching(batch: usize, refusal: Option<ErrorKind>) -> (Arc<Counting>, Reads) {
    let client = Arc::new(Counting { batch, refusal, ..Counting::default() });
    (Arc::clone(&client), Reads::new(client))
}

async fn all(pass: &Pass, names: impl IntoIterator<Item = String>) -> Vec<Answer> {
    let keys: Vec<_> = names.into_iter().map(|name| key(&name)).collect();
    futures::future::join_all(keys.iter().map(|key| pass.read(key))).await
}

fn key(name: &str) -> RemoteKey {
    RemoteKey::latest(name)
}

fn text(answer: &Answer) -> &str {
    match &answer.as_ref().unwrap().content {
        Content::Bytes(bytes) => bytes.expose_str().unwrap(),
        Content::Fields(_) => panic!("fields"),
    }
}

fn kept(reads: &Reads) -> (usize, usize) {
    let state = reads.known.lock();
    (state.reads.len(), state.kept_bytes)
}

#[tokio::test(start_paused = true)]
async fn objects_that_fall_due_together_share_their_reads() {
    const OBJECTS: usize = 500;
    const KEYS: usize = 10;
    const PATHS: usize = 50;
    let (client, reads) = reads();
    let reads = Arc::new(reads);
    let schedule = Arc::new(Schedule::new(Limits { total: 64, per_group: 16 }));
    let group = Group::from("store");
    let round = Duration::from_mins(10);
    for object in 0..OBJECTS {
        schedule.request(&object, &group, Lane::Changed);
    }
    let rounds = Arc::new(Mutex::new(Vec::<(usize, u32)>::new()));
    let attempt = |job: Job<usize>| {
        let (client, reads, rounds) = (Arc::clone(&client), Arc::clone(&reads), Arc::clone(&rounds));
        async move {
            // As hop 3 has it for a refresh by interval.
            let pass = reads.pass(job.asked.checked_sub(Duration::from_secs(1)).unwrap_or(job.asked));
            let keys = (0..KEYS).map(|index| key(&format!("path-{}", (job.key * 7 + index * 3) % PATHS)));
            let answers = stream::iter(keys).map(|key| {
                let pass = &pass;
                async move { pass.read(&key).await }
            });
            let answers: Vec<_> = answers.buffer_unordered(8).collect().await;
            assert!(answers.len() == KEYS && answers.iter().all(Result::is_ok));
            // The write that follows a sync.
            sleep(LATENCY).await;
            rounds.lock().unwrap().push((job.key, client.count()));
            Next::After(round)
        }
    };
    dispatch(Arc::clone(&schedule), sleep(round * 2 + Duration::from_mins(1)), Duration::ZERO, attempt).await;
    let rounds = rounds.lock().unwrap().clone();
    assert_eq!(rounds.len(), 3 * OBJECTS, "each object ran in each of three rounds");
    let after: Vec<_> = rounds.chunks(OBJECTS).map(|round| round.last().unwrap().1).collect();
    // A pass takes a little more than the second for which an answer is kept.
    assert!(after[0] <= 100, "the first sync of all: {after:?}");
    assert!(after[1] - after[0] <= 100 && after[2] - after[1] <= 100, "{after:?}");
    assert_eq!(kept(&reads), (0, 0), "nothing is kept when the passes are over");
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_what_was_read_before_they_asked() {
    let (client, reads) = reads();
    let early = reads.pass(Instant::now());
    let wanted = key("a");
    let mut first = std::pin::pin!(early.read(&wanted));
    assert!(timeout(LATENCY / 2, &mut first).await.is_err(), "it is under way");
    client.value.store(1, Ordering::SeqCst);
    let forced = reads.pass(Instant::now());
    let (old, new) = tokio::join!(first, forced.read(&wanted));
    assert_eq!((text(&old), text(&new)), ("0", "1"));
    client.value.store(2, Ordering::SeqCst);
    sleep(LATENCY).await;
    let again = reads.pass(Instant::now()).read(&wanted).await;
    assert_eq!(text(&again), "2", "an answer that is kept is no newer");
    // Whoever fell due before the newest read began is served by it.
    assert_eq!(text(&early.read(&wanted).await), "2");
    assert_eq!(client.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_who_goes_does_not_take_the_answer_from_the_others() {
    let (client, reads) = reads();
    let pass = reads.pass(Instant::now());
    let wanted = key("a");
    let mut patient = std::pin::pin!(pass.read(&wanted));
    {
        let mut hasty = std::pin::pin!(pass.read(&wanted));
        assert!(timeout(LATENCY / 4, &mut hasty).await.is_err());
        assert!(timeout(LATENCY / 4, &mut patient).await.is_err());
    }
    assert_eq!(text(&patient.await), "0");
    assert_eq!(client.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_nobody_waits_for_is_given_up() {
    let (client, reads) = reads();
    let pass = reads.pass(Instant::now());
    assert!(timeout(LATENCY / 2, pass.read(&key("a"))).await.is_err());
    tokio::task::yield_now().await;
    assert_eq!(client.under_way.load(Ordering::SeqCst), 0);
    assert_eq!(kept(&reads), (0, 0));
    assert_eq!(text(&pass.read(&key("a")).await), "0", "the next one begins anew");
    assert_eq!(client.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn failures_are_shared_and_a_panic_is_a_failure() {
    let (client, reads) = reads();
    for (name, kind) in [("absent", ErrorKind::NotFound), ("panics", ErrorKind::Internal)] {
        let pass = reads.pass(Instant::now());
        let wanted = key(name);
        let (a, b) = tokio::join!(pass.read(&wanted), pass.read(&wanted));
        assert_eq!((a.unwrap_err().kind(), b.unwrap_err().kind()), (kind, kind));
        assert_eq!(client.reads.lock().unwrap()[name], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn versions_and_aspects_are_not_mixed_up() {
    let (client, reads) = reads();
    let pass = reads.pass(Instant::now());
    let mut metadata = key("a");
    metadata.aspect = strongroom_provider_api::Aspect::Metadata;
    for different in [key("a"), key("a").at_version("1"), key("a").at_version("2"), metadata] {
        pass.read(&different).await.unwrap();
    }
    assert_eq!(client.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_a_moment_and_only_while_others_are_at_work() {
    let (client, reads) = reads();
    let other = reads.pass(Instant::now());
    let pass = reads.pass(Instant::now());
    pass.read(&key("a")).await.unwrap();
    assert_eq!(kept(&reads), (1, 1));
    pass.read(&key("a")).await.unwrap();
    assert_eq!(client.count(), 1);
    sleep(KEPT_FOR + LULL).await;
    assert_eq!(kept(&reads), (0, 0), "a second is over");
    pass.read(&key("a")).await.unwrap();
    assert_eq!(client.count(), 2);
    drop(pass);
    assert_eq!(kept(&reads), (1, 1));
    drop(other);
    sleep(LULL * 2).await;
    assert_eq!(kept(&reads), (0, 0), "nobody is at work");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_has_a_budget() {
    let (client, reads) = reads();
    let pass = reads.pass(Instant::now());
    pass.read(&key("large")).await.unwrap();
    assert_eq!(kept(&reads), (0, 0));
    pass.read(&key("large")).await.unwrap();
    assert_eq!(client.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_due_together_are_read_in_few_calls() {
    let (client, reads) = batching(20, None);
    let (one, other) = (reads.pass(Instant::now()), reads.pass(Instant::now()));
    let names = |from: usize| (from..from + 30).map(|number| format!("path-{number}"));
    let (first, second) = tokio::join!(all(&one, names(0)), all(&other, names(15)));
    assert!(first.iter().chain(&second).all(Result::is_ok));
    assert_eq!(*client.batches.lock().unwrap(), [20, 20, 5], "45 different keys");
    assert_eq!(client.count(), 0);
    // A key alone is read as ever, and so is what such a call does not take.
    all(&one, ["single".to_owned()]).await;
    one.read(&key("single").at_version("1")).await.unwrap();
    assert_eq!((client.batches.lock().unwrap().len(), client.count()), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own_outcome_and_what_is_not_told_is_read_alone() {
    let (client, reads) = batching(20, None);
    let pass = reads.pass(Instant::now());
    let answers = all(&pass, ["a", "untold", "denied", "passing"].map(ToOwned::to_owned)).await;
    assert_eq!(answers[2].as_ref().unwrap_err().kind(), ErrorKind::PermissionDenied);
    for place in [0, 1, 3] {
        assert_eq!(text(&answers[place]), "0");
    }
    let read: Vec<_> = client.reads.lock().unwrap().keys().cloned().collect();
    assert_eq!(read, ["passing", "untold"]);
}

#[tokio::test(start_paused = true)]
async fn where_a_policy_denies_such_calls_keys_are_read_alone_and_it_is_not_tried_again_soon() {
    let (client, reads) = batching(20, Some(ErrorKind::PermissionDenied));
    let names = || ["a", "b", "c"].map(ToOwned::to_owned);
    for _ in 0..3 {
        let pass = reads.pass(Instant::now());
        assert!(all(&pass, names()).await.iter().all(Result::is_ok));
        sleep(KEPT_FOR * 2).await;
    }
    assert_eq!((client.batches.lock().unwrap().len(), client.count()), (1, 9));
    sleep(Duration::from_mins(10)).await;
    all(&reads.pass(Instant::now()), names()).await;
    assert_eq!(client.batches.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_asked_is_not_asked_for_each_key() {
    let (client, reads) = batching(20, Some(ErrorKind::Throttled));
    let pass = reads.pass(Instant::now());
    for answer in all(&pass, ["a", "b", "c"].map(ToOwned::to_owned)).await {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Throttled);
    }
    assert_eq!(client.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_for_many_keys_that_nobody_waits_for_is_given_up() {
    let (client, reads) = batching(20, None);
    let pass = reads.pass(Instant::now());
    assert!(timeout(LATENCY / 2, all(&pass, ["a", "b"].map(ToOwned::to_owned))).await.is_err());
    tokio::task::yield_now().await;
    assert_eq!(kept(&reads), (0, 0));
    assert_eq!(client.batches.lock().unwrap().len(), 1);
}
