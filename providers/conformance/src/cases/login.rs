//! Logins: made once, renewed once, ended. They need a stub, because they count.

use futures::future::join_all;
use strongroom_provider_api::{ErrorKind, RemoteKey};

use super::{case, connected, entry, not_applicable, shown};
use crate::outcome::ensure;
use crate::{Fault, Outcome, RequestClass};

const NO_STUB: &str = "the service is no stub";
const NO_LOGIN: &str = "the service knows no login";

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
        let connected = store.connect(&fixture.descriptor()).await;
        let outcome = match connected {
            Ok(client) => client.read(&RemoteKey::latest("key")).await.map(drop),
            Err(error) => Err(error),
        };
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
