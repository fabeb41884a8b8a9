//! Pushing to a real Vault: whose an entry is, and what a narrow policy still allows. Runs where `STRONGROOM_TESTBED`
//! names the testbed's file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail anywhere")]

#[path = "support/real_vault.rs"]
mod real_vault;
mod support;

use std::sync::atomic::Ordering;

use real_vault::RealVault;
use serde_json::{Value, json};
use strongroom_provider_api::{Content, Deleted, ErrorKind, RemoteKey, WriteRequest, Written};
use support::{Bench, Table, connect};

async fn engine(test: &str) -> Option<(RealVault, String)> {
    let vault = RealVault::find()?;
    let engine = format!("strongroom-{}-push/{test}", std::process::id());
    vault.mount(&engine, "2").await;
    Some((vault, engine))
}

/// A store at `engine` with a token that has only the policy `rules`.
async fn narrow(vault: &RealVault, engine: &str, rules: &str) -> Bench {
    let policy = engine.replace('/', "-");
    vault.call("PUT", &format!("sys/policies/acl/{policy}"), json!({ "policy": rules })).await;
    let made = vault.call("POST", "auth/token/create", json!({"policies": [policy]})).await;
    let token = made["auth"]["client_token"].as_str().unwrap();
    let auth = json!({"tokenSecretRef": {"name": "s", "key": "t"}});
    let settings = json!({"server": vault.address, "path": engine, "auth": auth});
    connect(settings, Table::of([("s/t", token)])).await.unwrap()
}

fn rules(engine: &str, data: &str) -> String {
    format!(
        "path \"{engine}/data/*\" {{ capabilities = [{data}] }}\n\
         path \"{engine}/metadata/*\" {{ capabilities = [\"read\", \"create\", \"update\", \"delete\"] }}"
    )
}

#[tokio::test]
async fn a_push_marks_its_entry_keeps_other_metadata_and_works_with_and_without_the_right_to_patch() {
    let Some((vault, engine)) = engine("rights").await else { return };
    for (name, data) in [
        ("patch", r#""read", "create", "update", "patch", "delete""#),
        ("put", r#""read", "create", "update", "delete""#),
    ] {
        let bench = narrow(&vault, &engine, &rules(&engine, data)).await;
        let key = RemoteKey::latest(name);
        let client = &bench.client;
        assert_eq!(client.write(&key, &WriteRequest::property("a", "1")).await.unwrap(), Written::Created);
        let at = format!("{engine}/metadata/{name}");
        let custom = json!({"custom_metadata": {"managed-by": "external-secrets", "owner": "ops"}});
        vault.call("POST", &at, custom.clone()).await;
        assert_eq!(client.write(&key, &WriteRequest::property("b", "2")).await.unwrap(), Written::Updated);
        vault.write(&format!("{engine}/data/theirs"), &json!({"data": {"a": "1"}})).await;
        let theirs = client.write(&RemoteKey::latest("theirs"), &WriteRequest::property("b", "2")).await;
        assert_eq!(theirs.unwrap_err().kind(), ErrorKind::Conflict);
        let found = vault.call("GET", &format!("{engine}/data/{name}"), Value::Null).await;
        assert_eq!(found["data"]["data"], json!({"a": "1", "b": "2"}));
        assert_eq!(found["data"]["metadata"]["version"], 2);
        let kept = vault.call("GET", &at, Value::Null).await;
        assert_eq!(kept["data"]["custom_metadata"], custom["custom_metadata"]);
        bench.meter.take();
        assert_eq!(client.delete(&key, None).await.unwrap(), Deleted::Removed);
        assert!(vault.attempt("GET", &at, &Value::Null).await.is_err(), "the entry is still there");
        assert_eq!(bench.clock.0.load(Ordering::SeqCst), 0);
    }
    vault.unmount(&engine).await;
}

#[tokio::test]
async fn an_entry_that_was_deleted_can_be_made_again_and_numbers_do_not_write_over_and_over() {
    let Some((vault, engine)) = engine("again").await else { return };
    let all = r#""read", "create", "update", "patch", "delete""#;
    let bench = narrow(&vault, &engine, &rules(&engine, all)).await;
    let (client, key) = (&bench.client, RemoteKey::latest("app"));
    let object = r#"{"n":12345678901234567890,"f":1.50,"o":{"x":[1,null]}}"#;
    let whole = WriteRequest::whole(Content::Bytes(object.into()));
    assert_eq!(client.write(&key, &whole).await.unwrap(), Written::Created);
    assert_eq!(client.write(&key, &whole).await.unwrap(), Written::Unchanged);
    // A soft deletion leaves the number of versions, which the next write must name.
    vault.call("DELETE", &format!("{engine}/data/app"), Value::Null).await;
    assert!(!client.exists(&key, None).await.unwrap());
    assert_eq!(client.delete(&key, None).await.unwrap(), Deleted::Absent);
    assert_eq!(client.write(&key, &whole).await.unwrap(), Written::Created);
    // Somebody takes our mark off: the entry is theirs from then on.
    vault.call("POST", &format!("{engine}/metadata/app"), json!({"custom_metadata": {"owner": "ops"}})).await;
    let refused = client.write(&key, &WriteRequest::property("a", "1")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.message().contains("not managed by external-secrets"), "{refused}");
    assert_eq!(client.delete(&key, None).await.unwrap(), Deleted::Foreign);
    // A wrong mount is the store's fault, and no absence.
    let other = narrow(&vault, "nomount", &rules("nomount", all)).await;
    for outcome in [
        other.client.write(&key, &whole).await.map(drop),
        other.client.delete(&key, None).await.map(drop),
        other.client.exists(&key, None).await.map(drop),
    ] {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
    vault.unmount(&engine).await;
}
