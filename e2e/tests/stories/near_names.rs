//! A name that does not exist is told together with those that resemble it, and the store is asked for them once.

use anyhow::Result;
use serde_json::json;
use strongroom_e2e::{
    audit::VaultRequest, cluster::Kind, manifests::ExternalSecret, observed::ready, story::Story,
};

use crate::exact::{FETCH_FAILED, assert_never_shown};

const CANARY: &str = "canary-57c0de";

#[tokio::test]
async fn names_that_resemble_a_missing_one_are_suggested_and_listed_once() -> Result<()> {
    let story = Story::begin("near-names").await?;
    story.token_store().await?;
    for leaf in ["database", "deep/database", "queue"] {
        story.write(leaf, &json!({ "password": CANARY, "login": { "user": CANARY } })).await?;
    }
    let vault = story.vault_audit()?;
    let (wrong, right) = (story.key("databse"), story.key("database"));
    let suggestion = |name: &str| format!("; did you mean {name:?}?");
    for (name, key, property, meant) in [
        ("path", wrong.as_str(), "password", right.as_str()),
        ("property", right.as_str(), "pasword", "password"),
        ("inner-property", right.as_str(), "login.usr", "login.user"),
    ] {
        story.external_secret(ExternalSecret::from_store(name, "store").takes("v", key, property)).await?;
        let message = story.failed(Kind::ExternalSecret, name).await?.message;
        assert!(message.starts_with(FETCH_FAILED) && message.ends_with(&suggestion(meant)), "{message}");
        let event = story.event(name, "UpdateFailed").await?.message;
        assert!(event.ends_with(&suggestion(meant)), "{event}");
    }
    // Two more attempts, and the same words.
    let before = ready(&story.get(Kind::ExternalSecret, "path").await?)?;
    for attempt in ["1", "2"] {
        let annotation = json!({ "metadata": { "annotations": { "force-sync": attempt } } });
        let reads = vault.vault_requests()?.len();
        story.patch(Kind::ExternalSecret, "path", &annotation).await?;
        strongroom_e2e::wait::soon("another attempt", async || {
            anyhow::ensure!(vault.vault_requests()?.len() > reads, "Vault was not asked");
            Ok(())
        })
        .await?;
    }
    assert_eq!(ready(&story.get(Kind::ExternalSecret, "path").await?)?, before);
    let lists = vault.vault_requests()?;
    let listed = |folder: &str| {
        let is_list = |request: &&VaultRequest| {
            request.operation == "list" && request.path.trim_end_matches('/') == folder
        };
        lists.iter().filter(is_list).count()
    };
    // Another story that misses a name at the top has the whole engine listed.
    let by_others = listed("secret/metadata");
    let folder = format!("secret/metadata/{}", story.namespace);
    assert!((1..=1 + by_others).contains(&listed(&folder)), "{lists:?}");
    assert_never_shown(&story, CANARY).await?;

    story
        .patch(
            Kind::ExternalSecret,
            "path",
            &json!({ "spec": { "data": [
        { "secretKey": "v", "remoteRef": { "key": right, "property": "password" } }
    ] } }),
        )
        .await?;
    story.secret_with("path", &[("v", CANARY)]).await?;
    story.end().await
}
