//! Logs in as a ServiceAccount of our own cluster, with short-lived tokens.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use strongroom_provider_api::{Resolver, Result, ServiceAccountSelector};

use crate::session::{Login, Token};

/// As upstream: one hour.
const LIFETIME_SECONDS: u32 = 3600;

/// Asks for tokens of one ServiceAccount.
pub(super) struct TokenRequest {
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) account: ServiceAccountSelector,
}

#[async_trait]
impl Login for TokenRequest {
    async fn login(&self) -> Result<Token> {
        let lifetime = i64::from(LIFETIME_SECONDS);
        let token = self.resolver.service_account_token(&self.account, &[], lifetime).await?;
        Ok(Token::new(&token)?.living(Duration::from_secs(LIFETIME_SECONDS.into()), false))
    }

    async fn renew(&self, _token: &Token) -> Result<Token> {
        self.login().await
    }

    /// A token of this kind cannot be revoked; it ends by itself.
    async fn revoke(&self, _token: &Token) {}
}
