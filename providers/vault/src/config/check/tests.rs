//! Tests of the faults, and of the schema that users see.

use serde_json::{Value, json};
use strongroom_provider_api::Provider as _;

use super::*;
use crate::{STORES, Vault};

fn config(change: &Value) -> VaultConfig {
    let mut settings = json!({
        "server": "https://vault.test:8200/base",
        "path": "secret",
        "auth": { "tokenSecretRef": { "name": "t", "key": "token" } },
    });
    for (field, value) in change.as_object().unwrap() {
        settings[field] = value.clone();
    }
    serde_json::from_value(settings).unwrap()
}

fn faults(change: &Value, kind: StoreKind) -> Vec<String> {
    violations(&config(change), kind)
        .into_iter()
        .map(|violation| format!("{}: {}", violation.field, violation.message))
        .collect()
}

#[test]
fn good_settings_have_no_faults() {
    let service_account = json!({"kubernetes": {"role": "r", "serviceAccountRef": {"name": "sa"}}});
    for change in [
        json!({}),
        json!({"server": "http://127.0.0.1:8200/"}),
        json!({"version": "v1", "checkAndSet": {"required": true}}),
        json!({"path": ""}),
        json!({"path": "/"}),
        json!({"path": "../b"}),
        json!({"auth": null}),
        json!({"auth": {"appRole": {"roleId": "r", "secretRef": {"name": "s"}}}}),
        json!({"auth": {"appRole": {"roleId": "", "roleRef": {"name": "r"}, "secretRef": {"name": "s"}}}}),
        json!({"auth": service_account}),
        json!({"tls": {"certSecretRef": {"name": "x"}}, "caBundle": ""}),
        json!({"auth": {"gcp": {"role": "r", "serviceAccountRef": {"name": "app"}}}}),
        json!({"auth": {"gcp": {"role": "r", "projectID": "example.com:app", "workloadIdentity": {
            "serviceAccountRef": {"name": "app"}, "clusterLocation": "europe-west3", "clusterName": "app-1",
        }}}}),
        json!({"path": "deep/kv/", "namespace": "team/a", "headers": {"X-Forwarded-For": "me"}}),
    ] {
        assert_eq!(faults(&change, StoreKind::Namespaced), Vec::<String>::new(), "{change}");
    }
    let own_token = json!({"auth": {"kubernetes": {"role": "r"}}});
    assert_eq!(faults(&own_token, StoreKind::Cluster), Vec::<String>::new());
}

#[test]
fn each_fault_names_its_field() {
    let table = [
        (json!({"server": "not a url"}), "server: not a URL"),
        (json!({"server": "127.0.0.1:8200"}), "server: not a URL"),
        (json!({"server": "https://vault\n"}), "server: it holds a control character"),
        (json!({"server": "https://"}), "server: not a URL"),
        (json!({"server": "ftp://vault"}), "server: the scheme must be http or https"),
        (json!({"server": "https://u:p@vault"}), "server: the URL must not hold a user or password"),
        (json!({"server": "https://vault?x"}), "server: the URL must not have a query or fragment"),
        (json!({"server": "https://vault#x"}), "server: the URL must not have a query or fragment"),
        (json!({"namespace": "a\nb"}), "namespace: the namespace holds characters"),
        (json!({"headers": {"a b": "x"}}), "headers[\"a b\"]: not a legal header name"),
        (json!({"headers": {"a": "x\ny"}}), "headers[\"a\"]: the value holds characters"),
        (json!({"caBundle": "bm90IGEgY2VydGlmaWNhdGU="}), "caBundle: failed to decode ca bundle"),
        (json!({"auth": {}}), "auth: cannot initialize Vault client: no valid auth method specified"),
        (
            json!({"auth": {"iam": {"vaultRole": "r"}}}),
            "auth.iam.secretRef: missing; ambient AWS credentials",
        ),
        (
            json!({"auth": {"iam": {"vaultRole": "r", "jwt": {}, "secretRef": {}}}}),
            "auth.iam.jwt: needs serviceAccountRef",
        ),
        (
            json!({"auth": {"iam": {"vaultRole": "r", "region": "a.example.com/", "secretRef": {}}}}),
            "auth.iam.region: \"a.example.com/\" is not the name of a region",
        ),
        (json!({"auth": {"gcp": {"role": "r"}}}), "auth.gcp: the controller's own Google identity is not"),
        (
            json!({"auth": {"gcp": {"role": "r", "secretRef": {}}}}),
            "auth.gcp.secretRef: needs secretAccessKeySecretRef",
        ),
        (
            json!({"auth": {"gcp": {"role": "r", "workloadIdentity": {
                "serviceAccountRef": {"name": "app"}, "clusterName": "a/../b",
            }}}}),
            "auth.gcp.workloadIdentity.clusterName: \"a/../b\" holds characters",
        ),
        (json!({"auth": {"cert": {"clientCert": {"name": "s"}}}}), "auth.cert.secretRef: missing"),
        (
            json!({"auth": {"ldap": {"username": "a/../b", "secretRef": {"name": "s"}}}}),
            "auth.ldap.username: not a name that can stand in a path",
        ),
        (json!({"auth": {"userPass": {"username": "u"}}}), "auth.userPass.secretRef: missing"),
        (json!({"auth": {"jwt": {"role": "r"}}}), "auth.jwt: neither secretRef nor"),
        (
            json!({"auth": {"appRole": {"secretRef": {"name": "s"}}}}),
            "auth.appRole: neither roleId nor roleRef was supplied",
        ),
        (
            json!({"auth": {"appRole": {
                "roleId": " \t", "roleRef": {"name": "r"}, "secretRef": {"name": "s"},
            }}}),
            "auth.appRole.roleId: it holds nothing but blanks",
        ),
        (json!({"auth": {"kubernetes": {"role": "r"}}}), "auth.kubernetes: a SecretStore cannot log in as"),
        (
            json!({"auth": {"kubernetes": {"role": "r", "mountPath": "..", "secretRef": {"name": "s"}}}}),
            "auth.kubernetes.mountPath: it holds a \"..\" segment",
        ),
    ];
    for (change, expected) in table {
        let faults = faults(&change, StoreKind::Namespaced);
        assert!(faults.len() == 1 && faults[0].starts_with(expected), "{change}: {faults:?}");
    }
}

