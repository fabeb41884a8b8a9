//! Reads of many keys in one call, for stores that have such a call: what is asked for within a moment goes together.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use strongroom_provider_api::{Error, ErrorKind, Payload, StoreClient};
use tokio::time::{Instant, sleep};

use super::{Answer, Asked, Known, read};

/// For so long a read waits for others: nothing beside the call, and enough for objects that fall due together.
const MOMENT: Duration = Duration::from_millis(5);
/// A store that refuses such calls as a whole is not asked for one again within this time: a policy that gives one right
/// and not the other is not changed every minute.
const PATIENCE: Duration = Duration::from_mins(10);

/// Reads that wait for others to go with.
#[derive(Default)]
pub(super) struct Gathering {
    asked: Vec<Asked>,
    /// Whether a task is at [`gathered`].
    under_way: bool,
    refused: Option<Instant>,
}

impl Gathering {
    /// False where the store has refused such calls.
    pub(super) fn is_of_use(&self) -> bool {
        self.refused.is_none_or(|refused| refused.elapsed() >= PATIENCE)
    }

    /// Adds a read. True if the caller has to see to it that [`gathered`] runs.
    pub(super) fn join(&mut self, asked: Asked) -> bool {
        self.asked.push(asked);
        !std::mem::replace(&mut self.under_way, true)
    }
}

/// Waits a moment, and makes the reads that are there then.
pub(super) async fn gathered(client: Arc<dyn StoreClient>, known: Arc<Known>) {
    sleep(MOMENT).await;
    let mut asked = {
        let mut state = known.lock();
        state.batch.under_way = false;
        std::mem::take(&mut state.batch.asked)
    };
    while let Some(first) = asked.first() {
        let most = client.batch_size(&first.key).clamp(1, asked.len());
        let mut together: Vec<_> = asked.drain(..most).collect();
        let (client, known) = (Arc::clone(&client), Arc::clone(&known));
        match (together.len(), together.pop()) {
            (1, Some(alone)) => drop(tokio::spawn(read(client, known, alone))),
            (_, last) => {
                together.extend(last);
                tokio::spawn(read_together(client, known, together));
            }
        }
    }
}

/// One call for all of `asked`; what it does not tell is read alone.
async fn read_together(client: Arc<dyn StoreClient>, known: Arc<Known>, asked: Vec<Asked>) {
    let keys: Vec<_> = asked.iter().map(|asked| asked.key.clone()).collect();
    let outcome = tokio::select! {
        outcome = client.read_many(&keys) => outcome,
        _ = join_all(asked.iter().map(|asked| known.abandoned(asked))) => return,
    };
    let mut sweeps = false;
    let mut answers = match outcome {
        Ok(outcomes) => outcomes.into_iter().map(told).collect(),
        Err(error) => {
            if is_refusal(&error) {
                known.lock().batch.refused = Some(Instant::now());
            }
            failed(error, asked.len())
        }
    };
    answers.resize_with(asked.len(), || None);
    for (asked, answer) in asked.into_iter().zip(answers) {
        match answer {
            Some(answer) => sweeps |= known.answer(&asked, answer),
            None => drop(tokio::spawn(read(Arc::clone(&client), Arc::clone(&known), asked))),
        }
    }
    drop(client);
    if sweeps {
        known.sweep().await;
    }
}

/// An outcome that stands. What may pass is tried again alone, as single reads are.
fn told(outcome: Option<Result<Payload, Error>>) -> Option<Answer> {
    match outcome? {
        Ok(payload) => Some(Ok(Arc::new(payload))),
        Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Throttled) => None,
        Err(error) => Some(Err(Arc::new(error))),
    }
}

/// What becomes of `count` reads whose call failed with `error`. Where the store cannot be asked at all, asking for each key
/// would only add to it.
fn failed(error: Error, count: usize) -> Vec<Option<Answer>> {
    match error.kind() {
        ErrorKind::Unauthenticated | ErrorKind::Throttled | ErrorKind::Unavailable => {
            let error = Arc::new(error);
            (0..count).map(|_| Some(Err(Arc::clone(&error)))).collect()
        }
        ErrorKind::InvalidConfig
        | ErrorKind::PermissionDenied
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Unsupported
        | ErrorKind::InvalidPayload
        | ErrorKind::Internal => Vec::new(),
    }
}

/// True if such calls are refused whatever they ask for.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported | ErrorKind::InvalidConfig)
}
