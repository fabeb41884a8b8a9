//! What every provider folder must hold; a failure names the missing line or file.

#![expect(clippy::unwrap_used, reason = "a test may fail this way")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use strongroom_provider_api::StoreKind;
use strongroom_provider_catalog as catalog;
use strongroom_provider_conformance::structural_faults;

/// Providers that share the engine of another, with the folder they live in; their examples are in a folder of their own
/// name there.
const GUESTS: [(&str, &str); 1] = [("openBao", "vault")];

/// Folders that hold no provider.
const KERNEL: [&str; 4] = ["api", "catalog", "conformance", "kit"];

fn providers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn folders() -> Vec<String> {
    let entries = fs::read_dir(providers()).unwrap().map(|entry| entry.unwrap());
    let names = entries
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !KERNEL.contains(&name.as_str()));
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// The lines and files that the provider in `folder` lacks; each says where it belongs.
fn lacks(folder: &str, manifest: &str, list: &str) -> Vec<String> {
    let mut missing = Vec::new();
    let package = format!("strongroom-provider-{folder}");
    let line = format!("{folder} = {{ package = {package:?}, path = \"../{folder}\", optional = true }}");
    if !manifest.lines().any(|found| found == line) {
        missing.push(format!("catalog/Cargo.toml lacks the line: {line}"));
    }
    let features = manifest.lines().find(|line| line.starts_with("default = ")).unwrap_or_default();
    if !features.contains(&format!("{folder:?}")) {
        missing.push(format!("catalog/Cargo.toml lacks {folder:?} in the line: {features}"));
    }
    let source = fs::read_to_string(providers().join(folder).join("src/lib.rs")).unwrap_or_default();
    let offered: Vec<_> = ["STORES", "GENERATORS"]
        .into_iter()
        .filter(|it| source.contains(&format!("pub const {it}: ")))
        .collect();
    if offered.is_empty() {
        missing.push(format!(
            "providers/{folder}/src/lib.rs lacks `pub const STORES` or `pub const GENERATORS`"
        ));
    }
    for what in &offered {
        let lines = format!("    #[cfg(feature = {folder:?})]\n    {folder}::{what},\n");
        if !list.contains(&lines) {
            missing.push(format!("catalog/src/lib.rs lacks the lines: {lines}"));
        }
    }
    let store = ["src/config.rs", "tests/conformance.rs"];
    let store = store.into_iter().filter(|_| offered.contains(&"STORES"));
    for file in ["src/lib.rs", "docs.md", "examples"].into_iter().chain(store) {
        if !providers().join(folder).join(file).exists() {
            missing.push(format!("providers/{folder}/{file} is missing"));
        }
    }
    // A provider with several engines has one client for each, named after it.
    let clients = ["src/client.rs", "src/kv.rs"];
    let has_client = clients.iter().any(|file| providers().join(folder).join(file).exists());
    if offered.contains(&"STORES") && !has_client {
        missing.push(format!("providers/{folder}/src/client.rs is missing"));
    }
    missing
}

