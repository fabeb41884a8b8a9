//! Login method `tokenSecretRef`: a token used as it is.

use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, SecretBytes, SecretKeySelector};
use strongroom_provider_kit::session::Token;

/// The token in the Secret, without the spaces around it; the inner failure is that of the text.
pub(super) async fn resolved(selector: &SecretKeySelector, resolver: &dyn Resolver) -> Result<Result<Token>> {
    Ok(parsed(&resolver.secret(selector, None).await?))
}

/// Vault's own client sends no token with a control character, and upstream uses that client.
fn parsed(text: &SecretBytes) -> Result<Token> {
    let fault = |message| Err(Error::new(ErrorKind::InvalidConfig, "log in", message));
    match text.expose() {
        [.., b'\n' | b'\r'] => fault("the token has a line break at its end: write the Secret without it"),
        text if text.iter().any(u8::is_ascii_control) => fault("the token holds a control character"),
        _ => Token::new(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_as_it_is_written_and_a_line_break_is_told() {
        for good in ["hvs.canary", " hvs.canary "] {
            assert_eq!(parsed(&good.into()).unwrap().expose(), "hvs.canary");
        }
        for (bad, told) in [
            ("hvs.canary\n", "line break at its end"),
            ("hvs.canary\r\n", "line break at its end"),
            ("hvs.\ncanary", "control character"),
            ("hvs.canary\t", "control character"),
            ("", "empty"),
        ] {
            let error = parsed(&bad.into()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(error.message().contains(told) && !error.to_string().contains("canary"), "{error}");
        }
    }
}
