//! A folder of Vault as one Secret: a key for each value, or one file; and what two values at one place lead to.

use anyhow::Result;
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind,
    observed::text_data,
    wait::{soon, until},
};

use crate::engines::Engines;

const POLICY: &str = r#"
path "secret/data/*" { capabilities = ["read"] }
path "secret/metadata/*" { capabilities = ["read", "list"] }
"#;

#[tokio::test]
async fn a_folder_becomes_one_key_for_each_value_and_follows_what_is_in_it() -> Result<()> {
    let engines = Engines::begin("folder-keys", POLICY).await?;
    let story = &engines.story;
    story.write("app/db", &json!({ "user": "u", "pool": { "size": 3 } })).await?;
    story.write("app/web/tls", &json!({ "on": true })).await?;
    story.write("shared", &json!({ "not": "below the folder" })).await?;
    let controller = engines.controller("one").await?;
    let mut provider = engines.provider();
    provider["path"] = "secret".into();
    let spec = json!({ "paths": [{ "path": story.key("app") }], "provider": provider });
    engines.generator(Kind::VaultFolder, spec).await?;
    engines.external_secret("app", Kind::VaultFolder, "2s").await?;
    let first = [("db_pool_size", "3"), ("db_user", "u"), ("web_tls_on", "true")];
    let secret = story.secret_with("app", &first).await?;
    story.refreshed("app", 2).await?;
    let version = &secret["metadata"]["resourceVersion"];
    assert_eq!(
        story.get(Kind::Secret, "app").await?["metadata"]["resourceVersion"],
        *version,
        "it was written"
    );
    story.write("app/new", &json!({ "key": "value" })).await?;
    let second = [("db_pool_size", "3"), ("db_user", "u"), ("new_key", "value"), ("web_tls_on", "true")];
    story.secret_with("app", &second).await?;

    // Two values at one place: both are named, and the Secret stays as it is.
    story.write("app/db/pool", &json!({ "size": "canary" })).await?;
    let condition = until("the collision to be told", std::time::Duration::from_mins(1), async || {
        story.failed(Kind::ExternalSecret, "app").await
    })
    .await?;
    for part in ["app/db: pool: size", "app/db/pool: size", "\"db_pool_size\""] {
        assert!(condition.message.contains(part), "{}", condition.message);
    }
    assert!(!condition.message.contains("canary"), "{}", condition.message);
    assert_eq!(text_data(&story.get(Kind::Secret, "app").await?)?["db_pool_size"], "3");
    drop(controller);
    engines.story.end().await
}

#[tokio::test]
async fn two_folders_become_one_file() -> Result<()> {
    let engines = Engines::begin("folder-file", POLICY).await?;
    let story = &engines.story;
    story.write("one/db", &json!({ "port": 5432 })).await?;
    story.write("two/db", &json!({ "port": 6543 })).await?;
    let controller = engines.controller("one").await?;
    let mut provider = engines.provider();
    provider["path"] = "secret".into();
    let paths = json!([{ "path": story.key("one") }, { "path": story.key("two"), "prefix": "other/" }]);
    let spec = json!({ "paths": paths, "format": "JSON", "key": "all.json", "provider": provider });
    engines.generator(Kind::VaultFolder, spec).await?;
    engines.external_secret("app", Kind::VaultFolder, "1h").await?;
    let text = soon("the file", async || Ok(engines.held("app", "all.json").await?.0)).await?;
    assert_eq!(text, r#"{"db":{"port":5432},"other":{"db":{"port":6543}}}"#);
    drop(controller);
    engines.story.end().await
}
