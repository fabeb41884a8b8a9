//! Requests to any path: what an engine generates, its leases, and the tokens from which these hang.

use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use serde_json::{Value, json};
use strongroom_provider_api::{Error, ErrorKind, Result};
use strongroom_provider_kit::http::Answer;
use strongroom_provider_kit::session::Token;

use super::fault::Says;
use super::{Api, Ask, Space};
use crate::path::LogicalPath;

/// One request, as it can be made again with another token.
#[derive(Clone, Debug)]
pub(crate) struct Logical {
    name: &'static str,
    operation: &'static str,
    of_login: bool,
    method: RequestMethod,
    path: String,
    query: Option<String>,
    body: Option<Value>,
}

/// How an engine is asked (spec eso-providers E.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Read, with a query.
    Read,
    /// List.
    List,
    /// Delete.
    Delete,
    /// Write, with a body.
    Write,
    /// Change members, with a body.
    Patch,
}

impl Logical {
    /// Has an engine generate.
    pub(crate) fn generate(
        verb: Verb,
        path: &LogicalPath,
        query: Option<String>,
        body: Option<Value>,
    ) -> Self {
        Self::request(verb, path, query.filter(|_| verb == Verb::Read), body)
    }

    /// The same, with a query whatever the verb.
    pub(crate) fn request(
        verb: Verb,
        path: &LogicalPath,
        query: Option<String>,
        body: Option<Value>,
    ) -> Self {
        let method = match verb {
            Verb::Read => RequestMethod::GET,
            Verb::List => RequestMethod::LIST,
            Verb::Delete => RequestMethod::DELETE,
            Verb::Write => RequestMethod::PUT,
            Verb::Patch => RequestMethod::PATCH,
        };
        let query = query.filter(|query| !query.is_empty());
        let body = matches!(verb, Verb::Write | Verb::Patch).then(|| body.unwrap_or_else(|| json!({})));
        Self {
            name: "GenerateSecret",
            operation: "generate",
            of_login: false,
            method,
            path: path.as_str().to_owned(),
            query,
            body,
        }
    }

    /// Prolongs a lease.
    pub(crate) fn renew_lease(id: &str, seconds: Option<i64>) -> Self {
        let body = match seconds {
            Some(seconds) => json!({ "lease_id": id, "increment": seconds }),
            None => json!({ "lease_id": id }),
        };
        Self::write("RenewLease", "renew the lease", false, "sys/leases/renew", body)
    }

    /// Ends a lease; the answer comes when that is done.
    pub(crate) fn revoke_lease(id: &str) -> Self {
        let body = json!({ "lease_id": id, "sync": true });
        Self::write("RevokeLease", "revoke the lease", false, "sys/leases/revoke", body)
    }

    /// What Vault knows of a lease.
    pub(crate) fn look_up_lease(id: &str) -> Self {
        Self::write("LookupLease", "look up the lease", false, "sys/leases/lookup", json!({ "lease_id": id }))
    }

    /// Ends a certificate of the PKI engine at `mount`.
    pub(crate) fn revoke_certificate(mount: &str, serial: &str) -> Self {
        Self {
            name: "RevokeCertificate",
            operation: "revoke the certificate",
            of_login: false,
            method: RequestMethod::PUT,
            path: format!("{mount}/revoke"),
            query: None,
            body: Some(json!({ "serial_number": serial })),
        }
    }

    /// What the token is that asks.
    pub(crate) fn look_up_self() -> Self {
        Self {
            name: "LookupSelf",
            operation: "look up the token",
            of_login: true,
            method: RequestMethod::GET,
            path: "auth/token/lookup-self".to_owned(),
            query: None,
            body: None,
        }
    }

    /// Prolongs the token that asks.
    pub(crate) fn renew_self() -> Self {
        Self::write("RenewSelf", "renew the token", true, "auth/token/renew-self", json!({}))
    }

    /// Prolongs the token of an earlier login.
    pub(crate) fn renew_accessor(accessor: &str) -> Self {
        let body = json!({ "accessor": accessor });
        Self::write(
            "RenewAccessor",
            "renew the token of an earlier login",
            true,
            "auth/token/renew-accessor",
            body,
        )
    }

    /// Ends a token that is known by its accessor.
    pub(crate) fn revoke_accessor(accessor: &str) -> Self {
        let body = json!({ "accessor": accessor });
        Self::write("RevokeAccessor", "end an earlier login", true, "auth/token/revoke-accessor", body)
    }

    fn write(
        name: &'static str,
        operation: &'static str,
        of_login: bool,
        path: &'static str,
        body: Value,
    ) -> Self {
        let (path, body) = (path.to_owned(), Some(body));
        Self { name, operation, of_login, method: RequestMethod::PUT, path, query: None, body }
    }
}

impl Endpoint for Logical {
    type Response = Value;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        self.path.clone()
    }

    fn method(&self) -> RequestMethod {
        self.method.clone()
    }

    fn query(&self) -> Result<Option<String>, ClientError> {
        Ok(self.query.clone())
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        Ok(self.body.as_ref().map(|body| body.to_string().into_bytes()))
    }
}

impl Api {
    /// The answer to `request`: a success, or 404 to one that generates, which means that there is no answer.
    ///
    /// # Errors
    /// `NotFound` where Vault says that it does not know the lease, or the token of an earlier login; the others as
    /// `fault` has them.
    pub(crate) async fn ask(&self, request: &Logical, token: Option<&Token>) -> Result<Answer> {
        let space = if request.of_login { Space::Login } else { Space::Secrets };
        let ask = Ask::new(request.name, request.operation, space);
        let answer = self.call(&ask, request.clone(), token).await?;
        let unknown_route = ["no handler for route", "unsupported path"];
        let ended = ["lease not found", "invalid lease", "lease expired", "invalid accessor"];
        let gone = ["not found"];
        let says = |words: &[&str]| words.iter().any(|words| answer.says(words));
        if answer.status == 404 && request.name == "GenerateSecret" && !says(&unknown_route) {
            return Ok(answer);
        }
        // An engine that is not there says nothing about its certificates.
        let is_gone = request.name == "RevokeCertificate"
            && answer.status != 403
            && says(&gone)
            && !says(&unknown_route);
        if matches!(answer.status.as_u16(), 400 | 403 | 404) && (says(&ended) || is_gone) {
            let message = "Vault knows nothing of it any more";
            return Err(Error::new(ErrorKind::NotFound, request.operation, message));
        }
        self.successful(&ask, answer)
    }
}
