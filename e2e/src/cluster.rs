//! The cluster as a user sees it: objects are created, read, patched and deleted through the API server, as plain JSON.
#![expect(
    clippy::disallowed_types,
    reason = "a user talks to the API server directly; the ban is for the controller"
)]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind, ObjectMeta},
};
use serde_json::{Value, json};

use crate::testbed::Testbed;

/// The kinds of object that stories deal with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Namespace`
    Namespace,
    /// `Secret`
    Secret,
    /// `ConfigMap`
    ConfigMap,
    /// `ServiceAccount`
    ServiceAccount,
    /// `Event` of the core group
    Event,
    /// `ClusterRoleBinding`
    ClusterRoleBinding,
    /// `Role`
    Role,
    /// `RoleBinding`
    RoleBinding,
    /// `Lease`
    Lease,
    /// `ExternalSecret`
    ExternalSecret,
    /// `SecretStore`
    SecretStore,
    /// `ClusterSecretStore`
    ClusterSecretStore,
    /// `ClusterGenerator`
    ClusterGenerator,
    /// `Fake`, a generator
    FakeGenerator,
    /// `MFA`, a generator
    MfaGenerator,
    /// `Password`, a generator
    PasswordGenerator,
    /// `SSHKey`, a generator
    SshKeyGenerator,
    /// `UUID`, a generator
    UuidGenerator,
    /// `Webhook`, a generator
    WebhookGenerator,
    /// `GeneratorState`
    GeneratorState,
    /// `VaultDynamicSecret`, a generator
    VaultDynamicSecret,
    /// `ECRAuthorizationToken`
    EcrAuthorizationToken,
    /// `STSSessionToken`
    StsSessionToken,
    /// `VaultStaticRole`, a generator of our own
    VaultStaticRole,
    /// `VaultCertificate`, a generator of our own
    VaultCertificate,
    /// `VaultFolder`, a generator of our own
    VaultFolder,
    /// `VaultRequest`, a generator of our own
    VaultRequest,
    /// `SecretLease`
    SecretLease,
    /// `TokenReview`, which is answered and not kept.
    TokenReview,
    /// `SyncPolicy`
    SyncPolicy,
    /// `Deployment`
    Deployment,
    /// `StatefulSet`
    StatefulSet,
    /// `DaemonSet`
    DaemonSet,
}

impl Kind {
    const ALL: [Self; 33] = [
        Self::Namespace,
        Self::Secret,
        Self::ConfigMap,
        Self::ServiceAccount,
        Self::Event,
        Self::ClusterRoleBinding,
        Self::Role,
        Self::RoleBinding,
        Self::Lease,
        Self::ExternalSecret,
        Self::SecretStore,
        Self::ClusterSecretStore,
        Self::ClusterGenerator,
        Self::FakeGenerator,
        Self::MfaGenerator,
        Self::PasswordGenerator,
        Self::SshKeyGenerator,
        Self::UuidGenerator,
        Self::WebhookGenerator,
        Self::GeneratorState,
        Self::VaultDynamicSecret,
        Self::EcrAuthorizationToken,
        Self::StsSessionToken,
        Self::VaultStaticRole,
        Self::VaultCertificate,
        Self::VaultFolder,
        Self::VaultRequest,
        Self::SecretLease,
        Self::TokenReview,
        Self::SyncPolicy,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
    ];

