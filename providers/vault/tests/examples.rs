//! The examples are settings without faults.

use std::path::Path;

use serde_json::Value;
use strongroom_provider_api::StoreKind;
use strongroom_provider_vault::{GENERATORS, STORES};

#[test]
fn every_example_is_without_faults() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for (store, folder) in STORES.iter().zip([folder.clone(), folder.join("openBao")]) {
        let mut kinds = Vec::new();
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        for file in files.filter(|path| path.is_file()) {
            let example: Value = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
            if let Some(generator) = GENERATORS.iter().find(|it| example["kind"] == it.kind) {
                assert_eq!(generator.validate(&example["spec"]).unwrap(), []);
                continue;
            }
            let kind = match example["kind"].as_str().unwrap() {
                "SecretStore" => StoreKind::Namespaced,
                "ClusterSecretStore" => StoreKind::Cluster,
                other => panic!("{other} is no store"),
            };
            assert_eq!(store.validate(&example["spec"]["provider"][store.name], kind).unwrap(), []);
            kinds.push(kind);
        }
        assert!(kinds.contains(&StoreKind::Namespaced) && kinds.contains(&StoreKind::Cluster));
    }
}
