//! A provider with a login, over HTTP, that is broken in one way at a time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::Request;
use serde_json::{Value, json};
use strongroom_provider_api::{
    Access, Capabilities, Content, Descriptor, Dialect, Error, ErrorKind, Payload, Provider, RemoteKey,
    Resolver, Result, SecretBytes, SecretKeySelector, Stability, StoreClient, StoreKind, Toolbox, Violation,
};
use strongroom_provider_conformance::{
    CANARY, Entry, Fixture, RequestClass, Store, StubRequest, StubResolver, StubResponse, StubServer,
    StubService,
};
use strongroom_provider_kit::http::{BODY_CAP, HttpClient, HttpSettings, Roots};
use strongroom_provider_kit::session::{Login, Session, Token};
use strongroom_provider_kit::status;

use crate::local::dialect;

/// How the client misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub(crate) enum Flaw {
    None,
    AbsenceIsAFault,
    FaultsAreAbsence,
    LosesTheHint,
    LeaksBodies,
    LeaksRefusals,
    LogsInForEach,
    KeepsTrying,
    FailureIsRefusal,
    NeverRevokes,
}

impl Flaw {
    pub(crate) const ALL: [Self; 9] = [
        Self::AbsenceIsAFault,
        Self::FaultsAreAbsence,
        Self::LosesTheHint,
        Self::LeaksBodies,
        Self::LeaksRefusals,
        Self::LogsInForEach,
        Self::KeepsTrying,
        Self::FailureIsRefusal,
        Self::NeverRevokes,
    ];

    pub(crate) fn found_by(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::AbsenceIsAFault => &[
                "missing_key_is_not_found",
                "deleted_entry_is_absent",
                "not_found_is_absence_or_a_wrong_address",
            ],
            Self::FaultsAreAbsence => &[
                "unauthorised_is_unauthenticated",
                "forbidden_is_permission_denied",
                "conflict_is_conflict",
                "too_many_requests_is_throttled_with_the_hint",
                "server_errors_are_unavailable",
                "silence_is_unavailable",
                "cut_connection_is_unavailable",
                "garbage_is_no_value_and_no_absence",
                "redirect_is_refused",
                "body_over_the_cap_is_refused",
            ],
            Self::LosesTheHint => &["too_many_requests_is_throttled_with_the_hint"],
            Self::LeaksBodies | Self::LeaksRefusals => &["canary_never_shows"],
            Self::LogsInForEach => &["expired_login_is_renewed_once_under_fifty_reads"],
            Self::KeepsTrying => &["refused_login_is_unauthenticated"],
            Self::FailureIsRefusal => &["failing_login_is_unavailable"],
            Self::NeverRevokes => &["closing_ends_the_login"],
        }
    }
}

#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
struct Config {
    flaw: Flaw,
    server: String,
    password: SecretKeySelector,
}

struct Remote;

#[async_trait]
impl Provider for Remote {
    const NAME: &'static str = "remote";
    const STABILITY: Stability = Stability::Alpha;
    type Config = Config;

    fn validate(_config: &Config, _kind: StoreKind) -> Vec<Violation> {
        Vec::new()
    }

    fn capabilities(_config: &Config) -> Capabilities {
        Capabilities {
            access: Access::ReadOnly,
            list: false,
            list_tags: false,
            versions: false,
            metadata: false,
            write: false,
        }
    }

    fn dialect(_config: &Config) -> Dialect {
        dialect()
    }

    async fn connect(
        config: Config,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn StoreClient>> {
        let password = resolver.secret(&config.password, None).await?;
        // A client that takes silence for absence must give up before the suite does.
        let impatient = config.flaw == Flaw::FaultsAreAbsence;
        let timeout = Duration::from_millis(if impatient { 200 } else { 30_000 });
        let settings = HttpSettings { roots: Roots::Unused, timeout, ..HttpSettings::default() };
        let api = Api {
            flaw: config.flaw,
            http: HttpClient::new(settings)?,
            server: config.server,
            toolbox: toolbox.clone(),
        };
        let session = Session::new(Password { api, password }, toolbox.clock);
        session.token().await?;
        Ok(Arc::new(Client(session)))
    }
}

struct Api {
    flaw: Flaw,
    http: HttpClient,
    server: String,
    toolbox: Toolbox,
}

impl Api {
    async fn ask(
        &self,
        operation: &'static str,
        path: &str,
        token: Option<&Token>,
        body: Value,
    ) -> Result<Value> {
        let mut request = Request::post(format!("{}{path}", self.server));
        if let Some(token) = token {
            request = request.header("authorization", token.expose());
        }
        let request = request.body(serde_json::to_vec(&body).unwrap()).unwrap();
        let answer = self.http.send(operation, request, BODY_CAP).await;
        let answer = answer.map_err(|error| self.fault(error.kind(), operation, "no answer"))?;
        let Some(kind) = status::kind(answer.status) else {
            let parsed = serde_json::from_slice(&answer.body);
            return parsed.map_err(|_| self.fault(ErrorKind::InvalidPayload, operation, "no JSON"));
        };
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let leaks = match operation {
            "read" => self.flaw == Flaw::LeaksBodies,
            _ => self.flaw == Flaw::LeaksRefusals,
        };
        let error = self.fault(kind, operation, if leaks { &text } else { "the service refused" });
        match status::retry_after(&answer.headers, self.toolbox.clock.now()) {
            Some(after) if self.flaw != Flaw::LosesTheHint => Err(error.with_retry_after(after)),
            _ => Err(error),
        }
    }

