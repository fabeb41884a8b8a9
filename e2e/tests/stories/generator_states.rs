//! GeneratorStates, ours and those that upstream left: kept while they are in use, and cleaned up when their time has come.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{cluster::Kind, story::Story, wait::soon};

const VERSION: &str = "generators.external-secrets.io/v1alpha1";
const FINALIZER: &str = "generatorstate.externalsecrets.io/finalizer";

fn state(name: &str, deadline: Option<&str>) -> Value {
    let mut state = json!({
        "apiVersion": VERSION, "kind": "GeneratorState", "metadata": { "name": name },
        "spec": {
            "resource": {
                "apiVersion": VERSION, "kind": "Password", "metadata": { "name": "generator" }, "spec": { "length": 8 },
            },
            "state": {},
        },
    });
    if let Some(deadline) = deadline {
        state["spec"]["garbageCollectionDeadline"] = deadline.into();
    }
    state
}

#[tokio::test]
async fn a_state_is_held_while_it_is_in_use_and_goes_at_its_deadline_or_with_its_owner() -> Result<()> {
    let story = Story::begin("generator-states").await?;
    let owner = story
        .create(&json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "owner" } }))
        .await?;
    let mut dependent = state("owned", None);
    dependent["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"],
    }]);
    for manifest in [state("kept", None), state("due", Some("2020-01-01T00:00:00Z")), dependent] {
        story.create(&manifest).await?;
    }
    for name in ["kept", "owned"] {
        soon(&format!("{name} to be held"), async || {
            let found = story.get(Kind::GeneratorState, name).await?;
            let held =
                found["metadata"]["finalizers"].as_array().is_some_and(|all| all.contains(&json!(FINALIZER)));
            ensure!(held, "{}", found["metadata"]);
            Ok(())
        })
        .await?;
    }
    story.gone(Kind::GeneratorState, "due").await?;
    story.delete(Kind::ConfigMap, "owner").await?;
    story.gone(Kind::GeneratorState, "owned").await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    story.get(Kind::GeneratorState, "kept").await?;
    story.end().await
}
