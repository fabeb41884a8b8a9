//! What the book says of providers, from their folders: a page for each, its line in the summary, and the table of what the
//! conformance suites found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::Files;

/// Outcomes of one suite, in the order of its cases: case, outcome, reason.
type Suite = Vec<(String, String, String)>;

/// Cases that say what becomes of a key that gives nothing, with the question they answer and what it means if they pass.
const NOTHING_THERE: [(&str, &str, &str); 6] = [
    ("missing_key_is_not_found", "no such key", "absent: `RemoteKeyMissing`, and `deletionPolicy` decides"),
    ("empty_value_is_a_value", "an empty value", "the key is there, and empty"),
    ("unknown_version_is_not_found", "no such version", "absent"),
    ("deleted_version_is_not_found", "a deleted version", "absent"),
    ("deleted_entry_is_absent", "deleted meanwhile", "absent, neither read nor found"),
    ("forbidden_is_permission_denied", "not allowed", "`AccessDenied`: the Secret stays as it is"),
];

/// Folders that hold a provider: those with documentation of their own.
fn folders(providers: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(providers)? {
        let path = entry?.path();
        if path.join("docs.md").exists() {
            names.insert(path.file_name().context("a folder without a name")?.to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// The pages of the book that include what the folders say.
pub(super) fn provider_pages(providers: &Path) -> Result<Files> {
    let page =
        |name: String| (format!("{name}.md"), format!("{{{{#include ../../providers/{name}/docs.md}}}}\n"));
    Ok(folders(providers)?.into_iter().map(page).collect())
}

/// `summary` with a line for each provider and each generated page that has none yet.
pub(super) fn summary(summary: &str, providers: &Path, pages: &Files) -> Result<String> {
    let mut lines: Vec<String> = summary.lines().map(ToOwned::to_owned).collect();
    for name in folders(providers)? {
        let source = fs::read_to_string(providers.join(&name).join("src/lib.rs")).unwrap_or_default();
        let below = if source.contains("pub const STORES: ") { "- [Stores]" } else { "- [Generators]" };
        insert(
            &mut lines,
            below,
            &format!("  - [{name}](providers/{name}.md)"),
            &format!("](providers/{name}.md)"),
        )?;
    }
    for (file, page) in pages.iter().filter(|(file, _)| *file != "index.md") {
        let title =
            page.lines().find_map(|line| line.strip_prefix("# ")).context("a page without a title")?;
        insert(
            &mut lines,
            "- [Kinds]",
            &format!("  - [{title}](reference/{file})"),
            &format!("](reference/{file})"),
        )?;
    }
    Ok(lines.join("\n") + "\n")
}

/// Puts `line` behind the last of the lines below the one that begins with `below`, unless a line holds `mark`.
fn insert(lines: &mut Vec<String>, below: &str, line: &str, mark: &str) -> Result<()> {
    if lines.iter().any(|line| line.contains(mark)) {
        return Ok(());
    }
    let Some(start) = lines.iter().position(|line| line.starts_with(below)) else {
        bail!("docs/SUMMARY.md has no line that begins with {below:?}");
    };
    let nested = lines.iter().skip(start + 1).take_while(|line| line.starts_with("  ")).count();
    lines.insert(start + 1 + nested, line.to_owned());
    Ok(())
}

/// The page that says what each suite found.
pub(super) fn outcomes(providers: &Path) -> Result<String> {
    let (mut stores, mut generators) = (BTreeMap::new(), BTreeMap::new());
    for folder in folders(providers)? {
        for (name, suite) in suites(&providers.join(&folder).join("tests/outcomes"))? {
            let title =
                if name == "all" { folder.clone() } else { format!("{folder} {}", name.replace('_', " ")) };
            let of_stores = suite.iter().any(|(case, ..)| case == "missing_key_is_not_found");
            if of_stores {
                stores.insert(title, suite)
            } else {
                generators.insert(title, suite)
            };
        }
    }
    if stores.is_empty() || generators.is_empty() {
        bail!("no outcomes are written down below {}", providers.display());
    }
    let mut page = "# Providers and their conformance\n\nEvery provider runs the same suite of cases, and a case knows no \
                    provider. What came of each is written down beside its tests, and a test whose outcome is another one \
                    fails; this page is made of it. ✓: as it should be; –: does not apply; ≠: otherwise, on purpose. The \
                    reasons stand below.\n"
        .to_owned();
    page.push_str("\n## Where nothing is given\n\nWhat a read of a key comes to that gives no value.\n\n");
    nothing_there(&mut page, &stores);
    page.push_str("\n## Stores\n\n");
    table(&mut page, &stores);
    page.push_str("\n## Generators\n\n");
    table(&mut page, &generators);
    Ok(page)
}

fn suites(folder: &Path) -> Result<Vec<(String, Suite)>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut suites = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_stem().context("a file without a name")?.to_string_lossy().into_owned();
        let mut suite = Suite::new();
        for line in fs::read_to_string(&path)?.lines() {
            let mut parts = line.splitn(3, '\t').map(ToOwned::to_owned);
            let (Some(case), Some(outcome), Some(reason)) = (parts.next(), parts.next(), parts.next()) else {
                bail!("{}: {line:?} is no case, outcome and reason", path.display());
            };
            suite.push((case, outcome, reason));
        }
        suites.push((name, suite));
    }
    suites.sort();
    Ok(suites)
}

fn nothing_there(page: &mut String, suites: &BTreeMap<String, Suite>) {
    let questions: Vec<_> = NOTHING_THERE.iter().map(|(_, question, _)| *question).collect();
    let _ = writeln!(page, "| | {} |\n| --- |{}", questions.join(" | "), " --- |".repeat(questions.len()));
    for (title, suite) in suites {
        let cells: Vec<_> = NOTHING_THERE
            .iter()
            .map(|(case, _, meaning)| match suite.iter().find(|(name, ..)| name == case) {
                Some((_, outcome, _)) if outcome == "passed" => (*meaning).to_owned(),
                Some((_, _, reason)) => reason.clone(),
                None => String::new(),
            })
            .collect();
        let _ = writeln!(page, "| {title} | {} |", cells.join(" | "));
    }
}

fn table(page: &mut String, suites: &BTreeMap<String, Suite>) {
    let titles: Vec<_> = suites.keys().map(String::as_str).collect();
    let _ = writeln!(page, "| case | {} |\n| --- |{}", titles.join(" | "), " --- |".repeat(titles.len()));
    let mut cases: Vec<&str> = Vec::new();
    for (case, ..) in suites.values().flatten() {
        if !cases.contains(&case.as_str()) {
            cases.push(case);
        }
    }
    for case in cases {
        let marks = suites.values().map(|suite| {
            let found = suite.iter().find(|(name, ..)| name == case);
            match found.map(|(_, outcome, _)| outcome.as_str()) {
                Some("passed") => "✓",
                Some("deviation") => "≠",
                Some(_) => "–",
                None => "",
            }
        });
        let _ = writeln!(page, "| {} | {} |", case.replace('_', " "), marks.collect::<Vec<_>>().join(" | "));
    }
    for (title, suite) in suites {
        let (mut inapplicable, mut different) = (BTreeMap::<&str, Vec<&str>>::new(), Vec::new());
        for (case, outcome, reason) in suite {
            match outcome.as_str() {
                "not applicable" => inapplicable.entry(reason).or_default().push(case),
                "deviation" => different.push((case, reason)),
                _ => {}
            }
        }
        let _ = writeln!(page, "\n**{title}**\n");
        for (case, reason) in different {
            let _ = writeln!(page, "- ≠ {}: {reason}", case.replace('_', " "));
        }
        for (reason, cases) in inapplicable {
            let cases = cases.iter().map(|case| case.replace('_', " ")).collect::<Vec<_>>().join("; ");
            let _ = writeln!(page, "- – {reason}: {cases}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_added_once_below_its_heading() {
        let mut lines: Vec<_> = ["- [Stores](stores.md)", "  - [a](providers/a.md)", "- [Generators](g.md)"]
            .map(ToOwned::to_owned)
            .into();
        for _ in 0..2 {
            insert(&mut lines, "- [Stores]", "  - [b](providers/b.md)", "](providers/b.md)").unwrap();
        }
        let expected = [
            "- [Stores](stores.md)",
            "  - [a](providers/a.md)",
            "  - [b](providers/b.md)",
            "- [Generators](g.md)",
        ];
        assert_eq!(lines, expected);
        assert!(insert(&mut lines, "- [Elsewhere]", "x", "x").is_err());
    }
}
