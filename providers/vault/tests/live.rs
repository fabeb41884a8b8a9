//! The client against a real Vault: runs where `STRONGROOM_TESTBED` names the testbed's file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail anywhere")]

#[path = "support/real_vault.rs"]
mod real_vault;
mod support;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::TryStreamExt as _;
use real_vault::RealVault;
use serde_json::{Value, json};
use strongroom_provider_api::{Aspect, Content, ErrorKind, Health, Payload, RemoteKey, Result, Scope};
use support::{Bench, Table, connect};

/// A real Vault, and a prefix of engines of our own in it.
struct Live {
    vault: RealVault,
    address: String,
    root: String,
    prefix: String,
}

impl Live {
    /// `None` where there is no testbed.
    async fn start(test: &str) -> Option<Self> {
        let vault = RealVault::find()?;
        let prefix = format!("strongroom-{}/{test}", std::process::id());
        for version in ["1", "2"] {
            vault.mount(&format!("{prefix}/kv{version}"), version).await;
        }
        Some(Self { address: vault.address.clone(), root: vault.root.clone(), vault, prefix })
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        self.vault.call(method, path, body).await
    }

    fn mount(&self, version: u8) -> String {
        format!("{}/kv{version}", self.prefix)
    }

    async fn write(&self, key: &str, data: &Value) {
        self.vault.write(&format!("{}/data/{key}", self.mount(2)), &json!({ "data": data })).await;
    }

    async fn store(&self, path: &str, version: &str, token: &str) -> Bench {
        let auth = json!({"tokenSecretRef": {"name": "s", "key": "t"}});
        let settings = json!({"server": self.address, "path": path, "version": version, "auth": auth});
        connect(settings, Table::of([("s/t", token)])).await.unwrap()
    }

    async fn read(&self, path: &str, version: &str, key: &str) -> Result<Payload> {
        self.store(path, version, &self.root).await.client.read(&RemoteKey::latest(key)).await
    }

    /// The login tokens that live at our auth mount, by accessor.
    async fn logins(&self) -> Vec<String> {
        let accessors = self.call("GET", "auth/token/accessors?list=true", Value::Null).await;
        let mut ours = Vec::new();
        for accessor in accessors["data"]["keys"].as_array().unwrap() {
            let body = json!({ "accessor": accessor });
            // It may have ended since.
            let found =
                self.vault.attempt("POST", "auth/token/lookup-accessor", &body).await.unwrap_or_default();
            if found["data"]["path"] == format!("auth/{}/login", self.prefix) {
                ours.push(accessor.as_str().unwrap().to_owned());
            }
        }
        ours
    }

