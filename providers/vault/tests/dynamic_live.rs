//! Leases against a real Vault and a real PostgreSQL: runs where `STRONGROOM_TESTBED` names the testbed's file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail anywhere")]
#![expect(dead_code, reason = "shared with other tests")]

#[path = "support/noted.rs"]
mod noted;
#[path = "support/real_vault.rs"]
mod real_vault;
mod support;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use noted::Noted;
use real_vault::RealVault;
use serde_json::{Value, json};
use strongroom_provider_api::{ErrorKind, GeneratorClient, LeaseEnd, LeaseStanding, Toolbox};
use strongroom_provider_vault::GENERATORS;
use support::Table;

const LEASES: &str = r#"
path "database/creds/*" { capabilities = ["read"] }
path "sys/leases/revoke" { capabilities = ["update"] }
path "auth/token/renew-accessor" { capabilities = ["update"] }
"#;

/// A real Vault with a database role and an AppRole of our own.
struct Live {
    vault: RealVault,
    name: String,
    secret_id: String,
    role_id: String,
}

impl Live {
    /// `None` where there is no testbed. Credentials live for `ttl`, at most for `max`; logins for `token_ttl`.
    async fn start(test: &str, ttl: &str, max: &str, token: Value, policy: &str) -> Option<Self> {
        let vault = RealVault::find()?;
        let name = format!("{test}-{}", std::process::id());
        let role = json!({
            "db_name": "postgres",
            "creation_statements":
                "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';",
            "default_ttl": ttl, "max_ttl": max,
        });
        vault.call("POST", &format!("database/roles/{name}"), role).await;
        vault.call("PUT", &format!("sys/policies/acl/{name}"), json!({ "policy": policy })).await;
        // Another test may have been first.
        let _ = vault.attempt("POST", &format!("sys/auth/{name}"), &json!({"type": "approle"})).await;
        let mut login = json!({ "token_policies": [name] });
        for (field, value) in token.as_object().unwrap() {
            login[field] = value.clone();
        }
        vault.call("POST", &format!("auth/{name}/role/r"), login).await;
        let role_id = vault.call("GET", &format!("auth/{name}/role/r/role-id"), Value::Null).await;
        let secret_id = vault.call("POST", &format!("auth/{name}/role/r/secret-id"), json!({})).await;
        let field_of = |answer: &Value, field: &str| answer["data"][field].as_str().unwrap().to_owned();
        Some(Self {
            role_id: field_of(&role_id, "role_id"),
            secret_id: field_of(&secret_id, "secret_id"),
            vault,
            name,
        })
    }

    fn spec(&self) -> Value {
        json!({
            "path": format!("database/creds/{}", self.name),
            "provider": {
                "server": self.vault.address,
                "auth": { "appRole": {
                    "path": self.name, "roleId": self.role_id, "secretRef": { "name": "s", "key": "id" },
                } },
            },
        })
    }

    /// A client as a fresh process has it.
    async fn client(&self) -> Arc<dyn GeneratorClient<Value>> {
        let table = Table::of([("s/id", self.secret_id.as_str())]);
        GENERATORS[0].connect(self.spec(), table, Toolbox::default()).await.unwrap()
    }

    /// The tokens of our logins that live.
    async fn tokens(&self) -> usize {
        let accessors = self.vault.call("GET", "auth/token/accessors?list=true", Value::Null).await;
        let mut count = 0;
        for accessor in accessors["data"]["keys"].as_array().unwrap() {
            let body = json!({ "accessor": accessor });
            let found = self.vault.attempt("POST", "auth/token/lookup-accessor", &body).await;
            count +=
                usize::from(found.unwrap_or_default()["data"]["path"] == format!("auth/{}/login", self.name));
        }
        count
    }
}

#[tokio::test]
async fn a_login_is_noted_until_leases_hang_from_it() {
    let Some(live) = Live::start("noted", "60s", "90s", json!({"token_ttl": "1h"}), LEASES).await else {
        return;
    };
    let connect = async |toolbox| {
        let table = Table::of([("s/id", live.secret_id.as_str())]);
        GENERATORS[0].connect(live.spec(), table, toolbox).await.unwrap()
    };
    let (noted, toolbox) = Noted::after([]);
    let first = connect(toolbox).await;
    assert_eq!(noted.names().len(), 1);
    let made = first.generate(&live.spec()).await.unwrap();
    let lease = made.lease.unwrap();
    assert!(noted.names().is_empty(), "who ends it would end the lease, too");
    first.renew(&lease, None).await.unwrap();
    assert!(noted.names().is_empty());

    // A later login keeps the lease alive: nothing hangs from it.
    let (noted, toolbox) = Noted::after([]);
    let second = connect(toolbox).await;
    second.renew(&lease, None).await.unwrap();
    assert_eq!(noted.names(), [second.login().await.unwrap().unwrap()]);
    second.close().await;
    assert!(noted.names().is_empty());
    first.revoke(&lease).await.unwrap();
}

