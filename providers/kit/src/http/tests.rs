//! Tests of the HTTP client against a stub server, sockets that misbehave and a TLS server.

use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

fn plain() -> HttpClient {
    HttpClient::new(HttpSettings { roots: Roots::Unused, ..HttpSettings::default() }).unwrap()
}

fn get(url: &str) -> Request<Vec<u8>> {
    Request::builder().uri(url).body(Vec::new()).unwrap()
}

#[tokio::test]
async fn an_answer_comes_back_whole_with_own_user_agent_and_headers() {
    let server = MockServer::start().await;
    Mock::given(path("/a"))
        .and(header("user-agent", concat!("strongroom/", env!("CARGO_PKG_VERSION"))))
        .and(header("x-team", "ops"))
        .respond_with(ResponseTemplate::new(404).set_body_string("body").insert_header("x-b", "1"))
        .mount(&server)
        .await;
    let mut headers = HeaderMap::new();
    headers.insert("x-team", "ops".parse().unwrap());
    let client = HttpClient::new(HttpSettings { headers, ..HttpSettings::default() }).unwrap();
    let answer = client.send("read", get(&format!("{}/a", server.uri())), 4).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (404, b"body".as_slice()));
    assert_eq!(answer.headers["x-b"], "1");
    assert_eq!(format!("{answer:?}"), "Answer(404, 4 bytes)");
}

#[tokio::test]
async fn a_redirect_is_refused_and_named() {
    let server = MockServer::start().await;
    let respond = ResponseTemplate::new(302).insert_header("location", "/elsewhere");
    Mock::given(path("/a")).respond_with(respond).mount(&server).await;
    let error = plain().send("read", get(&format!("{}/a", server.uri())), BODY_CAP).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.message().contains("302") && error.message().contains("redirects are refused"), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_over_the_cap_is_refused_with_and_without_announced_length() {
    let server = MockServer::start().await;
    Mock::given(path("/a"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes([7_u8; 101]))
        .mount(&server)
        .await;
    let announced = plain().send("read", get(&format!("{}/a", server.uri())), 100).await.unwrap_err();
    let url = raw_server(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n0123456789").await;
    let open_ended = plain().send("read", get(&url), 9).await.unwrap_err();
    for (error, cap) in [(announced, "100 bytes"), (open_ended, "9 bytes")] {
        assert_eq!(error.kind(), ErrorKind::InvalidPayload);
        assert!(error.message().contains(cap), "{error}");
    }
    assert_eq!(plain().send("read", get(&url), 10).await.unwrap().body.as_slice(), b"0123456789");
}

#[tokio::test]
async fn a_cut_connection_a_refused_one_and_a_silent_server_are_unavailable() {
    let cut = raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
    let error = plain().send("read", get(&cut), BODY_CAP).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("broke off"), "{error}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings =
        HttpSettings { roots: Roots::Unused, timeout: Duration::from_millis(100), ..HttpSettings::default() };
    let silent = HttpClient::new(settings).unwrap();
    let error = silent.send("read", get(&format!("http://{address}/x")), BODY_CAP).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains(&format!("no answer from http://{address} within 0.1 s")), "{error}");

    drop(listener);
    let error = plain().send("read", get(&format!("http://{address}/x")), BODY_CAP).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_ca_bundle_replaces_the_system_roots() {
    let (url, pem) = tls_server().await;
    let trusting =
        HttpClient::new(HttpSettings { roots: Roots::Only(pem), ..HttpSettings::default() }).unwrap();
    assert_eq!(trusting.send("read", get(&url), BODY_CAP).await.unwrap().body.as_slice(), b"ok");
    let (_, other) = tls_server().await;
    for roots in [Roots::System, Roots::Only(other)] {
        let client = HttpClient::new(HttpSettings { roots, ..HttpSettings::default() }).unwrap();
        let error = client.send("read", get(&url), BODY_CAP).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("certificate"), "{error}");
    }
}

#[test]
fn a_broken_bundle_or_key_is_a_fault_of_the_settings_and_is_not_repeated() {
    let roots = Roots::Only(b"canary".to_vec());
    let broken = HttpClient::new(HttpSettings { roots, ..HttpSettings::default() }).unwrap_err();
    let certificate =
        Some(ClientCertificate { certificate: b"canary".to_vec(), key: SecretBytes::from("canary") });
    let unpaired = HttpClient::new(HttpSettings { certificate, ..HttpSettings::default() }).unwrap_err();
    for error in [broken, unpaired] {
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(!error.to_string().contains("canary"));
    }
}

#[test]
fn an_origin_shows_no_password() {
    assert_eq!(origin(&"https://user:canary@vault:8200/v1/x?y".parse().unwrap()), "https://vault:8200");
}

/// Answers every connection with `answer` and closes it.
async fn raw_server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer).await;
        }
    });
    format!("http://{address}/x")
}

/// A TLS server with a fresh self-signed certificate, and that certificate.
async fn tls_server() -> (String, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut socket) = acceptor.accept(socket).await else { continue };
            let mut request = [0; 1024];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            let _ = socket.shutdown().await;
        }
    });
    (format!("https://localhost:{port}/x"), made.cert.pem().into_bytes())
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed_where_that_is_allowed_and_no_further() {
    let (server, elsewhere) = (MockServer::start().await, MockServer::start().await);
    let to = |address: String| ResponseTemplate::new(302).insert_header("location", address.as_str());
    Mock::given(path("/a")).respond_with(to("/b".to_owned())).mount(&server).await;
    Mock::given(path("/b"))
        .respond_with(ResponseTemplate::new(200).set_body_string("x"))
        .mount(&server)
        .await;
    Mock::given(path("/away")).respond_with(to(format!("{}/trap", elsewhere.uri()))).mount(&server).await;
    Mock::given(path("/round")).respond_with(to("/round".to_owned())).mount(&server).await;
    let settings = HttpSettings { redirects: Redirects::SameOrigin, ..HttpSettings::default() };
    let client = HttpClient::new(settings).unwrap();
    let answer = client.send("read", get(&format!("{}/a", server.uri())), BODY_CAP).await.unwrap();
    assert_eq!(answer.body.as_slice(), b"x");
    for path in ["away", "round"] {
        let error =
            client.send("read", get(&format!("{}/{path}", server.uri())), BODY_CAP).await.unwrap_err();
        assert!(error.message().contains("redirects are refused"), "{path}: {error}");
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_address_out_of_reach_is_refused_as_a_number_and_as_a_name() {
    let server = MockServer::start().await;
    let settings = HttpSettings { reach: Reach::Public, ..HttpSettings::default() };
    let client = HttpClient::new(settings).unwrap();
    let number = client.send("read", get(&server.uri()), BODY_CAP).await.unwrap_err();
    assert_eq!(number.kind(), ErrorKind::InvalidConfig);
    let name = server.uri().replace("127.0.0.1", "localhost");
    let name = client.send("read", get(&name), BODY_CAP).await.unwrap_err();
    assert!(name.message().contains("public internet"), "{name}");
    assert!(server.received_requests().await.unwrap().is_empty());
}
