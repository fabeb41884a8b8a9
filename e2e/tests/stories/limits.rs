//! What the cluster itself refuses: Secrets that are too big, objects in namespaces that are going.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind,
    manifests::ExternalSecret,
    observed::{occurrences, resource_version},
    story::Story,
    wait::{soon, until},
};

const OBJECTS: usize = 20;
/// A Secret's repair, a status and an event may cross with the deletion, once for each object and for the store.
const MOST_WRITES: usize = 3 * (OBJECTS + 1);

#[tokio::test]
async fn a_secret_over_one_mebibyte_is_refused_and_the_old_one_stays() -> Result<()> {
    let story = Story::begin("too-big").await?;
    story.token_store().await?;
    story.write("a", &json!({ "a": "small" })).await?;
    story.write("b", &json!({ "b": "small" })).await?;
    let app = ExternalSecret::from_store("app", "store").extracts(&story.key("a")).extracts(&story.key("b"));
    story.external_secret(app).await?;
    let before = story.secret_with("app", &[("a", "small"), ("b", "small")]).await?;

    let big = "grown-".repeat(100_000);
    story.write("a", &json!({ "a": big })).await?;
    story.write("b", &json!({ "b": big })).await?;
    story.patch(Kind::ExternalSecret, "app", &json!({ "spec": { "refreshInterval": "2h" } })).await?;
    let condition = story.failed(Kind::ExternalSecret, "app").await?;
    assert_eq!(condition.reason, "SecretSyncedError");
    assert!(condition.message.starts_with("could not update secret"), "{}", condition.message);
    let event = story.event("app", "UpdateFailed").await?;
    for text in [&condition.message, &event.message] {
        assert!(!text.contains("grown-grown-"), "the value is shown");
    }
    let after = story.get(Kind::Secret, "app").await?;
    assert_eq!(resource_version(&after), resource_version(&before));
    story.end().await
}

#[tokio::test]
async fn a_namespace_that_is_going_causes_no_storm() -> Result<()> {
    let story = Story::begin_patient("going").await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    for number in 0..OBJECTS {
        let object =
            ExternalSecret::from_store(&format!("app-{number}"), "store").extracts(&story.key("app"));
        story.external_secret(object).await?;
    }
    for number in 0..OBJECTS {
        story.synced(&format!("app-{number}")).await?;
    }
    let held = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "held", "finalizers": ["e2e.strongroom.dev/held"] },
    });
    story.create(&held).await?;

    let watcher = Story::begin_patient("going-watcher").await?;
    let api = story.api_audit()?;
    story.cluster.delete(Kind::Namespace, "", &story.namespace).await?;
    // kube-controller-manager empties namespaces one kind after the other, and those of other stories with it.
    until("the namespace to be empty", Duration::from_mins(5), async || {
        for kind in [Kind::ExternalSecret, Kind::Secret, Kind::SecretStore] {
            let left = story.cluster.list(kind, &story.namespace, "").await?.len();
            ensure!(left == 0, "{left} of kind {} are left", kind.name());
        }
        Ok(())
    })
    .await?;
    // Another object's refreshes show that the controller has had time to do harm.
    watcher.token_store().await?;
    watcher.write("app", &json!({ "password": "one" })).await?;
    let witness = ExternalSecret::from_store("witness", "store").every("1s").extracts(&watcher.key("app"));
    watcher.external_secret(witness).await?;
    watcher.synced("witness").await?;
    watcher.refreshed("witness", 3).await?;
    assert_eq!(occurrences(&watcher.events(Kind::ExternalSecret, "witness").await?, "UpdateFailed"), 0);

    let user = story.shared_controller_user()?;
    let requests = api.api_requests_about(&story.namespace, &watcher.cluster, &watcher.namespace).await?;
    let writes: Vec<_> = requests
        .iter()
        .filter(|request| request.user == user && request.namespace == story.namespace && request.writes())
        .collect();
    assert!(writes.len() <= MOST_WRITES, "{} writes: {writes:?}", writes.len());

    story.patch(Kind::ConfigMap, "held", &json!({ "metadata": { "finalizers": null } })).await?;
    soon("the namespace to be gone", async || {
        let found = story.cluster.find(Kind::Namespace, "", &story.namespace).await?;
        ensure!(found.is_none(), "it is still there");
        Ok(())
    })
    .await?;
    watcher.end().await?;
    story.end().await
}
