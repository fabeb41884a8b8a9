//! `cargo xtask sbom`: the bill of materials of the controller, as CycloneDX: every crate that is compiled into it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::{progress, servers, workspace};

/// What is shipped.
const PACKAGE: &str = "strongroom-controller";
/// What the image is built for; crates that only other systems need are left out.
const PLATFORMS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// Exits with 1 and names the first fault if what comes in is not what CycloneDX's schema says, licences included. The
/// grammar of addresses is left out: it takes twenty times as long as all the rest.
const VALIDATION: &str = "\
import sys
sys.modules['rfc3987_syntax'] = None
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
fault = JsonStrictValidator(SchemaVersion.V1_5).validate_str(sys.stdin.read())
sys.exit(f'{fault!r}'[:2000] if fault else 0)
";

/// Where to write it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Write nothing; fail if the bill is not valid by CycloneDX's own schema.
    #[arg(long, conflicts_with = "output")]
    check: bool,
    /// The file to write; standard output if not given.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes the bill.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.check {
        return check();
    }
    let text = text_of_bill()?;
    let Some(file) = &options.output else {
        progress::line(&text);
        return Ok(());
    };
    fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}

/// Fails unless the bill is valid.
pub(crate) fn check() -> Result<()> {
    let mut bill = bill(&metadata()?, &checksums()?)?;
    valid(&bill.to_string())?;
    // A judge that lets everything pass is none.
    let fields = bill.as_object_mut().context("the bill is no object")?;
    fields.insert("licence".to_owned(), json!("unknown to the schema"));
    match valid(&bill.to_string()) {
        Err(fault) if fault.to_string().contains("'licence' was unexpected") => (),
        other => bail!("the judge was to find a field that is none, and said {other:?}"),
    }
    progress::line("the bill of materials is valid CycloneDX 1.5");
    Ok(())
}

fn text_of_bill() -> Result<String> {
    Ok(serde_json::to_string_pretty(&bill(&metadata()?, &checksums()?)?)?)
}

/// Fails unless `bill` is what CycloneDX's schema says.
fn valid(bill: &str) -> Result<()> {
    let mut python = Command::new(servers::cyclonedx()?);
    python.args(["-c", VALIDATION]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut python = python.spawn().context("cannot start CycloneDX's library")?;
    // Closed at the end of the statement: the reader waits for that.
    python.stdin.take().context("no input")?.write_all(bill.as_bytes())?;
    let output = python.wait_with_output()?;
    if !output.status.success() {
        bail!("the bill is not valid: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// What cargo knows of the workspace and of all that it depends on.
fn metadata() -> Result<Value> {
    let mut cargo = workspace::cargo();
    cargo.args(["metadata", "--format-version", "1", "--locked"]);
    for platform in PLATFORMS {
        cargo.args(["--filter-platform", platform]);
    }
    let output = cargo.output()?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// SHA-256 of the packages in Cargo.lock, by name and version.
fn checksums() -> Result<BTreeMap<(String, String), String>> {
    Ok(parsed_lock(&fs::read_to_string(workspace::root().join("Cargo.lock"))?))
}

fn parsed_lock(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |package: &str, key: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
        line.and_then(|line| line.strip_suffix('"')).map(ToOwned::to_owned)
    };
    let packages = lock.split("[[package]]").skip(1);
    let known = packages.filter_map(|package| {
        Some(((value(package, "name")?, value(package, "version")?), value(package, "checksum")?))
    });
    known.collect()
}

/// The bill, from what cargo knows. It has neither a time nor a serial number: the same sources make the same bill.
fn bill(metadata: &Value, checksums: &BTreeMap<(String, String), String>) -> Result<Value> {
    let packages: BTreeMap<&str, &Value> = list(metadata, "packages")?
        .iter()
        .filter_map(|package| Some((text(package, "id")?, package)))
        .collect();
    let graph = graph(metadata)?;
    let root = packages.values().find(|package| text(package, "name") == Some(PACKAGE));
    let root = root.and_then(|package| text(package, "id")).context("cargo does not know the controller")?;
    let shipped = reachable(&graph, root);
    let mut components = Vec::new();
    for id in shipped.iter().filter(|id| **id != root) {
        let package = packages.get(id).with_context(|| format!("no package {id}"))?;
        components.push(component("library", package, checksums)?);
    }
    let dependencies: Vec<Value> = shipped
        .iter()
        .map(|id| {
            let on = graph.get(id).into_iter().flatten();
            let on: BTreeSet<_> =
                on.filter_map(|id| packages.get(id)).filter_map(|package| purl(package)).collect();
            json!({ "ref": packages.get(id).and_then(|package| purl(package)), "dependsOn": on })
        })
        .collect();
    let product = packages.get(root).context("no root")?;
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component("application", product, checksums)? },
        "components": components,
        "dependencies": dependencies,
    }))
}

