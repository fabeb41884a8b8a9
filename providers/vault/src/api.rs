//! Vault's endpoints, one function each, and the only place where a status becomes an error.

mod fault;
mod logical;
mod login;
mod raw;
mod write;

use std::sync::Arc;

use rustify::endpoint::Endpoint;
use strongroom_provider_api::{Call, CallOutcome, Clock, Meter, Result, Toolbox};
use strongroom_provider_kit::http::{Answer, BODY_CAP, HttpClient};
use strongroom_provider_kit::session::Token;
use vaultrs::api::token::requests::LookupTokenSelfRequest;
use vaultrs::api::{kv1, kv2};

use crate::config::KvVersion;
use crate::path::Location;
use crate::replication::ReplicationStates;
use crate::transport::{self, Address, Envelope};
use raw::Raw;

pub(crate) use write::Change;

pub(crate) use logical::{Logical, Verb};

pub(crate) const SERVICE: &str = "HashiCorp/Vault";

/// The most that the list of one folder may hold: more than a value, because folders have no pages.
const LIST_CAP: usize = 16 * 1024 * 1024;

/// The HTTP side of one client: where Vault is and what every request carries.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) http: HttpClient,
    pub(crate) address: Address,
    /// Of secrets.
    pub(crate) namespace: Option<String>,
    /// Of the login.
    pub(crate) login_namespace: Option<String>,
    /// Kept where reads must see earlier writes.
    pub(crate) states: Option<ReplicationStates>,
    pub(crate) forward_inconsistent: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meter: Arc<dyn Meter>,
    /// For other services that have a part in a login.
    pub(crate) toolbox: Toolbox,
}

/// One request, as it can be made again with another token.
#[derive(Clone, Debug)]
pub(crate) enum Query {
    /// A value; the version is for version 2 only.
    Value { at: Location, kv: KvVersion, version: Option<u64> },
    /// Metadata of a version 2 entry.
    Metadata { at: Location },
    /// The names in a folder.
    Folder { at: Location, kv: KvVersion },
    /// Which engine is at a path.
    Mount { path: String },
    /// What the token is: one of the user's is looked up where the secrets are, as upstream does, one of a login where
    /// that was.
    Token { of_login: bool },
    /// A write.
    Change(Change),
}

/// How a call is made and counted.
struct Ask {
    /// Label of the metric.
    name: &'static str,
    /// Verb of the error.
    operation: &'static str,
    space: Space,
    cap: usize,
}

/// Which namespace a call belongs to.
enum Space {
    Secrets,
    Login,
}

impl Api {
    /// The answer to `query`: a success, or 404, whose meaning depends on the body.
    ///
    /// # Errors
    /// As `fault` has them.
    pub(crate) async fn fetch(&self, query: &Query, token: Option<&Token>) -> Result<Answer> {
        match query {
            Query::Value { at, kv: KvVersion::V1, .. } => {
                let (mount, path) = texts(at);
                self.read(kv1::requests::GetSecretRequest { mount, path }, token).await
            }
            Query::Value { at, kv: KvVersion::V2, version } => {
                let (mount, path) = texts(at);
                self.read(kv2::requests::ReadSecretRequest { mount, path, version: *version }, token).await
            }
            Query::Metadata { at } => {
                let (mount, path) = texts(at);
                self.read(kv2::requests::ReadSecretMetadataRequest { mount, path }, token).await
            }
            Query::Folder { at, kv: KvVersion::V1 } => {
                let (mount, path) = texts(at);
                self.list(kv1::requests::ListSecretRequest { mount, path }, token).await
            }
            Query::Folder { at, kv: KvVersion::V2 } => {
                let (mount, path) = texts(at);
                self.list(kv2::requests::ListSecretsRequest { mount, path }, token).await
            }
            Query::Mount { path } => {
                let ask = Ask::new("MountInfo", "find the engine", Space::Secrets);
                let answer =
                    self.call(&ask, Raw::get(format!("sys/internal/ui/mounts/{path}")), token).await?;
                self.successful_or_absent(&ask, answer)
            }
            Query::Token { of_login } => {
                let space = if *of_login { Space::Login } else { Space::Secrets };
                let ask = Ask::new("LookupSelf", "look up the token", space);
                let answer = self.call(&ask, LookupTokenSelfRequest {}, token).await?;
                self.successful(&ask, answer)
            }
            Query::Change(change) => self.carry_out(change, token).await,
        }
    }

    async fn read<E: Endpoint>(&self, endpoint: E, token: Option<&Token>) -> Result<Answer> {
        let ask = Ask::new("ReadSecretData", "read", Space::Secrets);
        let answer = self.call(&ask, endpoint, token).await?;
        self.successful_or_absent(&ask, answer)
    }

    async fn list<E: Endpoint>(&self, endpoint: E, token: Option<&Token>) -> Result<Answer> {
        let ask = Ask { cap: LIST_CAP, ..Ask::new("ListSecrets", "list", Space::Secrets) };
        let answer = self.call(&ask, endpoint, token).await?;
        self.successful_or_absent(&ask, answer)
    }

    /// One HTTP call, counted.
    async fn call<E: Endpoint>(&self, ask: &Ask, endpoint: E, token: Option<&Token>) -> Result<Answer> {
        let namespace = match ask.space {
            Space::Secrets => self.namespace.as_deref(),
            Space::Login => self.login_namespace.as_deref(),
        };
        let envelope = Envelope {
            prefix: &self.address.prefix,
            token,
            namespace,
            states: self.states.as_ref().map(ReplicationStates::required).unwrap_or_default(),
            forward_inconsistent: self.forward_inconsistent,
        };
        let origin = &self.address.origin;
        let outcome = transport::send(&self.http, origin, ask.operation, ask.cap, endpoint, &envelope).await;
        let understood =
            outcome.as_ref().is_ok_and(|answer| answer.status.is_success() || answer.status == 404);
        let counted = if understood { CallOutcome::Success } else { CallOutcome::Error };
        self.meter.called(Call { service: SERVICE, name: ask.name }, counted);
        if let (Some(states), Ok(answer)) = (&self.states, &outcome) {
            states.record(&answer.headers);
        }
        outcome
    }
}

impl Ask {
    fn new(name: &'static str, operation: &'static str, space: Space) -> Self {
        Self { name, operation, space, cap: BODY_CAP }
    }
}

fn texts(at: &Location) -> (String, String) {
    (at.mount.as_str().to_owned(), at.rest.as_str().to_owned())
}
