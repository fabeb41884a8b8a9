//! The examples are settings without faults.

use std::path::Path;

use serde_json::Value;
use strongroom_provider_api::StoreKind;
use strongroom_provider_vault::{GENERATORS, STORES};

#[test]
fn every_example_is_without_faults() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut kinds = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let store: Value = serde_saphyr::from_str(&text).unwrap();
        if store["kind"] == GENERATORS[0].kind {
            assert_eq!(GENERATORS[0].validate(&store["spec"]).unwrap(), []);
            continue;
        }
        let kind = match store["kind"].as_str().unwrap() {
            "SecretStore" => StoreKind::Namespaced,
            "ClusterSecretStore" => StoreKind::Cluster,
            other => panic!("{other} is no store"),
        };
        assert_eq!(STORES[0].validate(&store["spec"]["provider"]["vault"], kind).unwrap(), []);
        kinds.push(kind);
    }
    assert!(kinds.contains(&StoreKind::Namespaced) && kinds.contains(&StoreKind::Cluster));
}
