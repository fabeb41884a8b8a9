//! The settings under `spec.provider.crd` (spec eso-providers A).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use strongroom_provider_api::{SecretKeySelector, Violation};
use strongroom_provider_kit::remote_cluster::{self, Access, Auth, Server};

use crate::allowed::Allowed;

/// Settings of a store that reads the objects of one kind of a cluster.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = json!([
    { "rule": "has(self.auth) || has(self.authRef)", "message": "one of auth or authRef is required" },
    {
        "rule": "[has(self.auth),has(self.authRef)].filter(x,x==true).size() <= 1",
        "message": "at most one of the fields in [auth authRef] may be set",
    },
])))]
pub struct CrdConfig {
    /// The API server.
    #[serde(default)]
    pub server: Server,
    /// Who asks.
    pub auth: Option<Auth>,
    /// A kubeconfig in a Secret, in place of `server` and `auth`.
    pub auth_ref: Option<SecretKeySelector>,
    /// The kind of object that is read.
    pub resource: CrdResource,
    /// Which objects and properties may be read; all, if nothing is said.
    pub whitelist: Option<CrdWhitelist>,
}

/// A kind of object.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrdResource {
    /// Its API group; empty for the kinds of Kubernetes' core.
    pub group: String,
    /// The version of the group.
    #[schemars(length(min = 1))]
    pub version: String,
    /// The kind.
    #[schemars(length(min = 1))]
    pub kind: String,
}

/// Which objects and properties may be read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrdWhitelist {
    /// What is asked for must satisfy one of these wholly; without rules, everything may be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<CrdWhitelistRule>,
}

/// What may be read; what is left out is not looked at.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrdWhitelistRule {
    /// Regular expression for the name of the object, without its namespace.
    pub name: Option<String>,
    /// Regular expression for the namespace of the object; without effect in a SecretStore.
    pub namespace: Option<String>,
    /// Regular expressions for the property; one of them must match, so that a whole object may not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<String>,
}

impl CrdConfig {
    /// How the cluster is reached.
    pub fn access(&self) -> Access<'_> {
        Access { server: &self.server, auth: self.auth.as_ref(), auth_ref: self.auth_ref.as_ref() }
    }

    /// The faults that can be seen without asking anybody.
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = remote_cluster::violations(self.access());
        let CrdResource { group, version, kind } = &self.resource;
        let fields = [("resource.version", version), ("resource.kind", kind)];
        for (field, _) in fields.into_iter().filter(|(_, text)| text.is_empty()) {
            found.push(Violation::new(field, "is required"));
        }
        for (field, _) in [("resource.group", group), ("resource.version", version)]
            .into_iter()
            .filter(|(_, text)| !text.is_empty() && !strongroom_provider_api::is_dns_name(text))
        {
            found.push(Violation::new(field, "not a legal name"));
        }
        if self.resource.is_core_secret() {
            let message = "kind \"Secret\" is not allowed: use the kubernetes provider to read Secrets";
            found.push(Violation::new("resource.kind", message));
        }
        if let Err(faults) = Allowed::new(self.whitelist.as_ref()) {
            found.extend(faults);
        }
        found
    }
}

impl CrdResource {
    /// Secrets have a provider of their own, whose rules they would slip through here. In every spelling.
    fn is_core_secret(&self) -> bool {
        matches!(self.group.as_str(), "" | "core")
            && self.version == "v1"
            && self.kind.eq_ignore_ascii_case("Secret")
    }

    /// Where the API server serves the version of the group.
    pub(crate) fn root(&self) -> String {
        match self.group.as_str() {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        }
    }

    /// For messages.
    pub(crate) fn group_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn faults(resource: &Value) -> Vec<String> {
        let config: CrdConfig = serde_json::from_value(json!({
            "auth": { "serviceAccount": { "name": "reader" } }, "resource": resource,
        }))
        .unwrap();
        config.violations().into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn cores_secrets_are_refused_in_every_spelling_and_nothing_else_of_that_name() {
        let resource = |group, version, kind| json!({ "group": group, "version": version, "kind": kind });
        for (group, kind) in [("", "Secret"), ("", "SECRET"), ("core", "sEcReT")] {
            assert_eq!(faults(&resource(group, "v1", kind)), ["resource.kind"], "{group} {kind}");
        }
        for (group, version, kind) in
            [("example.io", "v1", "Secret"), ("", "v2", "Secret"), ("", "v1", "ConfigMap")]
        {
            assert_eq!(faults(&resource(group, version, kind)), Vec::<String>::new(), "{group} {kind}");
        }
        assert_eq!(faults(&resource("a/../b", "v1", "Widget")), ["resource.group"]);
        assert_eq!(faults(&resource("a", "v1?x", "Widget")), ["resource.version"]);
    }
}
