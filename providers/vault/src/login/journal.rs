//! Tells the journal which tokens logins gave, and ends those that processes left which have ended.

use std::sync::Arc;

use strongroom_provider_api::{ErrorKind, LoginJournal};
use strongroom_provider_kit::session::Token;

use crate::api::{Api, Logical};

/// `token` was given, or its life prolonged.
pub(super) fn opened(api: &Api, token: &Token) {
    if let Some(name) = revocable(token) {
        api.toolbox.journal.opened(name, token.lifetime());
    }
}

/// `token` is revoked, or is others' to end.
pub(super) fn ended(api: &Api, token: &Token) {
    if let Some(name) = revocable(token) {
        api.toolbox.journal.ended(name);
    }
}

/// Ends, with the fresh `token`, what was left of this connection. Beside the login: nobody who waits for that waits for
/// this, too.
pub(super) fn end_abandoned(api: &Arc<Api>, token: &Token) {
    let left = api.toolbox.journal.abandoned();
    if !left.is_empty() {
        let (api, token) = (Arc::clone(api), token.clone());
        tokio::spawn(async move {
            for name in left {
                end(&api, &token, &*api.toolbox.journal, &name).await;
            }
        });
    }
}

async fn end(api: &Api, token: &Token, journal: &dyn LoginJournal, name: &str) {
    match api.ask(&Logical::revoke_accessor(name), Some(token)).await.map_err(|error| error.kind()) {
        // The next login may reach Vault.
        Err(ErrorKind::Unavailable | ErrorKind::Throttled) => {}
        // Where the policy does not allow it, it ends by its time to live. An accessor that Vault does not know has ended.
        Ok(_) | Err(_) => journal.ended(name),
    }
}

/// The name of a token that can be ended: a batch token cannot.
fn revocable(token: &Token) -> Option<&str> {
    token.name().filter(|_| token.is_revocable())
}
