//! Recorded cases, played against a real cluster and a real Vault: what External Secrets Operator 2.9 made of some manifests,
//! and whether we make the same of them.
//!
//! The cases are data (`e2e/cases`); `differences.json` beside them lists those that we do not repeat exactly, with the
//! reason. A case that is not listed must come out identical, a listed one must not.
//!
//! The suite needs a running test bed, as the stories do (`tests/stories/main.rs`), and to be alone on it: recorded stores
//! name no controller class. `STRONGROOM_CASES=vault1/,find/no-match` plays only the cases whose names begin like that. What
//! differed in any case, listed or not, is in `cases.log` among the test bed's logs.

#![expect(clippy::indexing_slicing, reason = "indexing JSON gives null for what is absent")]

mod case;
mod changes;
mod compare;
mod observe;
mod placeholders;
mod play;
mod verdict;

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use http::Method;
use serde_json::json;
use strongroom_e2e::{
    cluster::Cluster,
    controller::{Controller, SHARED_CLASS},
    testbed::Testbed,
    vault::Vault,
};

use crate::{
    case::Case,
    changes::Changes,
    play::Stage,
    verdict::{Differences, Tally},
};

/// How many cases are played at a time.
const AT_A_TIME: usize = 32;

/// The variable that chooses cases.
const CHOICE: &str = "STRONGROOM_CASES";

/// The root token that the recorded test bed had; one case writes it literally.
const RECORDED_ROOT_TOKEN: &str = "root";

#[tokio::test]
async fn recorded_cases_come_out_as_listed() -> Result<()> {
    let testbed = Testbed::from_environment()?;
    let cluster = Cluster::connect(&testbed).await?;
    let vault = Vault::at(&testbed.vault.address, &testbed.vault.root_token);
    make_recorded_root_token(&vault).await?;
    let cases = case::all(&testbed)?;
    let differences = Differences::read(&cases)?;

    let _controller = Controller::start(&testbed, &cluster, "cases", SHARED_CLASS).await?;
    let changes = Changes::watch(cluster.clone());
    let stage = Stage { cluster: &cluster, vault: &vault, changes: &changes };
    let results = stream::iter(chosen(&cases))
        .map(|case| {
            let patient = !differences.lists(&case.name);
            async move { (case, stage.play(case, patient).await) }
        })
        .buffer_unordered(AT_A_TIME)
        .collect::<Vec<_>>()
        .await;

    let mut tally = Tally::default();
    let mut log = String::new();
    for (case, result) in &results {
        let found =
            result.as_ref().map_or_else(|error| vec![format!("cannot be played: {error:#}")], Clone::clone);
        for line in &found {
            writeln!(log, "{}: {line}", case.name)?;
        }
        tally.count(&case.name, &found, &differences);
    }
    let path = testbed.logs.join("cases.log");
    fs::write(&path, log).with_context(|| format!("cannot write {}", path.display()))?;
    // Past the test harness, which shows what a test prints only if it fails.
    writeln!(io::stderr(), "{}", tally.summary())?;
    ensure!(tally.complaints.is_empty(), "{}\n{}", tally.complaints.join("\n"), tally.summary());
    Ok(())
}

/// Makes [`RECORDED_ROOT_TOKEN`], unless an earlier run has.
async fn make_recorded_root_token(vault: &Vault) -> Result<()> {
    let own = Vault::at(vault.address(), RECORDED_ROOT_TOKEN);
    if own.request(Method::GET, "auth/token/lookup-self", None).await.is_err() {
        let root = json!({ "id": RECORDED_ROOT_TOKEN, "policies": ["root"] });
        vault.request(Method::POST, "auth/token/create", Some(&root)).await?;
    }
    Ok(())
}

/// The cases to play: the late ones last.
fn chosen(cases: &[Case]) -> Vec<&Case> {
    #[expect(clippy::disallowed_methods, reason = "a choice for the person at the keyboard")]
    let choice = std::env::var(CHOICE).unwrap_or_default();
    let mut chosen: Vec<&Case> =
        cases.iter().filter(|case| choice.split(',').any(|start| case.name.starts_with(start))).collect();
    chosen.sort_by_key(|case| case.late);
    chosen
}
