//! What a store refers to is watched: a credential or a certificate authority that is mended works within seconds, one that
//! is rotated costs nothing but a login, and what waits for the store goes on at once.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret, approle_login, cluster_secret_store, kubernetes_login, secret_store},
    observed::{ready, refresh_time, resource_version},
    story::{STORE, Story, TOKEN_SECRET},
    vault_server::VaultServer,
    wait::{soon, until},
};

/// A change must be seen by then. The check of a store that does not fail comes every five minutes, and the backoff of one
/// that has failed for a while is longer than this.
const SECONDS: Duration = Duration::from_secs(30);

/// Long enough for the backoff of a failing store to outgrow [`SECONDS`].
const BACKOFF_GROWS: Duration = Duration::from_secs(66);

/// The ServiceAccount that the test bed's Vault knows.
const VAULT_CLIENT: &str = "vault-client";

#[tokio::test]
async fn a_secret_id_that_is_mended_works_within_seconds() -> Result<()> {
    let story = Story::begin_patient("mended").await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let (role_id, secret_id) = approle(&story).await?;
    story.create(&manifests::secret("approle", "secret-id", "wrong")).await?;
    let login = approle_login(&role_id, "approle");
    let provider = manifests::vault_v2(story.vault.address(), "secret", &login);
    // However long this lasts: Vault must not be asked so often that it locks the role.
    waits_in_vain(&story, &provider).await?;

    let right = json!({ "stringData": { "secret-id": secret_id } });
    story.patch(Kind::Secret, "approle", &right).await?;
    within_seconds(&story, "app", "one").await?;
    story.end().await
}

#[tokio::test]
async fn a_token_secret_that_appears_late_or_again_works_within_seconds() -> Result<()> {
    let story = Story::begin_patient("late-token").await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let login = manifests::token_login(TOKEN_SECRET);
    let provider = manifests::vault_v2(story.vault.address(), "secret", &login);
    waits_in_vain(&story, &provider).await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", story.vault.token())).await?;
    within_seconds(&story, "app", "one").await?;

    // Who takes the credential away takes the store out of service, although the token itself still works.
    story.delete(Kind::Secret, TOKEN_SECRET).await?;
    until("the store to be out of service", SECONDS, async || {
        let condition = ready(&story.get(Kind::SecretStore, STORE).await?)?;
        ensure!(condition.status == "False" && condition.message.contains(TOKEN_SECRET), "{condition:?}");
        Ok(())
    })
    .await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", story.vault.token())).await?;
    until("the store to be in service", SECONDS, async || {
        let condition = ready(&story.get(Kind::SecretStore, STORE).await?)?;
        ensure!(condition.status == "True", "{condition:?}");
        Ok(())
    })
    .await?;
    story.end().await
}

#[tokio::test]
async fn a_certificate_authority_that_is_mended_works_within_seconds() -> Result<()> {
    let story = Story::begin_patient("mended-ca").await?;
    let server = VaultServer::start(&story.testbed, &story.namespace).await?;
    server.vault.write_v2("secret", &story.key("app"), &json!({ "password": "one" })).await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", server.vault.token())).await?;
    let foreign = rcgen::generate_simple_self_signed(vec!["elsewhere".to_owned()])?.cert.pem();
    let config_map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "ca" }, "data": { "ca.pem": foreign },
    });
    story.create(&config_map).await?;
    let mut provider = manifests::vault_v2(&server.tls_url, "secret", &manifests::token_login(TOKEN_SECRET));
    provider["vault"]["caProvider"] = json!({ "type": "ConfigMap", "name": "ca", "key": "ca.pem" });
    waits_in_vain(&story, &provider).await?;
    let condition = ready(&story.get(Kind::SecretStore, STORE).await?)?;
    assert!(condition.message.contains("certificate"), "{}", condition.message);

    story.patch(Kind::ConfigMap, "ca", &json!({ "data": { "ca.pem": server.certificate } })).await?;
    within_seconds(&story, "app", "one").await?;
    story.end().await
}

