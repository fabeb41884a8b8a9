//! What the documentation shows works: the API server accepts every manifest, and the main examples become Ready.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests,
    observed::{ready, text_data},
    story::Story,
    wait::soon,
};

/// The address of Vault in the documentation.
const VAULT: &str = "https://vault.example.com:8200";

/// One fenced block of YAML with manifests.
#[derive(Clone, Debug)]
struct Block {
    /// Page, and number of the line where it begins.
    place: String,
    /// What stands behind ```` ```yaml, ````: nothing, `ignore` or `live`.
    mark: String,
    /// Its documents.
    documents: Vec<Value>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The pages with examples: the documentation, README, and those of the providers.
fn pages() -> Result<Vec<PathBuf>> {
    fn below(folder: &Path, pages: &mut Vec<PathBuf>) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                below(&path, pages)?;
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
        Ok(())
    }
    let mut pages = vec![root().join("README.md")];
    below(&root().join("docs"), &mut pages)?;
    for entry in fs::read_dir(root().join("providers"))? {
        pages.extend(Some(entry?.path().join("docs.md")).filter(|page| page.exists()));
    }
    pages.sort();
    Ok(pages)
}

/// The blocks of a page that hold manifests.
fn blocks(name: &str, page: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let indent = line.len() - line.trim_start().len();
        let inside =
            lines.by_ref().map(|(_, line)| line).take_while(|line| !line.trim_start().starts_with("```"));
        let text: Vec<&str> = inside.map(|line| line.get(indent..).unwrap_or_default()).collect();
        let (language, mark) = info.split_once(',').unwrap_or((info, ""));
        if language != "yaml" || !text.iter().any(|line| line.starts_with("apiVersion:")) {
            continue;
        }
        let place = format!("{name}:{}", number + 1);
        ensure!(["", "ignore", "live"].contains(&mark), "{place}: the mark {mark:?} means nothing");
        let documents = text.split(|line| *line == "---").map(|lines| lines.join("\n"));
        let documents =
            documents.filter(|text| text.lines().any(|line| !line.is_empty() && !line.starts_with('#')));
        let documents = documents.map(|text| serde_saphyr::from_str(&text).with_context(|| place.clone()));
        blocks.push(Block {
            place: place.clone(),
            mark: mark.to_owned(),
            documents: documents.collect::<Result<_>>()?,
        });
    }
    Ok(blocks)
}

fn all_blocks() -> Result<Vec<Block>> {
    let mut found = Vec::new();
    for page in pages()? {
        let name = page.strip_prefix(root()).unwrap_or(&page).to_string_lossy().into_owned();
        found.extend(blocks(&name, &fs::read_to_string(&page)?)?);
    }
    Ok(found)
}

#[tokio::test]
async fn every_manifest_of_the_documentation_is_accepted_field_by_field() -> Result<()> {
    let story = Story::begin_alone("docs-accepted").await?;
    let folder = story.testbed.run_dir.join(&story.namespace);
    fs::create_dir_all(&folder)?;
    let mut count = 0;
    for block in all_blocks()?.into_iter().filter(|block| block.mark != "ignore") {
        for (index, mut document) in block.documents.into_iter().enumerate() {
            // Namespaces of examples do not exist here.
            if document["metadata"]["namespace"].is_string() {
                document["metadata"]["namespace"] = story.namespace.as_str().into();
            }
            let file = format!("{}-{index}.json", block.place.replace(['/', ':'], "-"));
            fs::write(folder.join(file), document.to_string())?;
            count += 1;
        }
    }
    ensure!(count > 20, "only {count} manifests were found");
    // An own request for each; what is unknown or misspelt is refused by the API server itself.
    let refused = async |folder: &Path| {
        let folder = folder.to_string_lossy().into_owned();
        let (create, dry, strict) = ("create", "--dry-run=server", "--validate=strict");
        story.cluster.kubectl(&[create, dry, strict, "--namespace", &story.namespace, "-f", &folder]).await
    };
    let (good, told, said) = refused(&folder).await?;
    ensure!(good, "{said}");
    ensure!(told.lines().count() == count, "{count} manifests, and kubectl told of {told}");

    // The same way, a misspelt field does not pass.
    let wrong = folder.join("wrong");
    fs::create_dir_all(&wrong)?;
    let misspelt = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": { "name": "wrong" },
        "spec": { "secretStoreRef": { "name": "s" }, "dataForm": [] },
    });
    fs::write(wrong.join("wrong.json"), misspelt.to_string())?;
    let (good, _, said) = refused(&wrong).await?;
    ensure!(!good && said.contains("dataForm"), "{said}");
    story.end().await
}

