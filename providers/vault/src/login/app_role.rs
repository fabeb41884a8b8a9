//! Login method `appRole`, with the secret ID as it is or in a wrapping token.

use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, SecretBytes};
use strongroom_provider_kit::http::Answer;
use tokio::sync::OnceCell;

use super::{text, wrapped};
use crate::api::Api;
use crate::config::AppRole;
use crate::path::LogicalPath;

pub(super) struct AppRoleLogin {
    mount: LogicalPath,
    settings: AppRole,
    /// A secret ID that came out of a wrapping token, which works only once; nowhere but here.
    unwrapped: OnceCell<SecretBytes>,
}

impl AppRoleLogin {
    pub(super) fn new(settings: AppRole) -> Result<Self> {
        let mount = LogicalPath::parse(&settings.path).map_err(|fault| {
            Error::new(ErrorKind::InvalidConfig, "log in", format!("appRole.path: {fault}"))
        })?;
        Ok(Self { mount, settings, unwrapped: OnceCell::new() })
    }

    /// The inline role ID counts unless it is empty, and is trimmed; values from Secrets are sent as they are (spec
    /// eso-providers B.2).
    pub(super) async fn log_in(&self, api: &Api, resolver: &dyn Resolver) -> Result<Answer> {
        let inline = self.settings.role_id.as_deref().filter(|id| !id.is_empty());
        let role_id = match (inline, &self.settings.role_ref) {
            (Some(id), _) => id.trim().to_owned(),
            (None, Some(selector)) => text(&resolver.secret(selector, None).await?, "role ID")?,
            (None, None) => {
                let message = "neither roleId nor roleRef was supplied";
                return Err(Error::new(ErrorKind::InvalidConfig, "log in", message));
            }
        };
        let secret_id = text(&self.secret_id(api, resolver).await?, "secret ID")?;
        api.log_in_with_app_role(&self.mount, role_id, secret_id).await
    }

    async fn secret_id(&self, api: &Api, resolver: &dyn Resolver) -> Result<SecretBytes> {
        let kept = resolver.secret(&self.settings.secret_ref, None).await?;
        let Some(token) = wrapped::wrapping_token(&kept) else { return Ok(kept) };
        self.unwrapped.get_or_try_init(|| wrapped::secret_id(api, &self.mount, &token)).await.cloned()
    }
}
