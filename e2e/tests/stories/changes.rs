//! What changes in a store arrives without waiting for the interval: asked for, found by a look, or told by the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::Certificate;
use serde_json::{Value, json};
use strongroom_e2e::{
    audit::AuditLog,
    cluster::Kind,
    controller::Controller,
    manifests::{self, ExternalSecret},
    observed,
    process::free_port,
    story::{STORE, Story, TOKEN_SECRET},
    telling_vault::TellingVault,
    wait::{soon, until},
};

const SWEEP: &str = "strongroom.dev/change-sweep-interval";
const EVENTS: &str = "strongroom.dev/change-events";

/// How often the values of the story's entries were read, by path.
fn reads(story: &Story, audit: &AuditLog) -> Result<BTreeMap<String, usize>> {
    let prefix = format!("secret/data/{}", story.key(""));
    let mut counts = BTreeMap::new();
    for request in audit.vault_requests()? {
        if request.operation == "read"
            && let Some(key) = request.path.strip_prefix(&prefix)
        {
            *counts.entry(key.to_owned()).or_default() += 1;
        }
    }
    Ok(counts)
}

fn once<const N: usize>(keys: [&str; N]) -> BTreeMap<String, usize> {
    keys.into_iter().map(|key| (key.to_owned(), 1)).collect()
}

/// The store [`STORE`] of the story, at `server`, with these annotations.
async fn annotated_store(story: &Story, server: &str, annotations: &Value) -> Result<()> {
    story.create(&manifests::secret(TOKEN_SECRET, "token", story.vault.token())).await?;
    let provider = manifests::vault_v2(server, "secret", &manifests::token_login(TOKEN_SECRET));
    let mut manifest = manifests::secret_store(STORE, &story.class, &provider);
    manifest["metadata"]["annotations"] = annotations.clone();
    story.create(&manifest).await?;
    story.store_ready(Kind::SecretStore, STORE).await.map(drop)
}

async fn object(story: &Story, name: &str, leaf: &str) -> Result<()> {
    let labels = json!({ "app": name });
    let object = ExternalSecret::from_store(name, STORE).extracts(&story.key(leaf)).labels(labels);
    story.external_secret(object).await.map(drop)
}

/// The refresh endpoint of a controller, as a pipeline sees it.
struct Endpoint {
    url: String,
    http: reqwest::Client,
}

impl Endpoint {
    /// A controller with a refresh endpoint behind TLS.
    async fn start(story: &Story) -> Result<(Controller, Self)> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
        let file = |name: &str| story.testbed.run_dir.join(format!("{}-{name}", story.namespace));
        let (certificate, key) = (file("refresh.crt"), file("refresh.key"));
        std::fs::write(&certificate, cert.pem())?;
        std::fs::write(&key, signing_key.serialize_pem())?;
        let port = free_port()?;
        let flags = [
            format!("--refresh-api-addr=127.0.0.1:{port}"),
            format!("--refresh-api-cert-file={}", certificate.display()),
            format!("--refresh-api-key-file={}", key.display()),
        ];
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let controller = story.controller_with("only", &flags).await?;
        let root = Certificate::from_pem(cert.pem().as_bytes())?;
        #[expect(
            clippy::disallowed_methods,
            reason = "a pipeline talks to the endpoint; the ban is for the controller"
        )]
        let http = reqwest::Client::builder().tls_certs_only([root]).build()?;
        Ok((controller, Self { url: format!("https://localhost:{port}/v1/refresh"), http }))
    }

    async fn post(&self, token: &str, body: &Value) -> Result<(u16, Value)> {
        let request = self.http.post(&self.url).bearer_auth(token).body(body.to_string());
        let response = request.send().await?;
        let status = response.status().as_u16();
        Ok((status, serde_json::from_str(&response.text().await?)?))
    }
}

/// A token of a ServiceAccount of the story, meant for `audience`.
async fn token(story: &Story, account: &str, audience: Option<&str>) -> Result<String> {
    let audience = audience.map(|audience| format!("--audience={audience}"));
    let mut arguments = vec!["create", "token", account, "--namespace", &story.namespace];
    arguments.extend(audience.as_deref());
    let (good, token, said) = story.cluster.kubectl(&arguments).await?;
    ensure!(good, "{said}");
    Ok(token.trim().to_owned())
}

