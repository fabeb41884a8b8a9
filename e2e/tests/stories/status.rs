//! What the status says beyond what upstream's says, and how often it is written.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    audit::ApiRequest,
    cluster::Kind,
    manifests::ExternalSecret,
    observed::{ready, refresh_time},
    story::Story,
    wait::{soon, until},
};

/// Refreshes that bring nothing new are all made, and only one in a minute is written down.
#[tokio::test]
async fn refreshes_that_bring_nothing_new_cost_few_writes() -> Result<()> {
    let story = Story::begin_alone_patient("quiet").await?;
    let controller = story.controller_with("first", &[]).await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let app = ExternalSecret::from_store("app", "store").every("1s").extracts(&story.key("app"));
    let begun = Instant::now();
    story.external_secret(app).await?;
    let first = refresh_time(&story.synced("app").await?);
    // It is posted beside the status, and may come after it.
    story.event("app", "Created").await?;

    let (api, vault) = (story.api_audit()?, story.vault_audit()?);
    soon("twenty refreshes", async || {
        let reads = reads(&story, &vault)?;
        ensure!(reads >= 20, "only {reads}");
        Ok(())
    })
    .await?;
    let requests = requests_about_app(&story, &controller.user, &api).await?;
    // On a busy machine they may take more than a minute.
    let minutes = begun.elapsed().as_secs() / 60;
    assert!(requests.len() as u64 <= minutes, "twenty refreshes in {:?} made {requests:?}", begun.elapsed());
    if minutes == 0 {
        assert_eq!(refresh_time(&story.get(Kind::ExternalSecret, "app").await?), first);
    }

    // What brings something new is written at once, and so is what was asked for.
    story.write("app", &json!({ "password": "two" })).await?;
    story.secret_with("app", &[("password", "two")]).await?;
    let second = moved(&story, &first).await?;
    let forced = json!({ "metadata": { "annotations": { "force-sync": "1" } } });
    tokio::time::sleep(Duration::from_secs(1)).await; // times are written in seconds
    story.patch(Kind::ExternalSecret, "app", &forced).await?;
    let third = moved(&story, &second).await?;
    until("the minute to pass", Duration::from_secs(75), async || {
        ensure!(refresh_time(&story.get(Kind::ExternalSecret, "app").await?) != third, "still {third}");
        Ok(())
    })
    .await?;
    drop(controller);
    story.end().await
}

/// `kubectl wait` after an edit waits for the edit, whatever becomes of it.
#[tokio::test]
async fn the_status_says_which_generation_it_speaks_of() -> Result<()> {
    let story = Story::begin("generation").await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    for (name, policy) in [("periodic", "Periodic"), ("once", "CreatedOnce")] {
        let mut manifest = ExternalSecret::from_store(name, "store").extracts(&story.key("app")).manifest();
        manifest["spec"]["refreshPolicy"] = policy.into();
        story.create(&manifest).await?;
        story.synced(name).await?;
        assert_eq!(generations(&story, name).await?, (1, 1));

        // An edit that fails, and for `once` one that is not heeded.
        let edit = json!({ "spec": { "dataFrom": [{ "extract": { "key": story.key("absent") } }] } });
        story.patch(Kind::ExternalSecret, name, &edit).await?;
        let wait = ["wait", "externalsecret", name, "-n", &story.namespace, "--timeout=120s"];
        let condition =
            if name == "once" { "--for=condition=Ready=true" } else { "--for=condition=Ready=false" };
        let (succeeded, _, complaint) = story.cluster.kubectl(&[&wait[..], &[condition]].concat()).await?;
        assert!(succeeded, "{complaint}");
        assert_eq!(generations(&story, name).await?, (2, 2));
    }
    story.end().await
}

/// Switched on, a second condition tells the last attempt; Ready stays while the data is fresh.
#[tokio::test]
async fn a_second_condition_tells_the_last_attempt_where_it_is_wanted() -> Result<()> {
    let story = Story::begin_alone_patient("second-condition").await?;
    let controller = story.controller_with("first", &["--enable-synced-condition"]).await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let app = ExternalSecret::from_store("app", "store").every("20s").extracts(&story.key("app"));
    story.external_secret(app).await?;
    story.synced("app").await?;
    let synced = condition(&story, "Synced").await?;
    assert_eq!((synced["status"].as_str(), synced["reason"].as_str()), (Some("True"), Some("Synced")));
    assert!(synced["message"].as_str().is_some_and(|text| text.starts_with("next refresh at 2")), "{synced}");

    story.vault.remove_v2("secret", &story.key("app")).await?;
    let (synced, ready_then) = soon("the failed refresh to be told", async || {
        let app = story.get(Kind::ExternalSecret, "app").await?;
        let synced = condition_of(&app, "Synced")?;
        ensure!(synced["status"] == "False", "{synced}");
        Ok((synced, ready(&app)?))
    })
    .await?;
    assert_eq!(synced["reason"], "RemoteKeyMissing");
    assert!(synced["message"].as_str().is_some_and(|text| text.contains("; next attempt by 2")), "{synced}");
    // The data is one refresh late at most.
    assert_eq!(ready_then.status, "True");
    story.failed(Kind::ExternalSecret, "app").await?;

    story.write("app", &json!({ "password": "two" })).await?;
    story.secret_with("app", &[("password", "two")]).await?;
    story.synced("app").await?;
    assert_eq!(condition(&story, "Synced").await?["status"], "True");
    drop(controller);

    // Switched off again, the condition goes with the next sync.
    let second = story.controller("second").await?;
    soon("the condition to go", async || {
        ensure!(condition(&story, "Synced").await.is_err(), "it is still there");
        Ok(())
    })
    .await?;
    drop(second);
    story.end().await
}

async fn moved(story: &Story, from: &str) -> Result<String> {
    soon("refreshTime to move", async || {
        let now = refresh_time(&story.get(Kind::ExternalSecret, "app").await?);
        ensure!(now != from, "it is still {now}");
        Ok(now)
    })
    .await
}

fn reads(story: &Story, vault: &strongroom_e2e::audit::AuditLog) -> Result<usize> {
    let requests = vault.vault_requests()?;
    let of_app = |path: &str| path.starts_with("secret/data/") && path.ends_with(&story.key("app"));
    Ok(requests.iter().filter(|request| request.operation == "read" && of_app(&request.path)).count())
}

async fn requests_about_app(
    story: &Story,
    user: &str,
    api: &strongroom_e2e::audit::AuditLog,
) -> Result<Vec<ApiRequest>> {
    let mut requests = api.api_requests(&story.cluster, &story.namespace).await?;
    requests.retain(|request| {
        request.user == user && request.namespace == story.namespace && request.name == "app"
    });
    Ok(requests)
}

async fn generations(story: &Story, name: &str) -> Result<(u64, u64)> {
    let object = story.get(Kind::ExternalSecret, name).await?;
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    Ok((number(&object["metadata"]["generation"]), number(&object["status"]["observedGeneration"])))
}

async fn condition(story: &Story, kind: &str) -> Result<Value> {
    condition_of(&story.get(Kind::ExternalSecret, "app").await?, kind)
}

fn condition_of(object: &Value, kind: &str) -> Result<Value> {
    let conditions = object["status"]["conditions"].as_array().context("no conditions")?;
    conditions.iter().find(|condition| condition["type"] == kind).cloned().context("no such condition")
}
