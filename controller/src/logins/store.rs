//! `Store`: reads and writes the Secret in which logins are written down, apart from all that waits for a login.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use strongroom_templating::Random as _;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::Logins;
use super::entries::Written;
use crate::kube_io::{ApiError, ApiFailure, Cluster, ObjectKey};
use crate::random::SystemRandom;

/// What the Secret's name has behind that of the Lease.
const SUFFIX: &str = "-logins";
/// The key in it.
const KEY: &str = "logins";
/// Field manager of the writes.
const MANAGER: &str = "strongroom-logins";
/// Work begins without the Secret's content if that does not come within this time: the Lease is not renewed meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);
/// So long is gathered before a write: a process that is killed within this time leaves what nobody knows.
const GATHER: Duration = Duration::from_millis(10);
/// The pause after a write of many: for each login, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(2));
/// After a failure.
const AGAIN: Duration = Duration::from_secs(30);
/// The last write may take this long.
const LAST: Duration = Duration::from_secs(3);

/// The Secret.
#[derive(Debug)]
pub struct Store {
    logins: Arc<Logins>,
    cluster: Cluster,
    key: ObjectKey,
    /// Tells this process from all others.
    process: String,
    state: Mutex<State>,
}

/// What is known of the Secret.
#[derive(Debug, Default)]
struct State {
    /// As it was last read or written, without its content; `None` before that, and after a lost race.
    seen: Option<Secret>,
    /// Its content.
    text: Option<Vec<u8>>,
    /// Whether it was this process's: what another wrote after that is no longer for this one to take over.
    owned: bool,
    /// Whether a failure was told.
    told: bool,
}

/// Why nothing was written.
#[derive(Debug)]
enum Failure {
    /// It may work later.
    Passing(ApiError),
    /// The Secret is not there, or not ours to write: nothing is kept any more.
    Final(&'static str),
}

impl Store {
    /// The Secret beside the Lease `lease`. From now on logins are kept.
    pub fn beside(lease: &ObjectKey, logins: Arc<Logins>, cluster: Cluster) -> Self {
        logins.set_kept(true);
        let mut nonce = [0; 8];
        SystemRandom.fill(&mut nonce);
        Self {
            logins,
            cluster,
            key: ObjectKey::new(&lease.namespace, format!("{}{SUFFIX}", lease.name)),
            process: format!("{:016x}", u64::from_be_bytes(nonce)),
            state: Mutex::default(),
        }
    }

    /// Takes over what processes before left. For when this process has begun to lead, and before it works.
    pub async fn take_over(&self) {
        let first = async {
            let mut state = self.state.lock().await;
            let read = self.read(&mut state).await;
            self.tell(&mut state, read);
        };
        if timeout(PATIENCE, first).await.is_err() {
            tracing::info!(secret = %self.key, "the journal of logins could not be read in time");
        }
    }

    /// Writes what changes, some moments later and all at once. Never ends.
    pub async fn keep(&self) {
        loop {
            self.logins.changed().await;
            sleep(GATHER).await;
            if !self.logins.is_kept() {
                continue;
            }
            if self.write().await {
                let many = u32::try_from(self.logins.entries().len()).unwrap_or(u32::MAX);
                sleep(PAUSE.0.saturating_mul(many).min(PAUSE.1)).await;
            } else {
                sleep(AGAIN).await;
                self.logins.changed.notify_one();
            }
        }
    }

    /// Writes what is left at a stop: nothing, where every login was ended. Another process may lead already; what that
    /// wrote stays.
    pub async fn close(&self) {
        let last = async {
            if self.state.lock().await.owned && self.logins.is_kept() {
                self.write().await;
            }
        };
        if timeout(LAST, last).await.is_err() {
            tracing::info!(secret = %self.key, "the journal of logins was not written in time");
        }
    }

    /// Writes what is to be told, if it is not there already. False if that failed.
    async fn write(&self) -> bool {
        let mut state = self.state.lock().await;
        let written = self.brought_up(&mut state).await;
        self.tell(&mut state, written)
    }

    async fn brought_up(&self, state: &mut State) -> Result<(), Failure> {
        for _ in 0..3 {
            if state.seen.is_none() {
                self.read(state).await?;
            }
            let Some(seen) = state.seen.clone() else { return Err(Failure::Final("it is gone")) };
            let text = {
                let mut entries = self.logins.entries();
                entries.forget_over(self.logins.clock.now());
                entries.written(&self.process).and_then(|written| serde_json::to_vec(&written).ok())
            };
            if text == state.text {
                return Ok(());
            }
            let data = text.clone().map(|text| BTreeMap::from([(KEY.to_owned(), ByteString(text))]));
            match self.cluster.replace_secret(&Secret { data, ..seen }, MANAGER).await {
                Ok(secret) => {
                    *state = State {
                        seen: Some(Secret { data: None, ..secret }),
                        text,
                        owned: true,
                        told: state.told,
                    };
                    return Ok(());
                }
                Err(error) => {
                    // Whether it was written is not known in every case: it is read before the next attempt.
                    state.seen = None;
                    if error.failure() != ApiFailure::Conflict {
                        return Err(failure(error));
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads the Secret, and takes over what another process left in it.
    async fn read(&self, state: &mut State) -> Result<(), Failure> {
        let Some(mut secret) = self.cluster.secret(&self.key).await.map_err(failure)? else {
            return Err(Failure::Final("it is missing"));
        };
        let text = secret.data.take().and_then(|mut data| data.remove(KEY)).map(|text| text.0);
        let written: Option<Written> = text.as_deref().and_then(|text| serde_json::from_slice(text).ok());
        if let Some(written) = written.filter(|written| written.process != self.process) {
            if state.owned {
                return Err(Failure::Final("another process leads"));
            }
            self.logins.entries().take_over(written, self.logins.clock.now());
        }
        (state.seen, state.text) = (Some(secret), text);
        Ok(())
    }

    /// Says once what went wrong, until it goes well again. True if nothing did.
    fn tell(&self, state: &mut State, outcome: Result<(), Failure>) -> bool {
        let failed = outcome.is_err();
        match outcome {
            Err(Failure::Final(reason)) => {
                tracing::info!(secret = %self.key, reason, "no journal of logins is kept");
                self.logins.set_kept(false);
            }
            Err(Failure::Passing(error)) if !state.told => {
                tracing::info!(secret = %self.key, %error, "the journal of logins waits");
            }
            Ok(()) | Err(Failure::Passing(_)) => {}
        }
        state.told = failed;
        !failed
    }
}

fn failure(error: ApiError) -> Failure {
    match error.failure() {
        ApiFailure::NotFound => Failure::Final("it is missing"),
        ApiFailure::Forbidden => Failure::Final("it may not be used"),
        ApiFailure::AlreadyExists
        | ApiFailure::Conflict
        | ApiFailure::NamespaceTerminating
        | ApiFailure::Invalid
        | ApiFailure::Unreachable => Failure::Passing(error),
    }
}
