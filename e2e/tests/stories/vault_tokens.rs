//! Vault's logins as an operator sees them: no token is left behind, certificates log in, and some methods are forbidden.

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret, secret_store},
    story::Story,
    vault::Vault,
    vault_server::VaultServer,
    wait::soon,
};

use crate::leaders::{allow_leases, candidate_with, leads};
use crate::logins::journal;

const RESTARTS: usize = 10;

#[tokio::test]
async fn ten_restarts_leave_no_token_behind() -> Result<()> {
    let story = Story::begin_alone("restarts-and-tokens").await?;
    let server = VaultServer::start(&story.testbed, &story.namespace).await?;
    let auth = app_role(&story, &server.vault).await?;
    allow_leases(&story).await?;
    server.vault.write_v2("secret", &story.key("app"), &json!({ "password": "one" })).await?;
    let provider = manifests::vault_v2(server.vault.address(), "secret", &auth);
    story.create(&secret_store("store", &story.class, &provider)).await?;
    let app = ExternalSecret::from_store("app", "store").takes("password", &story.key("app"), "password");
    story.external_secret(app).await?;
    for round in 0..RESTARTS {
        let controller = candidate_with(&story, "tokens", &[]).await?;
        leads(&controller).await?;
        let value = format!("value {round}");
        server.vault.write_v2("secret", &story.key("app"), &json!({ "password": value })).await?;
        let force = json!({ "metadata": { "annotations": { "force-sync": value } } });
        story.patch(Kind::ExternalSecret, "app", &force).await?;
        story.secret_with("app", &[("password", &value)]).await?;
        assert_eq!(logins(&server.vault).await?, 1, "while it runs, round {round}");
        drop(controller);
        assert_eq!(logins(&server.vault).await?, 0, "after the stop, round {round}");
        assert_eq!(journal(&story).await?, None, "after the stop, round {round}");
    }
    story.end().await
}

#[tokio::test]
async fn a_certificate_logs_in() -> Result<()> {
    let story = Story::begin("cert-login").await?;
    let server = VaultServer::start(&story.testbed, &story.namespace).await?;
    server.vault.write_v2("secret", &story.key("app"), &json!({ "password": "one" })).await?;
    read_policy(&server.vault).await?;
    let client = rcgen::generate_simple_self_signed(vec!["client.test".to_owned()])?;
    let pem = client.cert.pem();
    put(&server.vault, "sys/auth/cert", &json!({ "type": "cert" })).await?;
    let role = json!({ "certificate": pem, "token_policies": ["read"], "token_ttl": "1h" });
    put(&server.vault, "auth/cert/certs/app", &role).await?;
    story.create(&manifests::secret("cert", "tls.crt", &pem)).await?;
    story.create(&manifests::secret("key", "tls.key", &client.signing_key.serialize_pem())).await?;
    let auth = json!({ "cert": { "vaultRole": "app", "clientCert": { "name": "cert" }, "secretRef": { "name": "key" } } });
    let mut provider = manifests::vault_v2(&server.tls_url, "secret", &auth);
    provider["vault"]["caBundle"] = BASE64_STANDARD.encode(&server.certificate).into();
    story.create(&secret_store("store", &story.class, &provider)).await?;
    let app = ExternalSecret::from_store("app", "store").takes("password", &story.key("app"), "password");
    story.external_secret(app).await?;
    story.secret_with("app", &[("password", "one")]).await?;
    story.end().await
}

#[tokio::test]
async fn a_login_method_that_is_not_allowed_is_told_and_not_tried() -> Result<()> {
    let story = Story::begin_alone("forbidden-login").await?;
    let server = VaultServer::start(&story.testbed, &story.namespace).await?;
    let auth = app_role(&story, &server.vault).await?;
    let _controller =
        story.controller_with("strict", &["--allowed-login-methods=vault/kubernetes,vault/jwt"]).await?;
    let provider = manifests::vault_v2(server.vault.address(), "secret", &auth);
    story.create(&secret_store("store", &story.class, &provider)).await?;
    let condition = story.failed(Kind::SecretStore, "store").await?;
    ensure!(condition.message.contains("vault/appRole is not allowed"), "{}", condition.message);
    assert_eq!(logins(&server.vault).await?, 0);
    story.end().await
}

async fn put(vault: &Vault, path: &str, body: &Value) -> Result<Value> {
    vault.request(Method::POST, path, Some(body)).await
}

async fn read_policy(vault: &Vault) -> Result<()> {
    let rules = r#"path "secret/*" { capabilities = ["read", "list"] }"#;
    put(vault, "sys/policies/acl/read", &json!({ "policy": rules })).await.map(drop)
}

/// The settings of an approle of the server's own, whose secret ID is in the story's namespace.
async fn app_role(story: &Story, vault: &Vault) -> Result<Value> {
    read_policy(vault).await?;
    put(vault, "sys/auth/approle", &json!({ "type": "approle" })).await?;
    put(vault, "auth/approle/role/app", &json!({ "token_policies": ["read"], "token_ttl": "1h" })).await?;
    let id = vault.request(Method::GET, "auth/approle/role/app/role-id", None).await?;
    let secret = put(vault, "auth/approle/role/app/secret-id", &json!({})).await?;
    let secret = secret["data"]["secret_id"].as_str().context("no secret ID")?;
    story.create(&manifests::secret("approle", "id", secret)).await?;
    Ok(json!({ "appRole": {
        "path": "approle", "roleId": id["data"]["role_id"], "secretRef": { "name": "approle", "key": "id" },
    } }))
}

/// How many tokens live that logins gave: all but the root's.
async fn logins(vault: &Vault) -> Result<usize> {
    let accessors = soon("a list of accessors", async || {
        vault.request(Method::GET, "auth/token/accessors?list=true", None).await
    })
    .await?;
    Ok(accessors["data"]["keys"].as_array().map_or(0, Vec::len).saturating_sub(1))
}
