//! Real manifests read, keep every field, and gain none but the API server's own defaults.
#![expect(clippy::unwrap_used, reason = "clippy's exception for tests does not reach their helper functions")]

use kube::api::ObjectMeta;
use kube::core::DeserializeGuard;
use kube::{CustomResourceExt, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use strongroom_crds::{
    ClusterExternalSecret, ClusterSecretStore, CreationPolicy, DecodingStrategy, DeletionPolicy,
    EngineVersion, ExternalSecret, GeneratorKind, GoDuration, IntOrString, MergePolicy, RefreshPolicy,
    SecretStore, StoreRefKind, SyncWindowKind, TemplateAs,
};

fn read<T: DeserializeOwned>(manifest: &Value) -> T {
    serde_json::from_value(manifest.clone()).unwrap()
}

fn assert_round_trip<T: DeserializeOwned + Serialize>(manifest: &Value) {
    assert_eq!(serde_json::to_value(read::<T>(manifest)).unwrap(), *manifest);
}

fn full_external_secret() -> Value {
    json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": { "name": "es", "namespace": "team-a", "labels": { "app": "web" } },
        "spec": {
            "secretStoreRef": { "name": "vault", "kind": "ClusterSecretStore" },
            "refreshPolicy": "Periodic",
            "refreshInterval": "1h30m0.5s",
            "syncWindows": { "kind": "deny", "windows": [{ "schedule": "0 22 * * MON-FRI", "duration": "8h" }] },
            "target": {
                "name": "credentials",
                "creationPolicy": "CreateOrMerge",
                "deletionPolicy": "Merge",
                "immutable": true,
                "manifest": { "apiVersion": "v1", "kind": "ConfigMap" },
                "template": {
                    "type": "kubernetes.io/basic-auth",
                    "engineVersion": "v2",
                    "mergePolicy": "Merge",
                    "metadata": {
                        "labels": { "l": "{{ .user }}" },
                        "annotations": { "a": "b" },
                        "finalizers": ["example.com/keep"],
                    },
                    "data": { "dsn": "{{ .user }}@{{ .pass }}" },
                    "templateFrom": [
                        {
                            "configMap": { "name": "tpl", "items": [{ "key": "conf", "templateAs": "KeysAndValues" }] },
                            "target": "Annotations",
                        },
                        {
                            "secret": { "name": "tpl", "items": [{ "key": "conf", "templateAs": "Values" }] },
                            "target": "Data",
                        },
                        { "literal": "a: {{ .b }}", "target": "spec.x[0]", "valuesDecodingStrategy": "Base64URL" },
                    ],
                },
            },
            "data": [{
                "secretKey": "user",
                "remoteRef": {
                    "key": "app/db",
                    "property": "user",
                    "version": "3",
                    "metadataPolicy": "Fetch",
                    "conversionStrategy": "Unicode",
                    "decodingStrategy": "Auto",
                    "nullBytePolicy": "Fail",
                },
                "sourceRef": { "storeRef": { "name": "other" } },
            }],
            "dataFrom": [
                {
                    "find": {
                        "path": "app",
                        "name": { "regexp": "^db" },
                        "tags": { "team": "a" },
                        "conversionStrategy": "Default",
                        "decodingStrategy": "None",
                        "nullBytePolicy": "Ignore",
                    },
                    "rewrite": [
                        { "regexp": { "source": "^(.)$", "target": "$1x" } },
                        { "transform": { "template": "{{ .value | upper }}" } },
                        { "merge": {
                            "into": "all",
                            "priority": ["a", "b"],
                            "priorityPolicy": "IgnoreNotFound",
                            "conflictPolicy": "Ignore",
                            "strategy": "JSON",
                        } },
                    ],
                },
                { "extract": { "key": "app/json" } },
                { "sourceRef": { "generatorRef": {
                    "apiVersion": "generators.external-secrets.io/v1alpha1",
                    "kind": "ClusterGenerator",
                    "name": "pw",
                } } },
            ],
        },
        "status": {
            "refreshTime": "2025-02-03T04:05:06Z",
            "syncedResourceVersion": "1-f47f",
            "conditions": [{
                "type": "Ready",
                "status": "True",
                "reason": "SecretSynced",
                "message": "secret synced",
                "lastTransitionTime": "2025-02-03T04:05:06Z",
            }],
            "binding": { "name": "credentials" },
        },
    })
}