    /// A policy with `rules`, and a token that has nothing else.
    async fn narrow_token(&self, rules: &str) -> String {
        let policy = self.prefix.replace('/', "-");
        self.call("PUT", &format!("sys/policies/acl/{policy}"), json!({ "policy": rules })).await;
        let made = self.call("POST", "auth/token/create", json!({"policies": [policy]})).await;
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    async fn stop(self) {
        for version in [1, 2] {
            self.vault.unmount(&self.mount(version)).await;
        }
    }
}

fn kind(outcome: Result<Payload>) -> ErrorKind {
    outcome.unwrap_err().kind()
}

#[tokio::test]
async fn values_versions_and_metadata_are_read() {
    let Some(live) = Live::start("read").await else { return };
    let (v1, v2) = (live.mount(1), live.mount(2));
    let data: Value =
        serde_json::from_str(r#"{"b":12345678901234567,"a":1.0,"nested":{"x":[1,"<&>"]}}"#).unwrap();
    live.call("POST", &format!("{v1}/app"), data.clone()).await;
    let expected = r#"{"a":1.0,"b":12345678901234567,"nested":{"x":[1,"\u003c\u0026\u003e"]}}"#;
    assert_eq!(live.read(&v1, "v1", "app").await.unwrap(), Payload::bytes(expected));
    // Version 2 prints numbers anew on the server's side.
    live.write("app", &json!({"user": "first", "n": 5})).await;
    live.write("app", &json!({"user": "second"})).await;
    let bench = live.store(&v2, "v2", &live.root).await;
    let newest = Payload::bytes(r#"{"user":"second"}"#).with_version("2");
    for key in ["app", &format!("{v2}/app"), &format!("{v2}/data/app"), "/app", "app/"] {
        assert_eq!(bench.client.read(&RemoteKey::latest(key)).await.unwrap(), newest, "{key}");
    }
    let first = bench.client.read(&RemoteKey::latest("app").at_version("1")).await.unwrap();
    assert_eq!(first, Payload::bytes(r#"{"n":5,"user":"first"}"#).with_version("1"));
    assert_eq!(kind(bench.client.read(&RemoteKey::latest("app").at_version("9")).await), ErrorKind::NotFound);
    live.call("POST", &format!("{v2}/metadata/app"), json!({"custom_metadata": {"owner": "ops"}})).await;
    let key = RemoteKey { aspect: Aspect::Metadata, ..RemoteKey::latest("app") };
    let Content::Bytes(metadata) = bench.client.read(&key).await.unwrap().content else { panic!("fields") };
    let metadata: BTreeMap<String, String> = serde_json::from_slice(metadata.expose()).unwrap();
    assert_eq!((metadata["owner"].as_str(), metadata["current_version"].as_str()), ("ops", "2"));
    assert_eq!(metadata["delete_version_after"], "0s");
    live.stop().await;
}

#[tokio::test]
async fn only_absent_paths_are_not_found() {
    let Some(live) = Live::start("absent").await else { return };
    let (v1, v2) = (live.mount(1), live.mount(2));
    live.write("app", &json!({"a": "1"})).await;
    assert_eq!(kind(live.read(&v1, "v1", "gone").await), ErrorKind::NotFound);
    assert_eq!(kind(live.read(&v2, "v2", "gone").await), ErrorKind::NotFound);
    live.call("DELETE", &format!("{v2}/data/app"), Value::Null).await;
    assert_eq!(kind(live.read(&v2, "v2", "app").await), ErrorKind::NotFound);
    for (path, version) in [
        (v1.as_str(), "v2"),
        (&v2, "v1"),
        ("nomount", "v2"),
        ("nomount", "v1"),
        (&format!("{v2}/team"), "v2"),
        (&live.prefix, "v2"),
    ] {
        assert_eq!(
            kind(live.read(path, version, "gone").await),
            ErrorKind::InvalidConfig,
            "{path} {version}"
        );
        let bench = live.store(path, version, &live.root).await;
        let scope = Scope::default();
        let listed: Result<Vec<_>> = bench.client.list(&scope).try_collect().await;
        assert_eq!(listed.unwrap_err().kind(), ErrorKind::InvalidConfig, "{path} {version}");
    }
    let rules = format!(r#"path "{v2}/data/allowed/*" {{ capabilities = ["read"] }}"#);
    let narrow = live.store(&v2, "v2", &live.narrow_token(&rules).await).await;
    assert_eq!(kind(narrow.client.read(&RemoteKey::latest("allowed/gone")).await), ErrorKind::NotFound);
    assert_eq!(kind(narrow.client.read(&RemoteKey::latest("gone")).await), ErrorKind::PermissionDenied);
    let wrong = live.store(&v2, "v2", "hvs.wrong").await;
    assert_eq!(kind(wrong.client.read(&RemoteKey::latest("app")).await), ErrorKind::Unauthenticated);
    assert_eq!(wrong.client.probe().await.unwrap_err().kind(), ErrorKind::Unauthenticated);

    live.call("POST", &format!("sys/mounts/{v1}/tune"), json!({"options": {"version": "2"}})).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(kind(live.read(&v1, "v1", "gone").await), ErrorKind::InvalidConfig);
    live.stop().await;
}

#[tokio::test]
async fn entries_are_listed_under_names_that_can_be_read() {
    let Some(live) = Live::start("list").await else { return };
    let v2 = live.mount(2);
    let keys = ["app", "a b/ü", "data/x", "team/one", "team/sub/two", "q?x#y%z", &format!("{v2}/like")];
    for key in keys {
        live.write(key, &json!({"key": key})).await;
    }
    live.call("POST", &format!("{v2}/metadata/team/one"), json!({"custom_metadata": {"o": "a"}})).await;
    let bench = live.store(&v2, "v2", &live.root).await;
    let scope = Scope::default();
    let found: Vec<_> = bench.client.list(&scope).try_collect().await.unwrap();
    let mut names: Vec<_> = found.iter().map(|listed| listed.name.as_str()).collect();
    names.sort_unstable();
    let mut expected = keys.to_vec();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for listed in &found {
        let payload = bench.client.read(&listed.key).await.unwrap();
        let wanted = serde_json::to_string(&json!({"key": listed.name})).unwrap();
        assert_eq!(payload, Payload::bytes(wanted).with_version("1"));
    }
    let scope = Scope { path: Some("team".into()), tags: BTreeMap::from([("o".into(), "a".into())]) };
    let found: Vec<_> = bench.client.list(&scope).try_collect().await.unwrap();
    assert_eq!(found.iter().map(|listed| &listed.name).collect::<Vec<_>>(), ["team/one"]);
    let v1 = live.mount(1);
    for key in ["app", "team/sub/two"] {
        live.call("POST", &format!("{v1}/{key}"), json!({"key": key})).await;
    }
    for (path, folder, expected) in [
        (v1.as_str(), None, ["app", "team/sub/two"].map(str::to_owned).to_vec()),
        (&v1, Some("team"), vec!["team/sub/two".to_owned()]),
    ] {
        let bench = live.store(path, "v1", &live.root).await;
        let scope = Scope { path: folder.map(str::to_owned), ..Scope::default() };
        let found: Vec<_> = bench.client.list(&scope).try_collect().await.unwrap();
        let mut names: Vec<_> = found.iter().map(|listed| listed.name.clone()).collect();
        names.sort_unstable();
        assert_eq!(names, expected);
        bench.client.read(&found[0].key).await.unwrap();
    }
    let scope = Scope { path: Some("none".into()), ..Scope::default() };
    let found: Vec<_> = bench.client.list(&scope).try_collect().await.unwrap();
    assert_eq!(found, []);
    live.stop().await;
}

#[tokio::test]
async fn a_login_is_renewed_replaced_and_revoked() {
    let Some(live) = Live::start("login").await else { return };
    let v2 = live.mount(2);
    live.write("app", &json!({"a": "1"})).await;
    let rules = format!(r#"path "{v2}/data/*" {{ capabilities = ["read"] }}"#);
    live.narrow_token(&rules).await;
    let mount = live.prefix.clone();
    live.call("POST", &format!("sys/auth/{mount}"), json!({"type": "approle"})).await;
    let role = json!({"token_policies": [mount.replace('/', "-")], "token_ttl": 300, "token_max_ttl": 3600});
    live.call("POST", &format!("auth/{mount}/role/r"), role).await;
    let id = live.call("GET", &format!("auth/{mount}/role/r/role-id"), Value::Null).await;
    let secret = live.call("POST", &format!("auth/{mount}/role/r/secret-id"), json!({})).await;
    let settings = json!({
        "server": live.address, "path": v2,
        "auth": {"appRole": {
            "path": mount, "roleId": id["data"]["role_id"], "secretRef": {"name": "s", "key": "id"},
        }},
    });
    let refused = connect(settings.clone(), Table::of([("s/id", "wrong")])).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    let table = Table::of([("s/id", secret["data"]["secret_id"].as_str().unwrap())]);
    let bench = connect(settings, table).await.unwrap();
    let key = RemoteKey::latest("app");
    bench.client.read(&key).await.unwrap();
    assert_eq!(bench.client.probe().await.unwrap(), Health::Ready);
    bench.clock.0.store(210, Ordering::SeqCst);
    bench.client.read(&key).await.unwrap();
    assert!(bench.meter.take().contains(&"RenewSelf success".to_owned()));
    let before = live.logins().await;
    assert_eq!(before.len(), 1);
    live.call("POST", "auth/token/revoke-accessor", json!({"accessor": before[0]})).await;
    bench.client.read(&key).await.unwrap();
    let after = live.logins().await;
    assert!(after.len() == 1 && after != before);
    bench.client.close().await;
    assert_eq!(live.logins().await, Vec::<String>::new());
    live.call("DELETE", &format!("sys/auth/{mount}"), Value::Null).await;
    live.stop().await;
}
