//! Vault's event stream: one socket for each client, told which entries of KV engines change, never what they hold.

use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use strongroom_provider_api::{Error, ErrorKind, Notice, Result};
use strongroom_provider_kit::http::Connection;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::VaultClient;
use crate::socket;

/// A silent server is asked after this long whether it is there, and given up after as long again.
const SILENCE: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<Connection>;

/// An event, as far as it matters.
#[derive(Deserialize)]
struct Event {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    event_type: String,
    event: Inner,
    plugin_info: Option<Plugin>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    data_path: Option<String>,
    path: Option<String>,
    modified: Option<String>,
}

#[derive(Deserialize)]
struct Plugin {
    #[serde(default)]
    mount_path: String,
}

/// What one has to do next.
enum Stage {
    Connect,
    Listen(Box<Listening>),
    Ended,
}

struct Listening {
    socket: Socket,
    /// When the server was last heard.
    heard: Instant,
    asked: bool,
}

/// What Vault tells this client, from now on.
pub(super) fn notices(client: &VaultClient) -> BoxStream<'_, Result<Notice>> {
    Box::pin(stream::unfold(Stage::Connect, move |stage| async move {
        match stage {
            Stage::Connect => Some(match socket::open(&client.caller).await {
                Ok(socket) => {
                    let listening = Listening { socket, heard: Instant::now(), asked: false };
                    (Ok(Notice::Listening), Stage::Listen(Box::new(listening)))
                }
                Err(error) => (Err(error), Stage::Ended),
            }),
            Stage::Listen(mut listening) => Some(match listening.next().await {
                Ok(place) => (Ok(Notice::Changed(place)), Stage::Listen(listening)),
                Err(error) => (Err(error), Stage::Ended),
            }),
            Stage::Ended => None,
        }
    }))
}

impl Listening {
    /// The place of the next entry that changes.
    async fn next(&mut self) -> Result<String> {
        loop {
            match timeout_at(self.heard + SILENCE, self.socket.next()).await {
                Err(_silent) if self.asked => return Err(broken("Vault's event stream fell silent")),
                Err(_silent) => {
                    self.asked = true;
                    self.heard = Instant::now();
                    let sent = self.socket.send(Message::Ping(Bytes::new())).await;
                    sent.map_err(|error| broken("Vault's event stream broke off").with_source(error))?;
                }
                Ok(Some(Ok(message))) => {
                    self.asked = false;
                    self.heard = Instant::now();
                    let text = match &message {
                        Message::Text(text) => text.as_bytes(),
                        Message::Binary(bytes) => bytes,
                        // Answered by the library.
                        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
                        Message::Close(_) => return Err(broken("Vault ended its event stream")),
                    };
                    if let Some(place) = place(text) {
                        return Ok(place);
                    }
                }
                Ok(Some(Err(error))) => {
                    return Err(broken("Vault's event stream broke off").with_source(error));
                }
                Ok(None) => return Err(broken("Vault ended its event stream")),
            }
        }
    }
}

/// Where the entry is whose value an event is about; `None` for an event that changes none. What cannot be read is
/// passed over: another version of Vault may tell more.
fn place(text: &[u8]) -> Option<String> {
    let Event { data } = serde_json::from_slice(text).ok()?;
    let Metadata { data_path, path, modified } = data.event.metadata;
    if modified.as_deref() == Some("false") {
        return None;
    }
    let path = data_path.filter(|path| !path.is_empty()).or(path)?;
    let path = path.trim_matches('/');
    let mount = data.plugin_info.map(|plugin| plugin.mount_path).unwrap_or_default();
    let mount = mount.trim_matches('/');
    // Older versions leave the mount out.
    let below = path.strip_prefix(mount).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path);
    if mount.is_empty() {
        return Some(path.to_owned());
    }
    if !data.event_type.starts_with("kv-v2/") {
        return Some(format!("{mount}/{below}"));
    }
    let (endpoint, entry) = below.split_once('/')?;
    let tells = ["data", "metadata", "delete", "undelete", "destroy"].contains(&endpoint);
    tells.then(|| format!("{mount}/data/{entry}"))
}

fn broken(message: &str) -> Error {
    Error::new(ErrorKind::Unavailable, "listen", message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(kind: &str, metadata: &Value) -> Option<String> {
        let event = json!({
            "id": "x", "source": "vault://node", "specversion": "1.0", "type": "*",
            "data": {
                "event": { "id": "x", "metadata": metadata },
                "event_type": kind,
                "plugin_info": { "mount_class": "secret", "mount_path": "team/kv/", "plugin": "kv" },
            },
            "datacontenttype": "application/cloudevents", "time": "2026-01-01T00:00:00Z",
        });
        place(event.to_string().as_bytes())
    }

    #[test]
    fn an_event_names_the_entry_whatever_was_done_to_it() {
        let written = Some("team/kv/data/a/b".to_owned());
        for (kind, metadata) in [
            (
                "kv-v2/data-write",
                json!({ "data_path": "team/kv/data/a/b", "path": "team/kv/data/a/b", "modified": "true" }),
            ),
            ("kv-v2/data-write", json!({ "path": "data/a/b" })),
            ("kv-v2/delete", json!({ "path": "team/kv/delete/a/b" })),
            ("kv-v2/undelete", json!({ "path": "team/kv/undelete/a/b" })),
            ("kv-v2/metadata-delete", json!({ "path": "team/kv/metadata/a/b" })),
        ] {
            assert_eq!(event(kind, &metadata), written, "{kind} {metadata}");
        }
        let flat = Some("team/kv/a/b".to_owned());
        assert_eq!(event("kv-v1/write", &json!({ "path": "team/kv/a/b" })), flat);
        assert_eq!(event("kv-v1/delete", &json!({ "path": "a/b" })), flat);
    }

    #[test]
    fn what_changes_nothing_or_cannot_be_read_is_passed_over() {
        assert_eq!(event("kv-v2/config-write", &json!({ "path": "team/kv/config" })), None);
        assert_eq!(
            event("kv-v2/data-write", &json!({ "path": "team/kv/data/a", "modified": "false" })),
            None
        );
        assert_eq!(event("kv-v2/data-write", &json!({})), None);
        for text in ["", "{}", "[]", "\u{0}", r#"{"data":{"event":[]}}"#] {
            assert_eq!(place(text.as_bytes()), None, "{text}");
        }
    }
}
