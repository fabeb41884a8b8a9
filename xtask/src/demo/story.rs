//! The story the demo tells, step by step, against the real objects; each step waits for what it promises.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::demo::NAMESPACE;
use crate::demo::controller::Controller;
use crate::demo::source::{FIRST_PASSWORD, Source};
use crate::kubectl::{self, Kubectl};
use crate::{interrupt, progress};

/// Name of the ExternalSecret and of its Secret.
const NAME: &str = "database";
/// How long a step may take; the refresh interval of the manifests is 5 seconds.
const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);

/// What a probe found: the step's promise, or what there is instead.
enum Seen<T> {
    Promised(T),
    Instead(String),
}

struct Story<'a> {
    kubectl: &'a Kubectl,
    source: &'a Source,
    controller: &'a mut Controller,
}

/// Tells the whole story; the first step that does not come out as told is the error.
pub(crate) fn tell(kubectl: &Kubectl, source: &mut Source, controller: &mut Controller) -> Result<()> {
    let mut story = Story { kubectl, source, controller };
    story.store_gets_ready()?;
    story.secret_appears()?;
    story.change_arrives_by_itself()?;
    story.forced_sync_does_not_wait()?;
    story.hand_edit_is_repaired()?;
    story.deleted_secret_comes_back()?;
    story.the_end()
}