/// Two ServiceAccounts: `pipeline` may update ExternalSecrets in the story's namespace, `stranger` may nothing.
async fn accounts(story: &Story) -> Result<()> {
    for name in ["pipeline", "stranger"] {
        story.create(&manifests::service_account(name)).await?;
    }
    let group = "rbac.authorization.k8s.io";
    story
        .create(&json!({
            "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": { "name": "refresh" },
            "rules": [{ "apiGroups": ["external-secrets.io"], "resources": ["externalsecrets"], "verbs": ["update"] }],
        }))
        .await?;
    story
        .create(&json!({
            "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": { "name": "refresh" },
            "roleRef": { "apiGroup": group, "kind": "Role", "name": "refresh" },
            "subjects": [{ "kind": "ServiceAccount", "name": "pipeline", "namespace": story.namespace }],
        }))
        .await
        .map(drop)
}

#[tokio::test]
async fn a_pipeline_that_may_refreshes_what_draws_from_a_path_and_nobody_else_can() -> Result<()> {
    let story = Story::begin_alone("refresh-api").await?;
    let (controller, endpoint) = Endpoint::start(&story).await?;
    accounts(&story).await?;
    story.token_store().await?;
    for leaf in ["app", "other"] {
        story.write(leaf, &json!({ "password": "one" })).await?;
    }
    for (name, leaf) in [("a", "app"), ("b", "app"), ("c", "other")] {
        object(&story, name, leaf).await?;
        story.secret_with(name, &[("password", "one")]).await?;
    }
    let before = story.get(Kind::ExternalSecret, "a").await?;
    for leaf in ["app", "other"] {
        story.write(leaf, &json!({ "password": "two" })).await?;
    }
    let (vault, pipeline) = (story.vault_audit()?, token(&story, "pipeline", Some("strongroom")).await?);
    let body = json!({
        "store": { "kind": "SecretStore", "name": STORE, "namespace": story.namespace },
        "keys": [format!("secret/data/{}", story.key("app"))],
    });
    let stranger = token(&story, "stranger", Some("strongroom")).await?;
    let not_ours = token(&story, "pipeline", None).await?;
    for (token, status, said) in [
        (&stranger, 403, "may not update"),
        (&not_ours, 401, "not valid"),
        (&"x.y.z".to_owned(), 401, "not valid"),
    ] {
        let (found, answer) = endpoint.post(token, &body).await?;
        assert_eq!(found, status, "{answer}");
        assert!(answer["error"].as_str().unwrap_or_default().contains(said), "{answer}");
    }
    assert!(reads(&story, &vault)?.is_empty(), "who may not makes nobody read");

    assert_eq!(endpoint.post(&pipeline, &body).await?, (202, json!({ "matched": 2 })));
    for name in ["a", "b"] {
        story.secret_with(name, &[("password", "two")]).await?;
    }
    assert_eq!(reads(&story, &vault)?, once(["app"]), "one read for both, and none of the other path");
    story.secret_with("c", &[("password", "one")]).await?;
    let after = story.get(Kind::ExternalSecret, "a").await?;
    for field in ["annotations", "labels", "generation"] {
        assert_eq!(before["metadata"][field], after["metadata"][field], "nothing is written but the status");
    }

    let labels = json!({ "namespaces": [story.namespace], "selector": { "matchLabels": { "app": "c" } } });
    assert_eq!(endpoint.post(&pipeline, &labels).await?, (202, json!({ "matched": 1 })));
    story.secret_with("c", &[("password", "two")]).await?;
    // The right is that of the namespace: a store of the whole cluster takes another one.
    let cluster = json!({ "store": { "kind": "ClusterSecretStore", "name": "any" } });
    let (status, answer) = endpoint.post(&pipeline, &cluster).await?;
    assert_eq!(status, 403, "{answer}");
    assert!(answer["error"].as_str().unwrap_or_default().contains("refresh clustersecretstores"), "{answer}");
    drop(controller);
    story.end().await
}

