//! The generator VaultStaticRole: the present password of a user whom Vault owns and rotates by itself, and when the next
//! one is due.

mod rotation;

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use strongroom_provider_api::{
    Error, ErrorKind, Generated, Generator, GeneratorClient, Lease, LeaseEnd, OWN_GENERATORS, Resolver,
    Result, Stability, Toolbox, Violation,
};

use crate::api::{Logical, Verb};
use crate::config::VaultConfig;
use crate::engine::{self, Engine, ResultType, answer};
use crate::path::LogicalPath;
use rotation::{Late, Rotation};

/// Where the database engine usually is.
const MOUNT: &str = "database";

/// The generator.
#[derive(Clone, Copy, Debug)]
pub struct VaultStaticRole;

/// The `spec` of a VaultStaticRole: `role`, or `path` in its place.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StaticRoleSpec {
    /// Class of the controllers that use it. Absent or empty means every one.
    pub controller: Option<String>,
    /// The server and the login, as in a store.
    #[schemars(with = "VaultConfig")]
    pub provider: Value,
    /// Mount path of the database engine: `database` where absent.
    pub mount: Option<String>,
    /// Name of the static role: `MOUNT/static-creds/ROLE` is read.
    pub role: Option<String>,
    /// The whole path, for an engine that has another, for example `ldap/static-cred/app`.
    pub path: Option<String>,
}

/// A live handle, and what it has waited for in vain.
#[derive(Debug)]
struct StaticRoles {
    engine: Engine,
    late: Late,
}

impl StaticRoleSpec {
    fn path(&self) -> String {
        let mount = self.mount.as_deref().unwrap_or(MOUNT);
        let role = self.role.as_deref().unwrap_or_default();
        self.path.clone().unwrap_or_else(|| format!("{mount}/static-creds/{role}"))
    }
}

#[async_trait]
impl Generator for VaultStaticRole {
    const KIND: &'static str = "VaultStaticRole";
    const GROUP: &'static str = OWN_GENERATORS;
    const STABILITY: Stability = Stability::Alpha;
    type Spec = StaticRoleSpec;

    fn validate(spec: &StaticRoleSpec) -> Vec<Violation> {
        let mut violations = engine::faults(&spec.provider);
        match (&spec.role, &spec.path) {
            (None, None) => violations.push(Violation::new("role", "must be given, or path in its place")),
            (_, Some(_)) if spec.role.is_some() || spec.mount.is_some() => {
                violations.push(Violation::new(
                    "path",
                    "is the whole path: it takes no mount and no role beside it",
                ));
            }
            (Some(role), None) => {
                violations.extend(engine::path_fault("role", role));
                violations.extend(spec.mount.as_ref().and_then(|mount| engine::path_fault("mount", mount)));
            }
            (None, Some(path)) => violations.extend(engine::path_fault("path", path)),
            (Some(_), Some(_)) => {}
        }
        violations
    }

    fn controller_class(spec: &StaticRoleSpec) -> Option<&str> {
        spec.controller.as_deref()
    }

    fn connection(spec: &StaticRoleSpec) -> Value {
        spec.provider.clone()
    }

    async fn connect(
        spec: StaticRoleSpec,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<StaticRoleSpec>>> {
        let engine = Engine::connect(&spec.provider, &resolver, toolbox).await?;
        Ok(Arc::new(StaticRoles { engine, late: Late::default() }))
    }
}

#[async_trait]
impl GeneratorClient<StaticRoleSpec> for StaticRoles {
    async fn generate(&self, spec: &StaticRoleSpec) -> Result<Generated> {
        let path = LogicalPath::parse(&spec.path()).map_err(|fault| {
            Error::new(ErrorKind::InvalidConfig, "read the static role", fault.to_string())
        })?;
        self.present(&path).await.map_err(|error| error.with_key(path.as_str()))
    }

    async fn close(&self) {
        self.engine.close().await;
    }
}

impl StaticRoles {
    async fn present(&self, path: &LogicalPath) -> Result<Generated> {
        let request = Logical::generate(Verb::Read, path, None, None);
        let Some(answered) = self.engine.read(&request).await? else {
            return Err(engine::empty("Vault has nothing at this path: is it that of a static role?"));
        };
        let body = &answered.answer.body;
        let mut fields = answer::fields(body, ResultType::Data)?;
        // These tell of the rotation; some change with every read, and the Secret would be written each time.
        fields.retain(|(name, _)| !rotation::FIELDS.contains(&name.as_str()));
        if fields.is_empty() {
            return Err(engine::empty("the answer holds no credentials: is this the path of a static role?"));
        }
        let lease = Rotation::of(body).next(&self.late, path.as_str(), answered.asked).map(|expires| Lease {
            id: None,
            issued: answered.asked,
            expires: Some(expires),
            end: LeaseEnd::Rotated,
            replace: None,
            parent: None,
        });
        Ok(Generated { fields, lease, ..Generated::default() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(extra: &Value) -> StaticRoleSpec {
        let mut spec = json!({
            "provider": {
                "server": "https://vault.test",
                "auth": { "tokenSecretRef": { "name": "token", "key": "token" } },
            },
        });
        for (name, value) in extra.as_object().unwrap() {
            spec[name] = value.clone();
        }
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn a_role_is_read_below_its_mount() {
        assert_eq!(spec(&json!({ "role": "app" })).path(), "database/static-creds/app");
        assert_eq!(spec(&json!({ "role": "app", "mount": "team/db" })).path(), "team/db/static-creds/app");
        assert_eq!(spec(&json!({ "path": "ldap/static-cred/app" })).path(), "ldap/static-cred/app");
    }

    #[test]
    fn faults_name_their_fields() {
        let fields = |extra| {
            let found = VaultStaticRole::validate(&spec(&extra));
            found.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
        };
        assert!(fields(json!({ "role": "app" })).is_empty());
        assert!(fields(json!({ "path": "ldap/static-cred/app" })).is_empty());
        assert_eq!(fields(json!({})), ["role"]);
        assert_eq!(fields(json!({ "role": "" })), ["role"]);
        assert_eq!(fields(json!({ "role": "../../sys/raw" })), ["role"]);
        assert_eq!(fields(json!({ "role": "app", "mount": "a/../b" })), ["mount"]);
        assert_eq!(fields(json!({ "role": "app", "path": "a/b" })), ["path"]);
        assert_eq!(fields(json!({ "mount": "m", "path": "a/b" })), ["path"]);
        assert_eq!(fields(json!({ "role": "app", "provider": { "server": 7 } })), ["provider.server"]);
    }
}
