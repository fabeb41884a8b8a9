//! Decides what a status of Vault's means.

use serde::Deserialize;
use strongroom_provider_api::{Error, ErrorKind, Result};
use strongroom_provider_kit::http::Answer;
use strongroom_provider_kit::status;

use super::{Api, Ask};
use crate::path::LogicalPath;

/// The body of an error; its words decide, but are never repeated.
#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: Vec<String>,
}

impl Api {
    /// `answer` where it is a success.
    pub(super) fn successful(&self, ask: &Ask, answer: Answer) -> Result<Answer> {
        if answer.status.is_success() { Ok(answer) } else { Err(self.fault(ask.operation, &answer)) }
    }

    /// `answer` where it is a success, or 404: that may be an absent path, and the body tells.
    pub(super) fn successful_or_absent(&self, ask: &Ask, answer: Answer) -> Result<Answer> {
        if answer.status == 404 { Ok(answer) } else { self.successful(ask, answer) }
    }

    /// `answer` where it is a success of a login at `mount`. Every refusal of a login is `Unauthenticated`.
    pub(super) fn logged_in(
        &self,
        ask: &Ask,
        answer: Answer,
        mount: &LogicalPath,
        role: Option<&str>,
    ) -> Result<Answer> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let mount = mount.as_str();
        let role = role.map(|role| format!(" as role {role:?}")).unwrap_or_default();
        let code = answer.status.as_u16();
        Err(match code {
            400 | 401 | 403 => {
                let message = format!("Vault refused the login at auth/{mount}{role} ({code})");
                Error::new(ErrorKind::Unauthenticated, ask.operation, message)
            }
            404 => {
                let message = format!("Vault has no login method at auth/{mount} (404)");
                Error::new(ErrorKind::InvalidConfig, ask.operation, message)
            }
            _ => self.fault(ask.operation, &answer),
        })
    }

    /// `answer` where it is a success of a call about a wrapping token. Vault says in one word that such a token is
    /// wrong, expired or used.
    pub(super) fn unspent(&self, ask: &Ask, answer: Answer) -> Result<Answer> {
        match answer.status.as_u16() {
            400 | 403 => {
                let message = "the wrapping token has been used, has expired, or was never given by this Vault: put \
                               a fresh one into the Secret, and find out who used this one";
                Err(Error::new(ErrorKind::Unauthenticated, ask.operation, message))
            }
            _ => self.successful(ask, answer),
        }
    }

    /// What an answer means that is no success, where no endpoint says more.
    pub(crate) fn refused(&self, operation: &'static str, answer: &Answer) -> Error {
        self.fault(operation, answer)
    }

    fn fault(&self, operation: &'static str, answer: &Answer) -> Error {
        let code = answer.status.as_u16();
        let origin = self.address.origin.trim_end_matches('/');
        let (kind, message) = match code {
            400 if answer.says("missing client token") => {
                (ErrorKind::Unauthenticated, "Vault asks for a token, and the store gives none".to_owned())
            }
            400 if answer.says("check-and-set parameter did not match") => {
                (ErrorKind::Conflict, "somebody else has written meanwhile (check-and-set)".to_owned())
            }
            400 => (ErrorKind::InvalidPayload, "Vault refused the request as malformed (400)".to_owned()),
            401 => (ErrorKind::Unauthenticated, format!("{origin} refused the token (401)")),
            403 => (ErrorKind::PermissionDenied, "Vault denied access (403)".to_owned()),
            404 => {
                let message = format!("{origin} has no such endpoint or namespace (404)");
                (ErrorKind::InvalidConfig, message)
            }
            405 => (ErrorKind::InvalidConfig, "there is no KV engine at this path (405)".to_owned()),
            // The node lags behind what this client has seen; another try reaches another node or a later time.
            412 => (ErrorKind::Unavailable, "this node has not seen the latest write yet (412)".to_owned()),
            503 if answer.says("sealed") => (ErrorKind::Unavailable, "Vault is sealed".to_owned()),
            _ => {
                let kind = status::kind(answer.status).unwrap_or(ErrorKind::Unavailable);
                (kind, format!("{origin} answered {code}"))
            }
        };
        let error = Error::new(kind, operation, message);
        match status::retry_after(&answer.headers, self.clock.now()) {
            Some(after) if matches!(kind, ErrorKind::Throttled | ErrorKind::Unavailable) => {
                error.with_retry_after(after)
            }
            _ => error,
        }
    }
}

pub(super) trait Says {
    /// Whether one of the error lines holds `words`.
    fn says(&self, words: &str) -> bool;
}

impl Says for Answer {
    fn says(&self, words: &str) -> bool {
        serde_json::from_slice::<Refusal>(&self.body)
            .is_ok_and(|refusal| refusal.errors.iter().any(|line| line.contains(words)))
    }
}
