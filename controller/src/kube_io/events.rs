//! `Events`: what users see in `kubectl describe`, without a flood.
//!
//! kube's own recorder is not used: it posts to another API group than upstream's permissions allow, and when
//! the text of a repeated event changes it keeps showing the old one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::ObjectMeta;
use serde_json::json;
use strongroom_crds::conditions::EventReason;
use strongroom_provider_api::Clock;
use tokio::time::Instant;

use super::ObjectKey;
use super::outbox::{Letter, Outbox};

/// The API server refuses longer messages.
const LONGEST_MESSAGE: usize = 1024;
/// The same warning about the same object is counted up at most this often.
const QUIET: Duration = Duration::from_mins(10);
/// An event is dropped by the API server after an hour; then it is created anew.
const FORGOTTEN: Duration = Duration::from_mins(55);

/// The object that an event is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// `apiVersion` of its kind.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Where it lives.
    pub key: ObjectKey,
    /// Its uid.
    pub uid: String,
    /// Its resource version.
    pub resource_version: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// As it should be.
    Normal,
    /// Somebody should look.
    Warning,
}

/// Posts events of one component.
#[derive(Debug)]
pub struct Events {
    outbox: Outbox,
    component: &'static str,
    clock: Arc<dyn Clock>,
    posted: Mutex<HashMap<String, Warned>>,
}

/// The newest warning about one object.
#[derive(Clone, Debug)]
struct Warned {
    reason: String,
    message: String,
    event: ObjectKey,
    count: u32,
    first: Instant,
    last: Instant,
}

enum Step {
    Silence,
    CountUp(Warned),
    Create,
}

impl Events {
    /// Events of `component` (spec eso-core 0, event sources).
    pub fn new(outbox: Outbox, component: &'static str, clock: Arc<dyn Clock>) -> Self {
        Self { outbox, component, clock, posted: Mutex::new(HashMap::new()) }
    }

    /// Has an event posted, soon. A warning that repeats the newest one about the object word for word is counted up, at
    /// most once in ten minutes. A failure to post is logged and forgotten: events are a courtesy.
    pub async fn post(&self, subject: &Subject, kind: EventKind, reason: EventReason, message: &str) {
        let reason = reason.as_str();
        let message = clipped(message);
        let step = match kind {
            EventKind::Normal => Step::Create,
            EventKind::Warning => self.step(subject, reason, message),
        };
        let letter = match step {
            Step::Silence => return,
            Step::CountUp(warned) => {
                let change = json!({ "count": warned.count, "lastTimestamp": Time(self.clock.now()) });
                Letter::Change(warned.event, change)
            }
            Step::Create => {
                let event = self.event(subject, kind, reason, message);
                if kind == EventKind::Warning {
                    self.remember(subject, reason, message, ObjectKey::of(&event.metadata));
                }
                Letter::New(event.metadata.namespace.clone().unwrap_or_default(), Box::new(event))
            }
        };
        self.outbox.put(letter).await;
    }

    /// Forgets what was posted about an object that is gone or in step again.
    pub fn forget(&self, uid: &str) {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    fn step(&self, subject: &Subject, reason: &str, message: &str) -> Step {
        let now = Instant::now();
        let mut posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        let Entry::Occupied(mut entry) = posted.entry(subject.uid.clone()) else { return Step::Create };
        let warned = entry.get_mut();
        if warned.reason != reason || warned.message != message || now - warned.first > FORGOTTEN {
            return Step::Create;
        }
        warned.count += 1;
        if now - warned.last < QUIET {
            return Step::Silence;
        }
        warned.last = now;
        Step::CountUp(warned.clone())
    }

    fn remember(&self, subject: &Subject, reason: &str, message: &str, event: ObjectKey) {
        let now = Instant::now();
        let warned = Warned {
            reason: reason.to_owned(),
            message: message.to_owned(),
            event,
            count: 1,
            first: now,
            last: now,
        };
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).insert(subject.uid.clone(), warned);
    }

    fn event(&self, subject: &Subject, kind: EventKind, reason: &str, message: &str) -> Event {
        let now = self.clock.now();
        // Events about cluster-scoped objects live in `default`, as upstream's do.
        let namespace = if subject.key.namespace.is_empty() {
            "default".to_owned()
        } else {
            subject.key.namespace.clone()
        };
        Event {
            metadata: ObjectMeta {
                name: Some(event_name(&subject.key.name, now)),
                namespace: Some(namespace),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                api_version: Some(subject.api_version.clone()),
                kind: Some(subject.kind.clone()),
                namespace: Some(subject.key.namespace.clone()).filter(|namespace| !namespace.is_empty()),
                name: Some(subject.key.name.clone()),
                uid: Some(subject.uid.clone()),
                resource_version: Some(subject.resource_version.clone()),
                field_path: None,
            },
            type_: Some(format!("{kind:?}")),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            count: Some(1),
            first_timestamp: Some(Time(now)),
            last_timestamp: Some(Time(now)),
            source: Some(EventSource { component: Some(self.component.to_owned()), host: None }),
            reporting_component: Some(self.component.to_owned()),
            ..Event::default()
        }
    }
}

/// As client-go names them: the object and the nanoseconds in hex.
fn event_name(object: &str, now: Timestamp) -> String {
    format!("{object}.{:x}", now.as_nanosecond())
}

fn clipped(message: &str) -> &str {
    let mut end = message.len().min(LONGEST_MESSAGE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_cut_at_a_character() {
        let message = format!("{}ü", "a".repeat(LONGEST_MESSAGE - 1));
        assert_eq!(clipped(&message).len(), LONGEST_MESSAGE - 1);
        assert_eq!(clipped("short"), "short");
    }
}