#[test]
fn what_only_a_call_meets_is_left_to_the_check_of_the_store_unless_it_logs_in() {
    let early = |change: Value| {
        let found = Vault::validate(&config(&change), StoreKind::Namespaced);
        found.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
    };
    let login = json!({"appRole": {"roleId": "r", "secretRef": {"name": "s"}}});
    for (field, value) in [
        ("server", json!("not a url")),
        ("server", json!("vault:8200")),
        ("namespace", json!("a\nb")),
        ("headers", json!({"a b": "x"})),
    ] {
        assert_eq!(early(json!({field: value})), [""; 0], "{field} {value}");
        assert_eq!(early(json!({field: value, "auth": null})), [""; 0], "{field} {value}");
        assert_eq!(early(json!({field: value, "auth": login})).len(), 1, "{field} {value}");
    }
    assert_eq!(early(json!({"server": "127.0.0.1:8200"})), ["server"]);
    assert_eq!(early(json!({"server": "https://vault\n"})), ["server"]);
}

#[test]
fn a_method_that_would_not_be_used_is_not_checked() {
    let change = json!({"auth": {
        "tokenSecretRef": {"name": "t"},
        "appRole": {"path": "..", "secretRef": {"name": "s"}},
        "ldap": {"username": "u"},
    }});
    assert_eq!(faults(&change, StoreKind::Namespaced), Vec::<String>::new());
}

#[test]
fn the_schema_is_small_structural_and_has_upstreams_defaults() {
    let schema = STORES[0].schema();
    let text = serde_json::to_string(&schema).unwrap();
    assert!(text.len() < 25_000, "{}", text.len());
    for word in ["\"$ref\"", "\"const\"", "\"nullable\"", "\"$schema\""] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    assert_eq!(schema["required"], json!(["server"]));
    let properties = &schema["properties"];
    assert_eq!(properties["version"]["default"], "v2");
    assert_eq!(properties["version"]["enum"], json!(["v1", "v2"]));
    let auth = &properties["auth"]["properties"];
    for (method, field, mount) in [
        ("appRole", "path", "approle"),
        ("kubernetes", "mountPath", "kubernetes"),
        ("ldap", "path", "ldap"),
        ("userPass", "path", "userpass"),
        ("jwt", "path", "jwt"),
        ("cert", "path", "cert"),
        ("gcp", "path", "gcp"),
    ] {
        assert_eq!(auth[method]["properties"][field]["default"], mount, "{method}");
    }
    assert!(auth["iam"]["properties"]["vaultAwsIamServerID"].is_object());
    assert!(auth["jwt"]["properties"]["kubernetesServiceAccountToken"].is_object());
}

#[test]
fn capabilities_follow_the_version() {
    let v2 = Vault::capabilities(&config(&json!({})));
    assert!(v2.list && v2.list_tags && v2.versions && v2.metadata);
    let v1 = Vault::capabilities(&config(&json!({"version": "v1"})));
    assert!(v1.list && !v1.list_tags && !v1.versions && !v1.metadata);
}
