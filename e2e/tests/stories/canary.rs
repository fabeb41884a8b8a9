//! A canary in every answer of Vault, good and bad: it arrives in Secrets, and nowhere else.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    canary_vault::{CANARY, CanaryVault},
    cluster::Kind,
    collector::Collector,
    controller::Controller,
    manifests::{self, ExternalSecret, secret_store},
    observed::text_data,
    story::Story,
    vault::{Vault, http_client},
    wait::soon,
};

const FAULTS: [&str; 10] = ["400", "403", "404", "412", "429", "500", "503", "garbage", "shape", "cut"];
const CLIENT: &str = "vault-client";

/// Templates that fail on the value, each in its own way.
const FAILING: [(&str, &str); 6] = [
    ("fail", "{{ fail .password }}"),
    ("field", "{{ .password.inner }}"),
    ("index", "{{ index .password 4000 }}"),
    ("json", "{{ .password | mustFromJson }}"),
    ("date", "{{ .password | mustToDate \"2006\" }}"),
    ("pkcs12", "{{ .password | pkcs12key }}"),
];

#[tokio::test]
async fn nothing_that_vault_answers_is_seen_outside_secrets() -> Result<()> {
    let story = Story::begin_alone("canary").await?;
    let vault = CanaryVault::start(story.vault.address()).await?;
    let collector = Collector::start()?;
    let flag = format!("--otlp-endpoint={}", collector.address);
    let controller = story.controller_with("only", &["--status-time-interval=1ms", &flag]).await?;
    story.write("app", &json!({ "password": CANARY, "inner": { "user": CANARY } })).await?;
    story.vault.write_v1("kv1", &story.key("app"), &json!({ "password": CANARY })).await?;

    let good = good_objects(&story, &vault).await?;
    for name in &good {
        story.synced(name).await?;
        let held = text_data(&story.get(Kind::Secret, name).await?)?;
        ensure!(held.values().any(|value| value.contains(CANARY)), "{name} holds no canary");
    }
    let bad = [
        failing_templates(&story).await?,
        failing_reads(&story).await?,
        failing_stores(&story, &vault).await?,
    ];
    for name in bad.iter().flatten() {
        story.failed(Kind::ExternalSecret, name).await?;
    }

    let secrets = vault.secrets();
    let tokens = secrets.iter().filter(|secret| secret.starts_with("hvs.")).count();
    ensure!(tokens >= 3, "the proxy saw {tokens} tokens: each of three logins gets one");
    let secrets: Vec<_> = secrets.into_iter().collect();
    assert_shown_nowhere(&story, &controller, &secrets).await?;
    for (name, outcome) in
        [("extract", "synced"), ("generated", "synced"), ("read-503", "failed"), ("json", "failed")]
    {
        soon(&format!("a trace of {name}"), async || {
            ensure!(!collector.traces(name, outcome)?.is_empty(), "no attempt on {name} was traced");
            Ok(())
        })
        .await?;
    }
    drop(controller);
    collector.ensure_free_of(&secrets)?;
    story.end().await
}

/// Every way of reading, by every login that the test bed has.
async fn good_objects(story: &Story, vault: &CanaryVault) -> Result<Vec<String>> {
    story.token_store_at(&Vault::at(&vault.address, story.vault.token())).await?;
    story.create(&manifests::service_account(CLIENT)).await?;
    story.create(&manifests::secret("password", "password", "suite-password")).await?;
    let account = json!({ "serviceAccountRef": { "name": CLIENT } });
    let password = json!({ "name": "password", "key": "password" });
    let token = manifests::token_login(strongroom_e2e::story::TOKEN_SECRET);
    let v2 = |auth: &Value| manifests::vault_v2(&vault.address, "secret", auth);
    for (name, provider) in [
        ("v1", manifests::vault_v1(&vault.address, "kv1", &token)),
        ("kubernetes", v2(&manifests::kubernetes_login(CLIENT))),
        (
            "jwt",
            v2(
                &json!({ "jwt": { "path": "jwt", "role": "suite", "kubernetesServiceAccountToken": account } }),
            ),
        ),
        ("user-pass", v2(&json!({ "userPass": { "username": "suite", "secretRef": password } }))),
    ] {
        story.create(&secret_store(name, &story.class, &provider)).await?;
    }
    let key = story.key("app");
    let find = json!({ "find": { "path": story.namespace, "name": { "regexp": ".*" } } });
    let objects = [
        ExternalSecret::from_store("entries", "store").takes("a", &key, "password").takes(
            "b",
            &key,
            "inner.user",
        ),
        ExternalSecret::from_store("extract", "store").extracts(&key),
        ExternalSecret::from_store("find", "store").source(&find),
        ExternalSecret::from_store("in-v1", "v1").extracts(&key),
        ExternalSecret::from_store("by-kubernetes", "kubernetes").extracts(&key),
        ExternalSecret::from_store("by-jwt", "jwt").extracts(&key),
        ExternalSecret::from_store("by-user-pass", "user-pass").extracts(&key),
    ];
    let mut names = Vec::new();
    for object in objects {
        names.push(story.external_secret(object.every("2s")).await?);
    }
    names.push(generating(story, vault, "generated", "database/creds/app").await?);
    Ok(names)
}

