//! The suite of generators against generators that are broken on purpose: a case that cannot fail proves nothing.

#![expect(clippy::unwrap_used, reason = "a test may fail this way")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use http::Request;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_provider_api::{
    Error, ErrorKind, Generated, Generator, GeneratorClient, GeneratorDescriptor, Resolver, Result,
    Stability, StoreKind, Toolbox, Violation,
};
use strongroom_provider_conformance::generators::{ALL, GeneratorFixture, Made};
use strongroom_provider_conformance::{
    CANARY, Outcome, RequestClass, StubRequest, StubResolver, StubResponse, StubServer, StubService,
};
use strongroom_provider_kit::http::{BODY_CAP, HttpClient, HttpSettings, Roots};
use strongroom_provider_kit::status;

/// What the generator does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    SameValues,
    NameTwice,
    ValueInState,
    DiscardsOnce,
    GeneratesWhenConnecting,
    Repeats,
    EveryRefusalIsAbsence,
    ForgetsTheHint,
    TakesGarbage,
    QuotesTheAnswer,
    SaysNothingOfFaults,
    ChokesOnTheUnknown,
}

impl Flaw {
    const ALL: [(Self, &'static [&'static str]); 12] = [
        (Self::SameValues, &["each_call_gives_fresh_values"]),
        (Self::NameTwice, &["every_value_has_a_name_of_its_own"]),
        (Self::ValueInState, &["state_and_lease_hold_no_value"]),
        (Self::DiscardsOnce, &["what_was_generated_can_be_discarded_twice"]),
        (Self::GeneratesWhenConnecting, &["connecting_generates_nothing"]),
        (Self::Repeats, &["failed_call_is_not_repeated"]),
        (Self::EveryRefusalIsAbsence, &["refusals_and_failures_are_classified"]),
        (Self::ForgetsTheHint, &["asking_too_much_is_throttled_with_the_hint"]),
        (Self::TakesGarbage, &["garbage_is_no_value"]),
        (Self::QuotesTheAnswer, &["canary_never_shows_in_a_generator"]),
        (Self::SaysNothingOfFaults, &["faults_of_a_spec_name_fields"]),
        (Self::ChokesOnTheUnknown, &["unheard_of_field_is_ignored"]),
    ];

    fn of(text: &str) -> Self {
        let all = Self::ALL.iter().map(|(flaw, _)| *flaw);
        all.into_iter().find(|flaw| format!("{flaw:?}") == text).unwrap_or(Self::None)
    }
}

struct Login;

/// `flaw` stands in the spec, so that it reaches every function.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Spec {
    url: String,
    flaw: String,
    #[schemars(skip)]
    unheard_of: Option<Value>,
}

struct Client {
    flaw: Flaw,
    http: HttpClient,
    discarded: AtomicUsize,
}

#[async_trait]
impl Generator for Login {
    const KIND: &'static str = "Login";
    const STABILITY: Stability = Stability::Alpha;
    type Spec = Spec;

    fn validate(spec: &Spec) -> Vec<Violation> {
        let flaw = Flaw::of(&spec.flaw);
        if spec.unheard_of.is_some() && flaw == Flaw::ChokesOnTheUnknown {
            return vec![Violation::new("unheardOf", "what is that?")];
        }
        let faulty = !spec.url.starts_with("http") && flaw != Flaw::SaysNothingOfFaults;
        faulty.then(|| Violation::new("url", "must be a URL")).into_iter().collect()
    }

    fn connection(spec: &Spec) -> Value {
        json!(spec.url)
    }

    async fn connect(spec: Spec, _: Arc<dyn Resolver>, _: Toolbox) -> Result<Arc<dyn GeneratorClient<Spec>>> {
        let settings = HttpSettings { roots: Roots::Unused, ..HttpSettings::default() };
        let client = Client {
            flaw: Flaw::of(&spec.flaw),
            http: HttpClient::new(settings)?,
            discarded: AtomicUsize::new(0),
        };
        if client.flaw == Flaw::GeneratesWhenConnecting {
            client.generate(&spec).await?;
        }
        Ok(Arc::new(client))
    }
}

