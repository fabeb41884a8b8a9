//! The direction of dependency (`ARCHITECTURE.md`, section 2) and the one TLS stack, checked over
//! `cargo metadata`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail this way")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Our packages and what each depends on directly, dev-dependencies left out.
struct Graph {
    edges: BTreeMap<String, BTreeSet<String>>,
    resolved: BTreeSet<(String, String)>,
    folders: BTreeMap<String, String>,
}

fn graph() -> Graph {
    let metadata = cargo(&["metadata", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    let root = text(&metadata["workspace_root"]);
    let mut edges = BTreeMap::new();
    let mut folders = BTreeMap::new();
    for package in packages.iter().filter(|package| package["source"].is_null()) {
        let dependencies = package["dependencies"].as_array().unwrap();
        let direct = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
        edges.insert(text(&package["name"]), direct.map(|dependency| text(&dependency["name"])).collect());
        let manifest = text(&package["manifest_path"]);
        let folder = manifest.strip_prefix(&root).unwrap().trim_matches('/').trim_end_matches("/Cargo.toml");
        folders.insert(text(&package["name"]), folder.to_owned());
    }
    Graph { edges, resolved: built(), folders }
}

/// Name and version of everything that is really built; `cargo metadata` also lists what no feature switches on.
fn built() -> BTreeSet<(String, String)> {
    let target = ["--target", "x86_64-unknown-linux-gnu"];
    let tree = cargo(&[&["tree", "--workspace", "--prefix", "none", "--edges", "all"], &target[..]].concat());
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
        })
        .collect()
}

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .args(["--locked", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn is_provider(folder: &str) -> bool {
    let kernel = ["providers/api", "providers/kit", "providers/conformance", "providers/catalog"];
    folder.starts_with("providers/") && !kernel.contains(&folder)
}

#[test]
fn dependencies_go_in_one_direction() {
    let graph = graph();
    let ours: BTreeSet<_> = graph.edges.keys().cloned().collect();
    let providers: BTreeSet<_> = graph
        .folders
        .iter()
        .filter(|(_, folder)| is_provider(folder))
        .map(|(name, _)| name.clone())
        .collect();
    assert!(providers.len() >= 2, "the providers are found by their folders: {:?}", graph.folders);
    let named =
        |names: &[&str]| names.iter().map(|name| format!("strongroom-{name}")).collect::<BTreeSet<_>>();
    for (package, dependencies) in &graph.edges {
        let inner: BTreeSet<_> = dependencies.intersection(&ours).cloned().collect();
        let allowed = match package.as_str() {
            "strongroom-crds" | "strongroom-templating" | "strongroom-provider-api" | "xtask" => {
                BTreeSet::new()
            }
            "strongroom-templating-fuzz" => named(&["templating"]),
            "strongroom-provider-kit" => named(&["provider-api"]),
            "strongroom-provider-conformance" => named(&["provider-api", "provider-kit"]),
            "strongroom-provider-catalog" => &named(&["provider-api"]) | &providers,
            "strongroom-controller" => {
                named(&["crds", "templating", "provider-api", "provider-kit", "provider-catalog"])
            }
            "strongroom-e2e" => named(&["crds"]),
            provider if providers.contains(provider) => named(&["provider-api", "provider-kit"]),
            other => panic!("{other}: a new package; say here what it may depend on"),
        };
        let forbidden: Vec<_> = inner.difference(&allowed).collect();
        assert!(forbidden.is_empty(), "{package} must not depend on {forbidden:?}");
    }
}

#[test]
fn pure_crates_stay_pure() {
    let graph = graph();
    for package in ["strongroom-templating", "strongroom-crds", "strongroom-provider-api"] {
        for impure in ["tokio", "reqwest", "hyper"] {
            assert!(!graph.edges[package].contains(impure), "{package} must not depend on {impure}");
        }
    }
    assert!(!graph.edges["strongroom-templating"].contains("kube"), "templating knows no cluster");
    for package in graph.edges.keys().filter(|name| is_provider(&graph.folders[*name])) {
        assert!(!graph.edges[package].contains("kube"), "{package}: a provider has no Kubernetes client");
    }
}

#[test]
fn there_is_one_http_and_one_tls_stack() {
    let graph = graph();
    for forbidden in ["ring", "openssl-sys", "native-tls"] {
        assert!(!graph.resolved.iter().any(|(name, _)| name == forbidden), "{forbidden} is in the build");
    }
    for single in ["hyper", "http", "rustls", "reqwest", "tokio-rustls"] {
        let versions: Vec<_> = graph.resolved.iter().filter(|(name, _)| name == single).collect();
        assert_eq!(versions.len(), 1, "{versions:?}");
    }
}
