//! Every rule of upstream's admission webhook, one by one.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helper functions"
)]

use serde_json::{Value, json};
use strongroom_crds::validation::{store_violations, template_violations, violations};
use strongroom_crds::{Enforcement, ExternalSecretSpec, SecretStoreSpec, Violation};

fn spec(value: Value) -> ExternalSecretSpec {
    serde_json::from_value(value).unwrap()
}

fn one_entry() -> Value {
    json!([{ "secretKey": "k", "remoteRef": { "key": "b" } }])
}

fn found(value: Value) -> Vec<(String, String, Enforcement)> {
    violations(&spec(value))
        .into_iter()
        .map(|Violation { field, message, enforcement }| (field, message, enforcement))
        .collect()
}

fn assert_one(value: Value, field: &str, message: &str, enforcement: Enforcement) {
    assert_eq!(found(value), [(field.to_owned(), message.to_owned(), enforcement)]);
}

fn with_target(target: &Value) -> Value {
    json!({ "data": one_entry(), "target": target })
}

#[test]
fn an_ordinary_spec_has_no_fault() {
    assert_eq!(found(json!({ "data": one_entry() })), []);
    assert_eq!(found(json!({ "dataFrom": [{ "extract": { "key": "a" } }, { "find": {} }] })), []);
}

#[test]
fn delete_needs_an_owned_or_orphaned_secret() {
    const MESSAGE: &str = "deletionPolicy=Delete must not be used when the controller doesn't own the secret. Please set creationPolicy=Owner";
    for policy in ["Merge", "None", "CreateOrMerge"] {
        let target = json!({ "deletionPolicy": "Delete", "creationPolicy": policy });
        assert_one(with_target(&target), "spec.target.deletionPolicy", MESSAGE, Enforcement::Admission);
    }
    for policy in ["Owner", "Orphan"] {
        assert_eq!(found(with_target(&json!({ "deletionPolicy": "Delete", "creationPolicy": policy }))), []);
    }
}

#[test]
fn merge_needs_a_secret_to_merge_with() {
    const MESSAGE: &str =
        "deletionPolicy=Merge must not be used with creationPolicy=None. There is no Secret to merge with";
    let target = json!({ "deletionPolicy": "Merge", "creationPolicy": "None" });
    assert_one(with_target(&target), "spec.target.deletionPolicy", MESSAGE, Enforcement::Admission);
    for policy in ["Owner", "Orphan", "Merge", "CreateOrMerge"] {
        assert_eq!(found(with_target(&json!({ "deletionPolicy": "Merge", "creationPolicy": policy }))), []);
    }
    assert_eq!(found(with_target(&json!({ "deletionPolicy": "Retain", "creationPolicy": "None" }))), []);
}

#[test]
fn something_must_be_fetched() {
    assert_one(json!({}), "spec", "either data or dataFrom should be specified", Enforcement::Admission);
}

#[test]
fn an_element_of_data_from_has_one_way() {
    const TWO: &str = "extract, find, or generatorRef cannot be set at the same time";
    const NONE: &str = "either extract, find, or sourceRef must be set to dataFrom";
    const EMPTY: &str = "generatorRef or storeRef must be set when using sourceRef in dataFrom";
    let extract = json!({ "key": "a" });
    let generator = json!({ "generatorRef": { "kind": "UUID", "name": "u" } });
    let at = |entry: Value| json!({ "dataFrom": [{ "find": {} }, entry] });
    for entry in [
        json!({ "extract": extract, "find": {} }),
        json!({ "extract": extract, "sourceRef": generator }),
        json!({ "find": {}, "sourceRef": generator }),
        json!({ "extract": extract, "find": {}, "sourceRef": generator }),
    ] {
        assert_one(at(entry), "spec.dataFrom[1]", TWO, Enforcement::Admission);
    }
    assert_one(at(json!({})), "spec.dataFrom[1]", NONE, Enforcement::Admission);
    assert_one(at(json!({ "sourceRef": {} })), "spec.dataFrom[1].sourceRef", EMPTY, Enforcement::Admission);
    assert_one(
        at(json!({ "find": {}, "sourceRef": {} })),
        "spec.dataFrom[1].sourceRef",
        EMPTY,
        Enforcement::Admission,
    );
    assert_eq!(found(at(json!({ "sourceRef": generator }))), []);
    assert_eq!(found(at(json!({ "extract": extract, "sourceRef": { "storeRef": { "name": "s" } } }))), []);
}

#[test]
fn a_key_is_written_once_unless_the_policy_merges() {
    let twice = json!([
        { "secretKey": "k", "remoteRef": { "key": "a" } },
        { "secretKey": "l", "remoteRef": { "key": "a" } },
        { "secretKey": "k", "remoteRef": { "key": "b" } },
    ]);
    let with = |policy: &str| json!({ "data": twice, "target": { "deletionPolicy": policy } });
    assert_one(
        with("Retain"),
        "spec.data[2].secretKey",
        "duplicate secretKey found: k",
        Enforcement::Admission,
    );
    assert_eq!(found(with("Merge")), []);
    assert_eq!(found(with("Delete")), []);
}