    /// Group, version, kind and plural.
    fn names(self) -> (&'static str, &'static str, &'static str, &'static str) {
        const GENERATORS: &str = "generators.external-secrets.io";
        const OWN: &str = "generators.strongroom.dev";
        match self {
            Self::Namespace => ("", "v1", "Namespace", "namespaces"),
            Self::Secret => ("", "v1", "Secret", "secrets"),
            Self::ConfigMap => ("", "v1", "ConfigMap", "configmaps"),
            Self::ServiceAccount => ("", "v1", "ServiceAccount", "serviceaccounts"),
            Self::Event => ("", "v1", "Event", "events"),
            Self::ClusterRoleBinding => {
                ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings")
            }
            Self::Role => ("rbac.authorization.k8s.io", "v1", "Role", "roles"),
            Self::RoleBinding => ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
            Self::Lease => ("coordination.k8s.io", "v1", "Lease", "leases"),
            Self::ExternalSecret => ("external-secrets.io", "v1", "ExternalSecret", "externalsecrets"),
            Self::SecretStore => ("external-secrets.io", "v1", "SecretStore", "secretstores"),
            Self::ClusterSecretStore => {
                ("external-secrets.io", "v1", "ClusterSecretStore", "clustersecretstores")
            }
            Self::ClusterGenerator => (GENERATORS, "v1alpha1", "ClusterGenerator", "clustergenerators"),
            Self::FakeGenerator => (GENERATORS, "v1alpha1", "Fake", "fakes"),
            Self::MfaGenerator => (GENERATORS, "v1alpha1", "MFA", "mfas"),
            Self::PasswordGenerator => (GENERATORS, "v1alpha1", "Password", "passwords"),
            Self::SshKeyGenerator => (GENERATORS, "v1alpha1", "SSHKey", "sshkeys"),
            Self::UuidGenerator => (GENERATORS, "v1alpha1", "UUID", "uuids"),
            Self::WebhookGenerator => (GENERATORS, "v1alpha1", "Webhook", "webhooks"),
            Self::GeneratorState => (GENERATORS, "v1alpha1", "GeneratorState", "generatorstates"),
            Self::VaultDynamicSecret => (GENERATORS, "v1alpha1", "VaultDynamicSecret", "vaultdynamicsecrets"),
            Self::EcrAuthorizationToken => {
                (GENERATORS, "v1alpha1", "ECRAuthorizationToken", "ecrauthorizationtokens")
            }
            Self::StsSessionToken => (GENERATORS, "v1alpha1", "STSSessionToken", "stssessiontokens"),
            Self::TokenReview => ("authentication.k8s.io", "v1", "TokenReview", "tokenreviews"),
            Self::VaultStaticRole => (OWN, "v1alpha1", "VaultStaticRole", "vaultstaticroles"),
            Self::VaultCertificate => (OWN, "v1alpha1", "VaultCertificate", "vaultcertificates"),
            Self::VaultFolder => (OWN, "v1alpha1", "VaultFolder", "vaultfolders"),
            Self::VaultRequest => (OWN, "v1alpha1", "VaultRequest", "vaultrequests"),
            Self::SecretLease => ("strongroom.dev", "v1alpha1", "SecretLease", "secretleases"),
            Self::SyncPolicy => ("strongroom.dev", "v1alpha1", "SyncPolicy", "syncpolicies"),
            Self::Deployment => ("apps", "v1", "Deployment", "deployments"),
            Self::StatefulSet => ("apps", "v1", "StatefulSet", "statefulsets"),
            Self::DaemonSet => ("apps", "v1", "DaemonSet", "daemonsets"),
        }
    }

    /// The `kind` of manifests.
    pub fn name(self) -> &'static str {
        self.names().2
    }

    /// Whether objects of this kind live in a namespace.
    pub fn is_namespaced(self) -> bool {
        !matches!(
            self,
            Self::Namespace
                | Self::ClusterRoleBinding
                | Self::ClusterSecretStore
                | Self::ClusterGenerator
                | Self::TokenReview
        )
    }

    /// The kind of a manifest.
    pub fn of(manifest: &Value) -> Result<Self> {
        Self::named(manifest["kind"].as_str().context("a manifest without kind")?)
    }

    /// The kind with this [`Kind::name`].
    pub fn named(name: &str) -> Result<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name() == name).with_context(|| format!("stories know no kind {name}"))
    }

    fn resource(self) -> ApiResource {
        let (group, version, kind, plural) = self.names();
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }
}