#[tokio::test]
async fn a_service_account_that_appears_late_works_within_seconds() -> Result<()> {
    let story = Story::begin_patient("late-account").await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let provider = manifests::vault_v2(story.vault.address(), "secret", &kubernetes_login(VAULT_CLIENT));
    waits_in_vain(&story, &provider).await?;
    story.create(&manifests::service_account(VAULT_CLIENT)).await?;
    within_seconds(&story, "app", "one").await?;
    story.end().await
}

/// Rotation: the new credential is used at once, the login of the old one is revoked, and nothing is read or written anew.
#[tokio::test]
async fn a_rotated_credential_costs_a_login_and_no_refresh() -> Result<()> {
    let story = Story::begin_patient("rotated").await?;
    let (old, new) = (child_token(&story).await?, child_token(&story).await?);
    story.create(&manifests::secret(TOKEN_SECRET, "token", &old)).await?;
    let login = manifests::token_login(TOKEN_SECRET);
    let provider = manifests::vault_v2(story.vault.address(), "secret", &login);
    story.create(&secret_store(STORE, &story.class, &provider)).await?;
    story.store_ready(Kind::SecretStore, STORE).await?;
    let mut before = Vec::new();
    for name in ["a", "b", "c"] {
        story.write(name, &json!({ "password": name })).await?;
        story.external_secret(ExternalSecret::from_store(name, STORE).extracts(&story.key(name))).await?;
        before.push(versions(&story.synced(name).await?));
    }

    let vault = story.vault_audit()?;
    story.patch(Kind::Secret, TOKEN_SECRET, &json!({ "stringData": { "token": new } })).await?;
    // The old token stops working: only the new one can tell the next value.
    story.vault.request(Method::POST, "auth/token/revoke", Some(&json!({ "token": old }))).await?;
    tokio::time::sleep(SECONDS).await;
    let requests = vault.vault_requests()?;
    // Only values: other stories search the whole engine.
    let values = format!("secret/data/{}", story.namespace);
    let refetched: Vec<_> = requests.iter().filter(|request| request.path.starts_with(&values)).collect();
    assert!(refetched.is_empty(), "{refetched:?}");
    let mut after = Vec::new();
    for name in ["a", "b", "c"] {
        after.push(versions(&story.synced(name).await?));
    }
    assert_eq!(after, before);
    assert_eq!(ready(&story.get(Kind::SecretStore, STORE).await?)?.status, "True");

    story.write("a", &json!({ "password": "two" })).await?;
    story
        .patch(Kind::ExternalSecret, "a", &json!({ "metadata": { "annotations": { "force-sync": "1" } } }))
        .await?;
    story.secret_with("a", &[("password", "two")]).await?;
    story.end().await
}

/// The credentials of a ClusterSecretStore may be the callers'. The store is ready all the while; only the caller fails, and
/// it alone comes back.
#[tokio::test]
async fn a_callers_own_credential_that_is_mended_works_within_seconds() -> Result<()> {
    let story = Story::begin_patient("callers-token").await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let login = manifests::token_login(TOKEN_SECRET);
    let provider = manifests::vault_v2(story.vault.address(), "secret", &login);
    story.create(&cluster_secret_store(&story.namespace, &story.class, &provider)).await?;
    story.store_ready(Kind::ClusterSecretStore, &story.namespace).await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", "wrong")).await?;
    let app = ExternalSecret::from_cluster_store("app", &story.namespace).extracts(&story.key("app"));
    story.external_secret(app).await?;
    story.failed(Kind::ExternalSecret, "app").await?;
    tokio::time::sleep(BACKOFF_GROWS).await;
    let right = json!({ "stringData": { "token": story.vault.token() } });
    story.patch(Kind::Secret, TOKEN_SECRET, &right).await?;
    within_seconds(&story, "app", "one").await?;
    story.end().await
}

/// Ten objects wait for a store that does not exist yet, and none waits for the end of a backoff.
#[tokio::test]
async fn a_store_that_becomes_ready_wakes_what_waits_for_it() -> Result<()> {
    let story = Story::begin_patient("awakened").await?;
    let names: Vec<String> = (0..10).map(|number| format!("app-{number}")).collect();
    story.write("app", &json!({ "password": "one" })).await?;
    for name in &names {
        story.external_secret(ExternalSecret::from_store(name, STORE).extracts(&story.key("app"))).await?;
        story.failed(Kind::ExternalSecret, name).await?;
    }
    tokio::time::sleep(BACKOFF_GROWS).await;
    story.token_store().await?;
    let start = Instant::now();
    for name in &names {
        within_seconds(&story, name, "one").await?;
    }
    assert!(start.elapsed() < SECONDS, "{:?}", start.elapsed());
    story.end().await
}