/// Who needs whom to run: neither what only tests need nor what only builds need.
fn graph(metadata: &Value) -> Result<BTreeMap<&str, Vec<&str>>> {
    let resolve = metadata.get("resolve").context("cargo has resolved nothing")?;
    let nodes = list(resolve, "nodes")?.iter().filter_map(|node| {
        let dependencies = node.get("deps")?.as_array()?.iter().filter(|dependency| is_linked(dependency));
        Some((text(node, "id")?, dependencies.filter_map(|dependency| text(dependency, "pkg")).collect()))
    });
    Ok(nodes.collect())
}

fn is_linked(dependency: &Value) -> bool {
    let kinds = dependency.get("dep_kinds").and_then(Value::as_array);
    kinds.into_iter().flatten().any(|kind| kind.get("kind").is_some_and(Value::is_null))
}

fn reachable<'g>(graph: &BTreeMap<&'g str, Vec<&'g str>>, root: &'g str) -> BTreeSet<&'g str> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![root]);
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            open.extend(graph.get(id).into_iter().flatten());
        }
    }
    seen
}

fn component(kind: &str, package: &Value, checksums: &BTreeMap<(String, String), String>) -> Result<Value> {
    let name = text(package, "name").context("a package without a name")?;
    let version = text(package, "version").context("a package without a version")?;
    let mut component = json!({
        "type": kind, "bom-ref": purl(package), "name": name, "version": version, "purl": purl(package),
    });
    let Some(fields) = component.as_object_mut() else { return Ok(component) };
    if let Some(license) = text(package, "license") {
        // Before there were expressions, crates wrote a slash.
        fields.insert("licenses".to_owned(), json!([{ "expression": license.replace('/', " OR ") }]));
    }
    if let Some(checksum) = checksums.get(&(name.to_owned(), version.to_owned())) {
        fields.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": checksum }]));
    }
    if let Some(address) = text(package, "repository") {
        fields.insert("externalReferences".to_owned(), json!([{ "type": "vcs", "url": address }]));
    }
    Ok(component)
}

fn purl(package: &Value) -> Option<String> {
    Some(format!("pkg:cargo/{}@{}", text(package, "name")?, text(package, "version")?))
}

fn list<'v>(value: &'v Value, key: &str) -> Result<&'v Vec<Value>> {
    value.get(key).and_then(Value::as_array).with_context(|| format!("cargo metadata has no {key}"))
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_holds_what_is_shipped_and_nothing_else_and_hangs_together() {
        let bill = bill(&metadata().unwrap(), &checksums().unwrap()).unwrap();
        assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&json!("CycloneDX"), &json!("1.5")));
        let components = bill["components"].as_array().unwrap();
        let mut known: BTreeSet<&str> = components.iter().map(|it| it["bom-ref"].as_str().unwrap()).collect();
        assert_eq!(known.len(), components.len(), "every reference once");
        known.insert(bill["metadata"]["component"]["bom-ref"].as_str().unwrap());
        let names: BTreeSet<&str> = components.iter().map(|it| it["name"].as_str().unwrap()).collect();
        for wanted in ["kube", "rustls", "aws-lc-sys", "tokio", "strongroom-provider-vault"] {
            assert!(names.contains(wanted), "{wanted} is missing");
        }
        for foreign in ["wiremock", "rcgen", "strongroom-e2e", "xtask", "cc", "windows-sys", "libfuzzer-sys"]
        {
            assert!(!names.contains(foreign), "{foreign} is not shipped");
        }
        for component in components {
            let ours = component["name"].as_str().unwrap().starts_with("strongroom-");
            assert!(component["licenses"][0]["expression"].is_string(), "{component}");
            assert_eq!(component.get("hashes").is_none(), ours, "{component}");
        }
        for dependency in bill["dependencies"].as_array().unwrap() {
            assert!(known.contains(dependency["ref"].as_str().unwrap()), "{dependency}");
            let on = dependency["dependsOn"].as_array().unwrap();
            assert!(on.iter().all(|it| known.contains(it.as_str().unwrap())), "{dependency}");
        }
        assert_eq!(bill["dependencies"].as_array().unwrap().len(), known.len());
    }

    #[test]
    fn checksums_are_read_from_the_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ff\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n";
        let wanted = [(("a".to_owned(), "1.0.0".to_owned()), "ff".to_owned())];
        assert_eq!(parsed_lock(lock), wanted.into_iter().collect());
    }
}