impl Story<'_> {
    fn store_gets_ready(&mut self) -> Result<()> {
        title("1. A store and an ExternalSecret are applied");
        let (file, text) = self.source.manifests()?;
        indented(&format!("$ kubectl apply -f {file}"));
        indented(&self.kubectl.apply(&text)?);
        let kind = self.source.store_kind();
        let time = self.wait("the store is Ready", |story| {
            let store = story.kubectl.object(kind, NAMESPACE, NAMESPACE)?.unwrap_or_default();
            let (status, text) = ready_condition(&store);
            Ok(if status == "True" { Seen::Promised(()) } else { Seen::Instead(text) })
        })?;
        indented(&format!("The store is Ready after {}.", progress::seconds(time.0)));
        Ok(())
    }

    fn secret_appears(&mut self) -> Result<()> {
        title("2. The Secret appears");
        let (time, _) = self.wait_for_password(FIRST_PASSWORD)?;
        indented(&self.show(&["get", "secret", NAME, "-n", NAMESPACE, "-o", "yaml"])?);
        indented(&format!("It holds password = {FIRST_PASSWORD:?} after {}.", progress::seconds(time)));
        Ok(())
    }

    fn change_arrives_by_itself(&mut self) -> Result<()> {
        title("3. A new value at the provider arrives by itself (refreshInterval: 5s)");
        indented(&self.source.set_password(self.kubectl, "marlin")?);
        let (time, _) = self.wait_for_password("marlin")?;
        indented(&format!("The Secret holds password = \"marlin\" after {}.", progress::seconds(time)));
        Ok(())
    }

    /// With an interval of one hour nothing but the annotation can explain that the value arrives.
    fn forced_sync_does_not_wait(&mut self) -> Result<()> {
        title("4. A forced sync does not wait for the interval");
        let patch = json!({"spec": {"refreshInterval": "1h"}}).to_string();
        indented(&self.show(&[
            "patch",
            "externalsecret",
            NAME,
            "-n",
            NAMESPACE,
            "--type=merge",
            "-p",
            &patch,
        ])?);
        self.wait("the ExternalSecret is synced with its new interval", |story| {
            let object = story.external_secret()?;
            let (generation, synced) = synced_generation(&object);
            let text = format!("generation {generation}, syncedResourceVersion {synced:?}");
            let done = synced.starts_with(&format!("{generation}-"));
            Ok(if done { Seen::Promised(()) } else { Seen::Instead(text) })
        })?;
        indented(&self.source.set_password(self.kubectl, "sailfish")?);
        interrupt::sleep(Duration::from_secs(2))?;
        let (_, password) = self.secret()?;
        if password.as_deref() != Some("marlin") {
            bail!("expected that the old password stays for an hour, but the Secret holds {password:?}");
        }
        indented("Two seconds later the Secret still holds password = \"marlin\".");
        let args = ["annotate", "externalsecret", NAME, "-n", NAMESPACE, "--overwrite", "force-sync=now"];
        indented(&self.show(&args)?);
        let (time, _) = self.wait_for_password("sailfish")?;
        indented(&format!("The Secret holds password = \"sailfish\" after {}.", progress::seconds(time)));
        Ok(())
    }

    fn hand_edit_is_repaired(&mut self) -> Result<()> {
        title("5. An edit by hand is repaired");
        let patch = json!({"stringData": {"password": "edited by hand"}}).to_string();
        indented(&self.show(&["patch", "secret", NAME, "-n", NAMESPACE, "--type=merge", "-p", &patch])?);
        let (time, _) = self.wait_for_password("sailfish")?;
        indented(&format!(
            "The Secret holds password = \"sailfish\" again after {}.",
            progress::seconds(time)
        ));
        Ok(())
    }

    fn deleted_secret_comes_back(&mut self) -> Result<()> {
        title("6. A deleted Secret comes back");
        let (before, _) = self.secret()?;
        indented(&self.show(&["delete", "secret", NAME, "-n", NAMESPACE])?);
        let (time, after) = self.wait_for_password("sailfish")?;
        if before == after {
            bail!("expected a new Secret, but the old one is still there");
        }
        indented(&format!("A new Secret is there after {}.", progress::seconds(time)));
        Ok(())
    }

    fn the_end(&mut self) -> Result<()> {
        title("7. What is there now");
        indented(&self.show(&["get", self.source.store_kind(), "-n", NAMESPACE])?);
        indented(&self.show(&["get", "externalsecret,secret", "-n", NAMESPACE])?);
        indented(&self.show(&["get", "events", "-n", NAMESPACE, "--sort-by=.lastTimestamp"])?);
        Ok(())
    }

    /// Waits until the Secret's password is `expected`; gives the time it took and the Secret's uid.
    fn wait_for_password(&mut self, expected: &str) -> Result<(Duration, String)> {
        self.wait(&format!("the Secret holds password = {expected:?}"), |story| {
            let (uid, password) = story.secret()?;
            if password.as_deref() == Some(expected) {
                return Ok(Seen::Promised(uid));
            }
            let (_, condition) = ready_condition(&story.external_secret()?);
            Ok(Seen::Instead(format!("password {password:?}; the ExternalSecret says {condition}")))
        })
    }

    /// Probes until it sees what was promised; the error says what there was instead.
    fn wait<T>(
        &mut self,
        promise: &str,
        mut probe: impl FnMut(&mut Self) -> Result<Seen<T>>,
    ) -> Result<(Duration, T)> {
        let started = Instant::now();
        loop {
            let instead = match probe(self)? {
                Seen::Promised(value) => return Ok((started.elapsed(), value)),
                Seen::Instead(text) => text,
            };
            self.controller.check_running()?;
            if started.elapsed() > LIMIT {
                bail!("expected within {} s that {promise}; seen: {instead}", LIMIT.as_secs());
            }
            interrupt::sleep(POLL)?;
        }
    }

    /// uid and password of the Secret; an empty uid if it does not exist.
    fn secret(&self) -> Result<(String, Option<String>)> {
        let secret = self.kubectl.object("secret", NAME, NAMESPACE)?.unwrap_or_default();
        let uid = secret.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(encoded) = secret.pointer("/data/password").and_then(Value::as_str) else {
            return Ok((uid, None));
        };
        let password = STANDARD.decode(encoded).context("the API server sent a Secret that is not base64")?;
        Ok((uid, Some(String::from_utf8_lossy(&password).into_owned())))
    }

    fn external_secret(&self) -> Result<Value> {
        Ok(self.kubectl.object("externalsecret", NAME, NAMESPACE)?.unwrap_or_default())
    }

    /// Runs kubectl and gives the command as typed, with what it printed below it.
    fn show(&self, args: &[&str]) -> Result<String> {
        let output = self.kubectl.run(args)?;
        Ok(format!("{}\n{output}", kubectl::shown(args)))
    }
}

/// Status of the Ready condition (empty if there is none) and a text about it.
fn ready_condition(object: &Value) -> (String, String) {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let ready =
        conditions.into_iter().flatten().find(|condition| condition.get("type") == Some(&json!("Ready")));
    let Some(ready) = ready else { return (String::new(), "no Ready condition yet".to_owned()) };
    let text = |name: &str| ready.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let summary = format!("Ready={} {}: {}", text("status"), text("reason"), text("message"));
    (text("status"), summary)
}

fn synced_generation(object: &Value) -> (i64, &str) {
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default();
    let synced = object.pointer("/status/syncedResourceVersion").and_then(Value::as_str).unwrap_or_default();
    (generation, synced)
}

fn title(text: &str) {
    progress::line(&format!("\n{text}"));
}

fn indented(text: &str) {
    for line in text.trim_end().lines() {
        progress::line(&format!("   {line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_condition_is_found_among_others() {
        let object = json!({"status": {"conditions": [
            {"type": "Synced", "status": "True"},
            {"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": "could not"},
        ]}});
        let (status, text) = ready_condition(&object);
        assert_eq!((status.as_str(), text.as_str()), ("False", "Ready=False SecretSyncedError: could not"));
        assert_eq!(ready_condition(&Value::Null).0, "");
    }
}
