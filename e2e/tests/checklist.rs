//! The table in `docs/conformance.md` names only what is there: recorded cases and stories.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

const RESULTS: [&str; 4] = ["same", "better", "not shown", "not done"];

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(path: &str, ending: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder(path))? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == ending) {
            found.push(fs::read_to_string(file)?);
        }
    }
    Ok(found)
}

/// The names of all recorded cases and of all functions in the stories.
fn evidence() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for line in files("cases", "jsonl")?.iter().flat_map(|text| text.lines()) {
        let case: Value = serde_json::from_str(line)?;
        let name = case.get("name").and_then(Value::as_str).context("a case without a name")?;
        names.insert(name.to_owned());
    }
    for text in files("tests/stories", "rs")? {
        let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        names.extend(functions.map(ToOwned::to_owned));
    }
    Ok(names)
}

#[test]
fn every_row_is_shown_by_something_that_exists() -> Result<()> {
    let table = fs::read_to_string(folder("../docs/conformance.md"))?;
    let evidence = evidence()?;
    let mut faults = Vec::new();
    let mut rows = 0;
    for line in table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [feature, result, shown, _] = cells.as_slice() else {
            faults.push(format!("not four cells: {line}"));
            continue;
        };
        if *feature == "feature" {
            continue;
        }
        rows += 1;
        let named: Vec<_> = shown.split('`').skip(1).step_by(2).collect();
        if !RESULTS.contains(result) {
            faults.push(format!("{feature}: {result:?} is no result"));
        }
        if named.is_empty() == ["same", "better"].contains(result) {
            faults.push(format!("{feature}: {result}, and it is shown by {named:?}"));
        }
        faults.extend(
            named
                .iter()
                .filter(|name| !evidence.contains(**name))
                .map(|name| format!("{feature}: there is no {name}")),
        );
    }
    assert!(rows > 60, "only {rows} rows were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}
