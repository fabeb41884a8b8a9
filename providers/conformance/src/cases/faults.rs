//! What goes wrong on the way maps to the table of `ARCHITECTURE.md`, section 6.

use std::time::Duration;

use strongroom_provider_api::{Error, ErrorKind, Payload, RemoteKey};
use strongroom_provider_kit::layers::{self, Limits};

use super::{case, connected, entry, not_applicable, shown};
use crate::outcome::ensure;
use crate::{Fault, Fixture, Outcome, RequestClass, Verdict};

/// Reads against `fault`, and asks that the error is of one of `kinds`.
async fn expect(fixture: &dyn Fixture, fault: Fault, kinds: &[ErrorKind]) -> Verdict {
    let Some(read) = read_against(fixture, fault).await? else {
        return not_applicable("the service is no stub");
    };
    let fits = read.as_ref().is_err_and(|error| kinds.contains(&error.kind()));
    ensure!(fits, "{fault:?} gave {}, expected {kinds:?}", shown(&read));
    Ok(Outcome::Passed)
}

/// The outcome of a read that meets `fault`, without retries and within a second.
async fn read_against(fixture: &dyn Fixture, fault: Fault) -> Result<Option<Result<Payload, Error>>, String> {
    let (store, client) = connected(fixture, &[entry(fixture, "key", "x")]).await?;
    let Some(stub) = &store.stub else { return Ok(None) };
    stub.fail(RequestClass::Read, fault, usize::MAX);
    let limits = Limits { timeout: Duration::from_secs(1), retries: 0, ..Limits::default() };
    Ok(Some(layers::wrap(client, limits).read(&RemoteKey::latest("key")).await))
}

case! {
    /// After one fresh login.
    unauthorised_is_unauthenticated(fixture) {
        expect(fixture, Fault::Status(401), &[ErrorKind::Unauthenticated]).await
    }
}

case! {
    /// The login works, the key is not allowed.
    forbidden_is_permission_denied(fixture) {
        expect(fixture, Fault::Status(403), &[ErrorKind::PermissionDenied]).await
    }
}

case! {
    /// A 404 in words that the service does not use for absence is a wrong address at worst, and no value.
    not_found_is_absence_or_a_wrong_address(fixture) {
        expect(fixture, Fault::Status(404), &[ErrorKind::NotFound, ErrorKind::InvalidConfig]).await
    }
}

case! {
    /// Somebody was faster.
    conflict_is_conflict(fixture) {
        expect(fixture, Fault::Status(409), &[ErrorKind::Conflict]).await
    }
}

case! {
    /// The service's own hint is passed on.
    too_many_requests_is_throttled_with_the_hint(fixture) {
        let Some(read) = read_against(fixture, Fault::RetryAfter(429, 17)).await? else {
            return not_applicable("the service is no stub");
        };
        let Err(error) = &read else { return Err(shown(&read)) };
        ensure!(error.kind() == ErrorKind::Throttled, "{}", shown(&read));
        let hint = error.retry_after();
        ensure!(hint == Some(Duration::from_secs(17)), "the hint is {hint:?}");
        Ok(Outcome::Passed)
    }
}

case! {
    /// Nothing is known of the key then.
    server_errors_are_unavailable(fixture) {
        for status in [500, 502, 503, 504] {
            expect(fixture, Fault::Status(status), &[ErrorKind::Unavailable]).await?;
        }
        expect(fixture, Fault::Status(500), &[ErrorKind::Unavailable]).await
    }
}

case! {
    /// A time limit ends the waiting.
    silence_is_unavailable(fixture) {
        expect(fixture, Fault::Silence, &[ErrorKind::Unavailable]).await
    }
}

case! {
    /// Half an answer is none.
    cut_connection_is_unavailable(fixture) {
        expect(fixture, Fault::Cut, &[ErrorKind::Unavailable]).await
    }
}

case! {
    /// What is not the service's language must not pass for a value, nor for absence.
    garbage_is_no_value_and_no_absence(fixture) {
        expect(fixture, Fault::Garbage, &[ErrorKind::InvalidPayload, ErrorKind::Unavailable]).await
    }
}

case! {
    /// A redirect would carry the credentials to another host.
    redirect_is_refused(fixture) {
        expect(fixture, Fault::Redirect, &[ErrorKind::InvalidConfig, ErrorKind::Unavailable]).await
    }
}

case! {
    /// Memory is not the service's to fill.
    body_over_the_cap_is_refused(fixture) {
        expect(fixture, Fault::TooLarge, &[ErrorKind::InvalidPayload]).await
    }
}
