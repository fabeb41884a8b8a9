//! Logins to a real Vault: wrapped secret IDs, batch tokens, the end of a token's life, LDAP, AWS. Runs where
//! `STRONGROOM_TESTBED` names the testbed's file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail anywhere")]

#[path = "support/aws.rs"]
mod aws;
#[path = "support/ldap.rs"]
mod ldap;
#[path = "support/noted.rs"]
mod noted;
#[path = "support/real_vault.rs"]
mod real_vault;
mod support;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use noted::Noted;
use real_vault::RealVault;
use serde_json::{Value, json};
use strongroom_provider_api::{ErrorKind, Health, RemoteKey};
use strongroom_provider_kit::http::{BODY_CAP, HttpClient, HttpSettings, Roots};
use strongroom_provider_vault::STORES;
use support::{Table, connect};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers};

/// A login method of our own in a real Vault, beside an engine that its logins may read.
struct Stage {
    vault: RealVault,
    mount: String,
    policy: String,
}

impl Stage {
    async fn set(test: &str, method: &str) -> Option<Self> {
        let vault = RealVault::find()?;
        let mount = format!("strongroom-{}-login/{test}", std::process::id());
        let policy = mount.replace('/', "-");
        vault.mount(&mount, "2").await;
        vault.write(&format!("{mount}/data/app"), &json!({"data": {"a": "1"}})).await;
        let rules = format!(r#"path "{mount}/data/*" {{ capabilities = ["read"] }}"#);
        vault.call("PUT", &format!("sys/policies/acl/{policy}"), json!({ "policy": rules })).await;
        vault.call("POST", &format!("sys/auth/{mount}"), json!({ "type": method })).await;
        Some(Self { vault, mount, policy })
    }

    async fn at(&self, path: &str, body: Value) -> Value {
        self.vault.call("POST", &format!("auth/{}/{path}", self.mount), body).await
    }

    fn settings(&self, auth: &Value) -> Value {
        json!({"server": self.vault.address, "path": self.mount, "auth": auth})
    }

    /// The settings of an approle whose tokens are as `role` says.
    async fn app_role(&self, mut role: Value) -> Value {
        role["token_policies"] = json!([self.policy]);
        self.at("role/r", role).await;
        let id = self.vault.call("GET", &format!("auth/{}/role/r/role-id", self.mount), Value::Null).await;
        self.settings(&json!({"appRole": {
            "path": self.mount, "roleId": id["data"]["role_id"], "secretRef": {"name": "s", "key": "id"},
        }}))
    }

    async fn secret_id(&self) -> String {
        self.at("role/r/secret-id", json!({})).await["data"]["secret_id"].as_str().unwrap().to_owned()
    }

    /// How many login tokens of our mount live.
    async fn logins(&self) -> usize {
        let accessors = self.vault.call("GET", "auth/token/accessors?list=true", Value::Null).await;
        let mut ours = 0;
        for accessor in accessors["data"]["keys"].as_array().unwrap() {
            let body = json!({ "accessor": accessor });
            let found =
                self.vault.attempt("POST", "auth/token/lookup-accessor", &body).await.unwrap_or_default();
            let path = found["data"]["path"].as_str().unwrap_or_default();
            ours += usize::from(path.starts_with(&format!("auth/{}/", self.mount)));
        }
        ours
    }

    async fn strike(self) {
        self.vault.call("DELETE", &format!("sys/auth/{}", self.mount), Value::Null).await;
        self.vault.unmount(&self.mount).await;
    }
}

#[tokio::test]
async fn a_wrapped_secret_id_logs_in_once_and_a_used_one_says_so() {
    let Some(stage) = Stage::set("wrapped", "approle").await else { return };
    let settings = stage.app_role(json!({"token_ttl": 300})).await;
    let http = HttpClient::new(HttpSettings { roots: Roots::Unused, ..HttpSettings::default() }).unwrap();
    let wrap = |path: String| {
        let request = http::Request::post(format!("{}/v1/{path}", stage.vault.address))
            .header("x-vault-token", &stage.vault.root)
            .header("x-vault-wrap-ttl", "60s");
        http.send("prepare", request.body(b"{}".to_vec()).unwrap(), BODY_CAP)
    };
    let token = |body: &[u8]| {
        let answer: Value = serde_json::from_slice(body).unwrap();
        answer["wrap_info"]["token"].as_str().unwrap().to_owned()
    };
    let good = token(&wrap(format!("auth/{}/role/r/secret-id", stage.mount)).await.unwrap().body);
    let bench = connect(settings.clone(), Table::of([("s/id", &good)])).await.unwrap();
    bench.client.read(&RemoteKey::latest("app")).await.unwrap();
    let error = connect(settings.clone(), Table::of([("s/id", &good)])).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.message().contains("wrapping token has been used"), "{error}");
    let other = token(&wrap("sys/wrapping/wrap".to_owned()).await.unwrap().body);
    let error = connect(settings, Table::of([("s/id", &other)])).await.err().unwrap();
    assert!(error.message().contains("not made for a secret ID"), "{error}");
    bench.client.close().await;
    assert_eq!(stage.logins().await, 0);
    stage.strike().await;
}

