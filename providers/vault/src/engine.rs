//! `Engine`: one login at one Vault, what the engines there answer to it, and the leases that hang from it.

pub(crate) mod answer;
mod bearer;
mod lease;
mod parent;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use strongroom_provider_api::{Error, ErrorKind, Provider as _, Resolver, Result, Toolbox};
use strongroom_provider_kit::http::Answer;

use crate::Vault;
use crate::api::{Api, Logical};
use crate::config;
use crate::connect;
use answer::Granted;
pub use answer::ResultType;
use bearer::{Bearer, Borne};
use parent::{Known, Parents};
pub(crate) use settings::{faults, path_fault, usable};

/// A live handle for one server and one identity.
#[derive(Debug)]
pub(crate) struct Engine {
    api: Arc<Api>,
    bearer: Bearer,
    parents: Parents,
}

/// What an engine answered; never without a body.
pub(crate) struct Answered {
    /// The answer.
    pub(crate) answer: Answer,
    /// When it was asked for.
    pub(crate) asked: Timestamp,
    /// The lease in it.
    pub(crate) granted: Granted,
    /// The token that a lease hangs from, if there is a lease and something is known of the token.
    parent: Option<Known>,
}

impl Engine {
    /// The engines that `provider`, the settings of a store, leads to; logged in.
    ///
    /// # Errors
    /// `InvalidConfig` for settings or references that cannot work, and that of the login.
    pub(crate) async fn connect(
        provider: &Value,
        resolver: &Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Self> {
        let settings = usable(provider)?;
        toolbox.logins.check(Vault::NAME, config::login_method(settings.auth.as_ref()))?;
        let api = connect::api(&settings, resolver.as_ref(), toolbox).await?;
        let bearer = Bearer::new(settings.auth, &api, resolver).await?;
        Ok(Self { api, bearer, parents: Parents::default() })
    }

    /// The answer to `request`, which grants no lease; `None` where there is none.
    ///
    /// # Errors
    /// As [`Api::ask`] has them.
    pub(crate) async fn read(&self, request: &Logical) -> Result<Option<Answered>> {
        let asked = self.now();
        let answer = self.bearer.ask(&self.api, request).await?;
        let granted = Granted::default();
        Ok(Some(answer).filter(holds).map(|answer| Answered { answer, asked, granted, parent: None }))
    }

    /// The answer to `request`, with the lease that it may grant; `None` where there is no answer. A token from which a
    /// lease hangs is not revoked when the login ends.
    ///
    /// # Errors
    /// As [`Api::ask`] has them.
    pub(crate) async fn lease(&self, request: &Logical) -> Result<Option<Answered>> {
        let before = self.parent().await?;
        // No record will name it: a later process would take it for left behind, and end the leases with it.
        if before.as_ref().is_none_or(|(_, known)| known.recorded().is_none()) {
            self.bearer.disown(&self.bearer.borne().await?);
        }
        let asked = self.now();
        let answer = self.bearer.ask(&self.api, request).await?;
        if !holds(&answer) {
            return Ok(None);
        }
        let granted = answer::granted(&answer.body);
        let parent = match (granted.lease_id.is_empty(), before) {
            (true, _) => None,
            // The call may have logged in afresh.
            (false, Some((borne, known))) => match self.bearer.borne().await? {
                now if now.generation() == borne.generation() => {
                    self.bearer.keep(&borne);
                    Some(known)
                }
                now => {
                    self.bearer.keep(&now);
                    self.parents.own(&self.api, &now).await?
                }
            },
            (false, None) => {
                self.bearer.keep(&self.bearer.borne().await?);
                None
            }
        };
        Ok(Some(Answered { answer, asked, granted, parent }))
    }

    /// The success of `request`, whatever it answers.
    ///
    /// # Errors
    /// As [`Api::ask`] has them.
    pub(crate) async fn carry_out(&self, request: &Logical) -> Result<()> {
        self.bearer.ask(&self.api, request).await.map(|_| ())
    }

    /// The time by our clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.api.clock.now()
    }

    /// Ends the login, unless leases hang from it.
    pub(crate) async fn close(&self) {
        self.bearer.close().await;
    }

    /// The token from which the next lease will hang: one that is near its end is let go first.
    async fn parent(&self) -> Result<Option<(Borne, Known)>> {
        let borne = self.bearer.borne().await?;
        if borne.token().is_none() {
            return Ok(None);
        }
        let Some(known) = self.parents.own(&self.api, &borne).await? else { return Ok(None) };
        let is_login = matches!(borne, Borne::Login(_));
        if !is_login || !known.nears_its_end(self.now()) {
            return Ok(Some((borne, known)));
        }
        self.bearer.let_go(&borne).await;
        let fresh = self.bearer.borne().await?;
        let known = self.parents.own(&self.api, &fresh).await?;
        Ok(known.map(|known| (fresh, known)))
    }
}

/// An answer without a body is like none.
fn holds(answer: &Answer) -> bool {
    answer.status != 404 && !answer.body.iter().all(u8::is_ascii_whitespace)
}

/// `seconds` from `asked`.
pub(crate) fn end(asked: Timestamp, seconds: i64) -> Option<Timestamp> {
    asked.checked_add(SignedDuration::from_secs(seconds.max(0))).ok()
}

/// `parameters` as the query of an address.
pub(crate) fn query(parameters: &BTreeMap<String, Vec<String>>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, values) in parameters {
        for value in values {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// The failure where Vault had nothing to say.
pub(crate) fn empty(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidPayload, "generate", message)
}
