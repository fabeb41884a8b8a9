//! `Outbox`: events on their way to the API server. They are a courtesy and give way to what they tell of.

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use k8s_openapi::api::core::v1::Event;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::{Cluster, ObjectKey};

/// Letters that may wait. Who has one more waits until there is room: none is lost, and they do not pile up.
const ROOM: usize = 1024;
/// One letter is under way at a time, and one more for every so many that wait: a burst of syncs is not slowed down by
/// its own events, and a distant API server does not hold them up for ever.
const BACKLOG: usize = 128;

/// Something to be posted.
#[derive(Debug)]
pub(super) enum Letter {
    /// An event, in this namespace.
    New(String, Box<Event>),
    /// A change of an event that was posted before.
    Change(ObjectKey, Value),
    /// Not a letter: says when everything before it has been posted.
    Mark(oneshot::Sender<()>),
}

/// Posts events one after the other. Clones share one queue.
#[derive(Clone, Debug)]
pub struct Outbox {
    letters: mpsc::Sender<Letter>,
}

impl Outbox {
    /// An outbox whose letters are posted by a task of its own, which ends with the last clone.
    pub fn open(cluster: Cluster) -> Self {
        let (letters, waiting) = mpsc::channel(ROOM);
        tokio::spawn(post_all(cluster, waiting));
        Self { letters }
    }

    /// Puts a letter into the queue. Waits only where that is full.
    pub(super) async fn put(&self, letter: Letter) {
        if self.letters.send(letter).await.is_err() {
            tracing::debug!("an event comes too late to be posted");
        }
    }

    /// Waits until everything that was put in before has been posted, or could not be.
    pub async fn emptied(&self) {
        let (mark, reached) = oneshot::channel();
        self.put(Letter::Mark(mark)).await;
        // An error: nobody posts any more.
        let _ = reached.await;
    }
}

async fn post_all(cluster: Cluster, mut waiting: mpsc::Receiver<Letter>) {
    let mut under_way = FuturesUnordered::new();
    loop {
        let at_once = 1 + waiting.len() / BACKLOG;
        let letter = tokio::select! {
            letter = waiting.recv(), if under_way.len() < at_once => letter,
            Some(()) = under_way.next() => continue,
        };
        match letter {
            Some(Letter::Mark(reached)) => {
                while under_way.next().await.is_some() {}
                // Whoever waited may have given up.
                let _ = reached.send(());
            }
            Some(letter) => under_way.push(post(&cluster, letter)),
            None => break,
        }
    }
    while under_way.next().await.is_some() {}
}

/// A failure is logged and forgotten.
async fn post(cluster: &Cluster, letter: Letter) {
    let posted = match letter {
        Letter::New(namespace, event) => cluster.create_event(&namespace, &event).await,
        Letter::Change(key, change) => cluster.patch_event(&key, change).await,
        Letter::Mark(_) => Ok(()),
    };
    if let Err(error) = posted {
        tracing::debug!(%error, "an event could not be posted");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// How many requests are there at a moment, at most, and how many there were.
    #[derive(Debug, Default)]
    struct Seen {
        now: AtomicUsize,
        most: AtomicUsize,
        all: AtomicUsize,
    }

    /// A cluster that takes a second for each request, and refuses every third.
    fn slow_cluster(seen: &Arc<Seen>) -> Cluster {
        let seen = Arc::clone(seen);
        let service = tower::service_fn(move |_request: http::Request<kube::client::Body>| {
            let seen = Arc::clone(&seen);
            async move {
                seen.most.fetch_max(seen.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                seen.now.fetch_sub(1, Ordering::SeqCst);
                let refused = seen.all.fetch_add(1, Ordering::SeqCst) % 3 == 2;
                let status = if refused { 403 } else { 201 };
                let body = kube::client::Body::from(serde_json::to_vec(&Event::default()).unwrap());
                Ok::<_, tower::BoxError>(http::Response::builder().status(status).body(body).unwrap())
            }
        });
        Cluster::new(kube::Client::new(service, "default"))
    }

    async fn put(outbox: &Outbox, count: usize) {
        for _ in 0..count {
            outbox.put(Letter::New("a".to_owned(), Box::default())).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn letters_go_one_at_a_time_and_none_is_lost() {
        let seen = Arc::new(Seen::default());
        let outbox = Outbox::open(slow_cluster(&seen));
        put(&outbox, BACKLOG - 1).await;
        outbox.emptied().await;
        assert_eq!(seen.all.load(Ordering::SeqCst), BACKLOG - 1);
        assert_eq!(seen.most.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_more_wait_the_more_are_under_way() {
        let seen = Arc::new(Seen::default());
        let outbox = Outbox::open(slow_cluster(&seen));
        put(&outbox, 3 * ROOM).await;
        outbox.emptied().await;
        assert_eq!(seen.all.load(Ordering::SeqCst), 3 * ROOM);
        let most = seen.most.load(Ordering::SeqCst);
        assert!((2..=1 + ROOM / BACKLOG).contains(&most), "{most} at once");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_the_end_is_told_when_nobody_posts_any_more() {
        let (letters, waiting) = mpsc::channel(1);
        drop(waiting);
        Outbox { letters }.emptied().await;
    }
}
