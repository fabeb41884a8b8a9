//! The only mapping of AWS's answers to error kinds. The words of an answer decide, but only names that stand in a table
//! here are repeated.

use jiff::Timestamp;
use serde::Deserialize;
use strongroom_provider_api::{Error, ErrorKind};

use super::service::Service;
use super::xml;
use crate::http::Answer;
use crate::status;

/// AWS's names of errors, and what they mean.
const CODES: &[(&str, ErrorKind)] = &[
    // Absence, said with authority.
    ("ResourceNotFoundException", ErrorKind::NotFound),
    ("ParameterNotFound", ErrorKind::NotFound),
    ("ParameterVersionNotFound", ErrorKind::NotFound),
    // The login.
    ("ExpiredToken", ErrorKind::Unauthenticated),
    ("ExpiredTokenException", ErrorKind::Unauthenticated),
    ("IDPRejectedClaim", ErrorKind::Unauthenticated),
    ("IncompleteSignature", ErrorKind::Unauthenticated),
    ("IncompleteSignatureException", ErrorKind::Unauthenticated),
    ("InvalidAccessKeyId", ErrorKind::Unauthenticated),
    ("InvalidClientTokenId", ErrorKind::Unauthenticated),
    ("InvalidIdentityToken", ErrorKind::Unauthenticated),
    ("InvalidSignatureException", ErrorKind::Unauthenticated),
    ("MissingAuthenticationToken", ErrorKind::Unauthenticated),
    ("MissingAuthenticationTokenException", ErrorKind::Unauthenticated),
    ("RequestExpired", ErrorKind::Unauthenticated),
    ("SignatureDoesNotMatch", ErrorKind::Unauthenticated),
    ("UnrecognizedClientException", ErrorKind::Unauthenticated),
    // The rights. A key that encrypts is part of them.
    ("AccessDenied", ErrorKind::PermissionDenied),
    ("AccessDeniedException", ErrorKind::PermissionDenied),
    ("DecryptionFailure", ErrorKind::PermissionDenied),
    ("EncryptionFailure", ErrorKind::PermissionDenied),
    ("OptInRequired", ErrorKind::PermissionDenied),
    ("UnauthorizedOperation", ErrorKind::PermissionDenied),
    // The pace.
    ("ProvisionedThroughputExceededException", ErrorKind::Throttled),
    ("RequestLimitExceeded", ErrorKind::Throttled),
    ("RequestThrottled", ErrorKind::Throttled),
    ("RequestThrottledException", ErrorKind::Throttled),
    ("SlowDown", ErrorKind::Throttled),
    ("Throttling", ErrorKind::Throttled),
    ("ThrottlingException", ErrorKind::Throttled),
    ("TooManyRequestsException", ErrorKind::Throttled),
    ("TooManyUpdates", ErrorKind::Throttled),
    // The service.
    ("IDPCommunicationError", ErrorKind::Unavailable),
    ("InternalFailure", ErrorKind::Unavailable),
    ("InternalServerError", ErrorKind::Unavailable),
    ("InternalServiceError", ErrorKind::Unavailable),
    ("ServiceUnavailable", ErrorKind::Unavailable),
    ("ServiceUnavailableException", ErrorKind::Unavailable),
    // Others were faster, or were there first.
    ("OperationAbortedException", ErrorKind::Conflict),
    ("ParameterAlreadyExists", ErrorKind::Conflict),
    ("ResourceExistsException", ErrorKind::Conflict),
    // The store's settings.
    ("InvalidAction", ErrorKind::InvalidConfig),
    ("RegionDisabledException", ErrorKind::InvalidConfig),
    ("UnknownOperationException", ErrorKind::InvalidConfig),
    // What was asked for or pushed.
    ("HierarchyLevelLimitExceededException", ErrorKind::InvalidPayload),
    ("InvalidFilterKey", ErrorKind::InvalidPayload),
    ("InvalidFilterValue", ErrorKind::InvalidPayload),
    ("InvalidKeyId", ErrorKind::InvalidPayload),
    ("InvalidParameterException", ErrorKind::InvalidPayload),
    ("InvalidRequestException", ErrorKind::InvalidPayload),
    ("InvalidResourceId", ErrorKind::InvalidPayload),
    ("LimitExceededException", ErrorKind::InvalidPayload),
    ("ParameterLimitExceeded", ErrorKind::InvalidPayload),
    ("ParameterMaxVersionLimitExceeded", ErrorKind::InvalidPayload),
    ("ParameterPatternMismatchException", ErrorKind::InvalidPayload),
    ("PreconditionNotMetException", ErrorKind::InvalidPayload),
    ("SerializationException", ErrorKind::InvalidPayload),
    ("UnsupportedParameterType", ErrorKind::InvalidPayload),
    ("ValidationError", ErrorKind::InvalidPayload),
    ("ValidationException", ErrorKind::InvalidPayload),
];