/// An ExternalSecret of what a generator gets from `path`.
async fn generating(story: &Story, vault: &CanaryVault, name: &str, path: &str) -> Result<String> {
    let token = json!({ "name": strongroom_e2e::story::TOKEN_SECRET, "key": "token" });
    let provider = json!({ "server": vault.address, "auth": { "tokenSecretRef": token } });
    let generator = json!({
        "apiVersion": "generators.external-secrets.io/v1alpha1", "kind": "VaultDynamicSecret",
        "metadata": { "name": name },
        "spec": { "controller": story.class, "path": path, "provider": provider },
    });
    story.create(&generator).await?;
    let reference = json!({
        "apiVersion": "generators.external-secrets.io/v1alpha1", "kind": "VaultDynamicSecret", "name": name,
    });
    let object = ExternalSecret::from_store(name, "store");
    story.external_secret(object.source(&json!({ "sourceRef": { "generatorRef": reference } }))).await
}

async fn failing_templates(story: &Story) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (name, template) in FAILING {
        let target = json!({ "template": { "data": { "made": template } } });
        let object = ExternalSecret::from_store(name, "store").extracts(&story.key("app")).target(target);
        names.push(story.external_secret(object).await?);
    }
    let encoded = json!({
        "secretKey": "v", "remoteRef": { "key": story.key("app"), "property": "password", "decodingStrategy": "Base64" },
    });
    names.push(story.external_secret(ExternalSecret::from_store("decoding", "store").entry(&encoded)).await?);
    let absent = ExternalSecret::from_store("property", "store").takes("v", &story.key("app"), "pasword");
    names.push(story.external_secret(absent).await?);
    Ok(names)
}

/// Reads, lists and credentials that are answered badly.
async fn failing_reads(story: &Story) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for fault in FAULTS {
        let key = format!("fault-{fault}");
        let read = ExternalSecret::from_store(&format!("read-{fault}"), "store").extracts(&key);
        names.push(story.external_secret(read).await?);
        let find = json!({ "find": { "path": key, "name": { "regexp": ".*" } } });
        let list = ExternalSecret::from_store(&format!("list-{fault}"), "store").source(&find);
        // What is not there holds nothing: no fault to be told.
        if fault != "404" {
            names.push(story.external_secret(list).await?);
        }
    }
    Ok(names)
}

/// Logins and generators that are answered badly.
async fn failing_stores(story: &Story, vault: &CanaryVault) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for fault in FAULTS {
        let mut auth = manifests::kubernetes_login(CLIENT);
        auth["kubernetes"]["mountPath"] = format!("fault-{fault}").into();
        let login = format!("login-{fault}");
        let provider = manifests::vault_v2(&vault.address, "secret", &auth);
        story.create(&secret_store(&login, &story.class, &provider)).await?;
        let object = ExternalSecret::from_store(&login, &login).extracts(&story.key("app"));
        names.push(story.external_secret(object).await?);
        let path = format!("fault-{fault}/creds/app");
        names.push(generating(story, vault, &format!("generated-{fault}"), &path).await?);
    }
    Ok(names)
}

/// Looks into every object of the namespace but the Secrets, the log (all of it) and the metrics.
async fn assert_shown_nowhere(story: &Story, controller: &Controller, secrets: &[String]) -> Result<()> {
    let mut places = Vec::new();
    for kind in [Kind::ExternalSecret, Kind::SecretStore, Kind::Event, Kind::SecretLease] {
        let objects = story.cluster.list(kind, &story.namespace, "").await?;
        ensure!(!objects.is_empty(), "there is no {}", kind.name());
        places.extend(objects.iter().map(|object| (format!("a {}", kind.name()), object.to_string())));
    }
    let log = soon("the log of a read", async || {
        let log = std::fs::read_to_string(&controller.log)?;
        ensure!(log.contains("read-503") && log.contains("generated-503"), "the log is about something else");
        Ok(log)
    })
    .await?;
    places.extend(log.lines().map(|line| ("the log".to_owned(), line.to_owned())));
    let metrics =
        http_client().get(format!("http://{}/metrics", controller.metrics)).send().await?.text().await?;
    ensure!(metrics.contains("externalsecret_provider_api_calls_count"), "these are no metrics of ours");
    places.push(("the metrics".to_owned(), metrics));
    for (place, text) in &places {
        let shown = secrets.iter().find(|secret| text.contains(secret.as_str()));
        assert!(shown.is_none(), "{place} shows {shown:?}: {text}");
    }
    Ok(())
}
