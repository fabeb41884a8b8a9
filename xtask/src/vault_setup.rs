//! What Vault holds before a test or the demo begins: mounts, policies, login methods and their roles.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;

use crate::interrupt;
use crate::kubectl::Kubectl;
use crate::postgres_server::{ADMINISTRATOR, PostgresServer};
use crate::vault_api::{VaultApi, text_at};

/// What a namespace's ServiceAccount, an approle, a user or a JWT may do once logged in.
const BENCH_POLICY: &str = r#"
path "secret/data/*" { capabilities = ["read", "list"] }
path "secret/metadata/*" { capabilities = ["read", "list"] }
path "deep/kv/data/*" { capabilities = ["read", "list"] }
path "deep/kv/metadata/*" { capabilities = ["read", "list"] }
path "kv1/*" { capabilities = ["read", "list"] }
"#;

/// What the token of tests about refusals may do.
const NARROW_POLICY: &str = r#"
path "secret/data/allowed/*" { capabilities = ["read"] }
"#;

/// What a controller needs for leases: to have credentials made, and to renew, look up and revoke leases and the tokens
/// that they hang on.
const LEASES_POLICY: &str = r#"
path "database/creds/*" { capabilities = ["read"] }
path "sys/leases/renew" { capabilities = ["update"] }
path "sys/leases/lookup" { capabilities = ["update"] }
path "sys/leases/revoke" { capabilities = ["update"] }
path "auth/token/lookup-accessor" { capabilities = ["update"] }
path "auth/token/renew-accessor" { capabilities = ["update"] }
path "auth/token/revoke-accessor" { capabilities = ["update"] }
"#;

/// The same without a right to anybody's tokens, and none to revoke a lease.
const PLAIN_LEASES_POLICY: &str = r#"
path "database/creds/*" { capabilities = ["read"] }
"#;

/// Vault asks the API server about the tokens it is shown; this account may ask.
const REVIEWER: &str = "\
apiVersion: v1
kind: ServiceAccount
metadata: {name: strongroom-vault-reviewer, namespace: kube-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: strongroom-vault-reviewer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:auth-delegator}
subjects: [{kind: ServiceAccount, name: strongroom-vault-reviewer, namespace: kube-system}]
";

/// The cluster whose ServiceAccounts may log in.
#[derive(Debug)]
pub(crate) struct Cluster<'a> {
    pub(crate) kubectl: &'a Kubectl,
    /// URL of the API server.
    pub(crate) address: &'a str,
    /// Its certificate authority, PEM.
    pub(crate) ca: &'a str,
}

/// Credentials that the setup made for the tests.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// Token that may read only `secret/data/allowed/*`.
    pub(crate) narrow_token: String,
    /// Of approle `suite`.
    pub(crate) role_id: String,
    /// Of approle `suite`.
    pub(crate) secret_id: String,
}

/// Everything the test suites expect.
pub(crate) fn prepare_for_tests(
    vault: &VaultApi,
    cluster: &Cluster<'_>,
    service_account_public_key: &std::path::Path,
) -> Result<Credentials> {
    mount_kv(vault, "secret", 2)?;
    mount_kv(vault, "deep/kv", 2)?;
    mount_kv(vault, "kv1", 1)?;
    write_policy(vault, "bench", BENCH_POLICY)?;
    write_policy(vault, "narrow", NARROW_POLICY)?;
    enable_kubernetes_login(vault, cluster)?;
    add_kubernetes_role(vault, "bench-any-ns", "*", "bench")?;
    enable_jwt_login(vault, &fs::read_to_string(service_account_public_key)?)?;
    enable_user_login(vault)?;
    let (role_id, secret_id) = enable_approle_login(vault)?;
    let narrow = vault.post(
        "auth/token/create",
        &json!({"policies": ["narrow"], "ttl": "768h", "display_name": "narrow"}),
    )?;
    Ok(Credentials { narrow_token: text_at(&narrow, "/auth/client_token")?, role_id, secret_id })
}

/// The database engine at `database/` with users of `postgres`: role `app`, whose credentials live for a minute and a
/// half at most, and the Kubernetes roles `leases` and `plain-leases`, for ServiceAccount `vault-client` in any namespace.
pub(crate) fn add_database(vault: &VaultApi, postgres: &PostgresServer) -> Result<()> {
    vault.post("sys/mounts/database", &json!({"type": "database"}))?;
    let port = postgres.port;
    vault.post(
        "database/config/postgres",
        &json!({
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": "*",
            "connection_url": format!(
                "postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:{port}/{ADMINISTRATOR}?sslmode=disable"
            ),
            "username": ADMINISTRATOR,
            "password": postgres.password,
            "max_open_connections": 8,
        }),
    )?;
    vault.post(
        "database/roles/app",
        &json!({
            "db_name": "postgres",
            "creation_statements":
                "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';",
            "default_ttl": "30s",
            "max_ttl": "90s",
        }),
    )?;
    write_policy(vault, "leases", LEASES_POLICY)?;
    write_policy(vault, "plain-leases", PLAIN_LEASES_POLICY)?;
    add_kubernetes_role(vault, "leases", "*", "leases")?;
    add_kubernetes_role(vault, "plain-leases", "*", "plain-leases")
}

