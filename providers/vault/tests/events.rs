//! The event stream against a peer that checks what it is shown: a websocket server of ours, because Vault has one in
//! its Enterprise edition only.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail anywhere")]

#[path = "support/event_peer.rs"]
mod event_peer;
mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use event_peer::{Answer, Peer, TOKEN, event};
use futures::StreamExt as _;
use serde_json::{Value, json};
use strongroom_provider_api::{Changes, ErrorKind, Notice};
use support::{Bench, Table, connect};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn store(peer: &Peer, change: Value) -> Bench {
    let mut settings = json!({
        "server": peer.address, "path": "secret", "namespace": "team/a",
        "auth": { "tokenSecretRef": { "name": "s", "key": "t" } },
    });
    for (field, value) in change.as_object().unwrap() {
        settings[field] = value.clone();
    }
    connect(settings, Table::of([("s/t", TOKEN)])).await.unwrap()
}

fn changes(bench: &Bench) -> &dyn Changes {
    bench.client.changes().unwrap()
}

#[tokio::test]
async fn the_peer_is_shown_the_token_and_the_namespace_and_what_it_tells_arrives_as_places() {
    let peer = Peer::start(Answer::Listen).await;
    let bench = store(&peer, json!({})).await;
    let mut notices = changes(&bench).notices();
    assert_eq!(notices.next().await.unwrap().unwrap(), Notice::Listening);
    let shown = peer.subscriptions();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["path"], "/v1/sys/events/subscribe/kv*?json=true");
    assert_eq!(shown[0]["x-vault-token"], TOKEN);
    assert_eq!(shown[0]["x-vault-namespace"], "team/a");
    assert_eq!(shown[0]["x-vault-request"], "true");
    let counted = ["LookupSelf success", "SubscribeEvents success"];
    assert!(bench.meter.take().ends_with(&counted.map(str::to_owned)));
    peer.tell(&event("kv-v2/data-write", "secret/data/app/db"));
    peer.tell(&event("kv-v2/config-write", "secret/config"));
    peer.tell(&json!({ "nonsense": [1, 2, 3] }));
    peer.tell(&event("kv-v2/metadata-delete", "secret/metadata/app/mail"));
    for place in ["secret/data/app/db", "secret/data/app/mail"] {
        let told = notices.next().await.unwrap().unwrap();
        assert_eq!(told, Notice::Changed(place.to_owned()));
    }
    let places = ["app/db", "/app/db/", "secret/data/app/db", "secret/app/db"];
    assert_eq!(
        places.map(|key| changes(&bench).place(key)),
        [(); 4].map(|()| Some("secret/data/app/db".to_owned()))
    );
    assert_eq!(changes(&bench).place("../x"), None);
    assert_eq!(changes(&bench).folder(Some("app")), Some("secret/data/app/".to_owned()));
    assert_eq!(changes(&bench).folder(None), Some("secret/data/".to_owned()));
}

#[tokio::test]
async fn a_lost_connection_is_an_error_and_the_next_one_begins_anew() {
    let peer = Peer::start(Answer::Listen).await;
    let bench = store(&peer, json!({})).await;
    for round in 1..=2 {
        let mut notices = changes(&bench).notices();
        assert_eq!(notices.next().await.unwrap().unwrap(), Notice::Listening);
        peer.hang_up();
        let error = notices.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(notices.next().await.is_none(), "it ends after an error");
        assert_eq!(peer.subscriptions().len(), round);
    }
}

#[tokio::test]
async fn a_vault_without_events_and_a_login_that_may_not_listen_are_told_apart() {
    for (answer, kind) in [
        (Answer::Status(404), ErrorKind::Unsupported),
        (Answer::Status(400), ErrorKind::Unsupported),
        (Answer::Status(403), ErrorKind::PermissionDenied),
        (Answer::Status(429), ErrorKind::Throttled),
        (Answer::Status(503), ErrorKind::Unavailable),
        (Answer::Status(307), ErrorKind::Unavailable),
        (Answer::WrongProof, ErrorKind::Unavailable),
    ] {
        let peer = Peer::start(answer).await;
        let bench = store(&peer, json!({})).await;
        let error = changes(&bench).notices().next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), kind, "{answer:?}: {error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        if answer == Answer::Status(429) {
            assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        }
        // A redirect leads elsewhere: the token must not go there.
        assert_eq!(peer.subscriptions().len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn an_event_that_is_too_large_ends_the_connection_and_nothing_else() {
    let peer = Peer::start(Answer::Listen).await;
    let bench = store(&peer, json!({})).await;
    let mut notices = changes(&bench).notices();
    notices.next().await.unwrap().unwrap();
    peer.tell(&json!({ "data": "canary".repeat(20_000) }));
    let error = notices.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[tokio::test]
async fn version_1_has_events_and_no_metadata() {
    let peer = Peer::start(Answer::Listen).await;
    let bench = store(&peer, json!({ "version": "v1" })).await;
    let error = changes(&bench).version("app").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let mut notices = changes(&bench).notices();
    notices.next().await.unwrap().unwrap();
    peer.tell(&event("kv-v1/write", "secret/app"));
    let told = notices.next().await.unwrap().unwrap();
    assert_eq!(Notice::Changed(changes(&bench).place("app").unwrap()), told);
}

#[tokio::test]
async fn the_mark_changes_when_the_end_comes_that_was_set_in_advance_and_no_value_is_read() {
    let server = MockServer::start().await;
    let metadata = json!({ "data": {
        "created_time": "1970-01-01T00:00:10Z", "updated_time": "1970-01-01T00:00:10Z", "current_version": 1,
        "versions": { "1": {
            "created_time": "1970-01-01T00:00:10Z", "deletion_time": "1970-01-01T00:01:00Z", "destroyed": false,
        } },
    } });
    let asked = Mock::given(method("GET")).and(path("/v1/secret/metadata/app"));
    asked.respond_with(ResponseTemplate::new(200).set_body_json(metadata)).expect(3).mount(&server).await;
    let auth = json!({ "tokenSecretRef": { "name": "s", "key": "t" } });
    let settings = json!({ "server": server.uri(), "path": "secret", "auth": auth });
    let bench = connect(settings, Table::of([("s/t", TOKEN)])).await.unwrap();
    let mut marks = Vec::new();
    for seconds in [30, 59, 60] {
        bench.clock.0.store(seconds, Ordering::SeqCst);
        marks.push(changes(&bench).version("app").await.unwrap().unwrap().mark);
    }
    assert!(marks[0] == marks[1] && marks[1] != marks[2], "{marks:?}");
    assert_eq!(changes(&bench).version("gone").await.unwrap(), None);
}