#[test]
fn an_external_secret_with_every_field_survives() {
    assert_round_trip::<ExternalSecret>(&full_external_secret());
}

#[test]
fn every_field_lands_where_it_belongs() {
    let es: ExternalSecret = read(&full_external_secret());
    let store = es.spec.secret_store_ref.as_ref().unwrap();
    assert_eq!((store.name.as_deref(), store.kind), (Some("vault"), Some(StoreRefKind::ClusterSecretStore)));
    assert_eq!(es.spec.refresh_policy, Some(RefreshPolicy::Periodic));
    assert_eq!(es.spec.refresh_every().unwrap(), GoDuration::from_nanos(5_400_500_000_000));
    assert_eq!(es.spec.sync_windows.as_ref().unwrap().kind, SyncWindowKind::Deny);
    assert_eq!(es.spec.target.creation_policy, CreationPolicy::CreateOrMerge);
    assert_eq!(es.spec.target.deletion_policy, DeletionPolicy::Merge);
    assert!(!es.spec.target.is_secret());
    let template = es.spec.target.template.as_ref().unwrap();
    assert_eq!(template.merge_policy, MergePolicy::Merge);
    assert_eq!(
        template.template_from[0].config_map.as_ref().unwrap().items[0].template_as,
        TemplateAs::KeysAndValues
    );
    assert_eq!(template.template_from[2].values_decoding_strategy, Some(DecodingStrategy::Base64Url));
    let generator = es.spec.data_from[2].source_ref.as_ref().unwrap().generator_ref.as_ref().unwrap();
    assert_eq!(generator.kind, GeneratorKind::ClusterGenerator);
    assert_eq!(es.status.unwrap().conditions[0].reason.as_deref(), Some("SecretSynced"));
}

#[test]
fn a_minimal_external_secret_gains_the_target_that_the_api_server_gives_it() {
    let manifest = json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": { "name": "es" },
        "spec": { "data": [{ "secretKey": "k", "remoteRef": { "key": "b" } }] },
    });
    let es: ExternalSecret = read(&manifest);
    assert_eq!(es.spec.refresh_every().unwrap().to_string(), "1h0m0s");
    let mut stored = manifest;
    stored["spec"]["target"] = json!({ "creationPolicy": "Owner", "deletionPolicy": "Retain" });
    assert_eq!(serde_json::to_value(&es).unwrap(), stored);
}

#[test]
fn an_empty_template_has_upstreams_engine_and_policy() {
    let es: ExternalSecret = read(
        &json!({ "metadata": { "name": "es" }, "spec": { "target": { "template": { "metadata": {} } } } }),
    );
    let template = es.spec.target.template.unwrap();
    assert_eq!((template.engine_version, template.merge_policy), (EngineVersion::V2, MergePolicy::Replace));
    assert!(
        template.metadata.is_some(),
        "even an empty one stops the copy of the ExternalSecret's own labels"
    );
}

#[test]
fn a_cluster_external_secret_survives() {
    assert_round_trip::<ClusterExternalSecret>(&json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterExternalSecret",
        "metadata": { "name": "everywhere" },
        "spec": {
            "externalSecretName": "es",
            "externalSecretMetadata": { "labels": { "a": "b" }, "annotations": { "c": "d" } },
            "externalSecretSpec": full_external_secret()["spec"],
            "namespaceSelector": { "matchLabels": { "team": "a" } },
            "namespaceSelectors": [{ "matchExpressions": [{ "key": "team", "operator": "Exists" }] }, {}],
            "namespaces": ["one", "two"],
            "refreshTime": "1m",
        },
        "status": {
            "externalSecretName": "es",
            "provisionedNamespaces": ["one"],
            "failedNamespaces": [{ "namespace": "two", "reason": "external secret already exists in namespace" }],
            "conditions": [{ "type": "Ready", "status": "False", "message": "one or more namespaces failed" }],
        },
    }));
}

