//! A thousand ExternalSecrets: what they cost the API server and Vault, counted in their audit logs.

use std::{collections::BTreeMap, io::Write, time::Duration};

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use strongroom_e2e::{
    audit::{ApiRequest, VaultRequest},
    cluster::Kind,
    controller::Controller,
    expected,
    manifests::{self, ExternalSecret},
    observed::{self, ready},
    story::Story,
    wait::until,
};

const NAMESPACES: usize = 20;
const OBJECTS: usize = 1000;
const PARALLEL: usize = 16;
const LONG: Duration = Duration::from_mins(10);
const BATCH: &str = "e2e.strongroom.dev/batch";

const MOST_LOGINS: usize = 2;
const MOST_WRITES_PER_OBJECT: usize = 3;

#[tokio::test]
async fn a_thousand_objects_cost_one_read_each_and_nothing_while_nothing_changes() -> Result<()> {
    let story = Story::begin_crowd("scale").await?;
    prepare(&story).await?;
    let logins_since_start = story.vault_audit()?;
    let controller = story.controller("only").await?;
    story.store_ready(Kind::ClusterSecretStore, &story.namespace).await?;
    let (api, vault) = (story.api_audit()?, story.vault_audit()?);

    create_objects(&story).await?;
    wait_all_synced(&story).await?;
    let first_writes =
        writes_per_object(&story, &controller, &api.api_requests(&story.cluster, &story.namespace).await?);
    let first_reads = reads_per_path(&story, &vault.vault_requests()?);
    let resident_after_first = controller.resident_kib()?;

    let (api, vault) = (story.api_audit()?, story.vault_audit()?);
    let before = secret_versions(&story).await?;
    refresh_all(&story).await?;
    wait_all_synced(&story).await?;
    let requests = api.api_requests(&story.cluster, &story.namespace).await?;
    let second_writes = writes_per_object(&story, &controller, &requests);
    let second_reads = reads_per_path(&story, &vault.vault_requests()?);
    let logins = logins(&story, &logins_since_start.vault_requests()?);

    writeln!(
        std::io::stderr(),
        "{OBJECTS} objects: first sync {} writes, {} reads, {} KiB resident; refresh {} writes, {} reads, {} KiB resident; \
         {logins} logins",
        first_writes.values().sum::<usize>(),
        first_reads.values().sum::<usize>(),
        resident_after_first,
        second_writes.values().sum::<usize>(),
        second_reads.values().sum::<usize>(),
        controller.resident_kib()?,
    )?;

    assert!((1..=MOST_LOGINS).contains(&logins), "{logins} logins");
    for (what, reads) in [("first sync", &first_reads), ("refresh", &second_reads)] {
        assert_eq!(reads.len(), OBJECTS, "{what}: every path is read");
        let repeated: Vec<_> = reads.iter().filter(|(_, count)| **count > 1).collect();
        assert!(repeated.is_empty(), "{what}: read more than once: {repeated:?}");
    }
    assert_eq!(first_writes.len(), OBJECTS, "every object is written about");
    let costly: Vec<_> = first_writes.iter().filter(|(_, count)| **count > MOST_WRITES_PER_OBJECT).collect();
    assert!(costly.is_empty(), "too many writes: {costly:?}");
    let rewritten: Vec<_> = requests
        .iter()
        .filter(|request| {
            request.user == controller.user && request.writes() && request.resource == "secrets"
        })
        .collect();
    assert!(rewritten.is_empty(), "Secrets were written though nothing changed: {rewritten:?}");
    assert_eq!(secret_versions(&story).await?, before);
    drop(controller);
    story.end().await
}

fn namespace_of(story: &Story, number: usize) -> String {
    format!("{}-{}", story.namespace, number % NAMESPACES)
}

