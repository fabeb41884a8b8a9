//! The documentation names every word that the controller can write into a condition or an event.

#![expect(clippy::unwrap_used, reason = "a test may fail this way")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use strongroom_crds::conditions::EventReason;
use strongroom_crds::{ExternalSecretReason, PolicyReason, StoreReason};
use strongroom_provider_api::ErrorKind;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file below a folder.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The texts that look like a reason in the bodies of functions called `reason` and `set_synced`, and in the calls of
/// `set_ready`: these write them.
fn spelled_out(source: &str) -> BTreeSet<String> {
    let production = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut texts = Vec::new();
    for name in ["fn reason(", "fn set_synced("] {
        for (at, _) in production.match_indices(name) {
            let line = production[..at].rsplit('\n').next().unwrap_or_default();
            let end = if line.starts_with(' ') { "\n    }\n" } else { "\n}\n" };
            texts.push(production[at..].split(end).next().unwrap_or_default());
        }
    }
    let calls = production.match_indices("set_ready(").filter(|(at, _)| !production[..*at].ends_with("fn "));
    for (at, _) in calls {
        texts.push(production[at..].split(';').next().unwrap_or_default());
    }
    let words = texts.into_iter().flat_map(|text| text.split('"').skip(1).step_by(2));
    words.filter(|text| is_reason(text)).map(str::to_owned).collect()
}

fn is_reason(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(|c| c.is_ascii_alphanumeric())
}

fn reasons() -> BTreeSet<String> {
    let mut words: BTreeSet<String> = BTreeSet::new();
    words.extend(ExternalSecretReason::ALL.map(|it| it.as_str().to_owned()));
    words.extend(StoreReason::ALL.map(|it| it.as_str().to_owned()));
    words.extend(PolicyReason::ALL.map(|it| it.as_str().to_owned()));
    words.extend(EventReason::ALL.map(|it| it.as_str().to_owned()));
    words.extend(ErrorKind::ALL.map(|it| it.reason().to_owned()));
    let mut files = Vec::new();
    sources(&root().join("controller/src"), &mut files);
    for file in files {
        words.extend(spelled_out(&fs::read_to_string(file).unwrap()));
    }
    // Declared because upstream declares them, and written by nobody.
    for unused in ["InvalidStoreConfiguration", "ValidationFailed", "StoreDeprecated"] {
        assert!(words.remove(unused), "{unused}");
    }
    words
}

#[test]
fn every_reason_has_its_entry_in_troubleshooting_and_no_other_word_has_one() {
    let page = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    // An entry is a row of a table whose first cell names one or more reasons, each in backticks.
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let first = rows.filter_map(|line| line.split('|').nth(1));
    let entries: BTreeSet<String> = first
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|it| is_reason(it))
        .map(str::to_owned)
        .collect();
    let reasons = reasons();
    let missing: Vec<_> = reasons.difference(&entries).collect();
    assert!(missing.is_empty(), "docs/troubleshooting.md says nothing of {missing:?}");
    let unknown: Vec<_> = entries.difference(&reasons).collect();
    assert!(unknown.is_empty(), "docs/troubleshooting.md explains {unknown:?}, which nothing writes");
}

#[test]
fn the_words_are_found_in_the_sources() {
    let words = reasons();
    for word in [
        "StoreMissing",
        "GeneratorMissing",
        "DeletionsHeld",
        "RenewalRefused",
        "Renewed",
        "Synced",
        "LoginFailed",
    ] {
        assert!(words.contains(word), "{word} is not among {words:?}");
    }
}