#[test]
fn a_token_for_a_chosen_service_account_is_refused_by_the_controller_too() {
    let token = "kubernetes.io/service-account-token";
    let annotated = json!({ "template": {
        "type": token,
        "metadata": { "annotations": { "kubernetes.io/service-account.name": "robot" } },
    } });
    assert_one(
        with_target(&annotated),
        "spec.target.template.type",
        "template.type=\"kubernetes.io/service-account-token\" with annotation \"kubernetes.io/service-account.name\" is not allowed",
        Enforcement::Controller,
    );
    for target in ["Annotations", "annotations"] {
        assert_one(
            with_target(
                &json!({ "template": { "type": token, "templateFrom": [{ "target": target, "literal": "a: b" }] } }),
            ),
            "spec.target.template.type",
            "template.type=\"kubernetes.io/service-account-token\" with templateFrom target=\"Annotations\" is not allowed",
            Enforcement::Controller,
        );
    }
    assert_eq!(found(with_target(&json!({ "template": { "type": token } }))), []);
}

#[test]
fn a_bootstrap_token_is_refused_by_the_controller_too() {
    assert_one(
        with_target(&json!({ "template": { "type": "bootstrap.kubernetes.io/token" } })),
        "spec.target.template.type",
        "template.type=\"bootstrap.kubernetes.io/token\" is not allowed",
        Enforcement::Controller,
    );
}

#[test]
fn a_template_writes_to_data_labels_and_annotations_of_a_secret() {
    let with =
        |target: &str| json!({ "template": { "templateFrom": [{ "target": target, "literal": "a: b" }] } });
    for target in ["", "Data", "data", "LABELS", "Annotations"] {
        assert_eq!(found(with_target(&with(target))), [], "{target}");
    }
    for target in ["type", "spec", "data.x"] {
        assert_one(
            with_target(&with(target)),
            "spec.target.template.templateFrom[0].target",
            &format!(
                "templateFrom target=\"{target}\" is not allowed when targeting a Secret, must be one of \"Data\", \"Annotations\" or \"Labels\""
            ),
            Enforcement::Controller,
        );
    }
    let with_manifest = |api_version: &str, kind: &str| {
        let mut target = with("spec.x");
        target["manifest"] = json!({ "apiVersion": api_version, "kind": kind });
        with_target(&target)
    };
    assert_eq!(found(with_manifest("v1", "Secret")).len(), 1);
    assert_eq!(found(with_manifest("v1", "ConfigMap")), []);
    assert_eq!(found(with_manifest("example.com/v1", "Secret")), []);
    assert_eq!(template_violations(&spec(with_target(&with("type"))).target).len(), 1);
}

#[test]
fn a_duration_that_does_not_parse_is_a_fault_of_its_object() {
    assert_one(
        json!({ "data": one_entry(), "refreshInterval": "1d" }),
        "spec.refreshInterval",
        "time: unknown unit \"d\" in duration \"1d\"",
        Enforcement::Controller,
    );
    let windows = json!({ "kind": "deny", "windows": [
        { "schedule": "@daily", "duration": "1h" },
        { "schedule": "@daily", "duration": "60" },
    ] });
    assert_one(
        json!({ "data": one_entry(), "syncWindows": windows }),
        "spec.syncWindows.windows[1].duration",
        "time: missing unit in duration \"60\"",
        Enforcement::Controller,
    );
}

#[test]
fn several_faults_are_all_found_in_order() {
    let faults = found(json!({
        "target": { "deletionPolicy": "Delete", "creationPolicy": "Merge", "template": { "type": "bootstrap.kubernetes.io/token" } },
        "dataFrom": [{}],
    }));
    let fields: Vec<&str> = faults.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(fields, ["spec.target.deletionPolicy", "spec.target.template.type", "spec.dataFrom[0]"]);
}

fn store(value: Value) -> Vec<(String, String)> {
    let spec: SecretStoreSpec = serde_json::from_value(value).unwrap();
    store_violations(&spec).into_iter().map(|it| (it.field, it.message)).collect()
}

fn store_with(field: &str, value: Value) -> Vec<(String, String)> {
    let mut spec = json!({ "provider": { "fake": {} } });
    spec[field] = value;
    store(spec)
}

#[test]
fn a_store_has_exactly_one_provider() {
    assert_eq!(store(json!({ "provider": { "fake": {} } })), []);
    for odd in [json!({}), json!(null), json!("fake"), json!({ "fake": {}, "vault": {} })] {
        let faults = store(json!({ "provider": odd }));
        assert_eq!(faults.len(), 1, "{odd}");
        assert_eq!(faults[0].0, "spec.provider");
    }
}

#[test]
fn a_store_is_checked_at_a_time_that_exists() {
    for good in [json!(3600), json!("1h"), json!(0), json!("0")] {
        assert_eq!(store_with("refreshInterval", good.clone()), [], "{good}");
    }
    for (odd, message) in [
        (json!(-5), "spec.refreshInterval must not be negative"),
        (json!("-5s"), "spec.refreshInterval must not be negative"),
        (json!(""), "time: invalid duration \"\""),
        (json!("3600"), "time: missing unit in duration \"3600\""),
    ] {
        let expected = [("spec.refreshInterval".to_owned(), message.to_owned())];
        assert_eq!(store_with("refreshInterval", odd), expected);
    }
}

#[test]
fn a_namespace_regex_compiles() {
    let faults = store_with(
        "conditions",
        json!([{ "namespaceRegexes": ["^a-.*"] }, { "namespaceRegexes": ["b", "("] }]),
    );
    assert_eq!(
        faults,
        [(
            "spec.conditions[1].namespaceRegexes[1]".to_owned(),
            "the regular expression \"(\" does not compile: unclosed group".to_owned()
        )]
    );
}
