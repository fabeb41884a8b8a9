//! Who a ServiceAccount of a GKE cluster is to Google Cloud (spec eso-providers D, workload identity).

use std::sync::Arc;

use serde_json::Value;
use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, SecretBytes, ServiceAccountSelector};

use super::api::Api;
use super::cluster::GivenCluster;

/// The annotation of a ServiceAccount that names the Google service account it takes on.
const ACCOUNT: &str = "iam.gke.io/gcp-service-account";

/// How long a ServiceAccount's token lives, which is used at once: the least that there is.
const TOKEN_SECONDS: i64 = 600;

/// How to become who one is.
pub struct Identity {
    /// Who is asked.
    pub api: Api,
    /// Whose token is shown.
    pub account: ServiceAccountSelector,
    /// Where it is.
    pub cluster: GivenCluster,
    /// Reads the account's annotations, and has its token made.
    pub resolver: Arc<dyn Resolver>,
    /// For messages: the field of the settings that holds all this, for example `auth.gcp.workloadIdentity`.
    pub field: &'static str,
}

impl Identity {
    /// A JWT that Google signs for the account that the annotation names, with what `claims` makes of its address.
    ///
    /// # Errors
    /// `InvalidConfig` for a reference that leads nowhere or an annotation that names no account; `Unauthenticated` where
    /// Google refuses, and what else it answers.
    pub async fn signed(&self, claims: impl FnOnce(&str) -> Value + Send) -> Result<SecretBytes> {
        let account = self.taken_on().await?;
        let cluster = self.cluster.found(&self.api, self.field).await?;
        let token =
            self.resolver.service_account_token(&self.account, &[cluster.pool()], TOKEN_SECONDS).await?;
        let subject = format!("ServiceAccount {:?} ({})", self.account.name, self.field);
        let of_pool = self.api.exchanged(&cluster, &token, &subject).await?;
        let of_account = self.api.access_token(&account, &of_pool).await?;
        self.api.signed(&account, &of_account, &claims(&account)).await
    }

    /// The account that the annotation names. Without one there is nobody who could sign: a pool cannot.
    async fn taken_on(&self) -> Result<String> {
        let mut annotations = self.resolver.service_account_annotations(&self.account).await?;
        let fault = match annotations.remove(ACCOUNT).filter(|text| !text.is_empty()) {
            Some(account) if is_account(&account) => return Ok(account),
            Some(account) => format!("{account:?} is no service account of Google's"),
            None => "missing; it must name a Google service account".to_owned(),
        };
        let message = format!("{}: ServiceAccount {:?}", self.field, self.account.name);
        let message = format!("{message}: annotation {ACCOUNT}: {fault}");
        Err(Error::new(ErrorKind::InvalidConfig, "log in", message))
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("account", &self.account.name).finish_non_exhaustive()
    }
}

/// Whether `text` may be the address of a Google service account. It becomes part of a path: what is none must not lead
/// elsewhere.
fn is_account(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(legal);
    text.len() <= 254 && text.split_once('@').is_some_and(|(name, domain)| is_part(name) && is_part(domain))
}

#[cfg(test)]
mod tests {
    use super::is_account;

    #[test]
    fn what_leads_elsewhere_is_no_account() {
        assert!(is_account("app@project.iam.gserviceaccount.com"));
        for wrong in
            ["", "app", "@project", "app@", "a/b@project", "a@project:signJwt?x", "a@p/..", "a b@p", "a%2f@p"]
        {
            assert!(!is_account(wrong), "{wrong}");
        }
    }
}
