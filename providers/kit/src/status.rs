//! Decides what an HTTP status means.

use std::time::Duration;

use ::http::header::RETRY_AFTER;
use ::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use strongroom_provider_api::ErrorKind;

/// What `status` means where a service gives it its usual sense; providers refine. `None` for 2xx.
///
/// A temporary redirect (307) is [`ErrorKind::Unavailable`], because services answer it while they move; a
/// permanent one is a wrong address.
pub fn kind(status: StatusCode) -> Option<ErrorKind> {
    Some(match status.as_u16() {
        200..=299 => return None,
        301..=303 | 308 | 405 | 421 => ErrorKind::InvalidConfig,
        400 | 406 | 410..=411 | 413..=417 | 422 | 431 => ErrorKind::InvalidPayload,
        401 | 407 => ErrorKind::Unauthenticated,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        429 => ErrorKind::Throttled,
        _ => ErrorKind::Unavailable,
    })
}

/// When the service wants to be asked again: `Retry-After` in seconds or as an HTTP date after `now`. `None`
/// where there is no such header or it makes no sense; a date that has passed gives zero.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers, "2026-01-02T03:04:05Z".parse().unwrap())
    }

    #[test]
    fn every_status_has_the_meaning_of_the_error_table() {
        let table = [
            (200, None),
            (204, None),
            (301, Some(ErrorKind::InvalidConfig)),
            (307, Some(ErrorKind::Unavailable)),
            (400, Some(ErrorKind::InvalidPayload)),
            (401, Some(ErrorKind::Unauthenticated)),
            (403, Some(ErrorKind::PermissionDenied)),
            (404, Some(ErrorKind::NotFound)),
            (405, Some(ErrorKind::InvalidConfig)),
            (409, Some(ErrorKind::Conflict)),
            (412, Some(ErrorKind::Conflict)),
            (422, Some(ErrorKind::InvalidPayload)),
            (429, Some(ErrorKind::Throttled)),
            (500, Some(ErrorKind::Unavailable)),
            (503, Some(ErrorKind::Unavailable)),
        ];
        for (status, expected) in table {
            assert_eq!(kind(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Fri, 02 Jan 2026 03:04:35 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(wait("Fri, 02 Jan 2026 03:04:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), Timestamp::UNIX_EPOCH), None);
    }
}
