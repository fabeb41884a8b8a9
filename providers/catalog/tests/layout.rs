//! What every provider folder must hold; a failure names the missing line or file.

#![expect(clippy::unwrap_used, reason = "a test may fail this way")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use strongroom_provider_api::StoreKind;
use strongroom_provider_catalog as catalog;

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

#[test]
fn every_folder_is_listed() {
    let manifest = fs::read_to_string(providers().join("catalog/Cargo.toml")).unwrap();
    let list = fs::read_to_string(providers().join("catalog/src/lib.rs")).unwrap();
    let features = manifest.lines().find(|line| line.starts_with("default = ")).unwrap();
    assert!(folders().len() >= 2);
    for folder in folders() {
        let dependency = format!("strongroom-provider-{folder} = {{ workspace = true, optional = true }}");
        assert!(manifest.contains(&dependency), "catalog/Cargo.toml lacks the line: {dependency}");
        let feature = format!("{folder} = [\"dep:strongroom-provider-{folder}\"]");
        assert!(manifest.contains(&feature), "catalog/Cargo.toml lacks the feature: {feature}");
        assert!(features.contains(&format!("{folder:?}")), "the default features of catalog lack {folder:?}");
        let entry = format!("strongroom_provider_{folder}::STORES,");
        assert!(list.contains(&entry), "catalog/src/lib.rs lacks the line: {entry}");
    }
}

#[test]
fn every_folder_has_the_same_files() {
    let files = ["src/lib.rs", "src/config.rs", "docs.md", "examples", "tests/conformance.rs"];
    for folder in folders() {
        for file in files {
            assert!(providers().join(&folder).join(file).exists(), "providers/{folder}/{file} is missing");
        }
    }
}

#[test]
fn names_are_the_folders_and_unique() {
    let names: Vec<_> = catalog::stores().map(|descriptor| descriptor.name.to_owned()).collect();
    let unique: BTreeSet<_> = names.iter().cloned().collect();
    assert_eq!(unique.len(), names.len(), "{names:?}");
    assert_eq!(unique, folders().into_iter().collect());
    assert!(names.iter().all(|name| catalog::find(name).is_some()) && catalog::find("none").is_none());
}

#[test]
fn schemas_are_structural() {
    for (name, schema) in catalog::schemas() {
        check_node(&name, &schema);
    }
}

/// Every node says its type or that anything goes, and refers to no other.
fn check_node(path: &str, node: &Value) {
    let object = node.as_object().unwrap_or_else(|| unreachable!("{path} is not an object"));
    for forbidden in ["$ref", "$schema", "nullable", "definitions"] {
        assert!(!object.contains_key(forbidden), "{path} has {forbidden}");
    }
    if let Some(alternatives) = node["oneOf"].as_array() {
        for alternative in alternatives {
            check_node(path, alternative);
        }
        return;
    }
    let typed = ["type", "enum", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"];
    assert!(typed.iter().any(|key| object.contains_key(*key)), "{path} says no type: {node}");
    for (name, child) in node["properties"].as_object().into_iter().flatten() {
        check_node(&format!("{path}.{name}"), child);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(child) = object.get(key).filter(|child| child.is_object()) {
            check_node(&format!("{path}.{key}"), child);
        }
    }
}

#[test]
fn examples_parse_and_have_no_faults() {
    for descriptor in catalog::stores() {
        let examples = fs::read_dir(providers().join(descriptor.name).join("examples")).unwrap();
        let mut kinds = BTreeSet::new();
        for example in examples {
            let path = example.unwrap().path();
            let manifest: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
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