/// With a namespace of its own a controller watches references there alone, and compares the others at each check.
#[tokio::test]
async fn within_one_namespace_references_are_watched_too() -> Result<()> {
    let story = Story::begin_alone_patient("one-namespace").await?;
    let controller = story.controller_with("only", &[&format!("--namespace={}", story.namespace)]).await?;
    story.write("app", &json!({ "password": "one" })).await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", "wrong")).await?;
    let login = manifests::token_login(TOKEN_SECRET);
    let provider = manifests::vault_v2(story.vault.address(), "secret", &login);
    waits_in_vain(&story, &provider).await?;
    let api = story.api_audit()?;
    let right = json!({ "stringData": { "token": story.vault.token() } });
    story.patch(Kind::Secret, TOKEN_SECRET, &right).await?;
    within_seconds(&story, "app", "one").await?;
    let requests = api.api_requests(&story.cluster, &story.namespace).await?;
    let elsewhere: Vec<_> = requests
        .iter()
        .filter(|request| request.user == controller.user && request.namespace != story.namespace)
        .filter(|request| ["secrets", "configmaps", "serviceaccounts"].contains(&request.resource.as_str()))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    drop(controller);
    story.end().await
}

/// A store that cannot work yet and the object `app`, which has waited for it so long that it is looked at rarely.
async fn waits_in_vain(story: &Story, provider: &Value) -> Result<()> {
    story.create(&secret_store(STORE, &story.class, provider)).await?;
    story.failed(Kind::SecretStore, STORE).await?;
    let app = ExternalSecret::from_store("app", STORE).takes("password", &story.key("app"), "password");
    story.external_secret(app).await?;
    story.failed(Kind::ExternalSecret, "app").await?;
    tokio::time::sleep(BACKOFF_GROWS).await;
    Ok(())
}

/// Role id and secret id of an approle role that only this story uses: a locked one would stop others.
async fn approle(story: &Story) -> Result<(String, String)> {
    let role = format!("auth/approle/role/{}", story.namespace);
    let policy = json!({ "policy": "path \"secret/*\" { capabilities = [\"read\", \"list\"] }" });
    story.vault.request(Method::PUT, &format!("sys/policies/acl/{}", story.namespace), Some(&policy)).await?;
    story.vault.request(Method::POST, &role, Some(&json!({ "token_policies": [story.namespace] }))).await?;
    let role_id = story.vault.request(Method::GET, &format!("{role}/role-id"), None).await?;
    let secret_id = story.vault.request(Method::POST, &format!("{role}/secret-id"), None).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok((text(&role_id["data"]["role_id"]), text(&secret_id["data"]["secret_id"])))
}

/// A token that can be revoked without harm to others.
async fn child_token(story: &Story) -> Result<String> {
    let wanted = json!({ "policies": ["root"], "ttl": "1h" });
    let made = story.vault.request(Method::POST, "auth/token/create", Some(&wanted)).await?;
    Ok(made["auth"]["client_token"].as_str().unwrap_or_default().to_owned())
}

fn versions(object: &Value) -> (String, String) {
    (resource_version(object), refresh_time(object))
}

async fn within_seconds(story: &Story, name: &str, password: &str) -> Result<()> {
    until(&format!("Secret {name} to be there"), SECONDS, async || {
        let secret = story.get(Kind::Secret, name).await?;
        let held = strongroom_e2e::observed::text_data(&secret)?;
        ensure!(held.get("password").is_some_and(|held| held == password), "it holds {held:?}");
        Ok(())
    })
    .await?;
    soon("its condition", async || {
        let condition = ready(&story.get(Kind::ExternalSecret, name).await?)?;
        ensure!(condition.status == "True", "{condition:?}");
        Ok(())
    })
    .await
}