/// How AWS says that a secret is scheduled for deletion, and how others say it that stand in for AWS.
const DELETED: [&str; 2] = ["marked for deletion", "marked deleted"];

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type", alias = "code", alias = "Code")]
    code: Option<String>,
}

/// The error in `answer`, which is no success, to the call `action`.
pub(super) fn fault(
    operation: &'static str,
    service: &Service,
    action: &str,
    answer: &Answer,
    now: Timestamp,
) -> Error {
    let status = answer.status.as_u16();
    let known = known(answer);
    let (kind, message) = match known {
        Some((code, _)) if is_deleted(code, answer) => {
            (ErrorKind::NotFound, "Secret does not exist: it is marked for deletion".to_owned())
        }
        Some(("ResourceNotFoundException" | "ParameterNotFound", kind)) => {
            (kind, "Secret does not exist".to_owned())
        }
        Some((code, kind)) => (kind, format!("{} answered {action} with {code}", service.title)),
        None => (unnamed(answer), format!("{} answered {action} with status {status}", service.title)),
    };
    let error = Error::new(kind, operation, message);
    match status::retry_after(&answer.headers, now) {
        Some(after) => error.with_retry_after(after),
        None => error,
    }
}

/// The name of the error, if it is one of the table's.
fn known(answer: &Answer) -> Option<(&'static str, ErrorKind)> {
    let header = answer.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let body = std::str::from_utf8(&answer.body).unwrap_or_default();
    let in_json = serde_json::from_str::<Refusal>(body).ok().and_then(|refusal| refusal.code);
    let code = header.or(in_json.as_deref()).or_else(|| xml::text(body, "Code"))?;
    // `com.amazonaws.x#Code` and `Code:http://…` are written, too.
    let code = code.split(':').next()?.rsplit('#').next()?;
    CODES.iter().find(|(name, _)| *name == code).copied()
}

fn is_deleted(code: &str, answer: &Answer) -> bool {
    let body = std::str::from_utf8(&answer.body).unwrap_or_default();
    matches!(code, "InvalidRequestException" | "InvalidParameterException")
        && DELETED.iter().any(|words| body.contains(words))
}

/// What a status without a known name means. A bare 404 is a wrong address, and no absence.
fn unnamed(answer: &Answer) -> ErrorKind {
    match status::kind(answer.status) {
        Some(ErrorKind::NotFound) => ErrorKind::InvalidConfig,
        Some(kind) => kind,
        None => ErrorKind::InvalidPayload,
    }
}

/// A refusal of a login is one, however it is worded.
pub(super) fn of_login(error: Error) -> Error {
    let kind = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::NotFound => ErrorKind::Unauthenticated,
        ErrorKind::InvalidPayload => ErrorKind::InvalidConfig,
        _ => return error,
    };
    Error::new(kind, error.operation(), error.message().to_owned())
}

#[cfg(test)]
mod tests {
    use ::http::{HeaderMap, StatusCode};
    use zeroize::Zeroizing;

    use super::super::service::SECRETS_MANAGER;
    use super::*;

    fn said(status: u16, body: &str) -> Error {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Zeroizing::new(body.as_bytes().to_vec()),
        };
        fault("read", &SECRETS_MANAGER, "GetSecretValue", &answer, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn names_decide_in_every_spelling_and_no_word_of_the_answer_is_repeated() {
        let table = [
            (400, r#"{"__type":"ResourceNotFoundException","Message":"canary"}"#, ErrorKind::NotFound),
            (
                400,
                r#"{"__type":"com.amazonaws.x#ThrottlingException","message":"canary"}"#,
                ErrorKind::Throttled,
            ),
            (400, r#"{"code":"AccessDeniedException:http://canary"}"#, ErrorKind::PermissionDenied),
            (
                403,
                "<Response><Code>SignatureDoesNotMatch</Code>canary</Response>",
                ErrorKind::Unauthenticated,
            ),
            (400, r#"{"__type":"canaryException"}"#, ErrorKind::InvalidPayload),
            (400, r#"{"__type":"InvalidRequestException","Message":"canary"}"#, ErrorKind::InvalidPayload),
            (404, "canary", ErrorKind::InvalidConfig),
            (503, "canary", ErrorKind::Unavailable),
        ];
        for (status, body, kind) in table {
            let error = said(status, body);
            assert_eq!(error.kind(), kind, "{body}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_secret_that_is_marked_for_deletion_is_absent() {
        for code in ["InvalidRequestException", "InvalidParameterException"] {
            let words = "You can't perform this operation on the secret because it was marked for deletion.";
            let error = said(400, &format!(r#"{{"__type":"{code}","Message":"{words}"}}"#));
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
        let other = r#"{"__type":"ValidationException","message":"marked for deletion"}"#;
        assert_eq!(said(400, other).kind(), ErrorKind::InvalidPayload);
    }

    #[test]
    fn every_name_stands_in_the_table_once() {
        let mut names: Vec<_> = CODES.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CODES.len());
    }
}
