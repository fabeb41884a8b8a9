//! The moto of the testbed, where `STRONGROOM_TESTBED` names its file. Every test has an account of its own there.

use std::sync::atomic::{AtomicU32, Ordering};

use http::Request;
use serde_json::{Value, json};
use strongroom_provider_kit::http::{BODY_CAP, HttpClient, HttpSettings, Roots};

/// An account of AWS's, as its owner sees it.
#[derive(Debug)]
pub(crate) struct Account {
    http: HttpClient,
    pub(crate) address: String,
    /// A role that may do everything in it.
    pub(crate) role: String,
    key_id: String,
}

pub(crate) const REGION: &str = "eu-central-1";

static ACCOUNTS: AtomicU32 = AtomicU32::new(0);

impl Account {
    /// A new one; `None` where there is no testbed.
    pub(crate) async fn open() -> Option<Self> {
        let file = std::env::var_os("STRONGROOM_TESTBED")?;
        let testbed: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let address = testbed["aws"]["address"].as_str().unwrap().to_owned();
        let number = ACCOUNTS.fetch_add(1, Ordering::SeqCst);
        // Twelve digits that no other process uses: moto gives each account a state of its own.
        let number = format!("{:07}{number:05}", std::process::id() % 10_000_000);
        let role = format!("arn:aws:iam::{number}:role/owner");
        let http = HttpClient::new(HttpSettings { roots: Roots::Unused, ..HttpSettings::default() }).unwrap();
        let mut account = Self { http, address, role, key_id: "AKIDOWNER".to_owned() };
        let form =
            format!("Action=AssumeRole&Version=2011-06-15&RoleSessionName=owner&RoleArn={}", account.role);
        let answer = account.send("sts", "", form).await.unwrap();
        let id = answer.split_once("<AccessKeyId>").unwrap().1.split_once('<').unwrap().0;
        id.clone_into(&mut account.key_id);
        Some(account)
    }

    /// Calls `action` of Secrets Manager.
    pub(crate) async fn secrets(&self, action: &str, body: &Value) -> Value {
        self.call("secretsmanager", &format!("secretsmanager.{action}"), body).await
    }

    /// Calls `action` of the Parameter Store.
    pub(crate) async fn parameters(&self, action: &str, body: &Value) -> Value {
        self.call("ssm", &format!("AmazonSSM.{action}"), body).await
    }

    /// Settings of a store that assumes the account's role.
    pub(crate) fn settings(&self, service: &str) -> Value {
        let selector = |key: &str| json!({ "name": "keys", "key": key });
        let keys =
            json!({ "accessKeyIDSecretRef": selector("id"), "secretAccessKeySecretRef": selector("secret") });
        json!({
            "endpoint": self.address,
            "service": service,
            "region": REGION,
            "auth": { "secretRef": keys },
            "role": self.role,
        })
    }

    async fn call(&self, service: &str, target: &str, body: &Value) -> Value {
        let answer = self.send(service, target, body.to_string()).await;
        let answer = answer.unwrap_or_else(|status| panic!("{target}: {status}"));
        serde_json::from_str(&answer).unwrap_or_default()
    }

    async fn send(&self, service: &str, target: &str, body: String) -> Result<String, u16> {
        let scope = format!("{}/20260101/{REGION}/{service}/aws4_request", self.key_id);
        let kind = if target.is_empty() {
            "application/x-www-form-urlencoded"
        } else {
            "application/x-amz-json-1.1"
        };
        let request = Request::post(format!("{}/", self.address))
            .header("content-type", kind)
            .header("x-amz-target", target)
            // Believed without a look at it.
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=x"),
            )
            .body(body.into_bytes())
            .unwrap();
        let answer = self.http.send("prepare", request, BODY_CAP).await.unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        if answer.status.is_success() { Ok(text) } else { Err(answer.status.as_u16()) }
    }
}