#[tokio::test]
async fn a_batch_token_is_used_replaced_and_not_revoked() {
    let Some(stage) = Stage::set("batch", "approle").await else { return };
    let settings = stage.app_role(json!({"token_ttl": 300, "token_type": "batch"})).await;
    let bench = connect(settings, Table::of([("s/id", &stage.secret_id().await)])).await.unwrap();
    let key = RemoteKey::latest("app");
    bench.client.read(&key).await.unwrap();
    bench.clock.0.store(210, Ordering::SeqCst);
    bench.client.read(&key).await.unwrap();
    bench.client.close().await;
    let calls = bench.meter.take();
    assert_eq!(calls.iter().filter(|call| *call == "Login success").count(), 2, "{calls:?}");
    assert!(!calls.iter().any(|call| call.starts_with("Re") && call.contains("Self")), "{calls:?}");
    stage.strike().await;
}

#[tokio::test]
async fn where_vault_truncates_the_last_renewal_a_fresh_login_follows_and_no_token_is_left_behind() {
    let Some(stage) = Stage::set("truncated", "approle").await else { return };
    let settings = stage.app_role(json!({"token_ttl": 6, "token_max_ttl": 9})).await;
    let bench = connect(settings, Table::of([("s/id", &stage.secret_id().await)])).await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(13) {
        bench.clock.0.store(i64::try_from(begun.elapsed().as_secs()).unwrap(), Ordering::SeqCst);
        bench.client.read(&RemoteKey::latest("app")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let calls = bench.meter.take();
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    assert!((2..=3).contains(&count("Login success")), "{calls:?}");
    assert!(count("RenewSelf success") >= 2, "{calls:?}");
    assert_eq!(stage.logins().await, 1);
    bench.client.close().await;
    assert_eq!(stage.logins().await, 0);
    stage.strike().await;
}

#[tokio::test]
async fn a_login_is_noted_and_ends_those_that_were_left_and_no_others() {
    let Some(stage) = Stage::set("left", "approle").await else { return };
    let settings = stage.app_role(json!({"token_ttl": 300})).await;
    let allow = async |rules: &str| {
        let policy = json!({ "policy": rules });
        stage.vault.call("PUT", &format!("sys/policies/acl/{}", stage.policy), policy).await;
    };
    let id = stage.secret_id().await;
    let killed = async || {
        let (noted, toolbox) = Noted::after([]);
        let client = STORES[0].connect(settings.clone(), Table::of([("s/id", &id)]), toolbox).await.unwrap();
        let [name] = noted.names().try_into().unwrap();
        assert_eq!(noted.open.lock().unwrap()[&name], Some(Duration::from_mins(5)));
        drop(client);
        name
    };
    let (one, two) = (killed().await, killed().await);
    assert_eq!(stage.logins().await, 2);

    // Without the right it is left to its own end, and fails nothing.
    let (noted, toolbox) = Noted::after([one.clone()]);
    let client = STORES[0].connect(settings.clone(), Table::of([("s/id", &id)]), toolbox).await.unwrap();
    noted.settled().await;
    assert_eq!(stage.logins().await, 3);
    client.close().await;
    assert!(noted.names().is_empty(), "a token that is revoked is noted no more");

    allow(r#"path "auth/token/revoke-accessor" { capabilities = ["update"] }"#).await;
    let (noted, toolbox) = Noted::after([one, "unknown".to_owned()]);
    let client = STORES[0].connect(settings.clone(), Table::of([("s/id", &id)]), toolbox).await.unwrap();
    noted.settled().await;
    assert_eq!(stage.logins().await, 2, "its own, and the one of which the journal says nothing");
    let body = json!({ "accessor": two });
    stage.vault.attempt("POST", "auth/token/lookup-accessor", &body).await.unwrap();
    client.close().await;
    assert_eq!(stage.logins().await, 1);
    stage.strike().await;
}

#[tokio::test]
async fn neither_a_batch_token_nor_a_token_of_the_users_is_noted() {
    let Some(stage) = Stage::set("unnoted", "approle").await else { return };
    let batch = stage.app_role(json!({"token_ttl": 300, "token_type": "batch"})).await;
    let of_user = stage.settings(&json!({"tokenSecretRef": {"name": "s", "key": "token"}}));
    for settings in [batch, of_user] {
        let (noted, toolbox) = Noted::after([]);
        let table =
            Table::of([("s/id", stage.secret_id().await.as_str()), ("s/token", stage.vault.root.as_str())]);
        let client = STORES[0].connect(settings, table, toolbox).await.unwrap();
        client.probe().await.unwrap();
        assert!(noted.names().is_empty());
        client.close().await;
    }
    stage.strike().await;
}

#[tokio::test]
async fn ten_thousand_reads_within_an_hour_of_a_turned_clock_take_one_login() {
    let Some(stage) = Stage::set("soak", "approle").await else { return };
    let settings = stage.app_role(json!({"token_ttl": 600})).await;
    let bench = connect(settings, Table::of([("s/id", &stage.secret_id().await)])).await.unwrap();
    for object in 0..10_000 {
        bench.clock.0.store(object * 3600 / 10_000, Ordering::SeqCst);
        bench.client.read(&RemoteKey::latest("app")).await.unwrap();
    }
    let calls = bench.meter.take();
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    assert_eq!((count("Login success"), count("ReadSecretData success")), (1, 10_000));
    assert!(count("RenewSelf success") >= 8);
    assert_eq!(stage.logins().await, 1);
    bench.client.close().await;
    assert_eq!(stage.logins().await, 0);
    stage.strike().await;
}

#[tokio::test]
async fn an_ldap_user_logs_in_with_what_the_directory_takes() {
    let Some(stage) = Stage::set("ldap", "ldap").await else { return };
    let directory = ldap::Directory::start("cn=app,ou=people,dc=test", "right").await;
    let config = json!({
        "url": directory.url(), "userdn": "ou=people,dc=test", "userattr": "cn", "username_as_alias": true,
        "token_policies": [stage.policy], "token_ttl": 300,
    });
    stage.at("config", config).await;
    let auth =
        json!({"ldap": {"path": stage.mount, "username": " app ", "secretRef": {"name": "s", "key": "p"}}});
    let wrong = connect(stage.settings(&auth), Table::of([("s/p", "wrong")])).await.err().unwrap();
    assert_eq!(wrong.kind(), ErrorKind::Unauthenticated);
    let bench = connect(stage.settings(&auth), Table::of([("s/p", "right")])).await.unwrap();
    bench.client.read(&RemoteKey::latest("app")).await.unwrap();
    assert_eq!(directory.outcomes(), [false, true]);
    bench.client.close().await;
    assert_eq!(stage.logins().await, 0);
    stage.strike().await;
}

#[tokio::test]
async fn an_aws_identity_logs_in_where_aws_takes_the_signature() {
    let Some(stage) = Stage::set("aws", "aws").await else { return };
    let sts = MockServer::start().await;
    let answer = |request: &Request| {
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers: BTreeMap<String, String> =
            request.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        if !aws::is_signed(&headers, std::str::from_utf8(&request.body).unwrap()) {
            return ResponseTemplate::new(403);
        }
        let identity = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
                        <Arn>arn:aws:iam::123456789012:user/app</Arn><UserId>AIDATEST</UserId>\
                        <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
        ResponseTemplate::new(200).set_body_raw(identity, "text/xml")
    };
    Mock::given(matchers::method("POST")).respond_with(answer).mount(&sts).await;
    let config = json!({"sts_endpoint": sts.uri(), "sts_region": "us-east-1", "iam_server_id_header_value": "vault.test"});
    stage.at("config/client", config).await;
    let role = json!({
        "auth_type": "iam", "bound_iam_principal_arn": ["arn:aws:iam::123456789012:user/app"],
        "resolve_aws_unique_ids": false, "token_policies": [stage.policy], "token_ttl": 300,
    });
    stage.at("role/app", role).await;
    let auth = json!({"iam": {
        "path": stage.mount, "vaultRole": "app", "vaultAwsIamServerID": "vault.test", "secretRef": {
            "accessKeyIDSecretRef": {"name": "aws", "key": "id"},
            "secretAccessKeySecretRef": {"name": "aws", "key": "secret"},
        },
    }});
    let table = |secret| Table::of([("aws/id", aws::KEY_ID), ("aws/secret", secret)]);
    let wrong = connect(stage.settings(&auth), table("wrong")).await.err().unwrap();
    assert_eq!(wrong.kind(), ErrorKind::Unauthenticated);
    let bench = connect(stage.settings(&auth), table(aws::SECRET_KEY)).await.unwrap();
    assert_eq!(bench.client.probe().await.unwrap(), Health::Ready);
    bench.client.read(&RemoteKey::latest("app")).await.unwrap();
    bench.client.close().await;
    stage.strike().await;
}
