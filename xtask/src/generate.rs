//! Writes the files that are generated from the code, or checks that they are up to date.

mod book;
mod dashboards;
mod kinds;
mod manifests;
mod pages;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{progress, sizes, workspace};

/// Generated files of one folder: name to text.
type Files = BTreeMap<String, String>;

/// A folder that holds generated files.
struct Folder {
    path: PathBuf,
    /// Whether others are in it, too: they are left alone.
    shared: bool,
    /// What is in it, for people.
    what: &'static str,
    wanted: Files,
}

/// `cargo xtask generate`: writes what differs and removes what is no longer generated.
pub(crate) fn write() -> Result<()> {
    for folder in folders()? {
        let differing = folder.differing()?;
        let Folder { path, what, wanted, .. } = folder;
        fs::create_dir_all(&path)?;
        for name in &differing {
            let file = path.join(name);
            match wanted.get(name) {
                Some(text) => fs::write(&file, text)?,
                None => fs::remove_file(&file)?,
            }
        }
        let (all, changed) = (wanted.len(), differing.len());
        progress::line(&format!("{all} {what} in {}, {changed} changed", path.display()));
    }
    Ok(())
}

/// `cargo xtask generate --check`: fails if a checked-in file is not what [`write`] would write.
pub(crate) fn check() -> Result<()> {
    let mut stale = Vec::new();
    for folder in folders()? {
        let differing = folder.differing()?;
        let Folder { path, what, wanted, .. } = folder;
        if differing.is_empty() {
            progress::line(&format!("{} generated {what} are up to date", wanted.len()));
        } else {
            stale.push(format!("{}: {}", path.display(), differing.join(", ")));
        }
    }
    if !stale.is_empty() {
        bail!("not up to date: {}; run `cargo xtask generate` and check in the result", stale.join("; "));
    }
    Ok(())
}

fn folders() -> Result<[Folder; 6]> {
    let strongroom = workspace::built_strongroom()?;
    let described = serde_json::from_str(&printed(&strongroom, "describe")?)?;
    let (docs, providers) = (workspace::root().join("docs"), workspace::root().join("providers"));
    let mut pages = pages::pages(&described, &providers)?;
    // Measured, and not generated: it stays as it is.
    if let Ok(measured) = fs::read_to_string(workspace::reference().join(sizes::PAGE)) {
        pages.insert(sizes::PAGE.to_owned(), measured);
    }
    let summary = fs::read_to_string(docs.join("SUMMARY.md"))?;
    let summary = Files::from([("SUMMARY.md".to_owned(), book::summary(&summary, &providers, &pages)?)]);
    let includes = book::provider_pages(&providers)?;
    let crds = files(&printed(&strongroom, "crds")?)?;
    let folder = |path, what, wanted| Folder { path, shared: false, what, wanted };
    Ok([
        folder(workspace::crds(), "CRDs", crds),
        folder(workspace::reference(), "pages", pages),
        folder(workspace::dashboards(), "dashboards", dashboards::dashboards()?),
        folder(workspace::manifests(), "manifests", manifests::manifests()?),
        folder(docs.join("providers"), "pages of providers", includes),
        Folder { shared: true, ..folder(docs, "summary", summary) },
    ])
}

impl Folder {
    /// Names of files that are missing, different or no longer generated.
    fn differing(&self) -> Result<Vec<String>> {
        let mut present = present_files(&self.path)?;
        present.retain(|name, _| !self.shared || self.wanted.contains_key(name));
        Ok(differences(&self.wanted, &present))
    }
}

/// What a subcommand of the controller prints.
fn printed(strongroom: &Path, subcommand: &str) -> Result<String> {
    let output = Command::new(strongroom).arg(subcommand).output().context("cannot start the controller")?;
    if !output.status.success() {
        bail!("`strongroom {subcommand}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`strongroom {subcommand}` printed no text"))
}

/// One file per document, named `<group>_<plural>.yaml` after its `metadata.name` (`<plural>.<group>`).
fn files(stream: &str) -> Result<Files> {
    let mut files = Files::new();
    for document in documents(stream) {
        let name = metadata_name(&document).context("a CRD without metadata.name")?;
        let (plural, group) =
            name.split_once('.').with_context(|| format!("`{name}` is not a CRD's name"))?;
        if files.insert(format!("{group}_{plural}.yaml"), document.clone()).is_some() {
            bail!("two CRDs are called `{name}`");
        }
    }
    if files.is_empty() {
        bail!("`strongroom crds` printed no CRD");
    }
    Ok(files)
}

fn documents(stream: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in stream.lines() {
        if line.trim_end() == "---" {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    documents.retain(|document| !document.trim().is_empty());
    documents
}

/// The name in the top-level `metadata` of a block-style YAML document.
fn metadata_name(document: &str) -> Option<&str> {
    let mut lines = document.lines().skip_while(|line| line.trim_end() != "metadata:").skip(1);
    let name = lines
        .by_ref()
        .take_while(|line| line.starts_with(' '))
        .find_map(|line| line.strip_prefix("  name: "))?;
    Some(name.trim().trim_matches('"'))
}

fn present_files(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    let Ok(entries) = fs::read_dir(folder) else { return Ok(files) };
    for entry in entries {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.insert(name, fs::read_to_string(&path)?);
    }
    Ok(files)
}

/// Names of files that are missing, different or no longer generated.
fn differences(wanted: &Files, present: &Files) -> Vec<String> {
    let mut names: Vec<String> = wanted.keys().chain(present.keys()).cloned().collect();
    names.sort();
    names.dedup();
    names.retain(|name| wanted.get(name) != present.get(name));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "apiVersion: x\nmetadata:\n  labels:\n    name: no\n  name: as.example.com\nspec:\n  name: b\n---\n\
                          metadata:\n  name: \"bs.example.com\"\n";

    #[test]
    fn every_document_becomes_a_file_named_by_group_and_plural() {
        let files = files(STREAM).unwrap();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(names, ["example.com_as.yaml", "example.com_bs.yaml"]);
        assert!(files["example.com_as.yaml"].ends_with("spec:\n  name: b\n"));
    }

    #[test]
    fn a_stream_without_a_crd_is_refused() {
        assert!(files("---\n\n").is_err());
        assert!(files("kind: Pod\n").is_err());
        assert!(files("metadata:\n  name: a.b\n---\nmetadata:\n  name: a.b\n").is_err());
    }

    #[test]
    fn missing_changed_and_left_over_files_are_all_named() {
        let set = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Files>()
        };
        let wanted = set(&[("same", "1"), ("changed", "1"), ("missing", "1")]);
        let present = set(&[("same", "1"), ("changed", "2"), ("left-over", "1")]);
        assert_eq!(differences(&wanted, &present), ["changed", "left-over", "missing"]);
    }
}
