//! Decides from the controller's own requests when all objects are synced, without asking the API server meanwhile.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde_json::Value;

use crate::bench::api;
use crate::bench::audit::{ApiLog, ApiRequest};
use crate::bench::controller::Controller;
use crate::bench::objects::{NAMESPACES, namespace_of};
use crate::bench::scene::Scene;
use crate::{interrupt, progress};

/// How often the audit log is read.
const POLL: Duration = Duration::from_millis(100);
/// How often a finished look of the log is checked against the objects.
const CHECK: Duration = Duration::from_secs(2);
/// A controller that makes no request for so long has settled.
pub(super) const QUIET: Duration = Duration::from_secs(3);

/// What the controller has written for each object so far.
#[derive(Debug, Default)]
pub(super) struct Written {
    secrets: BTreeMap<String, Timestamp>,
    statuses: BTreeMap<String, Timestamp>,
}

impl Written {
    /// Takes requests into account.
    pub(super) fn read(&mut self, requests: &[ApiRequest]) {
        let good = |request: &&ApiRequest| request.writes() && (200..300).contains(&request.code);
        for request in requests.iter().filter(good) {
            match request.resource.as_str() {
                "secrets" => {
                    self.secrets.entry(request.object.clone()).or_insert(request.at);
                }
                "externalsecrets/status" => {
                    self.statuses.insert(request.object.clone(), request.at);
                }
                _ => {}
            }
        }
    }

    /// How many objects have a Secret and a status.
    pub(super) fn complete(&self) -> usize {
        self.secrets.keys().filter(|object| self.statuses.contains_key(*object)).count()
    }

    /// When the last of the first Secrets and the last status were written.
    pub(super) fn end(&self) -> Option<Timestamp> {
        self.secrets.values().chain(self.statuses.values()).max().copied()
    }

    /// When the first Secret was written.
    pub(super) fn first_secret(&self) -> Option<Timestamp> {
        self.secrets.values().min().copied()
    }
}

/// Waits until `count` objects have a Secret and are Ready; gives what was written and every request so far.
pub(super) fn wait(
    scene: &Scene,
    controller: &mut Controller,
    log: &mut ApiLog,
    count: usize,
    limit: Duration,
) -> Result<(Written, Vec<ApiRequest>)> {
    let mut step = progress::Step::start(format!("Waiting until {count} objects are synced"));
    let (started, mut checked) = (Instant::now(), None::<Instant>);
    let (mut written, mut all) = (Written::default(), Vec::new());
    loop {
        let requests = log.take()?;
        written.read(&requests);
        all.extend(requests);
        if written.complete() >= count && checked.is_none_or(|checked| checked.elapsed() > CHECK) {
            if ready(scene)? >= count {
                step.done();
                return Ok((written, all));
            }
            checked = Some(Instant::now());
        }
        if started.elapsed() > limit {
            bail!("{} of {count} objects were synced after {}", written.complete(), progress::seconds(limit));
        }
        controller.check_running()?;
        step.tick();
        interrupt::sleep(POLL)?;
    }
}

/// Waits until the controller has made no request for [`QUIET`], at most `limit`; gives the requests.
pub(super) fn settle(log: &mut ApiLog, quiet: Duration, limit: Duration) -> Result<Vec<ApiRequest>> {
    let (started, mut last, mut all) = (Instant::now(), Instant::now(), Vec::new());
    while last.elapsed() < quiet && started.elapsed() < limit {
        let requests = log.take()?;
        if !requests.is_empty() {
            last = Instant::now();
        }
        all.extend(requests);
        interrupt::sleep(POLL)?;
    }
    Ok(all)
}

/// How many objects say that they are Ready.
pub(super) fn ready(scene: &Scene) -> Result<usize> {
    let mut count = 0;
    for number in 0..NAMESPACES {
        count += ready_in(scene, &namespace_of(number))?;
    }
    Ok(count)
}

/// The same in one namespace.
pub(super) fn ready_in(scene: &Scene, namespace: &str) -> Result<usize> {
    let list = scene.api.get(&api::external_secrets(namespace))?;
    let items = list.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(items.iter().filter(|object| is_ready(object)).count())
}

fn is_ready(object: &Value) -> bool {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition.get("type").is_some_and(|kind| kind == "Ready")
            && condition.get("status").is_some_and(|status| status == "True")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(verb: &str, resource: &str, object: &str, code: u16, second: i64) -> ApiRequest {
        ApiRequest {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            object: object.to_owned(),
            code,
            at: Timestamp::from_second(second).unwrap(),
        }
    }

    #[test]
    fn an_object_is_complete_with_its_secret_and_its_status() {
        let mut written = Written::default();
        written.read(&[
            request("create", "secrets", "a/one", 201, 1),
            request("create", "secrets", "a/two", 409, 2),
            request("get", "secrets", "a/three", 200, 3),
            request("patch", "externalsecrets/status", "a/one", 200, 4),
            request("patch", "externalsecrets/status", "a/two", 200, 5),
            request("create", "events", "a/one", 201, 9),
        ]);
        assert_eq!(written.complete(), 1);
        written.read(&[request("patch", "secrets", "a/two", 200, 7)]);
        assert_eq!(written.complete(), 2);
        assert_eq!(written.first_secret(), Timestamp::from_second(1).ok());
        assert_eq!(written.end(), Timestamp::from_second(7).ok());
    }

    #[test]
    fn only_a_true_ready_condition_counts() {
        let with =
            |kind: &str, status: &str| json!({"status": {"conditions": [{"type": kind, "status": status}]}});
        assert!(is_ready(&with("Ready", "True")));
        assert!(!is_ready(&with("Ready", "False")));
        assert!(!is_ready(&with("Deleted", "True")));
        assert!(!is_ready(&json!({})));
    }
}
