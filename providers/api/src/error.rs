//! `Error`: what went wrong in a provider, classified by what the kernel does about it.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// Result of every provider call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a failure means. The kernel decides by the kind alone and never reads the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The store's settings cannot work. Nothing is tried again until the store changes.
    InvalidConfig,
    /// The service refused the login, after one fresh login.
    Unauthenticated,
    /// Logged in, but this key is not allowed.
    PermissionDenied,
    /// The service says with authority that there is nothing under this key. The only kind that may lead
    /// to a deletion: never use it for a transport error, a missing mount or an empty answer.
    NotFound,
    /// The service asked to slow down; the hint, if any, is in [`Error::retry_after`].
    Throttled,
    /// Network failure, time-out, 5xx, sealed: nothing is known about the key.
    Unavailable,
    /// A compare-and-set was lost, or the entry belongs to somebody else.
    Conflict,
    /// The provider cannot do this.
    Unsupported,
    /// What the service holds cannot be used: not decodable, too large, property absent.
    InvalidPayload,
    /// Our own bug.
    Internal,
}

impl ErrorKind {
    /// The reason word shown in conditions and events (architecture, section 6).
    pub const fn reason(self) -> &'static str {
        match self {
            Self::InvalidConfig => "InvalidStoreConfig",
            Self::Unauthenticated => "LoginFailed",
            Self::PermissionDenied => "AccessDenied",
            Self::NotFound => "RemoteKeyMissing",
            Self::Throttled => "Throttled",
            Self::Unavailable => "StoreUnavailable",
            Self::Conflict => "Conflict",
            Self::Unsupported => "Unsupported",
            Self::InvalidPayload => "InvalidData",
            Self::Internal => "InternalError",
        }
    }

    /// Every kind, in the order of the enum; for tables and tests.
    pub const ALL: [Self; 10] = [
        Self::InvalidConfig,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::NotFound,
        Self::Throttled,
        Self::Unavailable,
        Self::Conflict,
        Self::Unsupported,
        Self::InvalidPayload,
        Self::Internal,
    ];
}

/// A provider error.
///
/// `Display` is one line and safe for a status, an event or a log: operation, our own message and the key's
/// name; never a body or a header of the service. The private [`source`](StdError::source) is for debugging
/// in tests; the kernel does not print it.
pub struct Error {
    kind: ErrorKind,
    operation: &'static str,
    message: String,
    key: Option<String>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` during `operation` (a short verb phrase: `read`, `log in`). The message is ours:
    /// it may name keys, paths, status codes and settings, never a value and never the service's own text.
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self { kind, operation, message: message.into(), key: None, retry_after: None, source: None }
    }

    /// Names the remote key that was asked for.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The service's own hint when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Keeps the cause for debugging.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the failure means.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was being done.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Our message, without operation and key.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The remote key that was asked for, if one was.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The service's hint when to try again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.operation)?;
        if let Some(key) = &self.key {
            write!(f, " {key:?}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Same text as `Display` plus the kind: a source may hold a server's words, so it is left out.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_with_operation_key_and_message() {
        let error = Error::new(ErrorKind::PermissionDenied, "read", "the service answered 403")
            .with_key("team/db")
            .with_source("canary: body of the service");
        assert_eq!(error.to_string(), r#"cannot read "team/db": the service answered 403"#);
        assert!(!format!("{error:?}").contains("canary"));
    }

    #[test]
    fn reasons_are_distinct() {
        let mut reasons: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.reason()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        assert_eq!(reasons.len(), ErrorKind::ALL.len());
    }
}