#[test]
fn every_folder_is_listed_and_has_the_same_files() {
    let manifest = fs::read_to_string(providers().join("catalog/Cargo.toml")).unwrap();
    let list = fs::read_to_string(providers().join("catalog/src/lib.rs")).unwrap();
    assert!(folders().len() >= 2, "the providers are not found: {:?}", folders());
    let missing: Vec<_> = folders().iter().flat_map(|folder| lacks(folder, &manifest, &list)).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn what_a_folder_lacks_is_named_exactly() {
    let missing = lacks("new", "default = [\"fake\"]\n", "");
    let expected = [
        r#"catalog/Cargo.toml lacks the line: new = { package = "strongroom-provider-new", path = "../new", optional = true }"#,
        r#"catalog/Cargo.toml lacks "new" in the line: default = ["fake"]"#,
        "providers/new/src/lib.rs lacks `pub const STORES` or `pub const GENERATORS`",
        "providers/new/src/lib.rs is missing",
        "providers/new/docs.md is missing",
        "providers/new/examples is missing",
    ];
    assert_eq!(missing, expected);
    let line = |folder: &str| {
        format!(
            r#"{folder} = {{ package = "strongroom-provider-{folder}", path = "../{folder}", optional = true }}"#
        )
    };
    let manifest = format!("default = [\"fake\", \"local\"]\n{}\n{}\n", line("fake"), line("local"));
    for (folder, what) in [("fake", "STORES"), ("local", "GENERATORS")] {
        let lines = format!("    #[cfg(feature = {folder:?})]\n    {folder}::{what},\n");
        assert_eq!(lacks(folder, &manifest, &lines), Vec::<String>::new());
        assert_eq!(lacks(folder, &manifest, ""), [format!("catalog/src/lib.rs lacks the lines: {lines}")]);
    }
}

#[test]
fn names_are_the_folders_and_unique() {
    let names: Vec<_> = catalog::stores().map(|descriptor| descriptor.name.to_owned()).collect();
    let unique: BTreeSet<_> = names.iter().cloned().collect();
    assert_eq!(unique.len(), names.len(), "{names:?}");
    let mut expected: BTreeSet<_> = folders().into_iter().collect();
    expected.extend(GUESTS.map(|(guest, _)| guest.to_owned()));
    assert!(unique.is_subset(&expected), "{names:?}");
    assert!(names.iter().all(|name| catalog::find(name).is_some()) && catalog::find("none").is_none());
}

#[test]
fn schemas_are_structural() {
    for (name, schema) in catalog::schemas() {
        assert_eq!(structural_faults(&schema), Vec::<String>::new(), "{name}");
    }
    for generator in catalog::generators() {
        assert_eq!(structural_faults(&generator.schema()), Vec::<String>::new(), "{}", generator.kind);
    }
}

#[test]
fn every_generator_is_found_by_group_and_kind_and_has_an_example_that_works() {
    let mut examples = BTreeSet::new();
    for folder in folders() {
        let entries = fs::read_dir(providers().join(&folder).join("examples")).unwrap();
        let paths = entries.map(|example| example.unwrap().path());
        for path in paths.filter(|path| path.is_file()) {
            let manifest: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let text = |field: &str| manifest[field].as_str().unwrap().to_owned();
            let (version, kind) = (text("apiVersion"), text("kind"));
            let group = version.split_once('/').unwrap().0;
            if let Some(generator) = catalog::find_generator(group, &kind) {
                let violations = generator.validate(&manifest["spec"]).expect("the example parses");
                assert!(violations.is_empty(), "{}: {violations:?}", path.display());
                assert!(examples.insert((group.to_owned(), kind)), "{}: two examples", path.display());
            }
        }
    }
    let built_in: Vec<_> =
        catalog::generators().map(|it| (it.group.to_owned(), it.kind.to_owned())).collect();
    assert_eq!(built_in.len(), examples.len(), "each kind is there once: {built_in:?}");
    assert_eq!(examples, built_in.into_iter().collect());
    assert!(catalog::find_generator("other.example", "Password").is_none());
}

#[test]
fn examples_parse_and_have_no_faults() {
    for descriptor in catalog::stores() {
        let guest = GUESTS.iter().find(|(guest, _)| *guest == descriptor.name);
        let folder = match guest {
            Some((guest, host)) => providers().join(host).join("examples").join(guest),
            None => providers().join(descriptor.name).join("examples"),
        };
        let mut kinds = BTreeSet::new();
        for path in
            fs::read_dir(folder).unwrap().map(|example| example.unwrap().path()).filter(|path| path.is_file())
        {
            let manifest: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            if manifest["apiVersion"] != "external-secrets.io/v1" {
                continue;
            }
            let kind = match manifest["kind"].as_str() {
                Some("SecretStore") => StoreKind::Namespaced,
                Some("ClusterSecretStore") => StoreKind::Cluster,
                other => unreachable!("{}: {other:?} is not a store", path.display()),
            };
            let config = &manifest["spec"]["provider"][descriptor.name];
            let violations = descriptor.validate(config, kind).expect("the example parses");
            assert!(violations.is_empty(), "{}: {violations:?}", path.display());
            kinds.insert(kind.as_str());
        }
        assert_eq!(kinds.len(), 2, "{}: one example for each kind of store", descriptor.name);
    }
}
