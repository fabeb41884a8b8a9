//! `ARCHITECTURE.md` names only folders and files that exist.

use std::path::Path;

#[test]
fn every_path_that_the_page_names_exists() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let page = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    // Text in backticks that holds a slash is a path, from the root or below the controller's sources;
    // placeholders and API groups are not.
    let named = page.split('`').skip(1).step_by(2);
    let paths: Vec<_> = named
        .filter(|text| text.contains('/') && !text.contains(['<', ' ', '\n']) && !text.contains(".io"))
        .collect();
    assert!(paths.len() > 10, "{paths:?}");
    let exists = |path: &&str| {
        [root.to_owned(), root.join("controller/src"), root.join("controller/src/external_secret")]
            .iter()
            .any(|base| base.join(path).exists() || base.join(format!("{path}.rs")).exists())
    };
    let missing: Vec<_> = paths.iter().filter(|path| !exists(path)).collect();
    assert!(missing.is_empty(), "{missing:?} do not exist");
}
