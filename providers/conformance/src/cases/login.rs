//! Logins: made once, renewed once, ended. They need a stub, because they count.

use futures::future::join_all;
use strongroom_provider_api::{Error, ErrorKind, RemoteKey};

use super::{case, connected, entry, not_applicable, shown};
use crate::outcome::ensure;
use crate::{Fault, Fixture, Outcome, RequestClass, Store};

const NO_STUB: &str = "the service is no stub";
const NO_LOGIN: &str = "the service knows no login";

/// Connects and reads: a provider may log in at either.
async fn first_read(fixture: &dyn Fixture, store: &Store) -> Result<(), Error> {
    let client = store.connect(&fixture.descriptor()).await?;
    client.read(&RemoteKey::latest("key")).await.map(drop)
}

case! {
    /// When a login stops working under many calls, one new login serves them all.
    expired_login_is_renewed_once_under_fifty_reads(fixture) {
        let (store, client) = connected(fixture, &[entry(fixture, "key", "x")]).await?;
        let Some(stub) = &store.stub else { return not_applicable(NO_STUB) };
        let key = RemoteKey::latest("key");
        let first = client.read(&key).await;
        first.as_ref().map_err(|_| shown(&first))?;
        let logins = stub.count(RequestClass::Login);
        if logins == 0 {
            return not_applicable(NO_LOGIN);
        }
        stub.fail(RequestClass::Read, Fault::Status(401), 50);
        for read in join_all((0..50).map(|_| client.read(&key))).await {
            ensure!(read.is_ok(), "{}", shown(&read));
        }
        let more = stub.count(RequestClass::Login) - logins;
        ensure!(more == 1, "{more} logins were made for 50 refused reads");
        Ok(Outcome::Passed)
    }
}

case! {
    /// A refused login is the store's fault, and is not tried over and over.
    refused_login_is_unauthenticated(fixture) {
        let store = fixture.store(&[entry(fixture, "key", "x")]).await;
        let Some(stub) = &store.stub else { return not_applicable(NO_STUB) };
        stub.fail(RequestClass::Login, Fault::Status(403), usize::MAX);
        let outcome = first_read(fixture, &store).await;
        let logins = stub.count(RequestClass::Login);
        if logins == 0 {
            return not_applicable(NO_LOGIN);
        }
        ensure!(outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unauthenticated), "{}", shown(&outcome));
        ensure!(logins <= 2, "{logins} logins were tried");
        Ok(Outcome::Passed)
    }
}

case! {
    /// A login that gets no answer says nothing about the credentials.
    failing_login_is_unavailable(fixture) {
        let store = fixture.store(&[entry(fixture, "key", "x")]).await;
        let Some(stub) = &store.stub else { return not_applicable(NO_STUB) };
        for (fault, kind) in [
            (Fault::Status(500), ErrorKind::Unavailable),
            (Fault::Cut, ErrorKind::Unavailable),
            (Fault::RetryAfter(429, 17), ErrorKind::Throttled),
        ] {
            stub.fail(RequestClass::Login, fault, usize::MAX);
            let outcome = first_read(fixture, &store).await;
            if stub.count(RequestClass::Login) == 0 {
                return not_applicable(NO_LOGIN);
            }
            let fits = outcome.as_ref().is_err_and(|error| error.kind() == kind);
            ensure!(fits, "{fault:?} gave {}, expected {kind:?}", shown(&outcome));
        }
        Ok(Outcome::Passed)
    }
}

case! {
    /// Who logs in also logs out.
    closing_ends_the_login(fixture) {
        let (store, client) = connected(fixture, &[entry(fixture, "key", "x")]).await?;
        let Some(stub) = &store.stub else { return not_applicable(NO_STUB) };
        let read = client.read(&RemoteKey::latest("key")).await;
        read.as_ref().map_err(|_| shown(&read))?;
        if stub.count(RequestClass::Login) == 0 {
            return not_applicable(NO_LOGIN);
        }
        client.close().await;
        let revoked = stub.count(RequestClass::Revoke);
        ensure!(revoked == 1, "{revoked} logins were ended");
        Ok(Outcome::Passed)
    }
}
