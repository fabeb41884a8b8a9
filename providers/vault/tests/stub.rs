//! The client against a stub of Vault: faults, logins, headers.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail anywhere")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use serde_json::{Value, json};
use strongroom_provider_api::{Aspect, Content, ErrorKind, Health, Payload, RemoteKey, Result, Scope};
use support::{Bench, Table, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wiremock::matchers::{body_json, header, method, path, query_param};
use wiremock::{Mock, MockBuilder, MockServer, Request, Respond, ResponseTemplate};

const CANARY: &str = "canary-4711";

fn on(verb: &str, at: &str) -> MockBuilder {
    Mock::given(method(verb)).and(path(format!("/v1/{at}")))
}

fn answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn secret() -> Value {
    json!({"data": {"data": {"user": "admin"}, "metadata": {"version": 3}}})
}

fn refused() -> ResponseTemplate {
    answer(403, &json!({"errors": [format!("permission denied {CANARY}")]}))
}

/// Logs in by AppRole, and gives the tokens t1, t2, ... in turn.
struct Logins {
    given: Arc<AtomicUsize>,
    token_type: &'static str,
}

impl Respond for Logins {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        let batch = self.token_type == "batch";
        let auth = json!({"client_token": format!("t{number}"), "lease_duration": 300, "renewable": !batch});
        answer(200, &json!({"auth": auth})).set_delay(Duration::from_millis(20))
    }
}

async fn app_role(server: &MockServer) -> Arc<AtomicUsize> {
    logins(server, "service").await
}

async fn logins(server: &MockServer, token_type: &'static str) -> Arc<AtomicUsize> {
    let given = Arc::new(AtomicUsize::new(0));
    on("POST", "auth/approle/login")
        .and(body_json(json!({"role_id": "role", "secret_id": "id\n"})))
        .respond_with(Logins { given: Arc::clone(&given), token_type })
        .mount(server)
        .await;
    given
}

fn app_role_settings(server: &MockServer) -> Value {
    json!({
        "server": server.uri(), "path": "secret",
        "auth": {"appRole": {"roleId": " role ", "secretRef": {"name": "s", "key": "id"}}},
    })
}

async fn by_app_role(server: &MockServer) -> Result<Bench> {
    connect(app_role_settings(server), Table::of([("s/id", "id\n")])).await
}

async fn by_token(server: &MockServer, change: Value) -> Bench {
    let mut settings = json!({
        "server": server.uri(), "path": "secret",
        "auth": {"tokenSecretRef": {"name": "s", "key": "t"}},
    });
    for (field, value) in change.as_object().unwrap() {
        settings[field] = value.clone();
    }
    connect(settings, Table::of([("s/t", "static")])).await.unwrap()
}

async fn read(bench: &Bench) -> Result<Payload> {
    bench.client.read(&RemoteKey::latest("app")).await
}

async fn calls(server: &MockServer, at: &str) -> usize {
    let all = server.received_requests().await.unwrap();
    all.iter().filter(|request| request.url.path() == format!("/v1/{at}")).count()
}

