//! Vault behind TLS: its certificate authority comes from the store or from an object in the cluster.

use anyhow::Result;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret, cluster_secret_store, secret_store},
    story::{Story, TOKEN_SECRET},
    vault_server::VaultServer,
};

#[tokio::test]
async fn a_certificate_authority_is_taken_from_the_store_or_the_cluster_and_nowhere_else() -> Result<()> {
    let story = Story::begin("tls").await?;
    let server = VaultServer::start(&story.testbed, &story.namespace).await?;
    server.vault.write_v2("secret", &story.key("app"), &json!({ "password": "one" })).await?;
    story.create(&manifests::secret(TOKEN_SECRET, "token", server.vault.token())).await?;
    story.create(&manifests::secret("ca", "ca.pem", &server.certificate)).await?;
    let config_map = json!({ "ca.pem": server.certificate });
    story
        .create(&json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "ca" }, "data": config_map }))
        .await?;

    let unknown = vault(&server, &json!({}));
    story.create(&secret_store("unknown", &story.class, &unknown)).await?;
    let condition = story.failed(Kind::SecretStore, "unknown").await?;
    assert!(condition.message.contains("certificate"), "{}", condition.message);

    let bundle = json!({ "caBundle": BASE64_STANDARD.encode(&server.certificate) });
    let from_secret = json!({ "caProvider": { "type": "Secret", "name": "ca", "key": "ca.pem" } });
    let from_config_map = json!({ "caProvider": { "type": "ConfigMap", "name": "ca", "key": "ca.pem" } });
    for (name, settings) in [("bundle", bundle), ("secret", from_secret), ("config-map", from_config_map)] {
        story.create(&secret_store(name, &story.class, &vault(&server, &settings))).await?;
        let target = ExternalSecret::from_store(name, name).takes("password", &story.key("app"), "password");
        story.external_secret(target).await?;
        story.secret_with(name, &[("password", "one")]).await?;
    }

    // A cluster-wide store must say where the authority is: it has no namespace of its own.
    let nowhere = json!({ "caProvider": { "type": "ConfigMap", "name": "ca", "key": "ca.pem" } });
    let provider = vault(&server, &nowhere);
    story.create(&cluster_secret_store(&story.namespace, &story.class, &provider)).await?;
    let condition = story.failed(Kind::ClusterSecretStore, &story.namespace).await?;
    assert!(condition.message.contains("missing namespace on caProvider"), "{}", condition.message);
    story.end().await
}

/// The provider over the server behind TLS, with `settings` added.
fn vault(server: &VaultServer, settings: &Value) -> Value {
    let mut provider = manifests::vault_v2(&server.tls_url, "secret", &manifests::token_login(TOKEN_SECRET));
    for (name, value) in settings.as_object().into_iter().flatten() {
        provider["vault"][name] = value.clone();
    }
    provider
}
