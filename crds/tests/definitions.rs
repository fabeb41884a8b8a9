//! What the four CustomResourceDefinitions look like from outside.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helper functions"
)]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use strongroom_crds::{GeneratorKind, UPSTREAM_PROVIDERS, definitions};

/// Name of the definition to its JSON, without any provider built in.
fn plain() -> BTreeMap<String, Value> {
    by_name(&BTreeMap::new())
}

fn by_name(provider_schemas: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    definitions(provider_schemas)
        .unwrap()
        .into_iter()
        .map(|crd| (crd.metadata.name.clone().unwrap(), serde_json::to_value(crd).unwrap()))
        .collect()
}

fn crd(name: &str) -> Value {
    plain().remove(&format!("{name}.external-secrets.io")).unwrap()
}

fn spec_schema(crd: &Value) -> &Value {
    &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
}

fn columns(crd: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    crd["spec"]["versions"][0]["additionalPrinterColumns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (text(&it["name"]), text(&it["type"]), text(&it["jsonPath"])))
        .collect()
}

fn owned(expected: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    expected.iter().map(|&(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())).collect()
}

const REASON: &str = r#".status.conditions[?(@.type=="Ready")].reason"#;
const STATUS: &str = r#".status.conditions[?(@.type=="Ready")].status"#;

#[test]
fn the_four_definitions_come_in_order() {
    let names: Vec<_> =
        definitions(&BTreeMap::new()).unwrap().into_iter().map(|it| it.metadata.name.unwrap()).collect();
    assert_eq!(
        names,
        [
            "externalsecrets.external-secrets.io",
            "clusterexternalsecrets.external-secrets.io",
            "secretstores.external-secrets.io",
            "clustersecretstores.external-secrets.io"
        ]
    );
}

#[test]
fn names_scopes_and_labels_are_upstreams() {
    for (plural, kind, singular, short, scope) in [
        ("externalsecrets", "ExternalSecret", "externalsecret", "es", "Namespaced"),
        ("clusterexternalsecrets", "ClusterExternalSecret", "clusterexternalsecret", "ces", "Cluster"),
        ("secretstores", "SecretStore", "secretstore", "ss", "Namespaced"),
        ("clustersecretstores", "ClusterSecretStore", "clustersecretstore", "css", "Cluster"),
    ] {
        let crd = crd(plural);
        assert_eq!(
            crd["spec"]["names"],
            json!({
                "categories": ["external-secrets"],
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "shortNames": [short],
                "singular": singular,
            })
        );
        assert_eq!(crd["spec"]["scope"], scope);
        assert_eq!(crd["spec"]["group"], "external-secrets.io");
        assert_eq!(crd["spec"].get("conversion"), None);
        assert_eq!(crd["metadata"]["labels"], json!({ "external-secrets.io/component": "controller" }));
    }
}

#[test]
fn v1_is_served_and_stored_and_v1beta1_is_neither() {
    for crd in plain().values() {
        let versions = crd["spec"]["versions"].as_array().unwrap();
        assert_eq!(versions.len(), 2);
        assert_eq!((&versions[0]["name"], &versions[1]["name"]), (&json!("v1"), &json!("v1beta1")));
        assert_eq!((&versions[0]["served"], &versions[0]["storage"]), (&json!(true), &json!(true)));
        assert_eq!((&versions[1]["served"], &versions[1]["storage"]), (&json!(false), &json!(false)));
        assert_eq!(versions[1]["deprecated"], true);
        assert_eq!(versions[0].get("deprecated"), None);
        for version in versions {
            assert_eq!(version["subresources"], json!({ "status": {} }));
        }
        assert_eq!(
            versions[1]["schema"]["openAPIV3Schema"],
            json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
        );
    }
}

#[test]
fn printer_columns_are_upstreams() {
    assert_eq!(
        columns(&crd("externalsecrets")),
        owned(&[
            ("StoreType", "string", ".spec.secretStoreRef.kind"),
            ("Store", "string", ".spec.secretStoreRef.name"),
            ("Refresh Interval", "string", ".spec.refreshInterval"),
            ("Status", "string", REASON),
            ("Ready", "string", STATUS),
            ("Last Sync", "date", ".status.refreshTime"),
        ])
    );
    assert_eq!(
        columns(&crd("clusterexternalsecrets")),
        owned(&[
            ("Store", "string", ".spec.externalSecretSpec.secretStoreRef.name"),
            ("Refresh Interval", "string", ".spec.refreshTime"),
            ("Ready", "string", STATUS),
        ])
    );
    for stores in ["secretstores", "clustersecretstores"] {
        assert_eq!(
            columns(&crd(stores)),
            owned(&[
                ("AGE", "date", ".metadata.creationTimestamp"),
                ("Status", "string", REASON),
                ("Capabilities", "string", ".status.capabilities"),
                ("Ready", "string", STATUS),
            ])
        );
    }
}

#[test]
fn only_external_secrets_have_selectable_fields() {
    for (name, crd) in plain() {
        let expected = if name.starts_with("externalsecrets") {
            json!([
                { "jsonPath": ".spec.secretStoreRef.name" },
                { "jsonPath": ".spec.secretStoreRef.kind" },
                { "jsonPath": ".spec.target.name" },
                { "jsonPath": ".spec.refreshInterval" },
            ])
        } else {
            Value::Null
        };
        assert_eq!(crd["spec"]["versions"][0]["selectableFields"], expected, "{name}");
    }
}

/// Every default, enum and limit of a schema: path to what is said there.
fn said(schema: &Value, keywords: &[&str], path: &str, found: &mut BTreeMap<String, Value>) {
    for keyword in keywords {
        if let Some(value) = schema.get(keyword) {
            found.insert(format!("{path} {keyword}"), value.clone());
        }
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        said(member, keywords, &format!("{path}.{name}"), found);
    }
    if let Some(items) = schema.get("items") {
        said(items, keywords, &format!("{path}[]"), found);
    }
}

fn said_of_external_secret(keywords: &[&str]) -> BTreeMap<String, Value> {
    let crd = crd("externalsecrets");
    let mut found = BTreeMap::new();
    let root = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    said(&root["spec"], keywords, "spec", &mut found);
    said(&root["status"], keywords, "status", &mut found);
    found
}

fn expected(entries: &Value) -> BTreeMap<String, Value> {
    entries.as_object().unwrap().iter().map(|(path, value)| (path.clone(), value.clone())).collect()
}

#[test]
fn defaults_are_upstreams_and_no_others() {
    let generators = "generators.external-secrets.io/v1alpha1";
    assert_eq!(
        said_of_external_secret(&["default"]),
        expected(&json!({
            "spec.refreshInterval default": "1h0m0s",
            "spec.target default": { "creationPolicy": "Owner", "deletionPolicy": "Retain" },
            "spec.target.creationPolicy default": "Owner",
            "spec.target.deletionPolicy default": "Retain",
            "spec.target.template.engineVersion default": "v2",
            "spec.target.template.mergePolicy default": "Replace",
            "spec.target.template.templateFrom[].target default": "Data",
            "spec.target.template.templateFrom[].configMap.items[].templateAs default": "Values",
            "spec.target.template.templateFrom[].secret.items[].templateAs default": "Values",
            "spec.data[].sourceRef.generatorRef.apiVersion default": generators,
            "spec.dataFrom[].sourceRef.generatorRef.apiVersion default": generators,
            "spec.dataFrom[].rewrite[].merge.into default": "",
            "spec.dataFrom[].rewrite[].merge.priorityPolicy default": "Strict",
            "spec.dataFrom[].rewrite[].merge.conflictPolicy default": "Error",
            "spec.dataFrom[].rewrite[].merge.strategy default": "Extract",
            "status.binding.name default": "",
        }))
    );
    for stores in ["secretstores", "clustersecretstores"] {
        assert!(!crd(stores).to_string().contains("\"default\""));
    }
}

#[test]
fn enums_are_upstreams_in_upstreams_order() {
    assert_eq!(GeneratorKind::UPSTREAM.len(), 18);
    // Ours come last.
    let generators = GeneratorKind::UPSTREAM.into_iter().chain(GeneratorKind::OWN);
    let generators: Vec<&str> = generators.map(GeneratorKind::as_str).collect();
    let decoding = json!(["Auto", "Base64", "Base64URL", "None"]);
    let conversion = json!(["Default", "Unicode"]);
    let metadata = json!(["None", "Fetch"]);
    let null_byte = json!(["Ignore", "Fail"]);
    let store = json!(["SecretStore", "ClusterSecretStore"]);
    let template_as = json!(["Values", "KeysAndValues"]);
    assert_eq!(
        said_of_external_secret(&["enum"]),
        expected(&json!({
            "spec.secretStoreRef.kind enum": store,
            "spec.refreshPolicy enum": ["CreatedOnce", "Periodic", "OnChange"],
            "spec.syncWindows.kind enum": ["allow", "deny"],
            "spec.target.creationPolicy enum": ["Owner", "Orphan", "Merge", "None", "CreateOrMerge"],
            "spec.target.deletionPolicy enum": ["Delete", "Merge", "Retain"],
            // The second one is ours.
            "spec.target.template.engineVersion enum": ["v2", "handlebars"],
            "spec.target.template.mergePolicy enum": ["Replace", "Merge"],
            "spec.target.template.templateFrom[].configMap.items[].templateAs enum": template_as,
            "spec.target.template.templateFrom[].secret.items[].templateAs enum": template_as,
            "spec.target.template.templateFrom[].valuesDecodingStrategy enum": decoding,
            "spec.data[].remoteRef.conversionStrategy enum": conversion,
            "spec.data[].remoteRef.decodingStrategy enum": decoding,
            "spec.data[].remoteRef.metadataPolicy enum": metadata,
            "spec.data[].remoteRef.nullBytePolicy enum": null_byte,
            "spec.data[].sourceRef.generatorRef.kind enum": generators,
            "spec.data[].sourceRef.storeRef.kind enum": store,
            "spec.dataFrom[].extract.conversionStrategy enum": conversion,
            "spec.dataFrom[].extract.decodingStrategy enum": decoding,
            "spec.dataFrom[].extract.metadataPolicy enum": metadata,
            "spec.dataFrom[].extract.nullBytePolicy enum": null_byte,
            "spec.dataFrom[].find.conversionStrategy enum": conversion,
            "spec.dataFrom[].find.decodingStrategy enum": decoding,
            "spec.dataFrom[].find.nullBytePolicy enum": null_byte,
            "spec.dataFrom[].rewrite[].merge.conflictPolicy enum": ["Ignore", "Error"],
            "spec.dataFrom[].rewrite[].merge.priorityPolicy enum": ["IgnoreNotFound", "Strict"],
            "spec.dataFrom[].rewrite[].merge.strategy enum": ["Extract", "JSON"],
            "spec.dataFrom[].sourceRef.generatorRef.kind enum": generators,
            "spec.dataFrom[].sourceRef.storeRef.kind enum": store,
            "status.conditions[].type enum": ["Ready", "Deleted", "Synced"],
        }))
    );
}

#[test]
fn limits_are_upstreams_and_no_list_is_bounded() {
    let found =
        said_of_external_secret(&["minProperties", "maxProperties", "minItems", "maxItems", "required"]);
    assert_eq!(
        found,
        expected(&json!({
            "spec.data[] required": ["remoteRef", "secretKey"],
            "spec.data[].remoteRef required": ["key"],
            "spec.data[].sourceRef minProperties": 1,
            "spec.data[].sourceRef maxProperties": 1,
            "spec.data[].sourceRef.generatorRef required": ["kind", "name"],
            "spec.dataFrom[].extract required": ["key"],
            "spec.dataFrom[].rewrite[] minProperties": 1,
            "spec.dataFrom[].rewrite[] maxProperties": 1,
            "spec.dataFrom[].rewrite[].regexp required": ["source", "target"],
            "spec.dataFrom[].rewrite[].transform required": ["template"],
            "spec.dataFrom[].sourceRef minProperties": 1,
            "spec.dataFrom[].sourceRef maxProperties": 1,
            "spec.dataFrom[].sourceRef.generatorRef required": ["kind", "name"],
            "spec.syncWindows required": ["kind", "windows"],
            "spec.syncWindows.windows minItems": 1,
            "spec.syncWindows.windows[] required": ["duration", "schedule"],
            "spec.target.manifest required": ["apiVersion", "kind"],
            "spec.target.template.templateFrom[].configMap required": ["items", "name"],
            "spec.target.template.templateFrom[].configMap.items[] required": ["key"],
            "spec.target.template.templateFrom[].secret required": ["items", "name"],
            "spec.target.template.templateFrom[].secret.items[] required": ["key"],
            "status.conditions[] required": ["status", "type"],
        }))
    );
}

#[test]
fn names_and_keys_have_patterns() {
    let crd = crd("externalsecrets");
    let spec = spec_schema(&crd);
    let name = json!(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$");
    let shape = |it: &Value| (it["pattern"].clone(), it["minLength"].clone(), it["maxLength"].clone());
    let source = &spec["dataFrom"]["items"]["properties"]["sourceRef"]["properties"];
    let from = &spec["target"]["properties"]["template"]["properties"]["templateFrom"]["items"]["properties"];
    for named in [
        &spec["secretStoreRef"]["properties"]["name"],
        &spec["target"]["properties"]["name"],
        &source["storeRef"]["properties"]["name"],
        &source["generatorRef"]["properties"]["name"],
        &from["configMap"]["properties"]["name"],
        &from["secret"]["properties"]["name"],
    ] {
        assert_eq!(shape(named), (name.clone(), json!(1), json!(253)));
    }
    let key = json!("^[-._a-zA-Z0-9]+$");
    for keyed in [
        &spec["data"]["items"]["properties"]["secretKey"],
        &from["secret"]["properties"]["items"]["items"]["properties"]["key"],
    ] {
        assert_eq!(shape(keyed), (key.clone(), json!(1), json!(253)));
    }
    assert_eq!(spec["data"]["items"]["properties"]["remoteRef"]["properties"]["key"].get("pattern"), None);
    assert_eq!(
        spec["syncWindows"]["properties"]["windows"]["items"]["properties"]["schedule"]["pattern"],
        r"^(@(annually|yearly|monthly|weekly|daily|midnight|hourly)|@every [^\s]+.*|[^\s]+( [^\s]+){4})$"
    );
    let store = self::crd("clustersecretstores");
    let namespaces = &spec_schema(&store)["conditions"]["items"]["properties"]["namespaces"]["items"];
    assert_eq!(shape(namespaces), (json!("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), json!(1), json!(63)));
}

#[test]
fn a_cluster_external_secret_repeats_the_whole_spec() {
    let (one, many) = (crd("externalsecrets"), crd("clusterexternalsecrets"));
    assert_eq!(spec_schema(&many)["externalSecretSpec"]["properties"], *spec_schema(&one));
    assert_eq!(
        many["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["required"],
        json!(["externalSecretSpec"])
    );
}

#[test]
fn the_two_stores_differ_in_name_and_scope_only() {
    let (one, all) = (crd("secretstores"), crd("clustersecretstores"));
    assert_eq!(spec_schema(&one), spec_schema(&all));
    assert_eq!(spec_schema(&one)["refreshInterval"]["x-kubernetes-int-or-string"], true);
    assert_eq!(
        one["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["required"],
        json!(["provider"])
    );
}

#[test]
fn every_upstream_provider_takes_any_object_until_it_is_built_in() {
    for stores in ["secretstores", "clustersecretstores"] {
        let crd = crd(stores);
        let provider = &spec_schema(&crd)["provider"];
        assert_eq!((&provider["minProperties"], &provider["maxProperties"]), (&json!(1), &json!(1)));
        assert_eq!(provider["type"], "object");
        let members = provider["properties"].as_object().unwrap();
        assert_eq!(members.len(), 43);
        for name in UPSTREAM_PROVIDERS {
            assert_eq!(
                members[name],
                json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
            );
        }
    }
}

#[test]
fn a_built_in_provider_brings_its_own_schema() {
    let settings = json!({
        "type": "object",
        "title": "Settings",
        "required": ["server"],
        "properties": { "server": { "type": "string" }, "path": { "type": "string", "nullable": true } },
    });
    let given = BTreeMap::from([("vault".to_owned(), settings.clone()), ("ours".to_owned(), settings)]);
    let crds = by_name(&given);
    for stores in ["secretstores.external-secrets.io", "clustersecretstores.external-secrets.io"] {
        let members = spec_schema(&crds[stores])["provider"]["properties"].as_object().unwrap();
        assert_eq!(members.len(), 44);
        for name in ["vault", "ours"] {
            assert_eq!(
                members[name],
                json!({
                    "type": "object",
                    "required": ["server"],
                    "properties": { "server": { "type": "string" }, "path": { "type": "string" } },
                })
            );
        }
    }
    assert_eq!(crds["externalsecrets.external-secrets.io"], crd("externalsecrets"));
}

#[test]
fn a_schema_that_kubernetes_cannot_read_is_an_error_that_names_the_definition() {
    let odd = json!({ "type": "object", "properties": { "a": { "type": "string", "minLength": "one" } } });
    let error = definitions(&BTreeMap::from([("vault".to_owned(), odd)])).unwrap_err();
    assert!(
        error.to_string().starts_with("the schema of secretstores.external-secrets.io is not"),
        "{error}"
    );
}

/// Every schema node under `node`, with its path.
fn nodes<'a>(node: &'a Value, path: String, found: &mut Vec<(String, &'a Value)>) {
    for (name, member) in node["properties"].as_object().into_iter().flatten() {
        nodes(member, format!("{path}.{name}"), found);
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = node.get(keyword) {
            nodes(inner, format!("{path}[{keyword}]"), found);
        }
    }
    found.push((path, node));
}

#[test]
fn every_schema_is_structural_and_small() {
    for (name, crd) in plain() {
        let size = serde_json::to_string(&crd).unwrap().len();
        assert!(size < 200_000, "{name} has {size} bytes");
        for version in crd["spec"]["versions"].as_array().unwrap() {
            let mut found = Vec::new();
            nodes(&version["schema"]["openAPIV3Schema"], name.clone(), &mut found);
            for (path, node) in found {
                let marked = ["x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"]
                    .iter()
                    .any(|it| node[*it] == true);
                assert!(node["type"].is_string() || marked, "{path} has no type");
                for keyword in ["$ref", "$schema", "title", "anyOf", "oneOf", "x-kubernetes-validations"] {
                    assert_eq!(node.get(keyword), None, "{path} has {keyword}");
                }
                let nullable = path.ends_with(".status.refreshTime");
                assert_eq!(node.get("nullable").is_some(), nullable, "{path}");
            }
        }
    }
}