#[tokio::test]
async fn a_value_is_read_with_version_and_counted() {
    let server = MockServer::start().await;
    on("GET", "secret/data/app")
        .and(header("x-vault-token", "static"))
        .and(header("x-vault-request", "true"))
        .and(query_param("version", "3"))
        .respond_with(answer(200, &secret()))
        .mount(&server)
        .await;
    let bench = by_token(&server, json!({})).await;
    let payload = bench.client.read(&RemoteKey::latest("app").at_version("3")).await.unwrap();
    assert_eq!(payload, Payload::bytes(r#"{"user":"admin"}"#).with_version("3"));
    assert_eq!(bench.meter.take(), ["ReadSecretData success"]);
}

#[tokio::test]
async fn a_store_whose_path_cannot_be_used_is_made_and_reading_says_so_and_never_that_nothing_is_there() {
    let server = MockServer::start().await;
    for path in ["", "/", "../x"] {
        for version in ["v1", "v2"] {
            let bench = by_token(&server, json!({"path": path, "version": version})).await;
            let error = bench.client.read(&RemoteKey::latest("secret/data/app")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidPayload, "{path:?}: {error}");
            assert!(error.message().starts_with("the store's path cannot be used"), "{path:?}: {error}");
        }
    }
    assert_eq!(calls(&server, "secret/data/app").await, 0);
}

#[tokio::test]
async fn each_fault_has_its_kind_and_shows_no_body() {
    let table = [
        (400, ErrorKind::InvalidPayload),
        (401, ErrorKind::Unauthenticated),
        (405, ErrorKind::InvalidConfig),
        (412, ErrorKind::Unavailable),
        (429, ErrorKind::Throttled),
        (500, ErrorKind::Unavailable),
        (502, ErrorKind::Unavailable),
        (503, ErrorKind::Unavailable),
        (404, ErrorKind::InvalidConfig),
        (307, ErrorKind::Unavailable),
        (301, ErrorKind::InvalidConfig),
    ];
    for (status, kind) in table {
        let server = MockServer::start().await;
        let body = json!({"errors": [format!("{CANARY} no handler for route")]});
        let respond = answer(status, &body).insert_header("location", format!("http://127.0.0.1:9/{CANARY}"));
        on("GET", "secret/data/app").respond_with(respond).mount(&server).await;
        let error = read(&by_token(&server, json!({})).await).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status}: {error}");
        assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
        assert_eq!(error.key(), Some("app"));
    }
}

#[tokio::test]
async fn a_hint_and_a_seal_are_told() {
    let server = MockServer::start().await;
    let throttled = ResponseTemplate::new(429).insert_header("retry-after", "7");
    on("GET", "secret/data/app").respond_with(throttled).up_to_n_times(1).mount(&server).await;
    on("GET", "secret/data/app")
        .respond_with(answer(503, &json!({"errors": ["Vault is sealed"]})))
        .mount(&server)
        .await;
    let bench = by_token(&server, json!({})).await;
    assert_eq!(read(&bench).await.unwrap_err().retry_after(), Some(Duration::from_secs(7)));
    let error = read(&bench).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "Vault is sealed"));
    assert_eq!(bench.meter.take(), ["ReadSecretData error", "ReadSecretData error"]);
}

