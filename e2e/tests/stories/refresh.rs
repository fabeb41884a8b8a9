//! A changed value arrives within the interval, and nothing is written when nothing changed.

use anyhow::Result;
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind,
    manifests::ExternalSecret,
    observed::{occurrences, ready, resource_version},
    story::Story,
};

#[tokio::test]
async fn a_changed_value_arrives_within_the_interval_and_is_written_once() -> Result<()> {
    let story = Story::begin("changed-value").await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let app = ExternalSecret::from_store("app", "store").every("1s").extracts(&story.key("app"));
    story.external_secret(app).await?;
    let first = story.secret_with("app", &[("password", "one")]).await?;

    story.write("app", &json!({ "password": "two" })).await?;
    let second = story.secret_with("app", &[("password", "two")]).await?;
    assert_eq!(second["metadata"]["uid"], first["metadata"]["uid"]);
    let updated = story.event("app", "Updated").await?;
    assert_eq!((updated.class.as_str(), updated.message.as_str()), ("Normal", "secret updated"));
    assert_eq!(updated.component, "external-secrets");

    story.refreshed("app", 3).await?;
    let events = story.events(Kind::ExternalSecret, "app").await?;
    assert_eq!((occurrences(&events, "Created"), occurrences(&events, "Updated")), (1, 1), "{events:?}");
    story.end().await
}

#[tokio::test]
async fn nothing_is_written_when_nothing_changed() -> Result<()> {
    let story = Story::begin("unchanged-value").await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    let app = ExternalSecret::from_store("app", "store").every("1s").extracts(&story.key("app"));
    story.external_secret(app).await?;
    let since = ready(&story.synced("app").await?)?.since;
    let before = story.get(Kind::Secret, "app").await?;
    // It is posted beside the status, and may come after it.
    story.event("app", "Created").await?;
    let api = story.api_audit()?;

    story.refreshed("app", 4).await?;
    let after = story.get(Kind::Secret, "app").await?;
    assert_eq!(resource_version(&after), resource_version(&before));
    let user = story.shared_controller_user()?;
    let requests = api.api_requests(&story.cluster, &story.namespace).await?;
    let ours = requests.iter().filter(|request| request.user == user && request.namespace == story.namespace);
    let writes: Vec<_> =
        ours.filter(|request| request.writes() && request.resource != "externalsecrets/status").collect();
    assert!(writes.is_empty(), "{writes:?}");
    let now = ready(&story.get(Kind::ExternalSecret, "app").await?)?.since;
    assert_eq!(now, since, "lastTransitionTime moves only when the status flips");
    story.end().await
}

#[tokio::test]
async fn a_changed_spec_is_synced_at_once() -> Result<()> {
    let story = Story::begin("changed-spec").await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin", "password": "one" })).await?;
    story
        .external_secret(ExternalSecret::from_store("app", "store").takes("a", &story.key("app"), "user"))
        .await?;
    story.secret_with("app", &[("a", "admin")]).await?;
    let data =
        json!([{ "secretKey": "b", "remoteRef": { "key": story.key("app"), "property": "password" } }]);
    story.patch(Kind::ExternalSecret, "app", &json!({ "spec": { "data": data } })).await?;
    story.secret_with("app", &[("b", "one")]).await?;
    story.end().await
}
