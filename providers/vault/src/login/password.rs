//! Login methods `userPass` and `ldap`: a name and a password, posted alike.

use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, SecretKeySelector};
use strongroom_provider_kit::http::Answer;

use super::text;
use crate::api::Api;
use crate::path::LogicalPath;

pub(super) struct PasswordLogin {
    mount: LogicalPath,
    username: String,
    password: SecretKeySelector,
}

impl PasswordLogin {
    /// `method` is the setting's name, for errors. The username is trimmed (spec eso-providers B.2).
    pub(super) fn new(
        method: &'static str,
        path: &str,
        username: &str,
        password: Option<SecretKeySelector>,
    ) -> Result<Self> {
        let invalid =
            |what: String| Error::new(ErrorKind::InvalidConfig, "log in", format!("{method}.{what}"));
        let mount = LogicalPath::parse(path).map_err(|fault| invalid(format!("path: {fault}")))?;
        let username = username.trim();
        // It becomes one segment of the path.
        if LogicalPath::default().child(username).is_none() {
            return Err(invalid("username: not a name that can stand in a path".to_owned()));
        }
        let password = password.ok_or_else(|| invalid("secretRef: missing".to_owned()))?;
        Ok(Self { mount, username: username.to_owned(), password })
    }

    pub(super) async fn log_in(&self, api: &Api, resolver: &dyn Resolver) -> Result<Answer> {
        let password = text(&resolver.secret(&self.password, None).await?, "password")?;
        api.log_in_with_password(&self.mount, &self.username, password).await
    }
}
