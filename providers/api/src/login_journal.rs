//! `LoginJournal`: where a provider says which logins it made, so that a process that is killed leaves none that nobody ends.

use std::fmt::Debug;
use std::time::Duration;

/// The logins of one client's connection: one server, and one identity there. The kernel keeps what is told beyond the
/// process; a provider that never calls it is right, too, and leaves its logins to their own end.
///
/// A name (Vault: an accessor) tells a login without being able to log in. It is sensitive nevertheless, because another
/// login may end one by its name: it goes into no message, event, log line or metric. No call waits, and none fails.
pub trait LoginJournal: Debug + Send + Sync + 'static {
    /// The login `name` was made, or its life prolonged: it ends by itself after `life`, counted from now; `None` is
    /// never. Not for what the user logged in with himself.
    fn opened(&self, name: &str, life: Option<Duration>);

    /// The login `name` has ended, or nothing more can be done about it.
    fn ended(&self, name: &str);

    /// Logins of this connection that processes made which have ended. For a client that has just logged in: it ends
    /// them, says so with [`ended`](Self::ended), and lets nothing fail by it. No login is made for this alone.
    fn abandoned(&self) -> Vec<String>;
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoJournal;

impl LoginJournal for NoJournal {
    fn opened(&self, _name: &str, _life: Option<Duration>) {}

    fn ended(&self, _name: &str) {}

    fn abandoned(&self) -> Vec<String> {
        Vec::new()
    }
}
