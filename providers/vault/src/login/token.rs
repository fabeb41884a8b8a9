//! Login method `tokenSecretRef`: a token used as it is.

use strongroom_provider_api::{Resolver, Result, SecretKeySelector};
use strongroom_provider_kit::session::Token;

/// The token in the Secret, without the white space around it.
pub(super) async fn resolved(selector: &SecretKeySelector, resolver: &dyn Resolver) -> Result<Token> {
    Token::new(&resolver.secret(selector, None).await?)
}
