//! `ApiError`: what the API server said, classified; its free text is left out, because for a Secret it may
//! quote data.

use std::fmt;
use std::time::Duration;

use kube::core::Status;

/// What a request to the API server ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiFailure {
    /// 404.
    NotFound,
    /// 409 on create.
    AlreadyExists,
    /// 409 on update: somebody else wrote meanwhile.
    Conflict,
    /// 403 because the namespace is going away.
    NamespaceTerminating,
    /// 401 or 403.
    Forbidden,
    /// 422, 400 or 413: the object cannot be stored.
    Invalid,
    /// 429, 5xx, no answer.
    Unreachable,
}

/// A failed request: verb and object, and why.
#[derive(Clone, Debug)]
pub struct ApiError {
    action: &'static str,
    object: String,
    failure: ApiFailure,
    detail: String,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// Classifies `error` of `action` (a verb) on `object` (kind and name).
    pub(super) fn new(action: &'static str, object: impl Into<String>, error: &kube::Error) -> Self {
        let (failure, detail, retry_after) = match error {
            kube::Error::Api(status) => (
                classify(status),
                describe(status),
                status
                    .details
                    .as_ref()
                    .map(|details| Duration::from_secs(details.retry_after_seconds.into())),
            ),
            kube::Error::SerdeError(_) => {
                (ApiFailure::Invalid, "the answer could not be read".to_owned(), None)
            }
            _ => (ApiFailure::Unreachable, "the API server did not answer".to_owned(), None),
        };
        Self { action, object: object.into(), failure, detail, retry_after }
    }

    /// `action` on `object` took longer than `limit`.
    pub(super) fn timeout(action: &'static str, object: impl Into<String>, limit: Duration) -> Self {
        Self {
            action,
            object: object.into(),
            failure: ApiFailure::Unreachable,
            detail: format!("no answer within {} s", limit.as_secs()),
            retry_after: None,
        }
    }

    /// What it ended with.
    pub fn failure(&self) -> ApiFailure {
        self.failure
    }

    /// The API server's own hint when to try again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.action, self.object, self.detail)
    }
}

impl std::error::Error for ApiError {}

fn classify(status: &Status) -> ApiFailure {
    match (status.code, status.reason.as_str()) {
        (404, _) => ApiFailure::NotFound,
        (409, "AlreadyExists") => ApiFailure::AlreadyExists,
        (409, _) => ApiFailure::Conflict,
        (403, _) if has_cause(status, "NamespaceTerminating") => ApiFailure::NamespaceTerminating,
        (401 | 403, _) => ApiFailure::Forbidden,
        (400 | 413 | 422, _) => ApiFailure::Invalid,
        _ => ApiFailure::Unreachable,
    }
}

fn has_cause(status: &Status, reason: &str) -> bool {
    status.details.iter().flat_map(|details| &details.causes).any(|cause| cause.reason == reason)
}

/// Code, reason and the names of the fields at fault. Never `message`: it quotes values.
fn describe(status: &Status) -> String {
    let fields: Vec<_> = status
        .details
        .iter()
        .flat_map(|details| &details.causes)
        .map(|cause| cause.field.as_str())
        .filter(|field| !field.is_empty())
        .collect();
    let reason = if status.reason.is_empty() { "no reason given" } else { &status.reason };
    if fields.is_empty() {
        format!("the API server answered {} ({reason})", status.code)
    } else {
        format!("the API server answered {} ({reason}) for {}", status.code, fields.join(", "))
    }
}
