//! Login method `kubernetes`: a ServiceAccount's token.

use std::path::{Path, PathBuf};

use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, SecretBytes, StoreKind};
use strongroom_provider_kit::http::Answer;
use tokio::io::AsyncReadExt as _;

use super::text;
use crate::api::Api;
use crate::config::Kubernetes;
use crate::path::LogicalPath;

/// Where the kubelet puts the controller's own token.
const OWN_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The shortest that the API server grants.
const LIFETIME_SECONDS: i64 = 600;

/// Far above any real token.
const MAX_TOKEN: u64 = 64 * 1024;

pub(super) struct KubernetesLogin {
    mount: LogicalPath,
    settings: Kubernetes,
    own_token: PathBuf,
}

impl KubernetesLogin {
    pub(super) fn new(settings: Kubernetes) -> Result<Self> {
        let mount = LogicalPath::parse(&settings.mount_path).map_err(|fault| {
            Error::new(ErrorKind::InvalidConfig, "log in", format!("kubernetes.mountPath: {fault}"))
        })?;
        Ok(Self { mount, settings, own_token: OWN_TOKEN.into() })
    }

    pub(super) async fn log_in(&self, api: &Api, resolver: &dyn Resolver) -> Result<Answer> {
        let jwt = text(&self.jwt(resolver).await?, "ServiceAccount token")?;
        api.log_in_with_kubernetes(&self.mount, &self.settings.role, jwt.trim().to_owned()).await
    }

    /// A token asked for, else one kept in a Secret, else the controller's own. No audience is added to those
    /// of the selector (spec eso-providers B.2).
    async fn jwt(&self, resolver: &dyn Resolver) -> Result<SecretBytes> {
        if let Some(selector) = &self.settings.service_account_ref {
            return resolver.service_account_token(selector, &[], LIFETIME_SECONDS).await;
        }
        if let Some(selector) = &self.settings.secret_ref {
            return resolver.secret(selector, Some("token")).await;
        }
        // Whoever may write a SecretStore must not act as the controller.
        if resolver.store_kind() != StoreKind::Cluster {
            let message = "a SecretStore cannot log in as the controller itself";
            return Err(Error::new(ErrorKind::InvalidConfig, "log in", message));
        }
        own_token(&self.own_token).await
    }
}

async fn own_token(path: &Path) -> Result<SecretBytes> {
    let unreadable = |error: std::io::Error| {
        let message = format!("the controller's own token cannot be read from {}", path.display());
        Error::new(ErrorKind::InvalidConfig, "log in", message).with_source(error)
    };
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_TOKEN).read_to_end(&mut bytes).await.map_err(unreadable)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_own_token_is_read_from_its_file_and_its_absence_names_the_file() {
        let path = std::env::temp_dir().join(format!("strongroom-own-token-{}", std::process::id()));
        let error = own_token(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.message().contains("strongroom-own-token"), "{error}");
        std::fs::write(&path, "jwt\n").unwrap();
        let token = own_token(&path).await;
        std::fs::remove_file(&path).unwrap();
        assert_eq!(token.unwrap(), SecretBytes::from("jwt\n"));
    }
}