/// What the live examples find in Vault, under `team/` in the documentation.
async fn fill_vault(story: &Story) -> Result<()> {
    story
        .write("database", &json!({ "username": "app", "password": "swordfish", "host": "db.example.com" }))
        .await?;
    for name in ["orders", "billing"] {
        story.write(&format!("apps/{name}"), &json!({ format!("{name}-token"): "t" })).await?;
    }
    story.create(&manifests::secret("vault-token", "token", story.vault.token())).await.map(drop)
}

/// A manifest as the story can apply it: in its namespace, with its Vault and its part of it.
fn at_home(story: &Story, document: &Value) -> Result<Value> {
    let text = document.to_string().replace(VAULT, story.vault.address());
    let mut document: Value = serde_json::from_str(&text.replace("team/", &format!("{}/", story.namespace)))?;
    document["metadata"]["namespace"] = story.namespace.as_str().into();
    if document["kind"] == "SecretStore" {
        document["spec"]["controller"] = story.class.as_str().into();
    }
    // Generators have no controller class: without a store, every story's controller would sync the object.
    if document["kind"] == "ExternalSecret" && document["spec"]["secretStoreRef"].is_null() {
        document["spec"]["secretStoreRef"] = json!({ "name": "pretend" });
        let entry = json!({ "secretKey": "stored", "remoteRef": { "key": "shop/database" } });
        document["spec"]["data"] = json!([entry]);
    }
    Ok(document)
}

/// Waits until an object of the page at `place` is Ready.
async fn is_ready(story: &Story, kind: Kind, place: &str, document: &Value) -> Result<()> {
    let name = document["metadata"]["name"].as_str().context("no name")?;
    soon(&format!("{} {name} of {place} to be Ready", kind.name()), async || {
        let condition = ready(&story.get(kind, name).await?)?;
        ensure!(condition.status == "True", "{condition:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_main_examples_of_the_documentation_become_ready() -> Result<()> {
    let story = Story::begin_alone("docs-live").await?;
    let controller = story.controller_with("only", &["--unsafe-allow-generic-targets"]).await?;
    fill_vault(&story).await?;
    let mut live = Vec::new();
    for block in all_blocks()?.into_iter().filter(|block| block.mark == "live") {
        for document in &block.documents {
            let document = at_home(&story, document)?;
            live.push((
                Kind::of(&document).with_context(|| block.place.clone())?,
                block.place.clone(),
                document,
            ));
        }
    }
    // Stores come first: while one is missing, every controller says so.
    live.sort_by_key(|(kind, ..)| *kind != Kind::SecretStore);
    let synced = live.iter().filter(|(kind, ..)| *kind == Kind::ExternalSecret).count();
    ensure!(synced >= 5, "only {synced} examples are applied for real");
    for (kind, place, document) in &live {
        story.create(document).await.with_context(|| place.clone())?;
        if *kind == Kind::SecretStore {
            is_ready(&story, *kind, place, document).await?;
        }
    }
    for (kind, place, document) in live.iter().filter(|(kind, ..)| *kind == Kind::ExternalSecret) {
        is_ready(&story, *kind, place, document).await?;
    }
    // What the pages say the examples give.
    let keys = async |name: &str| -> Result<Vec<String>> {
        let secret = story.get(Kind::Secret, name).await?;
        Ok(secret["data"].as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect())
    };
    ensure!(keys("database-login").await? == ["password", "user"]);
    ensure!(keys("database-all").await? == ["host", "password", "username"]);
    ensure!(keys("apps").await? == ["billing", "orders"]);
    ensure!(keys("prefixed").await? == ["DB_HOST", "DB_PASSWORD", "DB_USERNAME"]);
    ensure!(keys("united").await? == ["billing-token", "orders-token"]);
    ensure!(keys("deploy-key").await? == ["id", "privateKey", "publicKey", "stored"]);
    let url = text_data(&story.get(Kind::Secret, "database-url").await?)?;
    ensure!(url["url"] == "postgresql://app:swordfish@db.example.com:5432/shop", "{url:?}");
    let all = text_data(&story.get(Kind::Secret, "database-all").await?)?;
    ensure!(all["username"] == "db.example.com", "{all:?}");
    drop(controller);
    story.end().await
}
