//! Which cases may differ, and whether the outcome of the suite is as listed.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::case::{Case, FOLDER};

/// The list of cases that differ, `differences.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Differences {
    /// Not built yet: reason → cases.
    pending: BTreeMap<String, Vec<String>>,
    /// Deliberately different: reason → cases.
    different: BTreeMap<String, Vec<String>>,
}

/// The outcome so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    identical: usize,
    pending: usize,
    different: usize,
    /// What is not as listed.
    pub(crate) complaints: Vec<String>,
}

impl Differences {
    /// Reads the list, which may name only cases that there are, and each once.
    pub(crate) fn read(cases: &[Case]) -> Result<Self> {
        let path = Path::new(FOLDER).join("differences.json");
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let list: Self = serde_json::from_slice(&text).with_context(|| format!("{}", path.display()))?;
        let mut listed: Vec<&String> =
            list.pending.values().chain(list.different.values()).flatten().collect();
        listed.sort_unstable();
        for name in &listed {
            ensure!(
                cases.iter().any(|case| case.name == **name),
                "differences.json lists {name}, which is no case"
            );
        }
        for pair in listed.windows(2) {
            ensure!(pair[0] != pair[1], "differences.json lists {} twice", pair[0]);
        }
        Ok(list)
    }

    /// Whether the case is expected to differ.
    pub(crate) fn lists(&self, name: &str) -> bool {
        self.is_pending(name) || contains(&self.different, name)
    }

    fn is_pending(&self, name: &str) -> bool {
        contains(&self.pending, name)
    }
}

impl Tally {
    /// Adds a case and the differences found in it.
    pub(crate) fn count(&mut self, name: &str, found: &[String], differences: &Differences) {
        match (found.is_empty(), differences.lists(name)) {
            (true, false) => self.identical += 1,
            (true, true) => {
                self.identical += 1;
                self.complaints.push(format!("{name} does not differ: take it off differences.json"));
            }
            (false, true) if differences.is_pending(name) => self.pending += 1,
            (false, true) => self.different += 1,
            (false, false) => {
                self.complaints.extend(found.iter().map(|line| format!("{name}: {line}")));
            }
        }
    }

    /// The outcome in one line.
    pub(crate) fn summary(&self) -> String {
        format!(
            "recorded cases: {} identical, {} pending, {} different",
            self.identical, self.pending, self.different
        )
    }
}

fn contains(list: &BTreeMap<String, Vec<String>>, name: &str) -> bool {
    list.values().flatten().any(|listed| listed == name)
}