fn store(kind: &str) -> Value {
    json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": kind,
        "metadata": { "name": "s" },
        "spec": {
            "controller": "blue",
            "provider": { "vault": { "server": "http://vault:8200", "odd": [1, null, { "deep": true }] } },
            "retrySettings": { "maxRetries": 3, "retryInterval": "1s" },
            "refreshInterval": 3600,
            "conditions": [{
                "namespaceSelector": { "matchLabels": { "team": "a" } },
                "namespaces": ["one"],
                "namespaceRegexes": ["^team-.*"],
            }],
        },
        "status": {
            "capabilities": "ReadWrite",
            "conditions": [{ "type": "Ready", "status": "True", "reason": "Valid", "message": "store validated" }],
        },
    })
}

#[test]
fn both_kinds_of_store_survive() {
    assert_round_trip::<SecretStore>(&store("SecretStore"));
    assert_round_trip::<ClusterSecretStore>(&store("ClusterSecretStore"));
    let one: SecretStore = read(&store("SecretStore"));
    let all: ClusterSecretStore = read(&store("ClusterSecretStore"));
    assert_eq!(one.spec, all.spec);
    assert_eq!(one.status, all.status);
    assert_eq!(all.spec.provider.single().unwrap().0, "vault");
}

#[test]
fn a_cluster_secret_store_is_a_kind_of_its_own() {
    assert_eq!(ClusterSecretStore::kind(&()), "ClusterSecretStore");
    assert_eq!(ClusterSecretStore::plural(&()), "clustersecretstores");
    assert_eq!(ClusterSecretStore::url_path(&(), None), "/apis/external-secrets.io/v1/clustersecretstores");
    assert_eq!(ClusterSecretStore::api_resource().kind, "ClusterSecretStore");
    let made = ClusterSecretStore::new("s", read::<ClusterSecretStore>(&store("ClusterSecretStore")).spec);
    assert_eq!(made.meta(), &ObjectMeta { name: Some("s".into()), ..ObjectMeta::default() });
}

#[test]
fn a_refresh_interval_of_a_store_is_seconds_or_a_duration() {
    let mut manifest = store("SecretStore");
    for (given, expected) in
        [(json!(3600), "1h0m0s"), (json!("90m"), "1h30m0s"), (json!(-5), "-5s"), (json!(0), "0s")]
    {
        manifest["spec"]["refreshInterval"] = given;
        let read: SecretStore = read(&manifest);
        assert_eq!(read.spec.check_every().unwrap().unwrap().to_string(), expected);
    }
    manifest["spec"]["refreshInterval"] = json!("3600");
    let store: SecretStore = read(&manifest);
    assert_eq!(store.spec.refresh_interval, Some(IntOrString::String("3600".into())));
    assert_eq!(store.spec.check_every().unwrap_err().to_string(), "time: missing unit in duration \"3600\"");
}

#[test]
fn odd_stored_objects_read_without_an_error() {
    let es: ExternalSecret = read(&json!({
        "metadata": { "name": "es" },
        "spec": {
            "refreshInterval": "soon",
            "unknown": { "field": 1 },
            "syncWindows": { "kind": "allow", "windows": [{ "schedule": "never", "duration": "long" }] },
            "data": [{ "secretKey": "not a key", "remoteRef": { "key": "" } }],
            "dataFrom": [{}],
        },
        "status": { "refreshTime": null, "conditions": [{ "type": "Other", "status": "" }] },
    }));
    assert_eq!(es.spec.refresh_every().unwrap_err().to_string(), "time: invalid duration \"soon\"");
    assert_eq!(es.status.unwrap().refresh_time, None);
    let store: SecretStore = read(&json!({
        "metadata": { "name": "s" },
        "spec": { "provider": "vault", "refreshInterval": 9_000_000_000_i64, "retrySettings": { "maxRetries": 9_000_000_000_i64 } },
    }));
    assert!(store.spec.provider.single().is_err());
}

#[test]
fn an_object_that_does_not_read_is_kept_apart_by_a_guard() {
    let odd = json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": { "name": "odd" },
        "spec": { "target": { "creationPolicy": "Sometimes" } },
    });
    let guarded: DeserializeGuard<ExternalSecret> = read(&odd);
    assert!(guarded.0.unwrap_err().error.contains("Sometimes"));
}
