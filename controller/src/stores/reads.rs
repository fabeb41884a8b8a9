//! `Reads`: merges identical reads of one client, and gives nobody what was read before they asked.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use strongroom_provider_api::{Content, Error, ErrorKind, Meter, Payload, RemoteKey, StoreClient};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

mod batch;

/// What a store answered, for everybody who asked the same.
pub type Answer = Result<Arc<Payload>, Arc<Error>>;

/// How long an answer is kept for others of the same pass, counted from its arrival: as long as hundreds of objects that
/// fell due together take on a busy machine. Who falls due later gets another one, however long it is kept.
const KEPT_FOR: Duration = Duration::from_secs(30);
/// No object at work for this long is the end of the pass: between two objects there may be a moment of none.
const LULL: Duration = Duration::from_millis(100);
/// Answers of one client that are kept take at most this much; what is beyond is read again.
const KEPT_BYTES: usize = 1 << 20;

/// The reads of one client, that is of one store and one identity: what is merged here cannot cross stores or
/// identities.
///
/// # The rule
/// Who asks says since when a read must have begun to serve them: the moment at which the sync was asked for or
/// fell due. So a thousand objects that fall due together share their reads, and an object that was changed or
/// forced gets what the store held after the change.
///
/// # Memory
/// An answer outlives its read by half a minute at most, within a budget, and only while objects are at work: an object that
/// syncs alone leaves nothing behind.
pub(super) struct Reads {
    client: Arc<dyn StoreClient>,
    known: Arc<Known>,
}

/// The part of one object in a pass: it reads through this. While any is open, answers are kept for a moment.
pub struct Pass {
    client: Arc<dyn StoreClient>,
    known: Arc<Known>,
    since: Instant,
}

#[derive(Default)]
struct Known {
    state: Mutex<State>,
    /// Who counts the reads that are not made, and for which provider.
    counted: Option<(Arc<dyn Meter>, &'static str)>,
}

#[derive(Default)]
struct State {
    reads: HashMap<RemoteKey, Read>,
    passes: usize,
    /// When the last pass was closed.
    idle_since: Option<Instant>,
    kept_bytes: usize,
    /// Whether a task is at [`Known::sweep`].
    swept: bool,
    /// What is gathered for calls that read many keys.
    batch: batch::Gathering,
    last_id: u64,
}

struct Read {
    /// Tells it from a later read of the same key.
    id: u64,
    begun: Instant,
    stage: Stage,
}

enum Stage {
    /// The sender belongs to the task that reads: if the task dies, those who wait are told.
    UnderWay(Weak<watch::Sender<Option<Answer>>>),
    Kept {
        answer: Answer,
        bytes: usize,
        until: Instant,
    },
}

/// A read that is to be made: the sender belongs to whoever makes it.
struct Asked {
    key: RemoteKey,
    id: u64,
    sender: Arc<watch::Sender<Option<Answer>>>,
}

/// How one who asks gets the answer.
enum Share {
    Kept(Answer),
    Coming(watch::Receiver<Option<Answer>>),
}

impl Reads {
    /// The reads of `client`.
    pub(super) fn new(client: Arc<dyn StoreClient>) -> Self {
        Self { client, known: Arc::default() }
    }

    /// The same, with what is saved told to `meter`.
    pub(super) fn counted(self, meter: Arc<dyn Meter>, provider: &'static str) -> Self {
        let known = Known { counted: Some((meter, provider)), ..Known::default() };
        Self { known: Arc::new(known), ..self }
    }

    /// Opens a pass for an object that is served by reads that began at `since` or later.
    pub(super) fn pass(&self, since: Instant) -> Pass {
        let mut state = self.known.lock();
        state.passes += 1;
        state.idle_since = None;
        Pass { client: Arc::clone(&self.client), known: Arc::clone(&self.known), since }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("since", &self.since).finish_non_exhaustive()
    }
}

impl Pass {
    /// What is stored under `key`: from a read that began late enough, if there is one, else from a new one. A read goes on until the last who waits for it has gone; failures are shared like values.
    pub async fn read(&self, key: &RemoteKey) -> Answer {
        match self.share(key) {
            Share::Kept(answer) => answer,
            Share::Coming(mut answer) => match answer.wait_for(Option::is_some).await {
                Ok(answer) => answer.clone().unwrap_or_else(|| Err(Arc::new(lost(key)))),
                Err(_) => Err(Arc::new(lost(key))),
            },
        }
    }

