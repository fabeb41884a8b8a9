//! Login method `jwt`: a JWT from a Secret, or a ServiceAccount's token.

use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, SecretBytes};
use strongroom_provider_kit::http::Answer;

use super::text;
use crate::api::Api;
use crate::config::Jwt;
use crate::path::LogicalPath;

/// Audience of a requested token where none is given.
const AUDIENCE: &str = "vault";

/// Life of a requested token in seconds, where none is given: the shortest that the API server grants.
const LIFETIME_SECONDS: i64 = 600;

pub(super) struct JwtLogin {
    mount: LogicalPath,
    settings: Jwt,
}

impl JwtLogin {
    pub(super) fn new(settings: Jwt) -> Result<Self> {
        let mount = LogicalPath::parse(&settings.path)
            .map_err(|fault| Error::new(ErrorKind::InvalidConfig, "log in", format!("jwt.path: {fault}")))?;
        Ok(Self { mount, settings })
    }

    pub(super) async fn log_in(&self, api: &Api, resolver: &dyn Resolver) -> Result<Answer> {
        let jwt = text(&self.jwt(resolver).await?, "JWT")?;
        let role = self.settings.role.as_ref().map(|role| role.trim().to_owned());
        api.log_in_with_jwt(&self.mount, role, jwt.trim().to_owned()).await
    }

    /// A Secret comes before a ServiceAccount. The audiences of a requested token are the selector's and the field's;
    /// the field says `vault` where it is absent (spec eso-providers B.2).
    async fn jwt(&self, resolver: &dyn Resolver) -> Result<SecretBytes> {
        if let Some(selector) = &self.settings.secret_ref {
            return resolver.secret(selector, None).await;
        }
        let Some(account) = &self.settings.kubernetes_service_account_token else {
            let message = "neither jwt.secretRef nor jwt.kubernetesServiceAccountToken was supplied";
            return Err(Error::new(ErrorKind::InvalidConfig, "log in", message));
        };
        let audiences = account.audiences.clone().unwrap_or_else(|| vec![AUDIENCE.to_owned()]);
        let lifetime = account.expiration_seconds.unwrap_or(LIFETIME_SECONDS);
        resolver.service_account_token(&account.service_account_ref, &audiences, lifetime).await
    }
}
