//! What goes wrong at the service of a generator.

use std::time::Duration;

use strongroom_provider_api::{Error, ErrorKind, Generated};

use super::GeneratorFixture;
use super::cases::{generator_case, not_applicable, shown};
use crate::outcome::ensure;
use crate::{Fault, Outcome, RequestClass, Running};

const NOBODY: &str = "nobody is asked";

/// The outcome of a call that meets `fault`, and how many requests to generate it made; `None` where there is no stub.
async fn against(
    fixture: &dyn GeneratorFixture,
    fault: Fault,
) -> Result<Option<(Result<Generated, Error>, usize)>, String> {
    let made = fixture.made().await;
    let Some(stub) = &made.stub else { return Ok(None) };
    let client = made.connect(&fixture.descriptor()).await.map_err(|error| format!("connect: {error}"))?;
    stub.fail(RequestClass::Write, fault, usize::MAX);
    let generated = client.generate(&made.spec).await;
    Ok(Some((generated, stub.count(RequestClass::Write))))
}

generator_case! {
    /// A call whose answer got lost may have made a credential.
    failed_call_is_not_repeated(fixture) {
        for fault in [Fault::Status(500), Fault::RetryAfter(429, 1), Fault::Cut] {
            let Some((generated, count)) = against(fixture, fault).await? else { return not_applicable(NOBODY) };
            ensure!(generated.is_err() && count == 1, "{fault:?}: {count} requests, {}", shown(&generated));
        }
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// The kernel decides by the kind alone.
    refusals_and_failures_are_classified(fixture) {
        let table = [
            (Fault::Status(401), ErrorKind::Unauthenticated),
            (Fault::Status(403), ErrorKind::PermissionDenied),
            (Fault::Status(500), ErrorKind::Unavailable),
            (Fault::Status(503), ErrorKind::Unavailable),
            (Fault::Cut, ErrorKind::Unavailable),
        ];
        for (fault, kind) in table {
            let Some((generated, _)) = against(fixture, fault).await? else { return not_applicable(NOBODY) };
            let fits = generated.as_ref().is_err_and(|error| error.kind() == kind);
            ensure!(fits, "{fault:?} gave {}, expected {kind:?}", shown(&generated));
        }
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// The service's own hint is passed on.
    asking_too_much_is_throttled_with_the_hint(fixture) {
        let Some((generated, _)) = against(fixture, Fault::RetryAfter(429, 17)).await? else {
            return not_applicable(NOBODY);
        };
        let Err(error) = &generated else { return Err(shown(&generated)) };
        ensure!(error.kind() == ErrorKind::Throttled, "{}", shown(&generated));
        ensure!(error.retry_after() == Some(Duration::from_secs(17)), "the hint is {:?}", error.retry_after());
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// What is not the service's language must not pass for a value.
    garbage_is_no_value(fixture) {
        let Some((generated, _)) = against(fixture, Fault::Garbage).await? else { return not_applicable(NOBODY) };
        let fits = generated.as_ref().is_err_and(|error| {
            matches!(error.kind(), ErrorKind::InvalidPayload | ErrorKind::Unavailable)
        });
        ensure!(fits, "{}", shown(&generated));
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// A redirect would carry the credentials to another host.
    redirect_is_no_answer(fixture) {
        let Some((generated, _)) = against(fixture, Fault::Redirect).await? else { return not_applicable(NOBODY) };
        let fits = generated.as_ref().is_err_and(|error| {
            matches!(error.kind(), ErrorKind::InvalidConfig | ErrorKind::Unavailable)
        });
        ensure!(fits, "{}", shown(&generated));
        Ok(Outcome::Passed)
    }
}