    fn fault(&self, kind: ErrorKind, operation: &'static str, message: &str) -> Error {
        let kind = match self.flaw {
            Flaw::AbsenceIsAFault if kind == ErrorKind::NotFound => ErrorKind::Unavailable,
            Flaw::FaultsAreAbsence => ErrorKind::NotFound,
            _ => kind,
        };
        Error::new(kind, operation, message)
    }
}

struct Password {
    api: Api,
    password: SecretBytes,
}

#[async_trait]
impl Login for Password {
    async fn login(&self) -> Result<Token> {
        let tries = if self.api.flaw == Flaw::KeepsTrying { 5 } else { 1 };
        let mut outcome = Err(Error::new(ErrorKind::Internal, "log in", "not tried"));
        for _ in 0..tries {
            let body = json!({ "password": self.password.expose_str() });
            outcome = self.api.ask("log in", "/login", None, body).await;
        }
        let answer = outcome.map_err(|error| {
            let refused = matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unauthenticated);
            if !refused && self.api.flaw != Flaw::FailureIsRefusal {
                return error;
            }
            Error::new(ErrorKind::Unauthenticated, "log in", error.message())
        })?;
        Token::new(&SecretBytes::from(answer["token"].as_str().unwrap_or_default()))
    }

    async fn renew(&self, token: &Token) -> Result<Token> {
        Ok(token.clone())
    }

    async fn revoke(&self, token: &Token) {
        if self.api.flaw != Flaw::NeverRevokes {
            let _ = self.api.ask("log out", "/revoke", Some(token), Value::Null).await;
        }
    }
}

struct Client(Session<Password>);

impl Client {
    async fn value(&self, token: &Token, key: &RemoteKey) -> Result<Payload> {
        let answer = self.0.login().api.ask("read", "/read", Some(token), json!({ "key": key.key })).await;
        let answer = answer.map_err(|error| error.with_key(&key.key))?;
        Ok(Payload::bytes(answer["value"].as_str().unwrap_or_default()))
    }
}

#[async_trait]
impl StoreClient for Client {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        let held = self.0.token().await?;
        let read = self.value(held.token(), key).await;
        if !read.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unauthenticated) {
            return read;
        }
        if self.0.login().api.flaw == Flaw::LogsInForEach {
            return self.value(&self.0.login().login().await?, key).await;
        }
        self.0.invalidate(held.generation());
        self.value(self.0.token().await?.token(), key).await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

/// The service: a password, tokens, entries.
struct Service {
    entries: Vec<Entry>,
    deleted: Arc<Mutex<BTreeSet<String>>>,
    tokens: Mutex<BTreeSet<String>>,
}

const PASSWORD: &str = "canary-5f0c1e7a-password";

impl StubService for Service {
    fn class(&self, request: &StubRequest) -> RequestClass {
        match request.path.as_str() {
            "/login" => RequestClass::Login,
            "/revoke" => RequestClass::Revoke,
            "/read" => RequestClass::Read,
            _ => RequestClass::Other,
        }
    }

    fn respond(&self, request: &StubRequest) -> StubResponse {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let mut tokens = self.tokens.lock().unwrap();
        if request.path == "/login" {
            if body["password"] != PASSWORD {
                return answer(401, &json!({}));
            }
            let token = format!("{CANARY}-{}", tokens.len());
            tokens.insert(token.clone());
            return answer(200, &json!({ "token": token }));
        }
        let token = request.headers.get("authorization").and_then(|token| token.to_str().ok());
        if !token.is_some_and(|token| tokens.contains(token)) {
            return answer(401, &json!({}));
        }
        let key = body["key"].as_str().unwrap_or_default();
        let found = self.entries.iter().find(|entry| entry.key == key);
        match found.filter(|_| !self.deleted.lock().unwrap().contains(key)) {
            Some(entry) => answer(200, &json!({ "value": String::from_utf8_lossy(&entry.value) })),
            None => answer(404, &json!({})),
        }
    }
}

fn answer(status: u16, body: &Value) -> StubResponse {
    StubResponse { status, body: serde_json::to_vec(body).unwrap() }
}

/// A store of the provider with one flaw.
pub(crate) struct RemoteFixture {
    flaw: Flaw,
    deleted: Arc<Mutex<BTreeSet<String>>>,
}

impl RemoteFixture {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self { flaw, deleted: Arc::default() }
    }
}

#[async_trait]
impl Fixture for RemoteFixture {
    fn descriptor(&self) -> Descriptor {
        Descriptor::of::<Remote>()
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let deleted = Arc::clone(&self.deleted);
        let service = Service { entries: entries.to_vec(), deleted, tokens: Mutex::default() };
        let stub = StubServer::start(service).await;
        let resolver = StubResolver::new(StoreKind::Namespaced).with_secret("login", "password", PASSWORD);
        let password = json!({ "name": "login", "key": "password" });
        Store {
            config: json!({ "flaw": self.flaw, "server": stub.url(), "password": password }),
            resolver: Arc::new(resolver),
            stub: Some(stub),
            guard: None,
        }
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        let Content::Bytes(bytes) = &payload.content else { return None };
        bytes.expose_str().map(ToOwned::to_owned)
    }

    async fn delete(&self, _store: &Store, key: &str) -> bool {
        self.deleted.lock().unwrap().insert(key.to_owned());
        true
    }
}