#[tokio::test]
async fn a_changed_entry_is_found_by_its_metadata_and_read_once_also_after_a_restart() -> Result<()> {
    let story = Story::begin_alone("change-sweep").await?;
    let controller = story.controller("only").await?;
    annotated_store(&story, story.vault.address(), &json!({ SWEEP: "1s" })).await?;
    for leaf in ["app", "other", "still"] {
        story.write(leaf, &json!({ "password": "one" })).await?;
    }
    for (name, leaf) in [("a", "app"), ("b", "app"), ("c", "other")] {
        object(&story, name, leaf).await?;
        story.secret_with(name, &[("password", "one")]).await?;
    }
    calm(&story, 2).await?;
    let vault = story.vault_audit()?;
    story.write("app", &json!({ "password": "two" })).await?;
    for name in ["a", "b"] {
        story.secret_with(name, &[("password", "two")]).await?;
    }
    calm(&story, 2).await?;
    assert_eq!(reads(&story, &vault)?, once(["app"]), "one change, one read");

    // What changes while nobody looks is found afterwards, too.
    object(&story, "d", "still").await?;
    story.secret_with("d", &[("password", "one")]).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    controller.kill()?;
    let vault = story.vault_audit()?;
    story.write("other", &json!({ "password": "three" })).await?;
    let controller = story.controller("only").await?;
    story.secret_with("c", &[("password", "three")]).await?;
    calm(&story, 3).await?;
    let read = reads(&story, &vault)?;
    assert_eq!(
        (read.get("other"), read.get("still")),
        (Some(&1), None),
        "what did not change is not read: {read:?}"
    );
    drop(controller);
    story.end().await
}

/// Waits until `entries` entries have been looked at twice more, and what that found has been read.
async fn calm(story: &Story, entries: usize) -> Result<()> {
    for _ in 0..2 {
        looked_at(story, &story.vault_audit()?, entries).await?;
    }
    quiet(story).await
}

/// Waits until the metadata of so many entries have been read since `audit` began.
async fn looked_at(story: &Story, audit: &AuditLog, entries: usize) -> Result<()> {
    let prefix = format!("secret/metadata/{}", story.key(""));
    soon("the entries to be looked at", async || {
        let seen = audit.vault_requests()?;
        let seen: BTreeSet<_> = seen
            .iter()
            .filter(|request| request.operation == "read" && request.path.starts_with(&prefix))
            .map(|request| &request.path)
            .collect();
        ensure!(seen.len() >= entries, "{} of {entries} were", seen.len());
        Ok(())
    })
    .await
}

