//! The documentation hangs together: every page is in the summary, and every link leads somewhere.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail this way")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every page of the book, by its path below `docs`, with what it includes.
fn pages() -> BTreeMap<String, String> {
    fn walk(folder: &Path, below: &Path, pages: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "book") {
                walk(&path, below, pages);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.strip_prefix(below).unwrap().to_string_lossy().into_owned();
                pages.insert(name, included(&path));
            }
        }
    }
    let mut pages = BTreeMap::new();
    let docs = root().join("docs");
    walk(&docs, &docs, &mut pages);
    pages
}

/// The text of a file, its includes filled in as mdBook does.
fn included(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let line = |line: &str| {
        let file = line.trim().strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}"));
        file.map_or_else(|| line.to_owned(), |file| included(&path.parent().unwrap().join(file.trim())))
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The lines of a page outside fenced blocks.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    page.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// A line without what stands between backticks: `(` and `]` there are no link.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// The targets of the links of a page.
fn links(page: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(page) {
        let line = without_code(line);
        for (at, _) in line.match_indices("](") {
            let target = line[at + 2..].split(')').next().unwrap_or_default();
            links.push(target.to_owned());
        }
    }
    links
}

/// The ids that mdBook and GitHub give the headings of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in prose(page) {
        let Some(heading) = line.strip_prefix('#').map(|rest| rest.trim_start_matches('#')) else { continue };
        let id: String = heading
            .trim()
            .chars()
            .filter_map(|c| match c {
                ' ' => Some('-'),
                c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
                _ => None,
            })
            .collect();
        let mut new = id.clone();
        let mut count = 0;
        while anchors.contains(&new) {
            count += 1;
            new = format!("{id}-{count}");
        }
        anchors.insert(new);
    }
    anchors
}

/// `to`, seen from the folder of the page `from`, without `..`.
fn resolved(from: &str, to: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in Path::new(from).parent().unwrap().join(to).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir if parts.pop().is_none() => return format!("outside of docs: {to}"),
            _ => {}
        }
    }
    parts.join("/")
}

/// What is wrong with the links of the page `name`.
fn broken(name: &str, page: &str, pages: &BTreeMap<String, String>) -> Vec<String> {
    let mut broken = Vec::new();
    for link in links(page) {
        if link.starts_with("https://") || link.starts_with("http://") {
            continue;
        }
        let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
        let target = if path.is_empty() { name.to_owned() } else { resolved(name, path) };
        if Path::new(&target).extension().is_some_and(|extension| extension == "svg") {
            if !root().join("docs").join(&target).is_file() {
                broken.push(format!("{name}: {link}: there is no such picture"));
            }
            continue;
        }
        match pages.get(&target) {
            None => broken.push(format!("{name}: {link}: there is no such page")),
            Some(_) if anchor.is_empty() => {}
            Some(page) if anchors(page).contains(anchor) => {}
            Some(page) => broken.push(format!("{name}: {link}: only {:?}", anchors(page))),
        }
    }
    broken
}

#[test]
fn every_page_is_in_the_summary_once_and_the_summary_names_no_other() {
    let pages = pages();
    let mut named: Vec<String> = links(&pages["SUMMARY.md"]);
    named.sort();
    let written: Vec<String> = pages.keys().filter(|name| *name != "SUMMARY.md").cloned().collect();
    assert_eq!(named, written);
}

#[test]
fn every_link_and_anchor_of_the_documentation_resolves() {
    let pages = pages();
    let broken: Vec<String> = pages.iter().flat_map(|(name, page)| broken(name, page, &pages)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_link_of_the_readme_resolves() {
    let pages = pages();
    let readme = included(&root().join("README.md"));
    for link in links(&readme) {
        if link.starts_with("https://") {
            continue;
        }
        let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
        assert!(root().join(path).exists(), "README.md: {link}");
        let page = path.strip_prefix("docs/").and_then(|name| pages.get(name));
        assert!(
            anchor.is_empty() || page.is_some_and(|page| anchors(page).contains(anchor)),
            "README.md: {link}"
        );
    }
}

#[test]
fn every_provider_has_its_page() {
    let pages = pages();
    for entry in fs::read_dir(root().join("providers")).unwrap() {
        let path = entry.unwrap().path();
        if path.join("docs.md").exists() {
            let name = format!("providers/{}.md", path.file_name().unwrap().to_string_lossy());
            assert!(pages.contains_key(&name), "docs/{name} is to include {}/docs.md", path.display());
        }
    }
}

#[test]
fn a_link_into_nowhere_and_an_anchor_that_is_none_are_found() {
    let pages = BTreeMap::from([
        (
            "a.md".to_owned(),
            "# A `b` (c)\n\n## A b c\n```\n# no\n```\n[x](sub/b.md#one-two) [y](#a-b-c-1)".to_owned(),
        ),
        (
            "sub/b.md".to_owned(),
            "# One, two\n[ok](../a.md) [bad](../c.md) `[no](link)` [bad](#three)".to_owned(),
        ),
        ("c/d.md".to_owned(), "[out](../../e.md) [away](https://example.test)".to_owned()),
    ]);
    let found: Vec<String> = pages.iter().flat_map(|(name, page)| broken(name, page, &pages)).collect();
    let found: Vec<&str> = found.iter().map(|text| text.rsplit_once(": ").unwrap().0).collect();
    assert_eq!(found, ["c/d.md: ../../e.md", "sub/b.md: ../c.md", "sub/b.md: #three"]);
}
