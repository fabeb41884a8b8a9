//! Who asks, and whether they may: a token that the API server knows, and rights that it confirms, all of them.

use super::Outcome;
use super::wish::Wish;
use crate::context::Context;
use crate::kube_io::{ApiError, Right, User};

/// Why a request is not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    pub outcome: Outcome,
    /// For the caller; says nothing about what exists.
    pub message: String,
}

/// The caller whom `token` shows.
///
/// # Errors
/// `Unauthenticated` for a token that is no good or meant for somebody else; `Unavailable` where nobody can tell.
pub(super) async fn user(context: &Context, token: &str, audiences: &[String]) -> Result<User, Refusal> {
    match context.cluster.user_of(token.to_owned(), audiences).await {
        Ok(Some(user)) => Ok(user),
        Ok(None) => {
            let meant = match audiences {
                [] => "the API server".to_owned(),
                audiences => format!("the audience {:?}", audiences.join(", ")),
            };
            let message = format!("the token is not valid, or not meant for {meant}");
            Err(Refusal { outcome: Outcome::Unauthenticated, message })
        }
        Err(error) => Err(unavailable(&error)),
    }
}

/// Whether `user` may have what `wish` asks for.
///
/// # Errors
/// `Denied`, which names the first right that is missing, whether or not what it is about exists; `Unavailable` where
/// nobody can tell.
pub(super) async fn permitted(context: &Context, user: &User, wish: &Wish) -> Result<(), Refusal> {
    for right in wish.rights() {
        match context.cluster.may(user, &right).await {
            Ok(true) => {}
            Ok(false) => return Err(Refusal { outcome: Outcome::Denied, message: missing(user, &right) }),
            Err(error) => return Err(unavailable(&error)),
        }
    }
    Ok(())
}

fn missing(user: &User, right: &Right) -> String {
    let Right { verb, resource, namespace, name } = right;
    let place = match (namespace.as_str(), name.as_str()) {
        ("", "") => String::new(),
        ("", name) => format!(" {name:?}"),
        (namespace, _) => format!(" in the namespace {namespace:?}"),
    };
    format!("{:?} may not {verb} {resource}.external-secrets.io{place}", user.name)
}

fn unavailable(error: &ApiError) -> Refusal {
    // The API server's words are for the log: they name our own rights.
    tracing::warn!(%error, "a refresh request could not be admitted");
    let message = "the API server does not say who asks and what they may; try again".to_owned();
    Refusal { outcome: Outcome::Unavailable, message }
}