#[tokio::test]
async fn a_lease_is_given_renewed_looked_up_and_revoked() {
    let Some(live) = Live::start("full", "60s", "90s", json!({"token_ttl": "1h"}), LEASES).await else {
        return;
    };
    let client = live.client().await;
    let made = client.generate(&live.spec()).await.unwrap();
    let names: Vec<_> = made.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&"username") && names.contains(&"password"), "{names:?}");
    let lease = made.lease.unwrap();
    assert_eq!(lease.end, LeaseEnd::Renewable);
    assert_eq!(lease.expires.unwrap().duration_since(lease.issued).as_secs(), 60);
    assert!(lease.parent.as_ref().unwrap().renewable);
    assert!(lease.id.as_ref().unwrap().starts_with(&format!("database/creds/{}/", live.name)));

    let renewed = client.renew(&lease, Some(SignedDuration::from_secs(60))).await.unwrap();
    assert!(renewed.expires >= lease.expires);
    assert_eq!(renewed.end, LeaseEnd::Renewable);
    // Past the longest that the role allows.
    let cut = client.renew(&lease, Some(SignedDuration::from_secs(600))).await.unwrap();
    assert_eq!(cut.end, LeaseEnd::Fixed);
    assert!(cut.expires.unwrap().duration_since(lease.issued).as_secs() <= 91);

    assert!(matches!(client.standing(&lease).await.unwrap(), LeaseStanding::Holds(_)));
    client.revoke(&lease).await.unwrap();
    assert_eq!(client.standing(&lease).await.unwrap(), LeaseStanding::Ended);
    client.revoke(&lease).await.unwrap();
    assert_eq!(client.renew(&lease, None).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn the_login_outlives_its_process_and_a_later_one_keeps_it_alive() {
    let Some(live) = Live::start("adopt", "60s", "1h", json!({"token_ttl": "6s"}), LEASES).await else {
        return;
    };
    let first = live.client().await;
    let lease = first.generate(&live.spec()).await.unwrap().lease.unwrap();
    // A clean stop.
    first.close().await;
    assert_eq!(live.tokens().await, 1);

    let later = live.client().await;
    let mut standing = lease.clone();
    for _ in 0..4 {
        standing = later.renew(&standing, Some(SignedDuration::from_secs(60))).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
    // The first login would have ended long ago, and its lease with it.
    assert!(matches!(later.standing(&standing).await.unwrap(), LeaseStanding::Holds(_)));
    let parent = standing.parent.clone().unwrap();
    assert_eq!(parent.accessor, lease.parent.unwrap().accessor);
    assert!(parent.renewable);
    later.revoke(&standing).await.unwrap();
    // Nothing hangs from the second login: it goes.
    later.close().await;
    assert_eq!(live.tokens().await, 1);
}

#[tokio::test]
async fn a_login_that_may_not_be_renewed_by_others_is_said_to_end() {
    let policy = r#"path "database/creds/*" { capabilities = ["read"] }"#;
    let Some(live) = Live::start("plain", "60s", "1h", json!({"token_ttl": "1h"}), policy).await else {
        return;
    };
    let lease = live.client().await.generate(&live.spec()).await.unwrap().lease.unwrap();
    let later = live.client().await;
    let renewed = later.renew(&lease, Some(SignedDuration::from_secs(60))).await.unwrap();
    assert_eq!(renewed.end, LeaseEnd::Renewable);
    assert!(!renewed.parent.unwrap().renewable);
    assert_eq!(later.revoke(&lease).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn what_hangs_from_a_batch_token_ends_with_it() {
    let token = json!({"token_ttl": "20s", "token_type": "batch"});
    let Some(live) = Live::start("batch", "60s", "1h", token, LEASES).await else { return };
    let lease = live.client().await.generate(&live.spec()).await.unwrap().lease.unwrap();
    assert_eq!((lease.end, lease.parent), (LeaseEnd::Fixed, None));
    assert!(lease.expires.unwrap().duration_since(lease.issued).as_secs() <= 20);
}
