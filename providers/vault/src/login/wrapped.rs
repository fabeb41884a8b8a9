//! A secret ID in a wrapping token: whoever delivers it sees neither the secret ID nor can use it unnoticed.

use serde::Deserialize;
use strongroom_provider_api::{Error, ErrorKind, Result, SecretBytes};
use strongroom_provider_kit::session::Token;

use crate::api::Api;
use crate::path::LogicalPath;

/// How a token of Vault's begins; a secret ID is a UUID, or a text of the user's own.
const PREFIX: &str = "hvs.";

/// Length of a token of OpenBao and of old Vaults, `s.` and 24 letters or digits; a namespace's id may follow.
const OLD_LENGTH: usize = 26;

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Wrapping {
    creation_path: String,
}

#[derive(Deserialize)]
struct Unwrapped {
    secret_id: String,
}

/// The wrapping token in `kept`, if it is one rather than a secret ID.
pub(super) fn wrapping_token(kept: &SecretBytes) -> Option<Token> {
    let text = kept.expose_str()?.trim();
    let old = text.split('.').nth(1).filter(|_| text.starts_with("s."));
    let is_old = old
        .is_some_and(|id| id.len() + 2 == OLD_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    (text.starts_with(PREFIX) || is_old).then(|| Token::new(kept).ok()).flatten()
}

/// The secret ID that `token` wraps. Before it is used up, Vault is asked what it was made for: a token that wraps
/// something else was put there by somebody else.
///
/// # Errors
/// `Unauthenticated` where it is used, expired, or wraps no secret ID of the login method at `mount`.
pub(super) async fn secret_id(api: &Api, mount: &LogicalPath, token: &Token) -> Result<SecretBytes> {
    let wrapping: Wrapping = parsed(&api.look_up_wrapping(token).await?.body)?;
    if !makes_secret_ids(&wrapping.creation_path, mount) {
        let message = format!("the wrapping token was not made for a secret ID of auth/{}", mount.as_str());
        return Err(Error::new(ErrorKind::Unauthenticated, "look up the wrapping token", message));
    }
    let unwrapped: Unwrapped = parsed(&api.unwrap(token).await?.body)?;
    Ok(unwrapped.secret_id.into())
}

/// Whether `path` is that of making a secret ID: `auth/MOUNT/role/ROLE/secret-id`, below a namespace or not.
fn makes_secret_ids(path: &str, mount: &LogicalPath) -> bool {
    let place = format!("auth/{}/role/", mount.as_str());
    let after =
        path.strip_prefix(&place).or_else(|| path.split_once(&format!("/{place}")).map(|(_, after)| after));
    let Some((role, what)) = after.and_then(|after| after.split_once('/')) else { return false };
    !role.is_empty() && matches!(what, "secret-id" | "custom-secret-id")
}

fn parsed<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T> {
    let fault = || {
        Error::new(ErrorKind::Unavailable, "log in", "Vault's answer about the wrapping token cannot be read")
    };
    serde_json::from_slice::<Answer<T>>(body).map(|answer| answer.data).map_err(|_| fault())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapping_token_is_told_from_a_secret_id() {
        for token in ["hvs.CAESIJ", "s.aB3dE6gH9jK2mN5pQ8sT1vW4\n", "s.aB3dE6gH9jK2mN5pQ8sT1vW4.ns1"] {
            assert!(wrapping_token(&token.into()).is_some(), "{token}");
        }
        for id in [
            "5f0c1e7a-0000-4000-8000-000000000000",
            "s.short",
            "my own secret",
            "",
            "s.aB3dE6gH9jK2mN5pQ8sT1vW4x",
        ] {
            assert!(wrapping_token(&id.into()).is_none(), "{id}");
        }
    }

    #[test]
    fn only_the_making_of_a_secret_id_at_the_mount_counts() {
        let mount = LogicalPath::parse("team/approle").unwrap();
        for (path, counts) in [
            ("auth/team/approle/role/app/secret-id", true),
            ("ns1/auth/team/approle/role/app/custom-secret-id", true),
            ("auth/approle/role/app/secret-id", false),
            ("auth/team/approle/role/app/role-id", false),
            ("auth/team/approle/role//secret-id", false),
            ("secret/data/app", false),
        ] {
            assert_eq!(makes_secret_ids(path, &mount), counts, "{path}");
        }
    }
}
