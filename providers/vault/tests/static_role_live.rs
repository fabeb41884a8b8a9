//! Static roles against a real Vault and a real PostgreSQL: runs where `STRONGROOM_TESTBED` names the testbed's file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail anywhere")]
#![expect(dead_code, reason = "shared with other tests")]

#[path = "support/real_vault.rs"]
mod real_vault;
mod support;

use std::time::Duration;

use real_vault::RealVault;
use serde_json::{Value, json};
use strongroom_provider_api::{ErrorKind, Generated, GeneratorDescriptor, LeaseEnd, Toolbox};
use strongroom_provider_vault::GENERATORS;
use support::Table;

fn generator() -> GeneratorDescriptor {
    *GENERATORS.iter().find(|it| it.kind == "VaultStaticRole").unwrap()
}

fn spec(vault: &RealVault, role: &str) -> Value {
    let token = json!({ "tokenSecretRef": { "name": "s", "key": "token" } });
    json!({ "role": role, "provider": { "server": vault.address, "auth": token } })
}

/// A static role over a user whom a dynamic role made.
async fn begin(test: &str, period: &str) -> Option<(RealVault, String)> {
    let vault = RealVault::find()?;
    let dynamic = format!("{test}-{}-user", std::process::id());
    let role = json!({
        "db_name": "postgres",
        "creation_statements": "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}';",
        "default_ttl": "1h", "max_ttl": "1h",
    });
    vault.call("POST", &format!("database/roles/{dynamic}"), role).await;
    let user = vault.call("GET", &format!("database/creds/{dynamic}"), Value::Null).await;
    // Names of dynamic and of static roles must differ.
    let name = format!("{test}-{}", std::process::id());
    let fixed = json!({
        "db_name": "postgres", "username": user["data"]["username"], "rotation_period": period,
    });
    vault.call("POST", &format!("database/static-roles/{name}"), fixed).await;
    Some((vault, name))
}

fn field<'a>(made: &'a Generated, name: &str) -> &'a str {
    let found = made.fields.iter().find(|(field, _)| field == name);
    found.unwrap_or_else(|| panic!("no {name}")).1.expose_str().unwrap()
}

#[tokio::test]
async fn the_present_password_is_read_with_the_time_of_its_rotation() {
    let Some((vault, role)) = begin("fixed", "1h").await else { return };
    let spec = spec(&vault, &role);
    let table = Table::of([("s/token", vault.root.as_str())]);
    let client = generator().connect(spec.clone(), table, Toolbox::default()).await.unwrap();
    let first = client.generate(&spec).await.unwrap();
    let mut names: Vec<_> = first.fields.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["password", "username"], "nothing that changes with every read");
    let lease = first.lease.clone().unwrap();
    assert_eq!((lease.end, lease.id, lease.parent), (LeaseEnd::Rotated, None, None));
    let left = lease.expires.unwrap().duration_since(lease.issued).as_secs();
    assert!((3_500..=3_600).contains(&left), "{left}");
    assert_eq!(client.generate(&spec).await.unwrap().fields, first.fields);
    vault.call("POST", &format!("database/rotate-role/{role}"), json!({})).await;
    let second = client.generate(&spec).await.unwrap();
    assert_eq!(field(&second, "username"), field(&first, "username"));
    assert_ne!(field(&second, "password"), field(&first, "password"));
}

#[tokio::test]
async fn reading_when_it_is_said_meets_the_next_password_after_a_few_reads() {
    let Some((vault, role)) = begin("moving", "5s").await else { return };
    let spec = spec(&vault, &role);
    let table = Table::of([("s/token", vault.root.as_str())]);
    let client = generator().connect(spec.clone(), table, Toolbox::default()).await.unwrap();
    let mut made = client.generate(&spec).await.unwrap();
    for _ in 0..2 {
        let (before, mut reads) = (field(&made, "password").to_owned(), 0);
        while field(&made, "password") == before {
            assert!(reads < 20, "twenty reads and no other password");
            let wait =
                made.lease.as_ref().unwrap().expires.unwrap().duration_since(Toolbox::default().clock.now());
            tokio::time::sleep(wait.unsigned_abs().min(Duration::from_mins(1))).await;
            made = client.generate(&spec).await.unwrap();
            reads += 1;
        }
    }
}

#[tokio::test]
async fn what_is_no_static_role_is_told() {
    let Some(vault) = RealVault::find() else { return };
    let table = Table::of([("s/token", vault.root.as_str())]);
    let absent = spec(&vault, "nobody");
    let client = generator().connect(absent.clone(), table, Toolbox::default()).await.unwrap();
    let error = client.generate(&absent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidPayload, "{error}");
    assert_eq!(error.key(), Some("database/static-creds/nobody"));
    let mut other = absent;
    other["role"] = Value::Null;
    other["path"] = "sys/mounts/nowhere".into();
    assert!(client.generate(&other).await.is_err());
}
