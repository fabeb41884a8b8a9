//! The settings under `spec.provider.openBao` (spec eso-providers B.8): upstream's schema, on the engine of `vault`.

use schemars::JsonSchema;
use serde::Deserialize;
use strongroom_provider_api::{CaProvider, SecretKeySelector, StoreKind, Violation};

use super::{AppRole, Auth, KvVersion, UserPass, VaultConfig, store_violations};

/// Settings of an OpenBao store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenBaoConfig {
    /// Address of the server, for example `https://bao.example.com:8200`.
    pub server: String,
    /// Mount path of the KV engine.
    #[serde(default = "kv")]
    pub path: String,
    /// Version of the KV engine.
    #[serde(default)]
    pub version: KvVersion,
    /// Namespace that secrets are read in.
    pub namespace: Option<String>,
    /// PEM bundle, base64-encoded, that replaces the system's certificate authorities.
    #[schemars(extend("format" = "byte"))]
    pub ca_bundle: Option<String>,
    /// Where the PEM bundle is kept, if it is not written here.
    pub ca_provider: Option<CaProvider>,
    /// How to log in.
    pub auth: Option<OpenBaoAuth>,
}

/// How to log in: exactly one method.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenBaoAuth {
    /// Namespace of the login; default: the store's namespace.
    pub namespace: Option<String>,
    /// A token, used as it is.
    pub token_secret_ref: Option<SecretKeySelector>,
    /// Log in with an AppRole.
    pub app_role: Option<AppRole>,
    /// Log in with a user of OpenBao's own.
    pub user_pass: Option<UserPass>,
}

fn kv() -> String {
    "kv".to_owned()
}

impl OpenBaoConfig {
    /// The same store as the engine knows it.
    pub(crate) fn as_vault(&self) -> VaultConfig {
        let auth = self.auth.clone().map(|auth| Auth {
            namespace: auth.namespace,
            token_secret_ref: auth.token_secret_ref,
            app_role: auth.app_role,
            user_pass: auth.user_pass,
            ..Auth::default()
        });
        VaultConfig {
            server: self.server.clone(),
            path: Some(self.path.clone()),
            version: self.version,
            namespace: self.namespace.clone(),
            ca_bundle: self.ca_bundle.clone(),
            ca_provider: self.ca_provider.clone(),
            auth,
            ..VaultConfig::default()
        }
    }

    /// The faults, upstream's own rules among them.
    pub(crate) fn violations(&self, kind: StoreKind) -> Vec<Violation> {
        let mut found = store_violations(&self.as_vault(), kind);
        if self.ca_bundle.is_some() && self.ca_provider.is_some() {
            found.push(Violation::new("caProvider", "caBundle and caProvider cannot both be given"));
        }
        let Some(auth) = &self.auth else { return found };
        let given = [auth.token_secret_ref.is_some(), auth.app_role.is_some(), auth.user_pass.is_some()];
        if given.into_iter().filter(|given| *given).count() > 1 {
            found.push(Violation::new(
                "auth",
                "exactly one of tokenSecretRef, appRole and userPass must be given",
            ));
        }
        if auth.app_role.as_ref().is_some_and(|role| role.role_id.is_some() && role.role_ref.is_some()) {
            found.push(Violation::new("auth.appRole", "roleId and roleRef cannot both be given"));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config(settings: Value) -> OpenBaoConfig {
        serde_json::from_value(settings).unwrap()
    }

    #[test]
    fn the_mount_is_kv_unless_it_is_named() {
        let vault = config(json!({"server": "https://bao.test"})).as_vault();
        assert_eq!((vault.path.as_deref(), vault.version), (Some("kv"), KvVersion::V2));
    }

    #[test]
    fn faults_of_the_engine_and_upstreams_own_rules_are_named() {
        let token = json!({"name": "t", "key": "t"});
        let role = json!({"roleId": "r", "roleRef": {"name": "r"}, "secretRef": {"name": "s"}});
        for (settings, field) in [
            (json!({"server": "127.0.0.1:8200"}), "server"),
            (json!({"server": "https://bao", "auth": {}}), "auth"),
            (
                json!({"server": "https://bao", "auth": {"tokenSecretRef": token, "appRole": {
                "roleId": "r", "secretRef": {"name": "s"}}}}),
                "auth",
            ),
            (json!({"server": "https://bao", "auth": {"appRole": role}}), "auth.appRole"),
        ] {
            let found = config(settings.clone()).violations(StoreKind::Namespaced);
            let fields: Vec<_> = found.iter().map(|violation| violation.field.as_str()).collect();
            assert_eq!(fields, [field], "{settings}");
        }
    }
}
