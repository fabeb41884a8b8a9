//! A directory with one user, that speaks as much LDAP as Vault needs to log one in, and checks what it receives.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const BIND: u8 = 0x60;
const UNBIND: u8 = 0x42;
const SEARCH: u8 = 0x63;
const INVALID_CREDENTIALS: u8 = 49;

/// A running directory.
pub(crate) struct Directory {
    port: u16,
    outcomes: Arc<Mutex<Vec<bool>>>,
}

impl Directory {
    /// Knows one user, by its name and password.
    pub(crate) async fn start(name: &'static str, password: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let outcomes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&outcomes);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let outcomes = Arc::clone(&shared);
                tokio::spawn(async move {
                    let _ = serve(socket, name, password, &outcomes).await;
                });
            }
        });
        Self { port, outcomes }
    }

    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// How each bind ended.
    pub(crate) fn outcomes(&self) -> Vec<bool> {
        self.outcomes.lock().unwrap().clone()
    }
}

async fn serve(
    mut socket: TcpStream,
    name: &str,
    password: &str,
    outcomes: &Mutex<Vec<bool>>,
) -> std::io::Result<()> {
    loop {
        let (_, message) = element(&mut socket).await?;
        let mut rest = message.as_slice();
        let (_, id) = element(&mut rest).await?;
        let (operation, content) = element(&mut rest).await?;
        let replies = match operation {
            BIND => {
                let mut content = content.as_slice();
                let (_, _version) = element(&mut content).await?;
                let (_, who) = element(&mut content).await?;
                let (_, with) = element(&mut content).await?;
                let right = who == name.as_bytes() && with == password.as_bytes();
                outcomes.lock().unwrap().push(right);
                vec![result(0x61, if right { 0 } else { INVALID_CREDENTIALS })]
            }
            SEARCH => {
                let (_, base) = element(&mut content.as_slice()).await?;
                let found = (base == name.as_bytes()).then(|| entry(name));
                found.into_iter().chain([result(0x65, 0)]).collect()
            }
            UNBIND => return Ok(()),
            other => panic!("an operation that is not expected: {other:#x}"),
        };
        for reply in replies {
            let answer = encoded(0x30, &[encoded(0x02, &id), reply].concat());
            socket.write_all(&answer).await?;
        }
    }
}

/// What a search finds: the user, with the attribute that its name begins with.
fn entry(name: &str) -> Vec<u8> {
    let (attribute, value) = name.split(',').next().unwrap().split_once('=').unwrap();
    let values = encoded(0x31, &encoded(0x04, value.as_bytes()));
    let attribute = encoded(0x30, &[encoded(0x04, attribute.as_bytes()), values].concat());
    encoded(0x64, &[encoded(0x04, name.as_bytes()), encoded(0x30, &attribute)].concat())
}

/// A result with this code, no name and no words.
fn result(operation: u8, code: u8) -> Vec<u8> {
    encoded(operation, &[0x0a, 1, code, 0x04, 0, 0x04, 0])
}

/// Tag, length, content; shorter than 128 bytes.
fn encoded(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 128);
    [&[tag, length], content].concat()
}

/// The next element: its tag and content.
async fn element(source: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<(u8, Vec<u8>)> {
    let tag = source.read_u8().await?;
    let first = source.read_u8().await?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        length = 0;
        for _ in 0..(first & 0x7f) {
            length = (length << 8) | usize::from(source.read_u8().await?);
        }
    }
    let mut content = vec![0; length];
    source.read_exact(&mut content).await?;
    Ok((tag, content))
}