impl Client {
    async fn call(&self, spec: &Spec) -> Result<Value> {
        let request = Request::post(&spec.url).body(Vec::new()).unwrap();
        let answer = self.http.send("generate", request, BODY_CAP).await?;
        if let Some(kind) = status::kind(answer.status) {
            let kind = if self.flaw == Flaw::EveryRefusalIsAbsence { ErrorKind::NotFound } else { kind };
            let quoted = String::from_utf8_lossy(&answer.body).into_owned();
            let message = if self.flaw == Flaw::QuotesTheAnswer { quoted } else { "refused".to_owned() };
            let error = Error::new(kind, "generate", message);
            let now = jiff::Timestamp::UNIX_EPOCH;
            let hint =
                status::retry_after(&answer.headers, now).filter(|_| self.flaw != Flaw::ForgetsTheHint);
            return Err(match hint {
                Some(after) => error.with_retry_after(after),
                None => error,
            });
        }
        match serde_json::from_slice(&answer.body) {
            Ok(value) => Ok(value),
            Err(_) if self.flaw == Flaw::TakesGarbage => Ok(json!({ "password": "anything", "id": 1 })),
            Err(_) => Err(Error::new(ErrorKind::InvalidPayload, "generate", "not JSON")),
        }
    }
}

#[async_trait]
impl GeneratorClient<Spec> for Client {
    async fn generate(&self, spec: &Spec) -> Result<Generated> {
        let mut answer = self.call(spec).await;
        if answer.is_err() && self.flaw == Flaw::Repeats {
            answer = self.call(spec).await;
        }
        let answer = answer?;
        let password = answer.get("password").and_then(Value::as_str).unwrap_or_default();
        let password = if self.flaw == Flaw::SameValues { "always the same" } else { password };
        let mut state = json!({ "id": answer.get("id") });
        if self.flaw == Flaw::ValueInState {
            state = json!({ "id": answer.get("id"), "password": password });
        }
        let other = if self.flaw == Flaw::NameTwice { "password" } else { "user" };
        Ok(Generated { state: Some(state), ..Generated::fields([("password", password), (other, "app")]) })
    }

    async fn discard(&self, _: &Spec, _: &Value) -> Result<()> {
        if self.discarded.fetch_add(1, Ordering::SeqCst) > 0 && self.flaw == Flaw::DiscardsOnce {
            return Err(Error::new(ErrorKind::NotFound, "discard", "it is gone"));
        }
        Ok(())
    }
}

struct Service(AtomicUsize);

impl StubService for Service {
    fn class(&self, _: &StubRequest) -> RequestClass {
        RequestClass::Write
    }

    fn respond(&self, _: &StubRequest) -> StubResponse {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        let body = json!({ "password": format!("{CANARY}-{number}"), "id": number }).to_string();
        StubResponse { status: 200, body: body.into_bytes() }
    }
}

struct Fixture(Flaw);

#[async_trait]
impl GeneratorFixture for Fixture {
    fn descriptor(&self) -> GeneratorDescriptor {
        GeneratorDescriptor::of::<Login>()
    }

    async fn made(&self) -> Made {
        let stub = StubServer::start(Service(AtomicUsize::new(0))).await;
        let made = Made::plain(json!({ "url": format!("{}/", stub.url()), "flaw": format!("{:?}", self.0) }));
        let resolver = Arc::new(StubResolver::new(StoreKind::Namespaced));
        Made { stub: Some(stub), resolver, ..made }
    }

    fn faulty_specs(&self) -> Vec<(Value, &'static str)> {
        vec![(json!({ "url": "nowhere", "flaw": format!("{:?}", self.0) }), "url")]
    }
}

#[tokio::test]
async fn a_sound_generator_passes_every_case() {
    for (name, case) in ALL {
        assert_eq!(case(&Fixture(Flaw::None)).await, Ok(Outcome::Passed), "{name}");
    }
}

#[tokio::test]
async fn every_flaw_is_found_by_the_case_that_is_meant_to() {
    let mut able = BTreeSet::new();
    for (flaw, found_by) in Flaw::ALL {
        for (name, case) in ALL {
            let failed = case(&Fixture(flaw)).await.is_err();
            if found_by.contains(name) {
                assert!(failed, "{flaw:?} is not found by {name}");
                able.insert(*name);
            }
        }
    }
    // These are about forms that a broken generator of this kind cannot have.
    let others = [
        "validation_is_pure",
        "wrong_form_is_invalid_config",
        "spec_is_described_by_a_structural_schema",
        "redirect_is_no_answer",
    ];
    let unproven: Vec<_> = ALL.iter().map(|(name, _)| *name).filter(|name| !able.contains(name)).collect();
    assert_eq!(unproven, others);
}
