//! The manifests of a benchmark: one store, objects of three keys each, foreign Secrets.

use serde_json::{Value, json};

/// How many namespaces the objects are spread over.
pub(super) const NAMESPACES: usize = 20;
/// Namespace of the users and of the ServiceAccount that logs in to Vault.
pub(super) const HOME: &str = "strongroom-bench";
/// Namespace of the objects by which latency is measured.
pub(super) const PROBES: &str = "bench-probes";
/// Namespace of Secrets that nobody synced.
pub(super) const FOREIGN: &str = "bench-foreign";
/// Name of the ClusterSecretStore.
pub(super) const STORE: &str = "bench";
/// Name of the generator of database credentials, in [`HOME`].
const DATABASE: &str = "database";
/// Label of everything the bare writer makes.
pub(super) const BARE_LABEL: &str = "bench.strongroom.dev/bare";

/// Namespace of the object with this number.
pub(super) fn namespace_of(number: usize) -> String {
    format!("bench-{}", number % NAMESPACES)
}

/// All namespaces of a benchmark.
pub(super) fn namespaces() -> impl Iterator<Item = String> {
    let fixed = [HOME, PROBES, FOREIGN].map(str::to_owned);
    (0..NAMESPACES).map(namespace_of).chain(fixed)
}

/// What is stored under a key of Vault.
pub(super) fn fields(password: &str) -> Value {
    json!({ "user": "app", "password": password, "host": "db.example.org" })
}

/// Users, the ServiceAccount of the login, and the namespaces, as one manifest for kubectl.
pub(super) fn foundation() -> String {
    let namespace =
        |name: String| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let account = |name: &str| {
        let metadata = json!({"name": name, "namespace": HOME});
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    };
    let user = |name: &str| json!({"kind": "ServiceAccount", "name": name, "namespace": HOME});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": HOME},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [user("controller"), user("load")],
    });
    let accounts = ["controller", "load", "vault-client"].map(account);
    let items: Vec<Value> = namespaces().map(namespace).chain(accounts).chain([binding]).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// The one ClusterSecretStore, with kubernetes login, on the Vault at `server`.
pub(super) fn store(server: &str) -> Value {
    let account = json!({"name": "vault-client", "namespace": HOME, "audiences": ["vault"]});
    let login = login("bench", &account);
    let vault = json!({"server": server, "path": "secret", "version": "v2", "auth": {"kubernetes": login}});
    json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterSecretStore",
        "metadata": {"name": STORE},
        "spec": {"provider": {"vault": vault}},
    })
}

/// An ExternalSecret that takes three properties of the key `bench/<name>`.
pub(super) fn external_secret(name: &str, interval: &str) -> Value {
    let entry = |property: &str| json!({"secretKey": property, "remoteRef": {"key": format!("bench/{name}"), "property": property}});
    let data = ["user", "password", "host"].map(entry);
    json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {
            "refreshInterval": interval,
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": STORE},
            "data": data,
        },
    })
}

/// The generator of credentials of the database role `app`, on the Vault at `server`.
pub(super) fn database_generator(server: &str) -> Value {
    let login = login("leases", &json!({"name": "vault-client", "audiences": ["vault"]}));
    json!({
        "apiVersion": "generators.external-secrets.io/v1alpha1",
        "kind": "VaultDynamicSecret",
        "metadata": {"name": DATABASE},
        "spec": {"path": "database/creds/app", "provider": {"server": server, "auth": {"kubernetes": login}}},
    })
}

/// An ExternalSecret with credentials of its own from the [generator](database_generator).
pub(super) fn leased_secret(name: &str) -> Value {
    let generator = json!({
        "apiVersion": "generators.external-secrets.io/v1alpha1", "kind": "VaultDynamicSecret", "name": DATABASE,
    });
    json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {"refreshInterval": "1h", "dataFrom": [{"sourceRef": {"generatorRef": generator}}]},
    })
}

fn login(role: &str, account: &Value) -> Value {
    json!({"mountPath": "kubernetes", "role": role, "serviceAccountRef": account})
}

/// The Secret that a controller would make of [`external_secret`], owned by the object with `uid`.
pub(super) fn bare_secret(name: &str, uid: &str) -> Value {
    let owner = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": name, "uid": uid,
        "controller": true, "blockOwnerDeletion": true,
    });
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": name, "labels": {BARE_LABEL: "true"}, "ownerReferences": [owner]},
        "stringData": fields("bare"),
    })
}

/// The status that a controller would write at the first sync.
pub(super) fn bare_status(name: &str, now: &str) -> Value {
    let ready = json!({
        "type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced",
        "lastTransitionTime": now,
    });
    json!({"status": {
        "refreshTime": now, "syncedResourceVersion": "1-bare", "binding": {"name": name}, "conditions": [ready],
    }})
}

/// A Secret of so many KiB that belongs to somebody else.
pub(super) fn foreign_secret(number: usize, kib: usize) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": format!("foreign-{number}")},
        "stringData": {"blob": "x".repeat(kib << 10)},
    })
}
