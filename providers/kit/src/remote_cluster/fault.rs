//! The only mapping of an API server's refusals to error kinds.

use jiff::Timestamp;
use serde::Deserialize;
use strongroom_provider_api::{Error, ErrorKind};

use crate::http::Answer;
use crate::status;

/// What is read of a `Status`: words of Kubernetes' own code, never shown.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    details: Details,
}

#[derive(Default, Deserialize)]
struct Details {
    #[serde(default)]
    name: String,
}

/// The error that `answer` stands for, if it is one.
pub(super) fn fault(operation: &'static str, answer: &Answer, now: Timestamp) -> Option<Error> {
    let mut kind = status::kind(answer.status)?;
    let code = answer.status.as_u16();
    let message = match code {
        404 => {
            let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
            if refusal.reason == "NotFound" && !refusal.details.name.is_empty() {
                "Secret does not exist".to_owned()
            } else {
                kind = ErrorKind::InvalidConfig;
                "the server does not serve this API at this address (404)".to_owned()
            }
        }
        401 => "the API server refuses the credentials (401)".to_owned(),
        403 => "the API server does not allow it (403)".to_owned(),
        // A list's next page has expired while it was read.
        410 => {
            kind = ErrorKind::Unavailable;
            "the list has expired meanwhile (410)".to_owned()
        }
        _ => format!("the API server answered {code}"),
    };
    let error = Error::new(kind, operation, message);
    Some(match status::retry_after(&answer.headers, now) {
        Some(after) => error.with_retry_after(after),
        None => error,
    })
}

#[cfg(test)]
mod tests {
    use ::http::{HeaderMap, StatusCode};

    use super::*;

    fn kind(code: u16, body: &str) -> ErrorKind {
        let status = StatusCode::from_u16(code).unwrap();
        let answer = Answer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec().into() };
        let error = fault("read", &answer, Timestamp::UNIX_EPOCH).unwrap();
        assert!(!error.to_string().contains("canary"), "{error}");
        error.kind()
    }

    #[test]
    fn only_a_named_object_can_be_absent() {
        let absent = r#"{"kind":"Status","reason":"NotFound","details":{"name":"canary","kind":"secrets"}}"#;
        assert_eq!(kind(404, absent), ErrorKind::NotFound);
        let unserved = r#"{"kind":"Status","message":"canary","reason":"NotFound","details":{}}"#;
        for body in [unserved, "404 page not found canary", "", "{}", "[]"] {
            assert_eq!(kind(404, body), ErrorKind::InvalidConfig, "{body}");
        }
    }

    #[test]
    fn the_other_codes_have_their_usual_meaning() {
        let table = [
            (401, ErrorKind::Unauthenticated),
            (403, ErrorKind::PermissionDenied),
            (409, ErrorKind::Conflict),
            (410, ErrorKind::Unavailable),
            (422, ErrorKind::InvalidPayload),
            (429, ErrorKind::Throttled),
            (503, ErrorKind::Unavailable),
        ];
        for (code, expected) in table {
            assert_eq!(kind(code, "canary"), expected, "{code}");
        }
    }
}
