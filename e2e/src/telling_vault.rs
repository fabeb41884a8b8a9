//! A door before the test bed's Vault that adds what only Vault Enterprise has: the event stream. Everything else goes
//! through unchanged.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_tungstenite::{accept_async, tungstenite::Message};

const SUBSCRIPTION: &str = "GET /v1/sys/events/subscribe/kv*?json=true HTTP/1.1\r\n";

/// What all connections share.
#[derive(Debug)]
struct Shared {
    vault: String,
    token: String,
    listeners: AtomicUsize,
    refuses: AtomicBool,
    orders: broadcast::Sender<Option<String>>,
}

/// A running door.
#[derive(Debug)]
pub struct TellingVault {
    /// Base URL.
    pub address: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl TellingVault {
    /// Opens a door before the Vault at the base URL `vault`. It takes subscriptions with `token` only.
    pub async fn before(vault: &str, token: &str) -> Result<Self> {
        let vault = vault.strip_prefix("http://").context("a Vault without TLS is needed")?.to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            vault,
            token: token.to_owned(),
            listeners: AtomicUsize::new(0),
            refuses: AtomicBool::new(false),
            orders: broadcast::channel(4096).0,
        });
        let of_server = Arc::clone(&shared);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&of_server);
                tokio::spawn(async move { drop(serve(stream, &shared).await) });
            }
        });
        Ok(Self { address, shared, server })
    }

    /// How many listen now.
    pub fn listeners(&self) -> usize {
        self.shared.listeners.load(Ordering::SeqCst)
    }

    /// Tells all listeners that the entry `key` of the KV v2 engine `secret` was written.
    pub fn tell_written(&self, key: &str) {
        let path = format!("secret/data/{key}");
        let event = json!({
            "id": "1", "source": "vault://door", "specversion": "1.0", "type": "*",
            "data": {
                "event": { "id": "1", "metadata": {
                    "current_version": "2", "data_path": path, "path": path, "operation": "data-write", "modified": "true",
                } },
                "event_type": "kv-v2/data-write",
                "plugin_info": { "mount_class": "secret", "mount_path": "secret/", "plugin": "kv" },
            },
            "datacontenttype": "application/cloudevents", "time": "2026-01-01T00:00:00Z",
        });
        // Without a listener it is lost, as it would be at Vault.
        let _ = self.shared.orders.send(Some(event.to_string()));
    }

    /// Ends all subscriptions, and refuses new ones for as long as it `refuses`.
    pub fn refuse(&self, refuses: bool) {
        self.shared.refuses.store(refuses, Ordering::SeqCst);
        if refuses {
            let _ = self.shared.orders.send(None);
        }
    }
}

impl Drop for TellingVault {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> Result<()> {
    let request = head(&stream).await?;
    if !request.contains("/sys/events/") {
        return forward(stream, shared, &request).await;
    }
    let lower = request.to_ascii_lowercase();
    let authentic = lower.contains(&format!("x-vault-token: {}\r\n", shared.token.to_ascii_lowercase()));
    let refused =
        match (shared.refuses.load(Ordering::SeqCst), authentic && request.starts_with(SUBSCRIPTION)) {
            (true, _) => Some("503 Service Unavailable"),
            (false, false) => Some("403 Forbidden"),
            (false, true) => None,
        };
    if let Some(status) = refused {
        stream.read_exact(&mut vec![0; request.len()]).await?;
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
        return Ok(());
    }
    let mut orders = shared.orders.subscribe();
    let mut socket = accept_async(stream).await?;
    shared.listeners.fetch_add(1, Ordering::SeqCst);
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Ok(Some(event)) => if socket.send(Message::text(event)).await.is_err() { break },
                Ok(None) | Err(_) => break,
            },
            message = socket.next() => if message.is_none_or(|message| message.is_err()) { break },
        }
    }
    shared.listeners.fetch_sub(1, Ordering::SeqCst);
    Ok(())
}

/// Carries one request to Vault: the next one may be a subscription, so the connection ends with it.
async fn forward(mut stream: TcpStream, shared: &Shared, head: &str) -> Result<()> {
    stream.read_exact(&mut vec![0; head.len()]).await?;
    let mut vault = TcpStream::connect(&shared.vault).await?;
    let (line, rest) = head.split_once("\r\n").context("a request without a line")?;
    vault.write_all(format!("{line}\r\nConnection: close\r\n{rest}").as_bytes()).await?;
    copy_bidirectional(&mut stream, &mut vault).await?;
    Ok(())
}

/// The head of the request, which stays in the stream.
async fn head(stream: &TcpStream) -> Result<String> {
    let mut buffer = vec![0; 16 * 1024];
    for _ in 0..1000 {
        let count = stream.peek(&mut buffer).await?;
        ensure!(count > 0, "the connection ended");
        let text = String::from_utf8_lossy(buffer.get(..count).unwrap_or_default());
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            return Ok(format!("{head}\r\n\r\n"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    anyhow::bail!("no request came")
}
