//! No secret shows: not in errors, not in debug output, not in the log.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use strongroom_provider_api::{RemoteKey, WriteRequest};
use strongroom_provider_kit::layers::{self, Limits};

use super::{case, connected, entry};
use crate::outcome::ensure;
use crate::{CANARY, Fault, Outcome, RequestClass, captured_logs};

const FAULTS: [Fault; 10] = [
    Fault::Status(400),
    Fault::Status(401),
    Fault::Status(403),
    Fault::Status(404),
    Fault::Status(409),
    Fault::RetryAfter(429, 1),
    Fault::Status(500),
    Fault::Cut,
    Fault::Garbage,
    Fault::Redirect,
];

case! {
    /// The canary stands in the value and in the body of every fault.
    canary_never_shows(fixture) {
        let (logs, guard) = captured_logs();
        let (store, client) = connected(fixture, &[entry(fixture, "key", CANARY)]).await?;
        let mut shown = String::new();
        let key = RemoteKey::latest("key");
        let limits = Limits { timeout: Duration::from_secs(1), retries: 0, ..Limits::default() };
        let limited = layers::wrap(Arc::clone(&client), limits);
        let read = client.read(&key).await;
        let held = read.as_ref().is_ok_and(|payload| fixture.open(payload).as_deref() == Some(CANARY));
        ensure!(held, "the canary cannot be read, so its absence elsewhere would prove nothing");
        let _ = write!(shown, "{read:?}");
        for fault in store.stub.iter().flat_map(|stub| FAULTS.map(|fault| (stub, fault))) {
            let (stub, fault) = fault;
            stub.fail(RequestClass::Read, fault, usize::MAX);
            if let Err(error) = limited.read(&key).await {
                let _ = writeln!(shown, "{fault:?}: {error} {error:?}");
            }
        }
        let writes = store.capabilities(&fixture.descriptor())?.write;
        let request = WriteRequest::property("canary", CANARY);
        let written = RemoteKey::latest("written");
        let _ = writeln!(shown, "{request:?} {:?}", if writes { limited.write(&written, &request).await.err() } else { None });
        for fault in store.stub.iter().flat_map(|stub| FAULTS.map(|fault| (stub, fault))).filter(|_| writes) {
            let (stub, fault) = fault;
            stub.mend();
            stub.fail(RequestClass::Write, fault, usize::MAX);
            let changed = WriteRequest::property("canary", format!("{CANARY} {fault:?}"));
            let outcomes = [limited.write(&written, &changed).await.err(), limited.delete(&written, None).await.err()];
            for error in outcomes.into_iter().flatten() {
                let _ = writeln!(shown, "write {fault:?}: {error} {error:?}");
            }
        }
        for fault in store.stub.iter().flat_map(|stub| FAULTS.map(|fault| (stub, fault))) {
            let (stub, fault) = fault;
            stub.mend();
            stub.fail(RequestClass::Login, fault, usize::MAX);
            if let Err(error) = store.connect(&fixture.descriptor()).await {
                let _ = writeln!(shown, "login {fault:?}: {error} {error:?}");
            }
        }
        if let Some(stub) = &store.stub {
            stub.mend();
        }
        client.close().await;
        drop(guard);
        let _ = write!(shown, "{}", logs.text());
        let leak = shown.lines().find(|line| line.contains(CANARY));
        ensure!(leak.is_none(), "the canary shows: {}", leak.unwrap_or_default());
        Ok(Outcome::Passed)
    }
}
