//! `Election` and `Leadership`: wait for the Lease, keep it, give it back.

use std::sync::Arc;

use strongroom_provider_api::Clock;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Candidate, Record, Step, Terms};
use crate::kube_io::{ApiError, ApiFailure, Cluster, ObjectKey};

/// An election that this process stands in.
#[derive(Debug)]
pub struct Election {
    cluster: Cluster,
    clock: Arc<dyn Clock>,
    /// The Lease.
    key: ObjectKey,
    identity: String,
    terms: Terms,
}

/// This process leads, for as long as [`kept`](Self::kept) runs.
#[derive(Debug)]
pub struct Leadership {
    election: Election,
    candidate: Candidate,
    record: Record,
    /// When the last request that renewed it was sent: nobody can have begun to wait earlier.
    renewed: Instant,
}

impl Election {
    /// An election by the Lease `key`. `identity` must differ between processes.
    pub fn new(
        cluster: Cluster,
        clock: Arc<dyn Clock>,
        key: ObjectKey,
        identity: String,
        terms: Terms,
    ) -> Self {
        Self { cluster, clock, key, identity, terms }
    }

    /// The Lease.
    pub fn lease(&self) -> &ObjectKey {
        &self.key
    }

    /// Waits until this process leads.
    pub async fn won(self) -> Leadership {
        let mut candidate = Candidate::new(self.identity.clone(), self.terms);
        let mut told = String::new();
        loop {
            let sent = Instant::now();
            match self.attempt(&mut candidate).await {
                Ok(Some(record)) => {
                    tracing::info!(lease = %self.key, identity = self.identity, "leading");
                    return Leadership { election: self, candidate, record, renewed: sent };
                }
                Ok(None) => {
                    let leader = candidate.seen.as_ref().map_or("", |(record, _)| record.holder.as_str());
                    if told != leader {
                        tracing::info!(lease = %self.key, leader, "another controller leads; waiting");
                        leader.clone_into(&mut told);
                    }
                }
                Err(error) => tracing::warn!(lease = %self.key, %error, "the election goes on without us"),
            }
            sleep(self.terms.retry).await;
        }
    }

    /// Reads the Lease and takes or renews it where that is allowed; gives the record with which this process leads.
    async fn attempt(&self, candidate: &mut Candidate) -> Result<Option<Record>, ApiError> {
        let read = self.cluster.lease(&self.key).await?;
        match candidate.step(read, Instant::now(), self.clock.now()) {
            Step::Wait => Ok(None),
            Step::Write(record) => match self.cluster.write_lease(&self.key, &record).await {
                Ok(written) => Ok(Some(written)),
                // Somebody was faster.
                Err(error) if was_overtaken(&error) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }
}

impl Leadership {
    /// Keeps the Lease; ends, with the reason, when this process must not go on working.
    pub async fn kept(&mut self) -> String {
        loop {
            sleep(self.election.terms.retry).await;
            let (sent, deadline) = (Instant::now(), self.renewed + self.election.terms.deadline);
            match timeout_at(deadline, self.renew()).await {
                Ok(Ok(Some(record))) => (self.record, self.renewed) = (record, sent),
                Ok(Ok(None)) => return format!("the Lease {} was taken by another", self.election.key),
                Ok(Err(error)) if Instant::now() < deadline => {
                    tracing::warn!(lease = %self.election.key, %error, "the lease could not be renewed yet");
                }
                Ok(Err(error)) => return format!("the Lease could not be renewed in time: {error}"),
                Err(_elapsed) => {
                    return format!("the Lease {} could not be renewed in time", self.election.key);
                }
            }
        }
    }

    /// One write, where nobody has touched the Lease; else it is read first.
    async fn renew(&mut self) -> Result<Option<Record>, ApiError> {
        let renewed = self.candidate.held(Some(self.record.clone()), self.election.clock.now());
        match self.election.cluster.write_lease(&self.election.key, &renewed).await {
            Err(error) if was_overtaken(&error) => self.election.attempt(&mut self.candidate).await,
            written => written.map(Some),
        }
    }

    /// Gives the Lease back, so that another may lead at once. For when nothing runs any more.
    pub async fn release(self) {
        let free = Record { holder: String::new(), lasts: self.election.terms.retry, ..self.record };
        let released = self.election.cluster.write_lease(&self.election.key, &free);
        let until = Instant::now() + self.election.terms.deadline;
        match timeout_at(until, released).await {
            Ok(Ok(_)) => tracing::info!(lease = %self.election.key, "released"),
            Ok(Err(error)) => tracing::warn!(%error, "the lease was not released; it will run out"),
            Err(_elapsed) => tracing::warn!("the lease was not released in time; it will run out"),
        }
    }
}

fn was_overtaken(error: &ApiError) -> bool {
    matches!(error.failure(), ApiFailure::Conflict | ApiFailure::AlreadyExists | ApiFailure::NotFound)
}