    fn share(&self, key: &RemoteKey) -> Share {
        let mut state = self.known.lock();
        if let Some(share) = state.reads.get(key).and_then(|read| read.share(self.since)) {
            if let Some((meter, provider)) = &self.known.counted {
                meter.saved(provider);
            }
            return share;
        }
        let (sender, receiver) = watch::channel(None);
        let sender = Arc::new(sender);
        state.last_id += 1;
        let id = state.last_id;
        let under_way = Stage::UnderWay(Arc::downgrade(&sender));
        state.insert(key, Read { id, begun: Instant::now(), stage: under_way });
        let asked = Asked { key: key.clone(), id, sender };
        let (client, known) = (Arc::clone(&self.client), Arc::clone(&self.known));
        if self.client.batch_size(key) > 1 && state.batch.is_of_use() {
            if state.batch.join(asked) {
                tokio::spawn(batch::gathered(client, known));
            }
        } else {
            tokio::spawn(read(client, known, asked));
        }
        drop(state);
        Share::Coming(receiver)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.known.lock();
        state.passes -= 1;
        if state.passes == 0 {
            state.idle_since = Some(Instant::now());
        }
    }
}

/// One read, made for all who wait for its answer.
async fn read(client: Arc<dyn StoreClient>, known: Arc<Known>, asked: Asked) {
    let answer = tokio::select! {
        answer = client.read(&asked.key) => answer.map(Arc::new).map_err(Arc::new),
        () = known.abandoned(&asked) => return,
    };
    drop(client);
    if known.answer(&asked, answer) {
        known.sweep().await;
    }
}

// === impl Known ===

impl Known {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Completes once nobody waits for the answer any more; the read is forgotten then. Joining and this look
    /// happen under the same lock, so nobody joins a read that is given up.
    async fn abandoned(&self, asked: &Asked) {
        loop {
            asked.sender.closed().await;
            let mut state = self.lock();
            if asked.sender.receiver_count() == 0 {
                state.remove(&asked.key, asked.id);
                return;
            }
        }
    }

    /// Gives `answer` to those who wait for it. True if the caller has to [`sweep`](Self::sweep).
    fn answer(&self, asked: &Asked, answer: Answer) -> bool {
        let sweeps = self.keep(&asked.key, asked.id, &answer);
        asked.sender.send_replace(Some(answer));
        sweeps
    }

    /// Keeps `answer` for those who ask next, if there may be any and it is not too large. True if the caller has
    /// to [`sweep`](Self::sweep).
    fn keep(&self, key: &RemoteKey, id: u64, answer: &Answer) -> bool {
        let bytes = answer.as_ref().map_or(0, |payload| size(payload));
        let mut state = self.lock();
        let worth = !state.is_idle() && state.kept_bytes.saturating_add(bytes) <= KEPT_BYTES;
        let Some(read) = state.reads.get_mut(key).filter(|read| read.id == id) else { return false };
        if worth {
            read.stage = Stage::Kept { answer: answer.clone(), bytes, until: Instant::now() + KEPT_FOR };
            state.kept_bytes += bytes;
        } else {
            state.remove(key, id);
        }
        worth && !std::mem::replace(&mut state.swept, true)
    }

    /// Drops what is kept when its time is over, for all reads of the client: a timer for each would wake the process
    /// ten times a read. Ends when nothing is kept.
    async fn sweep(&self) {
        loop {
            sleep(LULL).await;
            let mut state = self.lock();
            if !state.drop_outdated() {
                state.swept = false;
                return;
            }
        }
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.idle_since.is_some_and(|since| since.elapsed() >= LULL)
    }

    /// Drops the answers that nobody may want any more. True if others are kept.
    fn drop_outdated(&mut self) -> bool {
        let (now, idle) = (Instant::now(), self.is_idle());
        let (mut kept, mut freed) = (false, 0);
        self.reads.retain(|_, read| match read.stage {
            Stage::Kept { until, bytes, .. } if idle || until <= now => {
                freed += bytes;
                false
            }
            Stage::Kept { .. } => {
                kept = true;
                true
            }
            Stage::UnderWay(_) => true,
        });
        self.kept_bytes -= freed;
        kept
    }

    fn insert(&mut self, key: &RemoteKey, read: Read) {
        if let Some(old) = self.reads.insert(key.clone(), read) {
            self.kept_bytes -= old.bytes();
        }
    }

    fn remove(&mut self, key: &RemoteKey, id: u64) {
        if self.reads.get(key).is_some_and(|read| read.id == id)
            && let Some(old) = self.reads.remove(key)
        {
            self.kept_bytes -= old.bytes();
        }
    }
}

impl Read {
    fn share(&self, since: Instant) -> Option<Share> {
        if self.begun < since {
            return None;
        }
        match &self.stage {
            Stage::UnderWay(sender) => Some(Share::Coming(sender.upgrade()?.subscribe())),
            Stage::Kept { answer, .. } => Some(Share::Kept(answer.clone())),
        }
    }

    fn bytes(&self) -> usize {
        match &self.stage {
            Stage::UnderWay(_) => 0,
            Stage::Kept { bytes, .. } => *bytes,
        }
    }
}

fn size(payload: &Payload) -> usize {
    match &payload.content {
        Content::Bytes(bytes) => bytes.len(),
        Content::Fields(fields) => fields.iter().map(|(name, value)| name.len() + value.len()).sum(),
    }
}

fn lost(key: &RemoteKey) -> Error {
    Error::new(ErrorKind::Internal, "read", "the answer got lost").with_key(&key.key)
}

#[cfg(test)]
mod tests;
