//! The only mapping of Google's answers to error kinds. Of its words only those are repeated that stand in a table here.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use strongroom_provider_api::{Error, ErrorKind};

use super::api::Ask;
use crate::http::Answer;
use crate::status;

/// Names of errors, of OAuth's and of Google's own.
const WORDS: [&str; 13] = [
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "unauthorized_client",
    "FAILED_PRECONDITION",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
];

#[derive(Deserialize)]
struct Refusal {
    error: Value,
}

/// The error in `answer`, which is no success.
pub(super) fn fault(operation: &'static str, ask: &Ask<'_>, answer: &Answer, now: Timestamp) -> Error {
    let word = word(answer).map(|word| format!(" ({word})")).unwrap_or_default();
    let message = format!(
        "{} answered {} for {} with status {}{word}",
        ask.service.title,
        ask.action,
        ask.subject,
        answer.status.as_u16()
    );
    let error = match status::kind(answer.status) {
        // A refusal of a login is one, however it is worded.
        Some(
            ErrorKind::InvalidPayload
            | ErrorKind::Unauthenticated
            | ErrorKind::PermissionDenied
            | ErrorKind::NotFound,
        ) => Error::new(ErrorKind::Unauthenticated, operation, format!("{message}: {}", ask.needs)),
        kind => Error::new(kind.unwrap_or(ErrorKind::Unavailable), operation, message),
    };
    match status::retry_after(&answer.headers, now) {
        Some(after) => error.with_retry_after(after),
        None => error,
    }
}

fn word(answer: &Answer) -> Option<&'static str> {
    let Refusal { error } = serde_json::from_slice(&answer.body).ok()?;
    let said = error.as_str().or_else(|| error.get("status")?.as_str())?;
    WORDS.into_iter().find(|word| *word == said)
}
