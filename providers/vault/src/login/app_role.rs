//! Login method `appRole`.

use strongroom_provider_api::{Error, ErrorKind, Resolver, Result};
use strongroom_provider_kit::http::Answer;

use super::text;
use crate::api::Api;
use crate::config::AppRole;
use crate::path::LogicalPath;

pub(super) struct AppRoleLogin {
    mount: LogicalPath,
    settings: AppRole,
}

impl AppRoleLogin {
    pub(super) fn new(settings: AppRole) -> Result<Self> {
        let mount = LogicalPath::parse(&settings.path).map_err(|fault| {
            Error::new(ErrorKind::InvalidConfig, "log in", format!("appRole.path: {fault}"))
        })?;
        Ok(Self { mount, settings })
    }

    /// The inline role ID is trimmed, values from Secrets are sent as they are (spec eso-providers B.2).
    pub(super) async fn log_in(&self, api: &Api, resolver: &dyn Resolver) -> Result<Answer> {
        let inline = self.settings.role_id.as_deref().map(str::trim).filter(|id| !id.is_empty());
        let role_id = match (inline, &self.settings.role_ref) {
            (Some(id), _) => id.to_owned(),
            (None, Some(selector)) => text(&resolver.secret(selector, None).await?, "role ID")?,
            (None, None) => {
                let message = "neither roleId nor roleRef was supplied";
                return Err(Error::new(ErrorKind::InvalidConfig, "log in", message));
            }
        };
        let secret_id = text(&resolver.secret(&self.settings.secret_ref, None).await?, "secret ID")?;
        api.log_in_with_app_role(&self.mount, role_id, secret_id).await
    }
}