/// Waits until no value is read for a while.
async fn quiet(story: &Story) -> Result<()> {
    soon("the reads to end", async || {
        let audit = story.vault_audit()?;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let read = reads(story, &audit)?;
        ensure!(read.is_empty(), "{read:?} were read");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_vault_tells_arrives_at_once_and_what_it_told_nobody_is_found_when_somebody_listens_again()
-> Result<()> {
    let story = Story::begin_alone("change-events").await?;
    let door = TellingVault::before(story.vault.address(), story.vault.token()).await?;
    let controller = story.controller("only").await?;
    annotated_store(&story, &door.address, &json!({ EVENTS: "true" })).await?;
    // Whoever begins to listen looks at what is there: an entry as young as its Secret is read again.
    listened(&door, 1).await?;
    for leaf in ["app", "other"] {
        story.write(leaf, &json!({ "password": "one" })).await?;
        object(&story, leaf, leaf).await?;
        story.secret_with(leaf, &[("password", "one")]).await?;
    }
    quiet(&story).await?;
    let vault = story.vault_audit()?;
    story.write("app", &json!({ "password": "two" })).await?;
    door.tell_written(&story.key("app"));
    story.secret_with("app", &[("password", "two")]).await?;
    assert_eq!(reads(&story, &vault)?, once(["app"]));

    door.refuse(true);
    listened(&door, 0).await?;
    let vault = story.vault_audit()?;
    story.write("other", &json!({ "password": "three" })).await?;
    door.tell_written(&story.key("other"));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(reads(&story, &vault)?.is_empty(), "nobody knows of it");
    door.refuse(false);
    story.secret_with("other", &[("password", "three")]).await?;
    listened(&door, 1).await?;
    assert_eq!(reads(&story, &vault)?, once(["other"]));
    drop(controller);
    story.end().await
}

/// Waits until so many listen.
async fn listened(door: &TellingVault, listeners: usize) -> Result<()> {
    soon(&format!("{listeners} to listen"), async || {
        ensure!(door.listeners() == listeners, "{} do", door.listeners());
        Ok(())
    })
    .await
}

const OBJECTS: usize = 1000;
const PATHS: usize = 200;
const CHANGES: usize = 20;
const PARALLEL: usize = 16;
const BATCH: &str = "e2e.strongroom.dev/batch";

#[tokio::test]
async fn of_a_thousand_objects_those_whose_paths_change_follow_with_one_read_a_change() -> Result<()> {
    let story = Story::begin_crowd("change-crowd").await?;
    let door = TellingVault::before(story.vault.address(), story.vault.token()).await?;
    let controller = story.controller_with("only", &["--change-sweep-rate=1000"]).await?;
    in_parallel(PATHS, |path| write_generation(&story, path, 0)).await?;
    annotated_store(&story, story.vault.address(), &json!({ SWEEP: "1s" })).await?;
    in_parallel(OBJECTS, |number| crowd_member(&story, number)).await?;
    measured(&story, 0, 0..0, None).await?;
    // Objects that were synced in the moment in which their entry was written are read again at the first look.
    calm(&story, PATHS).await?;

    let looked = measured(&story, 1, 0..CHANGES, None).await?;
    let settings = json!({ "spec": { "provider": { "vault": { "server": door.address } } },
        "metadata": { "annotations": { SWEEP: "0s", EVENTS: "true" } } });
    let vault = story.vault_audit()?;
    story.patch(Kind::SecretStore, STORE, &settings).await?;
    listened(&door, 1).await?;
    looked_at(&story, &vault, PATHS).await?;
    quiet(&story).await?;
    let told = measured(&story, 2, CHANGES..2 * CHANGES, Some(&door)).await?;
    writeln!(
        std::io::stderr(),
        "{OBJECTS} objects of {PATHS} paths, {CHANGES} changed: change to Secret p50, p99 and slowest {looked:?} by \
         looks every second, {told:?} by events"
    )?;
    drop(controller);
    story.end().await
}

async fn in_parallel<F: Future<Output = Result<()>>>(count: usize, job: impl Fn(usize) -> F) -> Result<()> {
    stream::iter((0..count).map(job)).buffer_unordered(PARALLEL).try_collect().await
}

async fn write_generation(story: &Story, path: usize, generation: usize) -> Result<()> {
    story.write(&format!("path-{path}"), &json!({ "generation": generation.to_string() })).await
}

async fn crowd_member(story: &Story, number: usize) -> Result<()> {
    let path = number % PATHS;
    let object = ExternalSecret::from_store(&format!("app-{number}"), STORE)
        .labels(json!({ BATCH: story.namespace, "path": path.to_string() }))
        .extracts(&story.key(&format!("path-{path}")));
    story.external_secret(object).await.map(drop)
}

/// Writes `generation` to `paths`, waits until every Secret of theirs has it, and asserts that each of these paths was
/// read once and no other one. Gives the time from a write to its Secrets: half of them, 99 of 100, all of them.
async fn measured(
    story: &Story,
    generation: usize,
    paths: std::ops::Range<usize>,
    door: Option<&TellingVault>,
) -> Result<[Duration; 3]> {
    let vault = story.vault_audit()?;
    let mut written = BTreeMap::new();
    for path in paths.clone() {
        write_generation(story, path, generation).await?;
        written.insert(path.to_string(), Instant::now());
        if let Some(door) = door {
            door.tell_written(&story.key(&format!("path-{path}")));
        }
    }
    let mut arrived: BTreeMap<String, Duration> = BTreeMap::new();
    // Only those that are waited for: the API server has enough to do.
    let watched = if paths.is_empty() { 0..PATHS } else { paths.clone() };
    let in_paths = watched.clone().map(|path| path.to_string()).collect::<Vec<_>>().join(",");
    let selector = format!("{BATCH}={},path in ({in_paths})", story.namespace);
    let (generation, wanted) = (generation.to_string(), paths.len() * (OBJECTS / PATHS));
    let there = watched.len() * (OBJECTS / PATHS);
    until("the Secrets to follow", Duration::from_mins(10), async || {
        let secrets = story.cluster.list(Kind::Secret, &story.namespace, &selector).await?;
        let now = Instant::now();
        for secret in &secrets {
            let name = secret["metadata"]["name"].as_str().unwrap_or_default();
            let path = secret["metadata"]["labels"]["path"].as_str().context("a Secret without its label")?;
            let Some(since) = written.get(path) else { continue };
            if observed::text_data(secret)?.get("generation") == Some(&generation) {
                arrived.entry(name.to_owned()).or_insert(now - *since);
            }
        }
        ensure!(secrets.len() == there, "{} of {there} Secrets are there", secrets.len());
        ensure!(arrived.len() == wanted, "{} of {wanted} have", arrived.len());
        Ok(())
    })
    .await?;
    if wanted > 0 {
        // Time for a read too many.
        tokio::time::sleep(Duration::from_secs(4)).await;
        let due: BTreeMap<_, _> = paths.map(|path| (format!("path-{path}"), 1)).collect();
        assert_eq!(reads(story, &vault)?, due, "one read for each changed path");
    }
    let mut times: Vec<_> = arrived.into_values().collect();
    times.sort();
    let share = |percent: usize| {
        times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
    };
    Ok([share(50), share(99), share(100)])
}
