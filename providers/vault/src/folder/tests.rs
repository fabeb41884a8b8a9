//! What becomes of the entries of folders: their keys, their forms, and what is refused.

use serde_json::json;

use super::*;

fn spec(extra: &Value) -> FolderSpec {
    let mut spec = json!({
        "paths": [{}],
        "provider": {
            "server": "https://vault.test", "path": "secret",
            "auth": { "tokenSecretRef": { "name": "token", "key": "token" } },
        },
    });
    for (name, value) in extra.as_object().unwrap() {
        spec[name] = value.clone();
    }
    serde_json::from_value(spec).unwrap()
}

/// The fields that `spec` makes of entries: which of its paths, the name below that, and the text.
fn made(spec: &FolderSpec, entries: &[(usize, &str, &str)]) -> Result<Vec<(String, String)>> {
    let mut leaves = Vec::new();
    for (place, name, body) in entries {
        leaves.extend(leaf::leaves(&spec.paths[*place], spec.nested, name, &SecretBytes::from(*body))?);
    }
    let text = |(name, value): (String, SecretBytes)| (name, value.expose_str().unwrap().to_owned());
    Ok(output::fields(spec, leaves)?.into_iter().map(text).collect())
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn every_value_has_a_key_of_folder_entry_and_member() {
    let entries =
        [(0, "db", r#"{"user":"u","big":12345678901234567890}"#), (0, "web/tls", r#"{"on":true,"no":null}"#)];
    assert_eq!(
        made(&spec(&json!({})), &entries).unwrap(),
        pairs(&[
            ("db_big", "12345678901234567890"),
            ("db_user", "u"),
            ("web_tls_no", ""),
            ("web_tls_on", "true")
        ])
    );
    let dotted = spec(&json!({ "separator": "." }));
    assert_eq!(made(&dotted, &entries[..1]).unwrap()[1].0, "db.user");
}

#[test]
fn a_prefix_is_glued_unless_it_ends_with_a_slash() {
    for (prefix, expected) in
        [("my", "mydb_user"), ("my/", "my_db_user"), ("a/b", "a_bdb_user"), ("a/b/", "a_b_db_user")]
    {
        let spec = spec(&json!({ "paths": [{ "prefix": prefix }] }));
        assert_eq!(
            made(&spec, &[(0, "db", r#"{"user":"u"}"#)]).unwrap(),
            pairs(&[(expected, "u")]),
            "{prefix}"
        );
    }
}

#[test]
fn objects_and_lists_are_flattened_or_stay_text() {
    let body = r#"{"c":{"c1": 1,"list":[true,{"x":"y"}]},"empty":{}}"#;
    let flat = made(&spec(&json!({})), &[(0, "e", body)]).unwrap();
    assert_eq!(flat, pairs(&[("e_c_c1", "1"), ("e_c_list_0", "true"), ("e_c_list_1_x", "y")]));
    let text = made(&spec(&json!({ "nested": "JSON" })), &[(0, "e", body)]).unwrap();
    assert_eq!(text, pairs(&[("e_c", r#"{"c1":1,"list":[true,{"x":"y"}]}"#), ("e_empty", "{}")]));
}

#[test]
fn two_values_in_one_place_are_refused_and_both_are_named() {
    let two = spec(&json!({ "paths": [{ "path": "one" }, { "path": "two/" }] }));
    let error =
        made(&two, &[(0, "db", r#"{"user":"canary"}"#), (1, "db", r#"{"user":"canary"}"#)]).unwrap_err();
    let said = error.to_string();
    assert!(said.contains(r#""one/db: user" and "two/db: user" both become "db_user""#), "{said}");
    assert!(!said.contains("canary"));
    // The separator may make one of two.
    let said =
        made(&spec(&json!({})), &[(0, "a", r#"{"b_c":"1"}"#), (0, "a/b", r#"{"c":"2"}"#)]).unwrap_err();
    assert!(said.to_string().contains(r#""a: b_c" and "a/b: c" both become "a_b_c""#), "{said}");
    // In a tree they are apart, but no value can be a branch as well.
    for format in ["JSON", "YAML"] {
        let tree = spec(&json!({ "format": format }));
        assert!(made(&tree, &[(0, "a", r#"{"b_c":"1"}"#), (0, "a/b", r#"{"c":"2"}"#)]).is_ok());
        for entries in [
            [(0, "a", r#"{"b":"1"}"#), (0, "a/b", r#"{"c":"2"}"#)],
            [(0, "a/b", r#"{"c":"2"}"#), (0, "a", r#"{"b":"1"}"#)],
        ] {
            let said = made(&tree, &entries).unwrap_err().to_string();
            assert!(said.contains("a: b") && said.contains("a/b: c") && said.contains("\"a/b\""), "{said}");
        }
    }
}

#[test]
fn a_tree_is_json_and_yaml_of_the_same() {
    let entries = [
        (0, "db", r#"{"user":"u: #1\n","port":5432,"tags":["a"]}"#),
        (0, "web/tls", r#"{"big":12345678901234567890,"no: key":null}"#),
    ];
    let file = |format: &str| {
        let spec = spec(&json!({ "format": format, "nested": "JSON" }));
        let mut made = made(&spec, &entries).unwrap();
        assert_eq!(made.len(), 1);
        made.pop().unwrap()
    };
    let (name, text) = file("JSON");
    assert_eq!(name, "secrets.json");
    assert!(text.contains("12345678901234567890"), "{text}");
    let as_json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(as_json["db"], json!({ "user": "u: #1\n", "port": 5432, "tags": ["a"] }));
    let (name, text) = file("YAML");
    assert_eq!(name, "secrets.yaml");
    let as_yaml: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(as_yaml["db"], as_json["db"], "{text}");
    assert_eq!(as_yaml["web"]["tls"]["no: key"], Value::Null);
    assert!(text.contains("12345678901234567890"), "{text}");
}

#[test]
fn a_file_for_the_environment_escapes_what_a_shell_would_read() {
    let named = spec(&json!({ "format": "Env", "key": ".env" }));
    let body = r#"{"A":"x y","b":"\"$HOME`\\\n"}"#;
    let made_of = made(&named, &[(0, "e", body)]).unwrap();
    assert_eq!(made_of, pairs(&[(".env", "e_A=\"x y\"\ne_b=\"\\\"\\$HOME\\`\\\\\\n\"\n")]));
    let error = made(&named, &[(0, "e", r#"{"no-name":"canary"}"#)]).unwrap_err().to_string();
    assert!(error.contains("\"e_no-name\", of \"e: no-name\"") && !error.contains("canary"), "{error}");
    assert!(made(&named, &[(0, "1", r#"{"a":"1"}"#)]).is_err(), "a name cannot begin with a digit");
}

#[test]
fn faults_name_their_fields() {
    let fields = |extra| {
        let found = VaultFolder::validate(&spec(&extra));
        found.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
    };
    assert!(fields(json!({})).is_empty());
    assert!(fields(json!({ "format": "Env", "key": ".env" })).is_empty());
    assert_eq!(fields(json!({ "paths": [] })), ["paths"]);
    assert_eq!(fields(json!({ "paths": [{ "path": "a" }, { "path": "a/../b" }] })), ["paths[1].path"]);
    assert_eq!(fields(json!({ "key": "x" })), ["key"]);
    let no_engine = json!({ "provider": { "server": "https://vault.test" } });
    assert!(fields(no_engine).contains(&"provider.path".to_owned()));
}