#[tokio::test]
async fn garbage_and_too_much_are_invalid_and_a_cut_connection_is_unavailable() {
    let server = MockServer::start().await;
    let garbage = ResponseTemplate::new(200).set_body_string(format!("{{{CANARY}"));
    on("GET", "secret/data/app").respond_with(garbage).up_to_n_times(1).mount(&server).await;
    let large = ResponseTemplate::new(200).set_body_bytes(vec![b' '; 1024 * 1024 + 1]);
    on("GET", "secret/data/app").respond_with(large).mount(&server).await;
    let bench = by_token(&server, json!({})).await;
    let error = read(&bench).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidPayload);
    assert!(!error.to_string().contains(CANARY));
    let error = read(&bench).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidPayload);
    assert!(error.message().contains("1048576"), "{error}");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 1024]).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{").await;
        }
    });
    let cut = by_token(&server, json!({"server": format!("http://{address}")})).await;
    assert_eq!(read(&cut).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn absence_is_believed_only_of_the_right_engine() {
    let mount =
        |version: &str| json!({"data": {"path": "secret/", "type": "kv", "options": {"version": version}}});
    let deleted = json!({"data": {"data": null, "metadata": {"version": 1, "deletion_time": "t"}}});
    let table = [
        (json!({"errors": []}), answer(200, &mount("2")), ErrorKind::NotFound),
        (json!({"errors": []}), answer(200, &mount("1")), ErrorKind::InvalidConfig),
        (json!({"errors": []}), refused(), ErrorKind::PermissionDenied),
        (json!({"errors": []}), ResponseTemplate::new(404), ErrorKind::PermissionDenied),
        (json!({"errors": []}), ResponseTemplate::new(500), ErrorKind::Unavailable),
        (json!({"errors": []}), answer(200, &json!({})), ErrorKind::Unavailable),
        (json!({"errors": ["no handler for route"]}), refused(), ErrorKind::InvalidConfig),
        (json!({"message": "nginx"}), refused(), ErrorKind::Unavailable),
        (deleted, refused(), ErrorKind::NotFound),
    ];
    for (body, engine, kind) in table {
        let server = MockServer::start().await;
        on("GET", "secret/data/app").respond_with(answer(404, &body)).mount(&server).await;
        on("GET", "sys/internal/ui/mounts/secret/data/app").respond_with(engine).mount(&server).await;
        on("GET", "auth/token/lookup-self").respond_with(answer(200, &json!({}))).mount(&server).await;
        let error = read(&by_token(&server, json!({})).await).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{body}: {error}");
    }
}

#[tokio::test]
async fn an_expired_token_is_replaced_once_under_fifty_parallel_reads() {
    let server = MockServer::start().await;
    let given = app_role(&server).await;
    on("GET", "secret/data/app")
        .and(header("x-vault-token", "t2"))
        .respond_with(answer(200, &secret()))
        .mount(&server)
        .await;
    on("GET", "secret/data/app").respond_with(refused()).mount(&server).await;
    on("GET", "auth/token/lookup-self").respond_with(refused()).mount(&server).await;
    let bench = by_app_role(&server).await.unwrap();
    let outcomes = join_all((0..50).map(|_| read(&bench))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(given.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_401_is_answered_by_one_fresh_login_and_a_second_one_is_final() {
    let server = MockServer::start().await;
    let given = app_role(&server).await;
    on("GET", "secret/data/app").respond_with(ResponseTemplate::new(401)).mount(&server).await;
    let bench = by_app_role(&server).await.unwrap();
    assert_eq!(read(&bench).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(given.load(Ordering::SeqCst), 2);
    assert_eq!(calls(&server, "secret/data/app").await, 2);
}

#[tokio::test]
async fn a_denied_path_costs_no_login_while_the_token_is_young() {
    let server = MockServer::start().await;
    let given = app_role(&server).await;
    on("GET", "secret/data/app").respond_with(refused()).mount(&server).await;
    on("GET", "auth/token/lookup-self").respond_with(answer(200, &json!({}))).mount(&server).await;
    let bench = by_app_role(&server).await.unwrap();
    assert_eq!(read(&bench).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(given.load(Ordering::SeqCst), 1);
    assert_eq!(calls(&server, "auth/token/revoke-self").await, 0);
}

#[tokio::test]
async fn a_denied_path_is_tried_with_the_roles_new_policies_after_five_minutes() {
    let server = MockServer::start().await;
    let auth = |token| json!({"auth": {"client_token": token, "lease_duration": 3600, "renewable": true}});
    on("POST", "auth/approle/login")
        .respond_with(answer(200, &auth("t1")))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("POST", "auth/approle/login").respond_with(answer(200, &auth("t2"))).mount(&server).await;
    on("GET", "secret/data/app")
        .and(header("x-vault-token", "t2"))
        .respond_with(answer(200, &secret()))
        .mount(&server)
        .await;
    on("GET", "secret/data/app").respond_with(refused()).mount(&server).await;
    on("GET", "auth/token/lookup-self").respond_with(answer(200, &json!({}))).mount(&server).await;
    on("POST", "auth/token/revoke-self").respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let bench = by_app_role(&server).await.unwrap();
    assert_eq!(read(&bench).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    bench.clock.0.store(300, Ordering::SeqCst);
    assert!(join_all((0..50).map(|_| read(&bench))).await.iter().all(Result::is_ok));
    assert_eq!(calls(&server, "auth/approle/login").await, 2);
    assert_eq!(calls(&server, "auth/token/revoke-self").await, 1);
}

#[tokio::test]
async fn a_refused_static_token_is_told_from_a_denied_path() {
    let server = MockServer::start().await;
    on("GET", "secret/data/app").respond_with(refused()).mount(&server).await;
    let good = Arc::new(AtomicBool::new(true));
    let lookup = Arc::clone(&good);
    let respond = move |_: &Request| {
        if lookup.load(Ordering::SeqCst) { answer(200, &json!({})) } else { refused() }
    };
    on("GET", "auth/token/lookup-self").respond_with(respond).mount(&server).await;
    let bench = by_token(&server, json!({})).await;
    assert_eq!(read(&bench).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(bench.client.probe().await.unwrap(), Health::Ready);
    good.store(false, Ordering::SeqCst);
    assert_eq!(read(&bench).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(bench.client.probe().await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    bench.client.close().await;
    assert_eq!(calls(&server, "auth/token/revoke-self").await, 0);
}

#[tokio::test]
async fn a_refused_login_names_mount_and_role_and_is_tried_once() {
    for (status, kind) in [
        (400, ErrorKind::Unauthenticated),
        (403, ErrorKind::Unauthenticated),
        (404, ErrorKind::InvalidConfig),
        (500, ErrorKind::Unavailable),
    ] {
        let server = MockServer::start().await;
        let body = json!({"errors": [CANARY]});
        on("POST", "auth/k8s/login").respond_with(answer(status, &body)).mount(&server).await;
        let kubernetes = json!({"mountPath": "k8s", "role": "app", "secretRef": {"name": "s"}});
        let settings = json!({"server": server.uri(), "auth": {"kubernetes": kubernetes}});
        let error = connect(settings, Table::of([("s/token", CANARY)])).await.err().unwrap();
        assert_eq!((error.kind(), error.operation()), (kind, "log in"), "{error}");
        assert!(!format!("{error} {error:?}").contains(CANARY));
        if kind == ErrorKind::Unauthenticated {
            assert!(error.message().contains("auth/k8s") && error.message().contains("\"app\""), "{error}");
        }
        assert_eq!(calls(&server, "auth/k8s/login").await, 1);
    }
}

#[tokio::test]
async fn a_kubernetes_login_asks_for_a_token_of_the_selectors_audiences() {
    let server = MockServer::start().await;
    on("POST", "auth/kubernetes/login")
        .and(body_json(json!({"role": "app", "jwt": "service-account-jwt"})))
        .respond_with(answer(200, &json!({"auth": {"client_token": "t1"}})))
        .mount(&server)
        .await;
    let reference = json!({"name": "robot", "audiences": ["vault"]});
    let auth = json!({"kubernetes": {"role": "app", "serviceAccountRef": reference}});
    let table = Table::of([]);
    connect(json!({"server": server.uri(), "auth": auth}), Arc::clone(&table)).await.unwrap();
    let asked = table.token_requests.lock().unwrap().clone();
    assert_eq!(asked, [("robot".to_owned(), vec!["vault".to_owned()], 600)]);
}

#[tokio::test]
async fn a_login_is_renewed_in_time_and_revoked_on_close() {
    let server = MockServer::start().await;
    let given = app_role(&server).await;
    on("GET", "secret/data/app").respond_with(answer(200, &secret())).mount(&server).await;
    let renewed = json!({"auth": {"client_token": "t1", "lease_duration": 300, "renewable": true}});
    on("POST", "auth/token/renew-self").respond_with(answer(200, &renewed)).mount(&server).await;
    on("POST", "auth/token/revoke-self")
        .and(header("x-vault-token", "t1"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let bench = by_app_role(&server).await.unwrap();
    bench.clock.0.store(210, Ordering::SeqCst);
    read(&bench).await.unwrap();
    bench.client.close().await;
    assert_eq!(given.load(Ordering::SeqCst), 1);
    let expected = ["Login success", "RenewSelf success", "ReadSecretData success", "RevokeSelf success"];
    assert_eq!(bench.meter.take(), expected);
}

#[tokio::test]
async fn a_batch_token_is_never_renewed() {
    let server = MockServer::start().await;
    let given = logins(&server, "batch").await;
    on("GET", "secret/data/app").respond_with(answer(200, &secret())).mount(&server).await;
    let bench = by_app_role(&server).await.unwrap();
    bench.clock.0.store(210, Ordering::SeqCst);
    read(&bench).await.unwrap();
    assert_eq!(given.load(Ordering::SeqCst), 2);
    assert_eq!(calls(&server, "auth/token/renew-self").await, 0);
}

#[tokio::test]
async fn namespaces_headers_and_base_path_are_sent() {
    let server = MockServer::start().await;
    Mock::given(path("/base/v1/auth/approle/login"))
        .and(header("x-vault-namespace", "admin"))
        .and(header("x-team", "ops"))
        .respond_with(answer(200, &json!({"auth": {"client_token": "t1"}})))
        .mount(&server)
        .await;
    Mock::given(path("/base/v1/secret/data/a%20b/%C3%BC"))
        .and(header("x-vault-namespace", "team/a"))
        .and(header("x-team", "ops"))
        .and(header("x-vault-token", "t1"))
        .respond_with(answer(200, &secret()))
        .mount(&server)
        .await;
    let mut settings = app_role_settings(&server);
    settings["server"] = format!("{}/base/", server.uri()).into();
    settings["namespace"] = "team/a".into();
    settings["auth"]["namespace"] = "admin".into();
    settings["headers"] = json!({"X-Team": "ops"});
    let bench = connect(settings, Table::of([("s/id", "id\n")])).await.unwrap();
    bench.client.read(&RemoteKey::latest("a b/ü")).await.unwrap();
}

#[tokio::test]
async fn a_token_of_the_users_is_looked_up_where_the_secrets_are() {
    let server = MockServer::start().await;
    on("GET", "auth/token/lookup-self")
        .and(header("x-vault-namespace", "team/a"))
        .respond_with(answer(200, &json!({"data": {"ttl": 0}})))
        .mount(&server)
        .await;
    let bench = by_token(
        &server,
        json!({"namespace": "team/a", "auth": {
            "namespace": "elsewhere", "tokenSecretRef": {"name": "s", "key": "t"},
        }}),
    )
    .await;
    bench.client.probe().await.unwrap();
}

#[tokio::test]
async fn a_state_is_replayed_and_inconsistency_forwarded_only_with_both_switches() {
    let state = "djE6YTo1OjU6bQ==";
    for (own, forward) in [(false, false), (true, false), (false, true), (true, true)] {
        let server = MockServer::start().await;
        let respond = answer(200, &secret()).insert_header("x-vault-index", state);
        on("GET", "secret/data/app").respond_with(respond).mount(&server).await;
        let bench = by_token(&server, json!({"readYourWrites": own, "forwardInconsistent": forward})).await;
        read(&bench).await.unwrap();
        read(&bench).await.unwrap();
        let second = server.received_requests().await.unwrap().pop().unwrap();
        let replayed = second.headers.get("x-vault-index").map(|value| value.to_str().unwrap());
        assert_eq!(replayed, (own || forward).then_some(state));
        assert_eq!(second.headers.contains_key("x-vault-inconsistent"), own && forward);
    }
}

#[tokio::test]
async fn a_list_walks_folders_and_filters_by_tags() {
    let server = MockServer::start().await;
    let folders = [
        ("secret/metadata/team", json!(["one", "sub/", "two"])),
        ("secret/metadata/team/sub", json!(["three"])),
    ];
    for (at, keys) in folders {
        on("GET", at)
            .and(query_param("list", "true"))
            .respond_with(answer(200, &json!({"data": {"keys": keys}})))
            .mount(&server)
            .await;
    }
    for (name, owner) in [("one", "a"), ("two", "b"), ("sub/three", "a")] {
        let metadata = json!({"data": {"current_version": 1, "custom_metadata": {"owner": owner}}});
        let at = format!("secret/metadata/team/{name}");
        on("GET", &at).respond_with(answer(200, &metadata)).mount(&server).await;
    }
    let bench = by_token(&server, json!({})).await;
    let list = async |scope: Scope| {
        let mut found: Vec<_> = bench
            .client
            .list(&scope)
            .map(|listed| listed.map(|listed| (listed.name, listed.key.key)).unwrap())
            .collect()
            .await;
        found.sort();
        found
    };
    let pair = |name: &str, key: &str| (name.to_owned(), key.to_owned());
    let scope = Scope { path: Some("team/".into()), ..Scope::default() };
    let expected = [
        pair("team//one", "team/one"),
        pair("team//sub/three", "team/sub/three"),
        pair("team//two", "team/two"),
    ];
    assert_eq!(list(scope).await, expected);
    let tags = [("owner".to_owned(), "a".to_owned()), ("current_version".to_owned(), "1".to_owned())];
    let scope = Scope { path: Some("team".into()), tags: tags.into() };
    let expected = [pair("team/one", "team/one"), pair("team/sub/three", "team/sub/three")];
    assert_eq!(list(scope).await, expected);
}

#[tokio::test]
async fn an_entry_whose_name_could_leave_its_folder_is_refused() {
    for name in ["..", "a/b", "%2e%2e", "../x/", "/"] {
        let server = MockServer::start().await;
        on("GET", "secret/metadata")
            .respond_with(answer(200, &json!({"data": {"keys": [name]}})))
            .mount(&server)
            .await;
        let bench = by_token(&server, json!({})).await;
        let scope = Scope::default();
        let error = bench.client.list(&scope).next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPayload, "{name}");
    }
}

#[tokio::test]
async fn version_1_has_no_metadata_and_no_tags() {
    let server = MockServer::start().await;
    let bench = by_token(&server, json!({"version": "v1"})).await;
    let key = RemoteKey { aspect: Aspect::Metadata, ..RemoteKey::latest("app") };
    let error = bench.client.read(&key).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.message(), "cannot perform metadata fetch operations with kv version v1");
    let scope = Scope { tags: [("a".to_owned(), "b".to_owned())].into(), ..Scope::default() };
    let error = bench.client.list(&scope).next().await.unwrap().unwrap_err();
    assert_eq!(error.message(), "cannot perform find by tag operations with kv version v1");
}

/// As upstream: the store says that it cannot be validated, not that no client can be made.
#[tokio::test]
async fn settings_that_allow_no_call_are_told_by_the_check_of_the_store() {
    let server = MockServer::start().await;
    for (change, token, told) in [
        (json!({"server": "not a url"}), "t", "spec.provider.vault.server: not a URL"),
        (
            json!({"headers": {"a b": "x"}}),
            "t",
            "spec.provider.vault.headers[\"a b\"]: not a legal header name",
        ),
        (
            json!({}),
            "canary\n",
            "spec.provider.vault.auth.tokenSecretRef: the token has a line break at its end",
        ),
        (json!({}), "", "spec.provider.vault.auth.tokenSecretRef: the token is empty"),
    ] {
        let mut settings = json!({
            "server": server.uri(), "path": "secret",
            "auth": { "tokenSecretRef": { "name": "t", "key": "token" } },
        });
        settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let bench = connect(settings, Table::of([("t/token", token)])).await.unwrap();
        let probed = bench.client.probe().await.unwrap_err();
        let key = RemoteKey::latest("app");
        let read = bench.client.read(&key).await.unwrap_err();
        let listed = bench.client.list(&Scope::default()).next().await.unwrap().unwrap_err();
        for error in [probed, read, listed, bench.client.exists(&key, None).await.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(error.message().starts_with(told) && !error.to_string().contains("canary"), "{error}");
        }
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_store_without_auth_sends_no_token() {
    let server = MockServer::start().await;
    on("GET", "secret/data/app").respond_with(answer(200, &secret())).mount(&server).await;
    let bench = connect(json!({"server": server.uri(), "path": "secret"}), Table::of([])).await.unwrap();
    let payload = read(&bench).await.unwrap();
    assert!(matches!(payload.content, Content::Bytes(_)));
    let request = server.received_requests().await.unwrap().pop().unwrap();
    assert!(!request.headers.contains_key("x-vault-token"));
}

#[tokio::test]
async fn a_silent_or_absent_server_is_unavailable_and_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let server = MockServer::start().await;
    let bench = by_token(&server, json!({"server": address})).await;
    let error = read(&bench).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains(&address), "{error}");
    assert_eq!(bench.client.probe().await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn an_answer_of_the_wrong_kind_to_a_login_is_no_token() {
    let server = MockServer::start().await;
    for auth in [json!(null), json!({"client_token": format!("{CANARY}\n{CANARY}")})] {
        server.reset().await;
        on("POST", "auth/approle/login")
            .respond_with(answer(200, &json!({"auth": auth})))
            .mount(&server)
            .await;
        let error = by_app_role(&server).await.err().unwrap();
        assert!(!format!("{error} {error:?}").contains(CANARY));
    }
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed_with_method_body_and_token_and_no_other() {
    let (server, trap) = (MockServer::start().await, MockServer::start().await);
    let to = |place: String| ResponseTemplate::new(307).insert_header("location", place);
    let here = format!("{}/v1/there/login", server.uri());
    on("POST", "auth/approle/login").respond_with(to(here)).mount(&server).await;
    let auth = json!({"client_token": "t1", "lease_duration": 300, "renewable": true});
    on("POST", "there/login")
        .and(body_json(json!({"role_id": "role", "secret_id": "id"})))
        .respond_with(answer(200, &json!({ "auth": auth })))
        .mount(&server)
        .await;
    on("GET", "secret/data/app").respond_with(to("/v1/there/app".to_owned())).mount(&server).await;
    on("GET", "there/app")
        .and(header("x-vault-token", "t1"))
        .respond_with(answer(200, &secret()))
        .mount(&server)
        .await;
    on("GET", "secret/data/other").respond_with(to(format!("{}/v1/x", trap.uri()))).mount(&server).await;
    let settings = json!({"server": server.uri(), "path": "secret", "auth": {
        "appRole": {"roleId": "role", "secretRef": {"name": "s", "key": "id"}},
    }});
    let bench = connect(settings, Table::of([("s/id", "id")])).await.unwrap();
    read(&bench).await.unwrap();
    let error = bench.client.read(&RemoteKey::latest("other")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(trap.received_requests().await.unwrap().len(), 0);
}
