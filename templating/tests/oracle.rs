//! Compares our template engine with Go's on the checked-in corpus, byte for byte, but for the listed differences.

#![expect(clippy::unwrap_used, reason = "test support outside test functions")]

#[expect(dead_code, reason = "the test of Handlebars needs the rest")]
mod outcomes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use outcomes::{Reader, Verdict};

/// Most differences from Go that we accept.
const MOST_DIFFERENCES: usize = 2;

/// A case of the corpus: its family, and its template.
type Name = (String, String);

/// The cases listed in `DIFFERENCES.md`: one a line in its `cases` blocks, `<family> <template>`. A template with
/// characters that a line cannot hold is a JSON string.
fn accepted_differences() -> BTreeSet<Name> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("DIFFERENCES.md")).unwrap();
    let mut is_listed = false;
    let mut names = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_listed = line == "```cases";
        } else if is_listed {
            let (family, template) = line.split_once(' ').unwrap();
            let unquoted = serde_json::from_str(template).unwrap_or_else(|_| template.to_owned());
            names.insert((family.to_owned(), unquoted));
        }
    }
    names
}

/// The families of the corpus with their lines.
fn families() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let mut families = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name != "gjson" {
            families.insert(name, fs::read_to_string(path).unwrap());
        }
    }
    families
}

#[test]
fn every_template_ends_as_in_go() {
    let accepted = accepted_differences();
    assert!(accepted.len() <= MOST_DIFFERENCES, "{} accepted differences", accepted.len());
    let (mut cases, mut agreed, mut met, mut report) = (0, 0, BTreeSet::new(), String::new());
    for (family, lines) in families() {
        let mut reader = Reader::default();
        let mut in_family = 0;
        for case in lines.lines().filter_map(|line| reader.case(line)) {
            in_family += 1;
            let ours = case.ours();
            let verdict = case.verdict(&ours);
            let name = (family.clone(), case.template.clone());
            if verdict == Verdict::Same {
                agreed += 1;
            } else if accepted.contains(&name) {
                met.insert(name);
            } else {
                let (template, expected) = (&case.template, &case.expected);
                writeln!(report, "{family}: {template:?}\n  {verdict:?}\n  Go: {expected:?}\n  we: {ours:?}")
                    .unwrap();
            }
        }
        assert!(in_family >= 40, "{family} has only {in_family} cases");
        cases += in_family;
    }
    assert!(cases >= 1_500, "{cases} cases");
    assert!(report.is_empty(), "{agreed} of {cases} agree; these differ:\n{report}");
    let gone: Vec<_> = accepted.difference(&met).collect();
    assert!(gone.is_empty(), "listed as differences, but the same as in Go: {gone:#?}");
}