/// A connection to the API server as one user.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    kubeconfig: PathBuf,
    kubectl: PathBuf,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("kubeconfig", &self.kubeconfig).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Connects as the test bed's administrator.
    pub async fn connect(testbed: &Testbed) -> Result<Self> {
        Self::of(&testbed.kubeconfig, &testbed.kubectl).await
    }

    /// Connects as the user of the kubeconfig file `kubeconfig`.
    pub async fn of(kubeconfig: &Path, kubectl: &Path) -> Result<Self> {
        let read = Kubeconfig::read_from(kubeconfig)?;
        let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
        let (kubeconfig, kubectl) = (kubeconfig.to_owned(), kubectl.to_owned());
        Ok(Self { client: Client::try_from(config)?, kubeconfig, kubectl })
    }

    fn api(&self, kind: Kind, namespace: &str) -> Api<DynamicObject> {
        if kind.is_namespaced() {
            Api::namespaced_with(self.client.clone(), namespace, &kind.resource())
        } else {
            Api::all_with(self.client.clone(), &kind.resource())
        }
    }

    /// Creates an object and gives it back as stored. `namespace` is ignored for cluster-wide kinds.
    pub async fn create(&self, namespace: &str, manifest: &Value) -> Result<Value> {
        self.post(namespace, manifest, &PostParams::default()).await
    }

    /// [`Cluster::create`] under the name of the field manager `manager`.
    pub async fn create_as(&self, namespace: &str, manifest: &Value, manager: &str) -> Result<Value> {
        let parameters = PostParams { field_manager: Some(manager.to_owned()), ..PostParams::default() };
        self.post(namespace, manifest, &parameters).await
    }

    /// What the API server would store for this manifest, or its refusal; nothing is stored.
    pub async fn admitted(&self, namespace: &str, manifest: &Value) -> Result<Value> {
        self.post(namespace, manifest, &PostParams { dry_run: true, ..PostParams::default() }).await
    }

    async fn post(&self, namespace: &str, manifest: &Value, parameters: &PostParams) -> Result<Value> {
        let kind = Kind::of(manifest)?;
        let object = serde_json::from_value(manifest.clone())?;
        Ok(serde_json::to_value(self.api(kind, namespace).create(parameters, &object).await?)?)
    }

    /// Reads an object that must be there.
    pub async fn get(&self, kind: Kind, namespace: &str, name: &str) -> Result<Value> {
        Ok(serde_json::to_value(self.api(kind, namespace).get(name).await?)?)
    }

    /// Reads an object that may be absent.
    pub async fn find(&self, kind: Kind, namespace: &str, name: &str) -> Result<Option<Value>> {
        let found = self.api(kind, namespace).get_opt(name).await?;
        Ok(found.map(serde_json::to_value).transpose()?)
    }

    /// All objects of a kind in a namespace, or in the whole cluster when `namespace` is empty, that match a label
    /// selector (empty: all).
    pub async fn list(&self, kind: Kind, namespace: &str, selector: &str) -> Result<Vec<Value>> {
        let api: Api<DynamicObject> = if namespace.is_empty() {
            Api::all_with(self.client.clone(), &kind.resource())
        } else {
            self.api(kind, namespace)
        };
        let found = api.list(&ListParams::default().labels(selector)).await?;
        found.items.into_iter().map(|item| Ok(serde_json::to_value(item)?)).collect()
    }

    /// Applies a JSON merge patch and gives back the object as stored.
    pub async fn patch(&self, kind: Kind, namespace: &str, name: &str, change: &Value) -> Result<Value> {
        let patched =
            self.api(kind, namespace).patch(name, &PatchParams::default(), &Patch::Merge(change)).await?;
        Ok(serde_json::to_value(patched)?)
    }

    /// [`Cluster::patch`] under the name of the field manager `manager`.
    pub async fn patch_as(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        change: &Value,
        manager: &str,
    ) -> Result<Value> {
        let parameters = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        let patched = self.api(kind, namespace).patch(name, &parameters, &Patch::Merge(change)).await?;
        Ok(serde_json::to_value(patched)?)
    }

    /// Merges `status` into the status of an object.
    pub async fn patch_status(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        status: &Value,
    ) -> Result<Value> {
        let change = Patch::Merge(json!({ "status": status }));
        let patched = self.api(kind, namespace).patch_status(name, &PatchParams::default(), &change).await?;
        Ok(serde_json::to_value(patched)?)
    }

    /// Applies a JSON patch, a list of operations, and gives back the object as stored.
    pub async fn patch_by_operations(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        operations: &Value,
    ) -> Result<Value> {
        let path = format!("{}/{name}", self.api(kind, namespace).resource_url());
        let request = http::Request::patch(path)
            .header("content-type", "application/json-patch+json")
            .body(serde_json::to_vec(operations)?)?;
        Ok(self.client.request(request).await?)
    }

    /// Namespace (empty for cluster-wide kinds), name and resource version of all objects of a kind.
    pub async fn versions(&self, kind: Kind) -> Result<Vec<[String; 3]>> {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind.resource());
        let found = api.list_metadata(&ListParams::default()).await?;
        let version = |metadata: ObjectMeta| {
            let parts = [metadata.namespace, metadata.name, metadata.resource_version];
            parts.map(Option::unwrap_or_default)
        };
        Ok(found.items.into_iter().map(|item| version(item.metadata)).collect())
    }

    /// Asks for an object's deletion; an absent one is fine.
    pub async fn delete(&self, kind: Kind, namespace: &str, name: &str) -> Result<()> {
        match self.api(kind, namespace).delete(name, &DeleteParams::background()).await {
            Err(error) if !is_not_found(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// A token for a ServiceAccount, valid for a day, for the API server itself.
    pub async fn service_account_token(&self, namespace: &str, name: &str) -> Result<String> {
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": { "expirationSeconds": 86_400 },
        });
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let request = http::Request::post(path)
            .header("content-type", "application/json")
            .body(serde_json::to_vec(&body)?)?;
        let answer: Value = self.client.request(request).await?;
        Ok(answer["status"]["token"].as_str().context("the API server gave no token")?.to_owned())
    }

    /// Runs `kubectl` as the administrator and gives its standard output and standard error, and whether it succeeded.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<(bool, String, String)> {
        let output = tokio::process::Command::new(&self.kubectl)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(arguments)
            .output()
            .await
            .with_context(|| format!("cannot run {}", self.kubectl.display()))?;
        Ok((
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ))
    }
}

/// Writes a kubeconfig like the one at `administrator`, but for a bearer token.
pub fn write_kubeconfig_for_token(administrator: &Path, token: &str, to: &Path) -> Result<()> {
    let source = Kubeconfig::read_from(administrator)?;
    let cluster = source.clusters.first().context("the test bed's kubeconfig names no cluster")?;
    ensure!(cluster.cluster.is_some(), "the test bed's kubeconfig has an empty cluster");
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "users": [{ "name": "controller", "user": { "token": token } }],
        "contexts": [{ "name": "controller", "context": { "cluster": cluster.name, "user": "controller" } }],
        "current-context": "controller",
    });
    std::fs::write(to, serde_json::to_vec_pretty(&config)?)
        .with_context(|| format!("cannot write {}", to.display()))
}

/// The HTTP status with which the API server refused a request, if that is what went wrong.
pub fn refusal(error: &anyhow::Error) -> Option<u16> {
    match error.downcast_ref() {
        Some(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
