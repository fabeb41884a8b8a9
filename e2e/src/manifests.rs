//! Manifests as users write them, named by what they say.

use serde_json::{Value, json};

/// An ExternalSecret under construction; [`ExternalSecret::manifest`] ends it.
#[derive(Clone, Debug)]
#[must_use]
pub struct ExternalSecret(Value);

/// A Namespace with labels.
pub fn namespace(name: &str, labels: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
}

/// A Secret with one text entry.
pub fn secret(name: &str, key: &str, text: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": { key: text } })
}

/// A ServiceAccount.
pub fn service_account(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } })
}

/// A SyncPolicy for the ExternalSecrets `targets`, that says this besides.
pub fn sync_policy(name: &str, targets: &[&str], spec: &Value) -> Value {
    let references = targets
        .iter()
        .map(|target| json!({ "group": "external-secrets.io", "kind": "ExternalSecret", "name": target }));
    let mut manifest = json!({
        "apiVersion": "strongroom.dev/v1alpha1",
        "kind": "SyncPolicy",
        "metadata": { "name": name },
        "spec": spec,
    });
    manifest["spec"]["targetRefs"] = references.collect();
    manifest
}

/// A workload without pods of `kind`, which is a Deployment, a StatefulSet or a DaemonSet.
pub fn workload(kind: &str, name: &str) -> Value {
    let labels = json!({ "app": name });
    let mut manifest = json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": { "name": name, "labels": labels },
        "spec": {
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "app", "image": "example.test/app" }] },
            },
        },
    });
    match kind {
        "DaemonSet" => manifest["spec"]["template"]["spec"]["nodeSelector"] = json!({ "none": "such" }),
        _ => manifest["spec"]["replicas"] = 0.into(),
    }
    manifest
}

/// A SecretStore for the controllers of `class`.
pub fn secret_store(name: &str, class: &str, provider: &Value) -> Value {
    json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": { "name": name },
        "spec": { "controller": class, "provider": provider },
    })
}

/// A ClusterSecretStore for the controllers of `class`, usable from every namespace.
pub fn cluster_secret_store(name: &str, class: &str, provider: &Value) -> Value {
    json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterSecretStore",
        "metadata": { "name": name },
        "spec": { "controller": class, "provider": provider },
    })
}

/// The Vault provider over the KV v2 engine at `mount`.
pub fn vault_v2(server: &str, mount: &str, auth: &Value) -> Value {
    json!({ "vault": { "server": server, "path": mount, "version": "v2", "auth": auth } })
}

/// The Vault provider over the KV v1 engine at `mount`.
pub fn vault_v1(server: &str, mount: &str, auth: &Value) -> Value {
    json!({ "vault": { "server": server, "path": mount, "version": "v1", "auth": auth } })
}

/// Login with the token under `token` in the Secret `secret`.
pub fn token_login(secret: &str) -> Value {
    json!({ "tokenSecretRef": { "name": secret, "key": "token" } })
}

/// Login with an approle, its secret id under `secret-id` in the Secret `secret`.
pub fn approle_login(role_id: &str, secret: &str) -> Value {
    json!({ "appRole": { "path": "approle", "roleId": role_id, "secretRef": { "name": secret, "key": "secret-id" } } })
}

/// Login as the ServiceAccount `service_account` with a token for the audience `vault`.
pub fn kubernetes_login(service_account: &str) -> Value {
    json!({ "kubernetes": {
        "mountPath": "kubernetes",
        "role": "bench-any-ns",
        "serviceAccountRef": { "name": service_account, "audiences": ["vault"] },
    } })
}

/// The same login, with its references pointing at a namespace, as cluster-wide stores want it.
pub fn referring_to(mut auth: Value, namespace: &str) -> Value {
    const REFERENCES: [&str; 3] = ["/tokenSecretRef", "/appRole/secretRef", "/kubernetes/serviceAccountRef"];
    for reference in REFERENCES {
        if let Some(found) = auth.pointer_mut(reference) {
            found["namespace"] = namespace.into();
        }
    }
    auth
}

impl ExternalSecret {
    /// Takes from the SecretStore `store`, every hour.
    pub fn from_store(name: &str, store: &str) -> Self {
        Self::from_reference(name, "SecretStore", store)
    }

    /// Takes from the ClusterSecretStore `store`, every hour.
    pub fn from_cluster_store(name: &str, store: &str) -> Self {
        Self::from_reference(name, "ClusterSecretStore", store)
    }

    fn from_reference(name: &str, kind: &str, store: &str) -> Self {
        Self(json!({
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": { "name": name },
            "spec": { "refreshInterval": "1h", "secretStoreRef": { "kind": kind, "name": store } },
        }))
    }

    /// With another interval.
    pub fn every(self, interval: &str) -> Self {
        self.with("/spec", "refreshInterval", json!(interval))
    }

    /// With the property `property` of `key` under `secret_key`.
    pub fn takes(self, secret_key: &str, key: &str, property: &str) -> Self {
        self.entry(&json!({ "secretKey": secret_key, "remoteRef": { "key": key, "property": property } }))
    }

    /// With one more element of `spec.data`.
    pub fn entry(self, entry: &Value) -> Self {
        self.append("data", entry)
    }

    /// With all fields of `key`.
    pub fn extracts(self, key: &str) -> Self {
        self.source(&json!({ "extract": { "key": key } }))
    }

    /// With one more element of `spec.dataFrom`.
    pub fn source(self, source: &Value) -> Self {
        self.append("dataFrom", source)
    }

    /// With this `spec.target`.
    pub fn target(self, target: Value) -> Self {
        self.with("/spec", "target", target)
    }

    /// With these labels.
    pub fn labels(self, labels: Value) -> Self {
        self.with("/metadata", "labels", labels)
    }

    /// With these annotations.
    pub fn annotations(self, annotations: Value) -> Self {
        self.with("/metadata", "annotations", annotations)
    }

    /// The manifest.
    pub fn manifest(self) -> Value {
        self.0
    }

    fn with(mut self, place: &str, field: &str, value: Value) -> Self {
        if let Some(object) = self.0.pointer_mut(place) {
            object[field] = value;
        }
        self
    }

    fn append(mut self, field: &str, element: &Value) -> Self {
        let list = &mut self.0["spec"][field];
        match list.as_array_mut() {
            Some(elements) => elements.push(element.clone()),
            None => *list = json!([element]),
        }
        self
    }
}
