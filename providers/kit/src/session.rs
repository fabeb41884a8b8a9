//! `Session`: owns the one renewable login of a client and shares it between parallel calls.

mod alive;
mod token;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use strongroom_provider_api::{Clock, Error, ErrorKind, Result};
use tokio::sync::{Mutex, MutexGuard};

use crate::jitter;

pub use token::Token;

/// How long a failed renewal is left alone while the token still works.
const RENEWAL_PAUSE: Duration = Duration::from_secs(15);

/// A way to log in to one service as one identity.
#[async_trait]
pub trait Login: Send + Sync + 'static {
    /// A fresh token.
    async fn login(&self) -> Result<Token>;

    /// The same token with a longer life. Called only for a token that says it is renewable.
    async fn renew(&self, token: &Token) -> Result<Token>;

    /// Ends the token's life; a failure is of no use to anybody.
    async fn revoke(&self, token: &Token);
}

/// A token in use.
#[derive(Clone, Debug)]
pub struct Held {
    token: Arc<Token>,
    generation: u64,
    logged_in: Timestamp,
    granted: Option<Duration>,
    renew_at: Option<Timestamp>,
    expires: Option<Timestamp>,
}

impl Held {
    /// The token.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Which login it came from; for [`Session::invalidate`]. A renewal keeps it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When its login was.
    pub fn logged_in(&self) -> Timestamp {
        self.logged_in
    }
}

/// One login for many parallel calls.
///
/// - Calls that find no token wait for one login, and share its failure: a refused login is tried once for
///   all of them.
/// - A call that finds the token past two thirds of its life renews it; the others go on with it meanwhile.
///   Where renewal is refused or no longer adds life, it logs in afresh.
/// - Fifty parallel calls whose token is refused cause one fresh login.
/// - A token that another took the place of is revoked, and so is the last one when the session ends, unless it is of
///   a kind that cannot be revoked. A login whose tokens must outlive the session decides so in [`Login::revoke`].
/// - An ended session logs in no more.
pub struct Session<L> {
    login: L,
    clock: Arc<dyn Clock>,
    held: RwLock<Option<Held>>,
    turn: Mutex<Turn>,
    attempts: AtomicU64,
    ended: AtomicBool,
}

/// Held by the one call that logs in or renews.
#[derive(Debug, Default)]
struct Turn {
    logins: u64,
    failure: Option<Failure>,
}

/// A failed login, for those who waited for it.
#[derive(Debug)]
struct Failure {
    kind: ErrorKind,
    operation: &'static str,
    message: String,
    retry_after: Option<Duration>,
}

enum State {
    Fresh(Held),
    Due(Held),
    Absent,
}

impl<L: Login> Session<L> {
    /// A session that has not logged in yet.
    pub fn new(login: L, clock: Arc<dyn Clock>) -> Self {
        Self {
            login,
            clock,
            held: RwLock::default(),
            turn: Mutex::default(),
            attempts: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    /// How it logs in.
    pub fn login(&self) -> &L {
        &self.login
    }

    /// A token that is believed to be good, after a login if need be.
    ///
    /// # Errors
    /// That of the login which this call made or waited for.
    pub async fn token(&self) -> Result<Held> {
        let attempts = self.attempts.load(Ordering::Acquire);
        match self.state() {
            State::Fresh(held) => return Ok(held),
            State::Due(held) => match self.turn.try_lock() {
                Ok(turn) => return self.extended(turn).await,
                Err(_) => return Ok(held),
            },
            State::Absent => {}
        }
        let mut turn = self.turn.lock().await;
        if let State::Fresh(held) | State::Due(held) = self.state() {
            return Ok(held);
        }
        match &turn.failure {
            Some(failure) if self.attempts.load(Ordering::Acquire) != attempts => Err(failure.error()),
            _ => self.fresh(&mut turn).await,
        }
    }

    /// Forgets the token of `generation`, because the service refused it. A newer one stays.
    pub fn invalidate(&self, generation: u64) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|held| held.generation == generation) {
            *held = None;
        }
    }

    /// A token of a later login than `generation`: logs in afresh, unless somebody has, and then revokes the
    /// token of `generation`. For a token that works but may carry outdated rights.
    ///
    /// # Errors
    /// That of the login; the old token is kept then.
    pub async fn replace(&self, generation: u64) -> Result<Held> {
        let attempts = self.attempts.load(Ordering::Acquire);
        let mut turn = self.turn.lock().await;
        let old = match self.state() {
            State::Fresh(held) | State::Due(held) if held.generation != generation => return Ok(held),
            State::Fresh(held) | State::Due(held) => Some(held),
            State::Absent => None,
        };
        match &turn.failure {
            Some(failure) if self.attempts.load(Ordering::Acquire) != attempts => return Err(failure.error()),
            _ => {}
        }
        let fresh = self.fresh(&mut turn).await?;
        if let Some(old) = old {
            self.let_go(&old).await;
        }
        Ok(fresh)
    }

