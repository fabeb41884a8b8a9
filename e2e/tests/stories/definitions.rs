//! Whatever CustomResourceDefinitions are installed, ours or upstream's: what they lack is left out, and all else works.

use anyhow::{Result, ensure};
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind, manifests::ExternalSecret, observed::ready, story::Story, testbed::Definitions, wait::soon,
};

#[tokio::test]
async fn a_status_has_what_the_installed_definitions_know_and_no_write_is_refused_twice() -> Result<()> {
    let story = Story::begin_alone("definitions").await?;
    let has_ours = story.testbed.definitions == Definitions::Ours;
    let flags = ["--enable-synced-condition", "--status-time-interval=1ms"];
    let controller = story.controller_with("only", &flags).await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let api = story.api_audit()?;
    for name in ["first", "second"] {
        story
            .external_secret(
                ExternalSecret::from_store(name, "store").every("1s").extracts(&story.key("app")),
            )
            .await?;
        story.synced(name).await?;
    }
    story.refreshed("second", 2).await?;
    let object = story.get(Kind::ExternalSecret, "second").await?;
    let conditions = object["status"]["conditions"].as_array().map_or(0, Vec::len);
    assert_eq!(conditions, if has_ours { 2 } else { 1 }, "{object:#}");
    assert_eq!(object["status"]["observedGeneration"].is_u64(), has_ours, "{object:#}");
    let requests = api.api_requests(&story.cluster, &story.namespace).await?;
    let refused = requests.iter().filter(|request| {
        request.user == controller.user
            && request.namespace == story.namespace
            && request.resource == "externalsecrets/status"
            && request.code == 422
    });
    // None, if the controller has learnt it from an object of another story.
    assert!(refused.count() <= usize::from(!has_ours), "a refused condition is not tried again");

    // Failure and repair are told as ever.
    story.vault.remove_v2("secret", &story.key("app")).await?;
    soon("the failure", async || {
        let condition = ready(&story.get(Kind::ExternalSecret, "first").await?)?;
        ensure!(condition.status == "False" && condition.reason == "SecretSyncedError", "{condition:?}");
        Ok(())
    })
    .await?;
    story.write("app", &json!({ "password": "two" })).await?;
    for name in ["first", "second"] {
        story.secret_with(name, &[("password", "two")]).await?;
    }
    // A kind of ours that is not installed is no flood of warnings.
    let log = std::fs::read_to_string(&controller.log)?;
    let told = log.lines().filter(|line| line.contains("\"a watch was interrupted\"")).count();
    assert!(told <= 6, "{told} warnings");
    drop(controller);
    story.end().await
}
