//! `Parents`: the tokens from which leases hang: what is known of them, and how they are kept alive.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use strongroom_provider_api::{ErrorKind, LeaseParent, Result};
use tokio::sync::Mutex;

use super::bearer::{Bearer, Borne, is_refusal};
use crate::api::{Api, Logical};

/// What is known of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Its name that is not the token. Empty for a batch token.
    pub(super) accessor: String,
    /// When it ends; `None` for never.
    pub(super) expires: Option<Timestamp>,
    /// Its life as it was last given.
    granted: SignedDuration,
    renewable: bool,
}

/// The tokens from which leases of one identity hang.
#[derive(Debug, Default)]
pub(super) struct Parents {
    /// The token of the present login, by the number of that login.
    own: Mutex<Option<(u64, Known)>>,
    /// Those of logins before, by accessor.
    former: Mutex<HashMap<String, Known>>,
}

#[derive(Deserialize)]
struct LookedUp {
    data: TokenData,
}

#[derive(Deserialize)]
struct TokenData {
    #[serde(default)]
    accessor: String,
    #[serde(default)]
    ttl: i64,
    #[serde(default)]
    renewable: bool,
}

#[derive(Deserialize)]
struct Renewed {
    auth: RenewedAuth,
}

#[derive(Deserialize)]
struct RenewedAuth {
    #[serde(default)]
    lease_duration: i64,
    #[serde(default)]
    renewable: bool,
}

impl Known {
    /// As it is recorded with a lease; `None` for a token that never ends, or has no name.
    pub(super) fn recorded(&self) -> Option<LeaseParent> {
        (self.expires.is_some() && !self.accessor.is_empty()).then(|| LeaseParent {
            accessor: self.accessor.clone(),
            expires: self.expires,
            renewable: self.renewable,
        })
    }

    /// True if more than half of its life is over and nothing can be added: what is generated now should hang from
    /// another.
    pub(super) fn nears_its_end(&self, now: Timestamp) -> bool {
        !self.renewable && self.is_due(now)
    }

    /// True once more than half of its life is over.
    fn is_due(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|end| end.duration_since(now) * 2 <= self.granted)
    }
}

impl Parents {
    /// What is known of the token that is borne now; `None` where Vault does not let it look itself up.
    pub(super) async fn own(&self, api: &Api, borne: &Borne) -> Result<Option<Known>> {
        let mut own = self.own.lock().await;
        if let Some((generation, known)) = &*own
            && *generation == borne.generation()
        {
            return Ok(Some(known.clone()));
        }
        let asked = api.clock.now();
        let answer = match api.ask(&Logical::look_up_self(), borne.token()).await {
            Ok(answer) => answer,
            Err(error) if is_refusal(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Ok(LookedUp { data }) = serde_json::from_slice(&answer.body) else { return Ok(None) };
        let known = Known {
            expires: end(asked, data.ttl),
            granted: SignedDuration::from_secs(data.ttl),
            accessor: data.accessor,
            renewable: data.renewable,
        };
        *own = Some((borne.generation(), known.clone()));
        Ok(Some(known))
    }

    /// Keeps `parent` alive where that is due and can be done, once for all leases that hang from it; gives it as it
    /// stands then. One that Vault does not let us renew, or that is near the longest it allows, is no longer renewable.
    ///
    /// # Errors
    /// Failures that say nothing about the token.
    pub(super) async fn kept(&self, api: &Api, bearer: &Bearer, parent: &LeaseParent) -> Result<LeaseParent> {
        let borne = bearer.borne().await?;
        let known = self.own(api, &borne).await?;
        if known.is_some_and(|known| known.accessor == parent.accessor) {
            bearer.keep(&borne);
            let mut own = self.own.lock().await;
            let Some((_, known)) = own.as_mut() else { return Ok(parent.clone()) };
            extend(api, &borne, known, &Logical::renew_self()).await?;
            return Ok(known.recorded().unwrap_or_else(|| parent.clone()));
        }
        // Held meanwhile: hundreds of leases hang from one token.
        let mut former = self.former.lock().await;
        let known = former.entry(parent.accessor.clone()).or_insert_with(|| Known {
            accessor: parent.accessor.clone(),
            expires: parent.expires,
            // Unknown, so that it is renewed at once: this is how an earlier process's token is adopted.
            granted: SignedDuration::MAX,
            renewable: parent.renewable,
        });
        extend(api, &borne, known, &Logical::renew_accessor(&parent.accessor)).await?;
        Ok(known.recorded().unwrap_or_else(|| parent.clone()))
    }
}

/// Renews the token that `request` renews, if it can be and that is due.
async fn extend(api: &Api, borne: &Borne, known: &mut Known, request: &Logical) -> Result<()> {
    let asked = api.clock.now();
    if !known.renewable || !known.is_due(asked) {
        return Ok(());
    }
    match api.ask(request, borne.token()).await {
        Ok(answer) => {
            let Ok(Renewed { auth }) = serde_json::from_slice(&answer.body) else { return Ok(()) };
            let life = SignedDuration::from_secs(auth.lease_duration);
            let adopted = known.granted == SignedDuration::MAX;
            known.renewable = auth.renewable && (adopted || life * 2 >= known.granted);
            known.granted = if adopted { life } else { known.granted.max(life) };
            known.expires = end(asked, auth.lease_duration);
            Ok(())
        }
        Err(error) if is_refusal(&error) || error.kind() == ErrorKind::InvalidPayload => {
            known.renewable = false;
            Ok(())
        }
        // Then its leases have ended, too, and that is said by themselves.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            known.renewable = false;
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// `seconds` from `asked`; `None` for a life without end.
fn end(asked: Timestamp, seconds: i64) -> Option<Timestamp> {
    (seconds > 0).then(|| asked.checked_add(SignedDuration::from_secs(seconds)).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(renewable: bool) -> Known {
        Known {
            accessor: "a".to_owned(),
            expires: end(Timestamp::UNIX_EPOCH, 100),
            granted: SignedDuration::from_secs(100),
            renewable,
        }
    }

    #[test]
    fn a_token_is_due_at_half_its_life() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert!(!known(true).is_due(at(49)));
        assert!(known(true).is_due(at(50)));
        assert!(!known(true).nears_its_end(at(99)));
        assert!(known(false).nears_its_end(at(50)));
        let endless = Known { expires: None, ..known(true) };
        assert!(!endless.is_due(at(1_000)));
        assert_eq!(endless.recorded(), None);
    }

    #[test]
    fn the_token_of_an_earlier_process_is_due_at_once() {
        let adopted = Known { granted: SignedDuration::MAX, ..known(true) };
        assert!(adopted.is_due(Timestamp::UNIX_EPOCH));
    }
}