    /// Ends the session: revokes the token, if there is one.
    pub async fn close(&self) {
        self.ended.store(true, Ordering::Release);
        let _turn = self.turn.lock().await;
        let held = self.held.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(held) = held {
            self.let_go(&held).await;
        }
    }

    /// Revokes a token that is used no more, if that is ours to do.
    async fn let_go(&self, held: &Held) {
        if held.token.is_revocable() {
            self.login.revoke(&held.token).await;
        }
    }

    fn state(&self) -> State {
        let now = self.clock.now();
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        match held.as_ref() {
            None => State::Absent,
            Some(held) if held.expires.is_some_and(|at| now >= at) => State::Absent,
            Some(held) if held.renew_at.is_some_and(|at| now >= at) => State::Due(held.clone()),
            Some(held) => State::Fresh(held.clone()),
        }
    }

    /// The token with a longer life, or a fresh login, or the token as it is where neither can be had now.
    async fn extended(&self, mut turn: MutexGuard<'_, Turn>) -> Result<Held> {
        let old = match self.state() {
            State::Fresh(held) => return Ok(held),
            State::Due(held) => held,
            State::Absent => return self.fresh(&mut turn).await,
        };
        if old.token.is_renewable() {
            match self.login.renew(&old.token).await {
                Ok(token) if adds_life(&token, old.granted) => {
                    let renewed = self.lives(token, old.generation, old.logged_in, old.granted);
                    return Ok(self.stored(renewed));
                }
                Err(error) if passing(error.kind()) => return Ok(self.postponed(old)),
                Ok(_) | Err(_) => {}
            }
        }
        match self.fresh(&mut turn).await {
            Ok(fresh) => {
                self.let_go(&old).await;
                Ok(fresh)
            }
            Err(_) => Ok(self.postponed(old)),
        }
    }

    async fn fresh(&self, turn: &mut Turn) -> Result<Held> {
        if self.ended.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Unavailable, "log in", "the client has ended"));
        }
        let outcome = self.login.login().await;
        self.attempts.fetch_add(1, Ordering::AcqRel);
        match outcome {
            Ok(token) => {
                turn.failure = None;
                turn.logins += 1;
                let granted = token.lifetime();
                Ok(self.stored(self.lives(token, turn.logins, self.clock.now(), granted)))
            }
            Err(error) => {
                turn.failure = Some(Failure::of(&error));
                Err(error)
            }
        }
    }

    fn lives(&self, token: Token, generation: u64, logged_in: Timestamp, granted: Option<Duration>) -> Held {
        let now = self.clock.now();
        // From 57 % to 67 % of its life, so that many clients do not renew in step.
        let renew_after = token.lifetime().map(|life| life / 30 * 17 + jitter::up_to(life / 10));
        Held {
            generation,
            logged_in,
            granted,
            renew_at: renew_after.and_then(|wait| now.checked_add(wait).ok()),
            expires: token.lifetime().and_then(|life| now.checked_add(life).ok()),
            token: Arc::new(token),
        }
    }

    fn postponed(&self, mut old: Held) -> Held {
        old.renew_at = self.clock.now().checked_add(RENEWAL_PAUSE).ok();
        self.stored(old)
    }

    fn stored(&self, held: Held) -> Held {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held.clone());
        held
    }
}

impl<L> fmt::Debug for Session<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Failure {
    fn of(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            operation: error.operation(),
            message: error.message().to_owned(),
            retry_after: error.retry_after(),
        }
    }

    fn error(&self) -> Error {
        let error = Error::new(self.kind, self.operation, self.message.clone());
        match self.retry_after {
            Some(after) => error.with_retry_after(after),
            None => error,
        }
    }
}

/// A renewal near the token's utmost age gives less and less; below half of what the login gave, a fresh login
/// is due.
fn adds_life(token: &Token, granted: Option<Duration>) -> bool {
    match (token.lifetime(), granted) {
        (Some(life), Some(granted)) => life >= granted / 2,
        (Some(_), None) | (None, _) => true,
    }
}

/// Failures that say nothing about the token.
fn passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Throttled)
}

#[cfg(test)]
mod tests;
