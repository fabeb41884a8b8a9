//! The suite against clients that are broken on purpose: a case that cannot fail proves nothing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail this way")]

mod local;
mod remote;
mod settings;

use std::collections::BTreeSet;

use async_trait::async_trait;
use strongroom_provider_api::{Descriptor, Payload};
use strongroom_provider_conformance::cases::{self, ALL};
use strongroom_provider_conformance::{CANARY, Entry, Fixture, Outcome, Store, check_deviations, run};

use local::LocalFixture;
use remote::RemoteFixture;
use settings::SettingsFixture;

/// A broken fixture.
struct Broken {
    fixture: Box<dyn Fixture>,
    flaw: String,
    /// The cases that must find the flaw.
    found_by: &'static [&'static str],
}

fn broken() -> Vec<Broken> {
    let local = local::Flaw::ALL.iter().map(|flaw| Broken {
        fixture: Box::new(LocalFixture(*flaw)),
        flaw: format!("{flaw:?}"),
        found_by: flaw.found_by(),
    });
    let remote = remote::Flaw::ALL.iter().map(|flaw| Broken {
        fixture: Box::new(RemoteFixture::new(*flaw)),
        flaw: format!("{flaw:?}"),
        found_by: flaw.found_by(),
    });
    let settings = settings::ALL.iter().map(|fixture| Broken {
        fixture: Box::new(*fixture),
        flaw: format!("{fixture:?}"),
        found_by: fixture.found_by(),
    });
    local.chain(remote).chain(settings).collect()
}

#[tokio::test]
async fn sound_clients_pass_every_case() {
    let local = LocalFixture(local::Flaw::None);
    let remote = RemoteFixture::new(remote::Flaw::None);
    for case in ALL {
        let verdicts = [(case.run)(&local).await, (case.run)(&remote).await];
        assert!(verdicts.iter().all(Result::is_ok), "{}: {verdicts:?}", case.name);
        assert!(verdicts.contains(&Ok(Outcome::Passed)), "{} applies to none: {verdicts:?}", case.name);
    }
}

#[tokio::test]
async fn every_flaw_is_found() {
    for Broken { fixture, flaw, found_by } in broken() {
        for name in found_by {
            let case = ALL.iter().find(|case| case.name == *name).expect("the case exists");
            let verdict = (case.run)(fixture.as_ref()).await;
            assert!(verdict.is_err(), "{name} does not find {flaw}: {verdict:?}");
        }
    }
}

#[test]
fn every_case_can_fail() {
    let found: BTreeSet<_> = broken().iter().flat_map(|broken| broken.found_by).copied().collect();
    let all: BTreeSet<_> = ALL.iter().map(|case| case.name).collect();
    assert_eq!(all.difference(&found).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert_eq!(all.len(), ALL.len(), "two cases have the same name");
}

#[tokio::test]
async fn a_leak_is_shown_with_its_line() {
    for flaw in [local::Flaw::LeaksInDebug, local::Flaw::LeaksInLogs] {
        let verdict = cases::redaction::canary_never_shows(&LocalFixture(flaw)).await;
        assert!(verdict.is_err_and(|message| message.contains(CANARY)), "{flaw:?}");
    }
}

/// A fixture with a deviation.
struct Deviating(LocalFixture, &'static [(&'static str, &'static str)]);

#[async_trait]
impl Fixture for Deviating {
    fn descriptor(&self) -> Descriptor {
        self.0.descriptor()
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        self.0.store(entries).await
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        self.0.open(payload)
    }

    fn deviations(&self) -> &[(&'static str, &'static str)] {
        self.1
    }
}

const EMPTY: &str = "empty_value_is_a_value";
const DECLARED: &[(&str, &str)] = &[(EMPTY, "the service has no empty values")];

#[tokio::test]
async fn a_declared_deviation_does_not_fail() {
    let deviating = Deviating(LocalFixture(local::Flaw::EmptyIsAbsent), DECLARED);
    check_deviations(&deviating);
    run(EMPTY, &deviating, cases::read::empty_value_is_a_value).await;
}

#[tokio::test]
#[should_panic(expected = "take it out")]
async fn a_deviation_that_became_untrue_fails() {
    let sound = Deviating(LocalFixture(local::Flaw::None), DECLARED);
    run(EMPTY, &sound, cases::read::empty_value_is_a_value).await;
}

#[tokio::test]
#[should_panic(expected = "0 bytes went in")]
async fn a_case_that_fails_fails_its_test() {
    let broken = Deviating(LocalFixture(local::Flaw::PadsText), &[]);
    run(EMPTY, &broken, cases::read::empty_value_is_a_value).await;
}

#[test]
#[should_panic(expected = "no such case")]
fn a_deviation_from_no_case_fails() {
    check_deviations(&Deviating(LocalFixture(local::Flaw::None), &[("empty_value", "misspelt")]));
}

#[tokio::test]
async fn what_does_not_apply_says_why() {
    let login = cases::login::closing_ends_the_login(&LocalFixture(local::Flaw::None)).await;
    assert_eq!(login, Ok(Outcome::NotApplicable("the service is no stub")));
    let faulty = cases::config::violations_name_fields(&RemoteFixture::new(remote::Flaw::None)).await;
    assert_eq!(faulty, Ok(Outcome::NotApplicable("the fixture names no faulty settings")));
    let versions = cases::read::pinned_version_is_read(&SettingsFixture::Strict).await;
    assert_eq!(versions, Ok(Outcome::NotApplicable("no versions")));
}