/// What the demo's manifests need: kv v2 at `secret/` and the Kubernetes role `demo`, for ServiceAccount
/// `vault-client` in `namespace`.
pub(crate) fn prepare_for_demo(vault: &VaultApi, cluster: &Cluster<'_>, namespace: &str) -> Result<()> {
    mount_kv(vault, "secret", 2)?;
    write_policy(vault, "demo", "path \"secret/data/demo/*\" { capabilities = [\"read\"] }")?;
    enable_kubernetes_login(vault, cluster)?;
    add_kubernetes_role(vault, "demo", namespace, "demo")
}

/// What a benchmark's store needs: kv v2 at `secret/` and the Kubernetes role `bench`, for ServiceAccount
/// `vault-client` in `namespace`.
pub(crate) fn prepare_for_bench(vault: &VaultApi, cluster: &Cluster<'_>, namespace: &str) -> Result<()> {
    mount_kv(vault, "secret", 2)?;
    write_policy(vault, "bench", BENCH_POLICY)?;
    enable_kubernetes_login(vault, cluster)?;
    add_kubernetes_role(vault, "bench", namespace, "bench")
}

/// Removes from the cluster what [`prepare_for_demo`] put there.
pub(crate) fn remove_reviewer(kubectl: &Kubectl) -> Result<String> {
    kubectl.run_with_input(&["delete", "--ignore-not-found", "-f", "-"], REVIEWER)
}

fn mount_kv(vault: &VaultApi, path: &str, version: u8) -> Result<()> {
    vault.post(
        &format!("sys/mounts/{path}"),
        &json!({"type": "kv", "options": {"version": version.to_string()}}),
    )?;
    if version == 1 {
        return Ok(());
    }
    // A fresh version 2 mount refuses requests while it upgrades itself.
    let started = Instant::now();
    while let Err(error) = vault.get(&format!("{path}/config")) {
        if started.elapsed() > Duration::from_secs(20) {
            bail!("the mount {path}/ is not ready: {error:#}");
        }
        interrupt::sleep(Duration::from_millis(50))?;
    }
    Ok(())
}

fn write_policy(vault: &VaultApi, name: &str, rules: &str) -> Result<()> {
    vault.post(&format!("sys/policies/acl/{name}"), &json!({"policy": rules}))?;
    Ok(())
}

fn enable_kubernetes_login(vault: &VaultApi, cluster: &Cluster<'_>) -> Result<()> {
    cluster.kubectl.apply(REVIEWER)?;
    let reviewer = cluster.kubectl.service_account_token("strongroom-vault-reviewer", "kube-system")?;
    vault.post("sys/auth/kubernetes", &json!({"type": "kubernetes"}))?;
    vault.post(
        "auth/kubernetes/config",
        &json!({
            "kubernetes_host": cluster.address,
            "kubernetes_ca_cert": cluster.ca,
            "token_reviewer_jwt": reviewer,
            "disable_iss_validation": true,
            "disable_local_ca_jwt": true,
        }),
    )?;
    Ok(())
}

/// Role `name`: ServiceAccount `vault-client` in `namespace` (`*`: in any) gets `policy`.
fn add_kubernetes_role(vault: &VaultApi, name: &str, namespace: &str, policy: &str) -> Result<()> {
    vault.post(
        &format!("auth/kubernetes/role/{name}"),
        &json!({
            "bound_service_account_names": ["vault-client"],
            "bound_service_account_namespaces": [namespace],
            "audience": "vault",
            "token_policies": [policy],
            "token_ttl": "1h",
        }),
    )?;
    Ok(())
}

fn enable_jwt_login(vault: &VaultApi, public_key: &str) -> Result<()> {
    vault.post("sys/auth/jwt", &json!({"type": "jwt"}))?;
    vault.post("auth/jwt/config", &json!({"jwt_validation_pubkeys": [public_key]}))?;
    vault.post(
        "auth/jwt/role/suite",
        &json!({
            "role_type": "jwt",
            "bound_audiences": ["vault"],
            "user_claim": "sub",
            "token_policies": ["bench"],
            "token_ttl": "1h",
        }),
    )?;
    Ok(())
}

fn enable_user_login(vault: &VaultApi) -> Result<()> {
    vault.post("sys/auth/userpass", &json!({"type": "userpass"}))?;
    let user = json!({"password": "suite-password", "token_policies": ["bench"], "token_ttl": "1h"});
    vault.post("auth/userpass/users/suite", &user)?;
    Ok(())
}

/// The role's id and a secret id that does not expire.
fn enable_approle_login(vault: &VaultApi) -> Result<(String, String)> {
    vault.post("sys/auth/approle", &json!({"type": "approle"}))?;
    vault.post("auth/approle/role/suite", &json!({"token_policies": ["bench"], "token_ttl": "1h"}))?;
    let role_id = text_at(&vault.get("auth/approle/role/suite/role-id")?, "/data/role_id")?;
    let secret_id =
        text_at(&vault.post("auth/approle/role/suite/secret-id", &json!({}))?, "/data/secret_id")?;
    Ok((role_id, secret_id))
}
