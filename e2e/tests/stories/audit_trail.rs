//! Each write of a target leaves one line in the audit trail, which names the requests in Vault's own audit log and holds no
//! value; and the log level changes while the controller runs.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    controller::Controller,
    manifests::{self, ExternalSecret},
    observed::resource_version,
    story::{STORE, Story},
    wait::soon,
};

use crate::restarts::told;

/// A value that must appear nowhere.
const CANARY: &str = "canary-5d41402abc4b";

/// The lines of the trail.
fn lines(trail: &PathBuf) -> Result<Vec<Value>> {
    let text = fs::read_to_string(trail)?;
    ensure!(!text.contains(CANARY), "a value is in the audit trail: {text}");
    text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// What was done to the target `name`, in order.
fn actions(trail: &PathBuf, name: &str) -> Result<Vec<Value>> {
    let all = lines(trail)?.into_iter().filter(|line| line["target"]["name"] == name);
    Ok(all.collect())
}

#[tokio::test]
async fn each_write_of_a_secret_leaves_one_line_that_vaults_audit_log_knows() -> Result<()> {
    let story = Story::begin_alone("audit").await?;
    let trail = story.testbed.run_dir.join(format!("{}.audit", story.namespace));
    let flag = format!("--audit-log={}", trail.display());
    let arguments = ["--status-time-interval=1ms", &flag, "--namespace", &story.namespace];
    let controller = story.controller_with("only", &arguments).await?;
    let vault_audit = story.vault_audit()?;
    let api_audit = story.api_audit()?;

    story.token_store().await?;
    story.write("app", &json!({ "password": CANARY })).await?;
    let app = ExternalSecret::from_store("app", STORE).every("1s").extracts(&story.key("app"));
    story.external_secret(app).await?;
    let twin =
        ExternalSecret::from_store("twin", STORE).every("1h").takes("p", &story.key("app"), "password");
    story.external_secret(twin).await?;
    let object = story.synced("app").await?;
    story.synced("twin").await?;
    let secret = story.get(Kind::Secret, "app").await?;

    let created = actions(&trail, "app")?;
    let [created] = created.as_slice() else { anyhow::bail!("{created:?}") };
    assert_eq!(created["action"], "created");
    assert_eq!(created["outcome"], "success");
    assert_eq!(created["keys"], json!(["password"]));
    assert_eq!(created["object"]["uid"], object["metadata"]["uid"]);
    assert_eq!(created["target"]["uid"], secret["metadata"]["uid"]);
    assert_eq!(created["target"]["resourceVersion"], resource_version(&secret));
    let hash = secret["metadata"]["annotations"]["reconcile.external-secrets.io/data-hash"].as_str();
    let prefix = created["target"]["dataHash"].as_str().context("no hash")?;
    ensure!(prefix.len() == 8 && hash.is_some_and(|hash| hash.starts_with(prefix)), "{prefix}, {hash:?}");
    let read = &created["reads"][0];
    assert_eq!([&read["store"], &read["version"]], [&json!(STORE), &json!("1")]);
    assert_eq!(read["key"], story.key("app"));
    known_to_vault(&vault_audit, read["request"].as_str().context("no request")?, &story.key("app")).await?;

    story.refreshed("app", 3).await?;
    assert_eq!(actions(&trail, "app")?.len(), 1, "a refresh that writes nothing is none of its business");
    story.write("app", &json!({ "password": format!("{CANARY}-2") })).await?;
    let two = format!("{CANARY}-2");
    story.secret_with("app", &[("password", &two)]).await?;
    let done = soon("the line of the update", async || {
        let done = actions(&trail, "app")?;
        ensure!(done.len() == 2, "{done:?}");
        Ok(done)
    })
    .await?;
    assert_eq!([&done[1]["action"], &done[1]["reads"][0]["version"]], [&json!("updated"), &json!("2")]);

    // What a policy keeps of it is written, and goes, and both are told.
    story.create(&manifests::sync_policy("policy", &["app"], &json!({ "keepPrevious": "3s" }))).await?;
    told(&story, "policy", "Accepted", ["True", "Accepted"]).await?;
    story.write("app", &json!({ "password": format!("{CANARY}-3") })).await?;
    let three = format!("{CANARY}-3");
    story.secret_with("app", &[("password", &three)]).await?;
    let kept = soon("the lines of what was kept", async || {
        let kept = actions(&trail, "app-previous")?;
        ensure!(kept.len() == 2, "{kept:?}");
        Ok(kept)
    })
    .await?;
    assert_eq!([&kept[0]["action"], &kept[1]["action"]], [&json!("created"), &json!("deleted")]);
    assert_eq!(kept[0]["keys"], json!(["password"]));
    // It holds what the target held after its first update.
    assert_eq!(kept[0]["target"]["dataHash"], done[1]["target"]["dataHash"]);
    assert_eq!([&kept[0]["object"], &kept[0]["reads"]], [&created["object"], &json!([])]);
    soon("the line of the second update", async || {
        let done = actions(&trail, "app")?;
        ensure!(done.len() == 3, "{done:?}");
        Ok(())
    })
    .await?;

    let renamed = json!({ "spec": { "target": { "name": "renamed" } } });
    story.patch(Kind::ExternalSecret, "app", &renamed).await?;
    story.secret_with("renamed", &[("password", &three)]).await?;
    story.gone(Kind::Secret, "app").await?;
    let done = soon("the line of the deletion", async || {
        let done = actions(&trail, "app")?;
        ensure!(done.len() == 4, "{done:?}");
        Ok(done)
    })
    .await?;
    assert_eq!(done[3]["action"], "deleted");
    soon("the line of the new target", async || {
        let made = actions(&trail, "renamed")?;
        ensure!(made.len() == 1 && made[0]["action"] == "created", "{made:?}");
        Ok(())
    })
    .await?;

    // As many lines as the API server has seen writes.
    let requests = api_audit.api_requests(&story.cluster, &story.namespace).await?;
    let writes = requests.iter().filter(|request| {
        request.user == controller.user
            && request.namespace == story.namespace
            && request.resource == "secrets"
            && request.writes()
            && request.code < 300
    });
    assert_eq!(writes.count(), lines(&trail)?.len());
    drop(controller);
    story.end().await
}

/// Vault's audit log has a request of this name, for this key.
async fn known_to_vault(audit: &strongroom_e2e::audit::AuditLog, id: &str, key: &str) -> Result<()> {
    soon("Vault's own record of the read", async || {
        let found = audit.records(id)?.into_iter().find(|line| line["request"]["id"] == id);
        let found = found.context("there is none")?;
        let path = found["request"]["path"].as_str().unwrap_or_default();
        ensure!(path == format!("secret/data/{key}"), "{path}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_log_level_follows_a_file_while_the_controller_runs() -> Result<()> {
    let story = Story::begin_alone("loglevel").await?;
    let file = story.testbed.run_dir.join(format!("{}.level", story.namespace));
    let flag = format!("--loglevel-file={}", file.display());
    // The last one given counts: the stories' controllers log everything.
    fs::write(&file, "error\n")?;
    let controller = story.controller_with("only", &[&flag, "--status-time-interval=1ms"]).await?;
    story.token_store().await?;
    let logged = |level: &str| -> Result<usize> {
        let text = fs::read_to_string(&controller.log)?;
        Ok(text.lines().filter(|line| line.contains(&format!(r#""level":"{level}""#))).count())
    };
    let before = logged("INFO")?;
    sync(&story, "quiet").await?;
    assert_eq!(logged("INFO")?, before, "at the level error");

    fs::write(&file, "info")?;
    soon("the change to be told", async || {
        ensure!(fs::read_to_string(&controller.log)?.contains("the log level has changed"), "not yet");
        Ok(())
    })
    .await?;
    sync(&story, "loud").await?;
    ensure!(logged("INFO")? > before, "nothing at the level info");
    assert_eq!(logged("TRACE")?, 0);

    fs::write(&file, "verbose")?;
    hang_up(&controller)?;
    soon("a warning about what is no level", async || {
        ensure!(fs::read_to_string(&controller.log)?.contains("names no log level"), "not yet");
        Ok(())
    })
    .await?;
    story.end().await
}

fn hang_up(controller: &Controller) -> Result<()> {
    let status = std::process::Command::new("kill").args(["-HUP", &controller.pid().to_string()]).status()?;
    ensure!(status.success(), "kill: {status}");
    Ok(())
}

async fn sync(story: &Story, name: &str) -> Result<()> {
    story.write(name, &json!({ "v": "1" })).await?;
    story.external_secret(ExternalSecret::from_store(name, STORE).extracts(&story.key(name))).await?;
    story.synced(name).await.map(drop)
}
