//! Owns what fuzzing begins with: the oracle's corpus and fixtures, and the inputs checked in under `seeds/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

fn is_of_kind(name: &str, kind: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end == kind)
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The first inputs of a target, in an order that does not change.
///
/// # Panics
///
/// A checked-in file cannot be read.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = match target {
        "go_template" => templates(),
        "gjson" => paths(),
        "yaml" => emitted("yaml"),
        "pem" => fixtures(|name| is_of_kind(name, "pem")),
        "pkcs12" => fixtures(|name| is_of_kind(name, "pfx")),
        "jwk" => fixtures(|name| name.starts_with("jwk-")),
        _ => Vec::new(),
    };
    seeds.extend(lines(&folder("seeds").join(format!("{target}.txt"))));
    seeds.extend(files(&folder("seeds").join(target), |_| true));
    seeds.sort();
    seeds.dedup();
    seeds
}

/// Words that inputs of a target are made of.
pub fn dictionary(target: &str) -> Vec<Vec<u8>> {
    let mut words = BTreeSet::new();
    if !matches!(target, "pkcs12" | "pem") {
        for seed in seeds(target) {
            let is_part =
                |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'.' | b'@' | b'#');
            let parts = seed.chunk_by(|one, other| is_part(one) == is_part(other));
            words.extend(parts.filter(|part| (2..=16).contains(&part.len())).map(<[u8]>::to_vec));
        }
    }
    words.into_iter().collect()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder that may be absent.
fn files(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("a folder's entry").path());
    let wanted = paths.filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(&is_wanted));
    wanted.map(|path| read(&path)).collect()
}

fn lines(file: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| line.replace("\\n", "\n").into_bytes()).collect()
}

fn fixtures(is_wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    files(&folder("../oracle/cases/fixtures"), is_wanted)
}

fn corpus(is_wanted: impl Fn(&str) -> bool) -> Vec<Value> {
    let texts = files(&folder("../tests/oracle"), is_wanted);
    let lines = texts.iter().flat_map(|text| text.split(|byte| *byte == b'\n'));
    lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

fn templates() -> Vec<Vec<u8>> {
    let cases = corpus(|name| name != "gjson.jsonl");
    cases.iter().filter_map(|case| Some(case["template"].as_str()?.as_bytes().to_vec())).collect()
}

fn paths() -> Vec<Vec<u8>> {
    let mut document = String::new();
    let mut seeds = Vec::new();
    for case in corpus(|name| name == "gjson.jsonl") {
        if let Some(text) = case["json"].as_str() {
            text.clone_into(&mut document);
        }
        if let Some(path) = case["path"].as_str() {
            seeds.push(format!("{path}\n{document}").into_bytes());
        }
    }
    seeds
}

/// The fields and the outputs of a family: documents.
fn emitted(family: &str) -> Vec<Vec<u8>> {
    let cases = corpus(|name| name == format!("{family}.jsonl"));
    let mut documents = Vec::new();
    for case in &cases {
        documents.extend(case["output"].as_str().map(|text| text.as_bytes().to_vec()));
        for value in case["data"].as_object().into_iter().flat_map(|data| data.values()) {
            match value["base64"].as_str() {
                Some(text) => documents.extend(BASE64_STANDARD.decode(text)),
                None => documents.extend(value.as_str().map(|text| text.as_bytes().to_vec())),
            }
        }
    }
    documents
}
