//! The endpoints around a login: every login method, and the life of a token.

use strongroom_provider_api::{Result, SecretBytes};
use strongroom_provider_kit::http::Answer;
use strongroom_provider_kit::session::Token;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
use vaultrs::api::auth::oidc::requests::JWTLoginRequest;
use vaultrs::api::auth::userpass::requests::LoginRequest as LoginWithPasswordRequest;
use vaultrs::api::token::requests::{RenewTokenSelfRequest, RevokeTokenSelfRequest};

use super::raw::Raw;
use super::{Api, Ask, Space};
use crate::path::LogicalPath;

impl Api {
    /// Logs in with an AppRole.
    pub(crate) async fn log_in_with_app_role(
        &self,
        mount: &LogicalPath,
        role_id: String,
        secret_id: String,
    ) -> Result<Answer> {
        let ask = Ask::new("Login", "log in", Space::Login);
        let mount_name = mount.as_str().to_owned();
        let request = LoginWithApproleRequest { mount: mount_name, role_id, secret_id };
        let answer = self.call(&ask, request, None).await?;
        self.logged_in(&ask, answer, mount, None)
    }

    /// Logs in with a ServiceAccount's token.
    pub(crate) async fn log_in_with_kubernetes(
        &self,
        mount: &LogicalPath,
        role: &str,
        jwt: String,
    ) -> Result<Answer> {
        let ask = Ask::new("Login", "log in", Space::Login);
        let mount_name = mount.as_str().to_owned();
        let request = LoginWithKubernetesRequest { mount: mount_name, role: role.to_owned(), jwt };
        let answer = self.call(&ask, request, None).await?;
        self.logged_in(&ask, answer, mount, Some(role))
    }

    /// Logs in with a name and a password: `userpass` and `ldap` differ in the mount only.
    pub(crate) async fn log_in_with_password(
        &self,
        mount: &LogicalPath,
        username: &str,
        password: String,
    ) -> Result<Answer> {
        let ask = Ask::new("Login", "log in", Space::Login);
        let mount_name = mount.as_str().to_owned();
        let request = LoginWithPasswordRequest { mount: mount_name, username: username.to_owned(), password };
        let answer = self.call(&ask, request, None).await?;
        self.logged_in(&ask, answer, mount, None)
    }

    /// Logs in with a JWT; without a role the mount's default one is used.
    pub(crate) async fn log_in_with_jwt(
        &self,
        mount: &LogicalPath,
        role: Option<String>,
        jwt: String,
    ) -> Result<Answer> {
        let ask = Ask::new("Login", "log in", Space::Login);
        let request = JWTLoginRequest { mount: mount.as_str().to_owned(), jwt, role: role.clone() };
        let answer = self.call(&ask, request, None).await?;
        self.logged_in(&ask, answer, mount, role.as_deref())
    }

    /// Logs in with a body that vaultrs has no fitting type for: `cert`, `aws` and `gcp` differ in it only.
    pub(crate) async fn log_in_with(
        &self,
        mount: &LogicalPath,
        role: Option<&str>,
        body: SecretBytes,
    ) -> Result<Answer> {
        let ask = Ask::new("Login", "log in", Space::Login);
        let answer = self.call(&ask, Raw::post(format!("auth/{}/login", mount.as_str()), body), None).await?;
        self.logged_in(&ask, answer, mount, role)
    }

    /// What a wrapping token was made for; it stays unused.
    pub(crate) async fn look_up_wrapping(&self, token: &Token) -> Result<Answer> {
        let ask = Ask::new("LookupWrapping", "look up the wrapping token", Space::Login);
        let body = serde_json::json!({ "token": token.expose() }).to_string().into();
        let answer = self.call(&ask, Raw::post("sys/wrapping/lookup".to_owned(), body), None).await?;
        self.unspent(&ask, answer)
    }

    /// What a wrapping token holds; it is used up then.
    pub(crate) async fn unwrap(&self, token: &Token) -> Result<Answer> {
        let ask = Ask::new("Unwrap", "unwrap the secret ID", Space::Login);
        let request = Raw::post("sys/wrapping/unwrap".to_owned(), "{}".into());
        let answer = self.call(&ask, request, Some(token)).await?;
        self.unspent(&ask, answer)
    }

    /// Prolongs the token's life.
    pub(crate) async fn renew(&self, token: &Token) -> Result<Answer> {
        let ask = Ask::new("RenewSelf", "renew the token", Space::Login);
        let answer = self.call(&ask, RenewTokenSelfRequest { increment: None }, Some(token)).await?;
        self.successful(&ask, answer)
    }

    /// Ends the token's life.
    pub(crate) async fn revoke(&self, token: &Token) -> Result<Answer> {
        let ask = Ask::new("RevokeSelf", "revoke the token", Space::Login);
        let answer = self.call(&ask, RevokeTokenSelfRequest {}, Some(token)).await?;
        self.successful(&ask, answer)
    }
}