/// Values, namespaces, and the one store with its login.
async fn prepare(story: &Story) -> Result<()> {
    for number in 0..NAMESPACES {
        story.create_namespace(&namespace_of(story, number)).await?;
    }
    in_parallel(|number| async move {
        let fields =
            json!({ "user": format!("user-{number}"), "password": format!("p-{number}"), "host": "db" });
        story.write(&format!("app-{number}"), &fields).await
    })
    .await?;
    story.create(&manifests::service_account("vault-client")).await?;
    let auth = manifests::referring_to(manifests::kubernetes_login("vault-client"), &story.namespace);
    let provider = manifests::vault_v2(story.vault.address(), "secret", &auth);
    story.create(&manifests::cluster_secret_store(&story.namespace, &story.class, &provider)).await.map(drop)
}

async fn create_objects(story: &Story) -> Result<()> {
    in_parallel(|number| async move {
        let key = story.key(&format!("app-{number}"));
        let object = ExternalSecret::from_cluster_store(&format!("app-{number}"), &story.namespace)
            .labels(json!({ BATCH: story.namespace }))
            .takes("user", &key, "user")
            .takes("password", &key, "password")
            .takes("host", &key, "host");
        story.cluster.create(&namespace_of(story, number), &object.manifest()).await.map(drop)
    })
    .await
}

/// Makes every object due without changing what is copied to its Secret.
async fn refresh_all(story: &Story) -> Result<()> {
    let change = &json!({ "spec": { "refreshInterval": "2h" } });
    in_parallel(|number| async move {
        let (namespace, name) = (namespace_of(story, number), format!("app-{number}"));
        story.cluster.patch(Kind::ExternalSecret, &namespace, &name, change).await.map(drop)
    })
    .await
}

async fn in_parallel<F: Future<Output = Result<()>>>(job: impl Fn(usize) -> F) -> Result<()> {
    stream::iter((0..OBJECTS).map(job)).buffer_unordered(PARALLEL).try_collect().await
}

async fn wait_all_synced(story: &Story) -> Result<()> {
    let is_synced = |object: &Value| {
        ready(object).is_ok_and(|condition| condition.status == "True")
            && object["status"]["syncedResourceVersion"] == expected::synced_resource_version(object)
    };
    until("all objects to be synced", LONG, async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let objects = story.cluster.list(Kind::ExternalSecret, "", &selector(story)).await?;
        let synced = objects.iter().filter(|object| is_synced(object)).count();
        ensure!(synced == OBJECTS, "{synced} of {OBJECTS} are");
        Ok(())
    })
    .await
}

async fn secret_versions(story: &Story) -> Result<BTreeMap<String, String>> {
    let secrets = story.cluster.list(Kind::Secret, "", &selector(story)).await?;
    assert_eq!(secrets.len(), OBJECTS);
    Ok(secrets
        .iter()
        .map(|secret| (secret["metadata"]["name"].to_string(), observed::resource_version(secret)))
        .collect())
}

/// The label is on the ExternalSecrets and, copied, on their Secrets.
fn selector(story: &Story) -> String {
    format!("{BATCH}={}", story.namespace)
}

/// How often the controller wrote an object, its Secret or an event about it.
fn writes_per_object(
    story: &Story,
    controller: &Controller,
    requests: &[ApiRequest],
) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        let ours = request.user == controller.user
            && request.namespace.starts_with(&format!("{}-", story.namespace));
        if ours && request.writes() {
            let object = request.name.split('.').next().unwrap_or_default();
            *counts.entry(format!("{}/{object}", request.namespace)).or_default() += 1;
        }
    }
    counts
}

fn reads_per_path(story: &Story, requests: &[VaultRequest]) -> BTreeMap<String, usize> {
    let prefix = format!("secret/data/{}", story.key("app-"));
    let mut counts = BTreeMap::new();
    for request in
        requests.iter().filter(|request| request.operation == "read" && request.path.starts_with(&prefix))
    {
        *counts.entry(request.path.clone()).or_default() += 1;
    }
    counts
}

fn logins(story: &Story, requests: &[VaultRequest]) -> usize {
    let is_login = |request: &&VaultRequest| {
        request.path == "auth/kubernetes/login" && request.display_name.contains(&story.namespace)
    };
    requests.iter().filter(is_login).count()
}
