//! A peer that answers as Vault Enterprise does where its events are subscribed to, and remembers what it was shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;

/// The only token that it takes.
pub(crate) const TOKEN: &str = "hvs.listener";

/// What it does about a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Takes it.
    Listen,
    /// Answers with a status and a body.
    Status(u16),
    /// Switches, and does not prove that it has read the key.
    WrongProof,
}

#[derive(Clone, Debug)]
enum Order {
    Tell(String),
    HangUp,
}

/// A running peer.
pub(crate) struct Peer {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
    orders: broadcast::Sender<Order>,
    server: tokio::task::JoinHandle<()>,
}

impl Peer {
    pub(crate) async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (orders, _) = broadcast::channel(64);
        let (noted, told) = (Arc::clone(&seen), orders.clone());
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (noted, told) = (Arc::clone(&noted), told.clone());
                tokio::spawn(async move { serve(stream, answer, &noted, &told).await });
            }
        });
        Self { address, seen, orders, server }
    }

    /// Path and headers of every subscription so far.
    pub(crate) fn subscriptions(&self) -> Vec<BTreeMap<String, String>> {
        self.seen.lock().unwrap().clone()
    }

    /// Tells every listener.
    pub(crate) fn tell(&self, event: &Value) {
        self.orders.send(Order::Tell(event.to_string())).unwrap();
    }

    /// Ends every connection without a word.
    pub(crate) fn hang_up(&self) {
        self.orders.send(Order::HangUp).unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// An event as Vault writes it.
pub(crate) fn event(kind: &str, path: &str) -> Value {
    json!({
        "id": "901f2388-aabb-a385-7bc0-0b09d5fa060a",
        "source": "vault://node",
        "specversion": "1.0",
        "type": "*",
        "data": {
            "event": {
                "id": "901f2388-aabb-a385-7bc0-0b09d5fa060a",
                "metadata": { "current_version": "2", "data_path": path, "path": path, "modified": "true" },
            },
            "event_type": kind,
            "plugin_info": {
                "mount_class": "secret", "mount_accessor": "kv_1", "mount_path": "secret/", "plugin": "kv",
            },
        },
        "datacontenttype": "application/cloudevents",
        "time": "2026-01-01T00:00:00.394915Z",
    })
}

async fn serve(
    mut stream: TcpStream,
    answer: Answer,
    seen: &Mutex<Vec<BTreeMap<String, String>>>,
    orders: &broadcast::Sender<Order>,
) {
    let head = head(&stream).await;
    let path = head.lines().next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let mut shown: BTreeMap<_, _> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let known = shown.get("x-vault-token").map(String::as_str) == Some(TOKEN);
    if !path.contains("/sys/events/") {
        stream.read_exact(&mut vec![0; head.len()]).await.unwrap();
        let body = json!({ "data": { "type": "service" } }).to_string();
        return plain(stream, if known && path == "/v1/auth/token/lookup-self" { 200 } else { 403 }, &body)
            .await;
    }
    shown.insert("path".to_owned(), path);
    seen.lock().unwrap().push(shown);
    match answer {
        Answer::Listen if known => {
            let mut orders = orders.subscribe();
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            loop {
                tokio::select! {
                    order = orders.recv() => match order.unwrap() {
                        Order::Tell(text) => {
                            let _ = socket.send(Message::text(text)).await;
                        }
                        Order::HangUp => return,
                    },
                    message = socket.next() => if message.is_none_or(|message| message.is_err()) { return },
                }
            }
        }
        Answer::Listen => plain(stream, 403, "{}").await,
        Answer::Status(status) => {
            stream.read_exact(&mut vec![0; head.len()]).await.unwrap();
            plain(stream, status, r#"{"errors":["canary"]}"#).await;
        }
        Answer::WrongProof => {
            stream.read_exact(&mut vec![0; head.len()]).await.unwrap();
            let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Accept: canary\r\n\r\n";
            stream.write_all(switched.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }
}

/// The head of the request, which stays in the stream.
async fn head(stream: &TcpStream) -> String {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = stream.peek(&mut buffer).await.unwrap();
        let text = String::from_utf8_lossy(&buffer[..count]);
        if let Some(end) = text.find("\r\n\r\n") {
            return text[..end + 4].to_owned();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn plain(mut stream: TcpStream, status: u16, body: &str) {
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\
         Retry-After: 7\r\nLocation: http://127.0.0.1:1/elsewhere\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
}
