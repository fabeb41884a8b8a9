//! Keeps the token of a session alive while nobody uses it: leases may hang on it, and a login less is a token less.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::{Login, Session, State};

/// How often is looked whether the token is due. The clock is asked each time, because it may be turned, or the machine
/// may have slept.
const LOOK_EVERY: Duration = Duration::from_secs(15);

impl<L: Login> Session<L> {
    /// The session, with a task beside it that renews a renewable token in time. The task ends with the session.
    #[must_use]
    pub fn kept_alive(self) -> Arc<Self> {
        let session = Arc::new(self);
        tokio::spawn(keep_alive(Arc::downgrade(&session)));
        session
    }

    /// Renews the token if it is due and can be renewed.
    async fn prolong(&self) {
        let due = |state: State| matches!(state, State::Due(held) if held.token.is_renewable());
        if !due(self.state()) {
            return;
        }
        let turn = self.turn.lock().await;
        // Somebody may have renewed it meanwhile, or ended the session.
        if due(self.state()) {
            let _ = self.extended(turn).await;
        }
    }
}

async fn keep_alive<L: Login>(session: Weak<Session<L>>) {
    loop {
        sleep(LOOK_EVERY).await;
        let Some(session) = session.upgrade() else { return };
        session.prolong().await;
    }
}
