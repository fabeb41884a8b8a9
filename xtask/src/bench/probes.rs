//! Latency as a user sees it: a watch on Secrets while objects are created and forced to sync, one each second.

use std::io::BufRead;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::bench::api;
use crate::bench::objects::{self, PROBES};
use crate::bench::scene::Scene;
use crate::{interrupt, progress};

/// Objects that take turns in being forced.
const FORCED: usize = 10;
/// A value that has not come by then counts as coming then.
const LIMIT: Duration = Duration::from_secs(10);

/// Seconds that every probe took.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    /// From the request that creates an ExternalSecret to the event that shows its Secret.
    pub(super) create_to_secret: Vec<f64>,
    /// From the request that forces a sync to the event that shows the new value.
    pub(super) force_to_value: Vec<f64>,
}

/// The probes with the watch that shows their results.
pub(super) struct Probes<'a> {
    scene: &'a Scene,
    seen: Receiver<Seen>,
    created: usize,
    forced: usize,
}

/// A Secret as an event of the watch showed it.
struct Seen {
    at: Instant,
    name: String,
    password: String,
}

impl<'a> Probes<'a> {
    /// Creates the objects that are forced later, and waits for their Secrets.
    pub(super) fn prepare(scene: &'a Scene, time: Duration) -> Result<Self> {
        let watch = scene.api.watch(&api::secrets(PROBES), time.as_secs() + 600)?;
        let (sender, seen) = mpsc::channel();
        thread::spawn(move || {
            for line in watch.lines() {
                let Some(event) = line.ok().and_then(|line| seen_in(&line, Instant::now())) else { continue };
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let probes = Self { scene, seen, created: 0, forced: 0 };
        for number in 0..FORCED {
            let name = format!("forced-{number}");
            if probes.create(&name)? >= LIMIT.as_secs_f64() {
                bail!("the Secret {name} did not appear within {} s", LIMIT.as_secs());
            }
        }
        Ok(probes)
    }

    /// Makes one probe of each kind a second for `time`.
    pub(super) fn run(&mut self, time: Duration) -> Result<Latencies> {
        let mut step = progress::Step::start("Measuring with probes");
        let mut latencies = Latencies::default();
        let (started, pause) = (Instant::now(), Duration::from_millis(500));
        let mut next = Duration::ZERO;
        while next < time {
            interrupt::sleep(next.saturating_sub(started.elapsed()))?;
            let name = format!("probe-{}", self.created);
            latencies.create_to_secret.push(self.create(&name)?);
            self.created += 1;
            interrupt::sleep((next + pause).saturating_sub(started.elapsed()))?;
            latencies.force_to_value.push(self.force()?);
            next = (next + 2 * pause).max(started.elapsed());
            step.tick();
        }
        step.done();
        Ok(latencies)
    }

    fn create(&self, name: &str) -> Result<f64> {
        self.scene.store_value(name, "first")?;
        let object = objects::external_secret(name, "1h");
        let sent = Instant::now();
        self.scene.api.create(&api::external_secrets(PROBES), &object)?;
        self.wait(name, "first", sent)
    }

    fn force(&mut self) -> Result<f64> {
        self.forced += 1;
        let (name, password) = (format!("forced-{}", self.forced % FORCED), format!("value-{}", self.forced));
        self.scene.store_value(&name, &password)?;
        let patch = json!({"metadata": {"annotations": {"force-sync": self.forced.to_string()}}});
        let sent = Instant::now();
        self.scene.api.merge(&format!("{}/{name}", api::external_secrets(PROBES)), &patch)?;
        self.wait(&name, &password, sent)
    }

    fn wait(&self, name: &str, password: &str, sent: Instant) -> Result<f64> {
        loop {
            interrupt::check()?;
            let left = LIMIT.saturating_sub(sent.elapsed());
            match self.seen.recv_timeout(left) {
                Ok(seen) if seen.name == name && seen.password == password => {
                    return Ok(seen.at.duration_since(sent).as_secs_f64());
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(LIMIT.as_secs_f64()),
                Err(RecvTimeoutError::Disconnected) => bail!("the watch on the probes' Secrets has ended"),
            }
        }
    }
}

/// The Secret in an event of the watch, with the password it holds.
fn seen_in(line: &str, at: Instant) -> Option<Seen> {
    let event: Value = serde_json::from_str(line).ok()?;
    if !["ADDED", "MODIFIED"].contains(&event.get("type")?.as_str()?) {
        return None;
    }
    let name = event.pointer("/object/metadata/name")?.as_str()?.to_owned();
    let password = STANDARD.decode(event.pointer("/object/data/password")?.as_str()?).ok()?;
    Some(Seen { at, name, password: String::from_utf8(password).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_shows_the_value_in_the_secret() {
        let event = |kind: &str| {
            json!({"type": kind, "object": {"metadata": {"name": "a"}, "data": {"password": "dmFsdWUtMQ=="}}})
                .to_string()
        };
        let seen = seen_in(&event("MODIFIED"), Instant::now()).unwrap();
        assert_eq!((seen.name.as_str(), seen.password.as_str()), ("a", "value-1"));
        assert!(seen_in(&event("DELETED"), Instant::now()).is_none());
        assert!(seen_in("not json", Instant::now()).is_none());
    }
}
