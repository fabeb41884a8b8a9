//! Generating: specs are checked without asking, values are fresh, and what is written down of them is no value.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use strongroom_provider_api::{Error, ErrorKind, Generated};

use super::GeneratorFixture;
use crate::outcome::ensure;
use crate::{
    CANARY, Fault, Outcome, RequestClass, Running, StubServer, Verdict, captured_logs, structural_faults,
};

/// Declares a case of a generator.
macro_rules! generator_case {
    ($(#[$doc:meta])* $name:ident($fixture:ident) $body:block) => {
        $(#[$doc])*
        pub fn $name($fixture: &dyn GeneratorFixture) -> Running<'_> {
            Box::pin(async move { $body })
        }
    };
}

pub(super) use generator_case;

#[expect(clippy::unnecessary_wraps, reason = "it ends a case, and cases end with a verdict")]
pub(super) fn not_applicable(reason: &'static str) -> Verdict {
    Ok(Outcome::NotApplicable(reason))
}

pub(super) fn shown<T>(result: &Result<T, Error>) -> String {
    match result {
        Ok(_) => "a success".to_owned(),
        Err(error) => format!("{:?}: {error}", error.kind()),
    }
}

/// Requests of every class so far.
fn requests(stub: Option<&StubServer>) -> usize {
    let classes = [
        RequestClass::Login,
        RequestClass::Renew,
        RequestClass::Revoke,
        RequestClass::Read,
        RequestClass::List,
        RequestClass::Write,
        RequestClass::Other,
    ];
    stub.map_or(0, |stub| classes.into_iter().map(|class| stub.count(class)).sum())
}

async fn generated(fixture: &dyn GeneratorFixture) -> Result<Generated, String> {
    let made = fixture.made().await;
    let client = made.connect(&fixture.descriptor()).await.map_err(|error| format!("connect: {error}"))?;
    client.generate(&made.spec).await.map_err(|error| format!("generate: {error}"))
}

generator_case! {
    /// Whether a spec is sound is told without asking anybody, and told the same way twice.
    validation_is_pure(fixture) {
        let made = fixture.made().await;
        let (descriptor, before) = (fixture.descriptor(), requests(made.stub.as_ref()));
        let checks = [descriptor.validate(&made.spec), descriptor.validate(&made.spec)];
        for checked in &checks {
            ensure!(checked.as_ref().is_ok_and(Vec::is_empty), "the spec has faults: {checked:?}");
        }
        let connections = [descriptor.connection(&made.spec), descriptor.connection(&made.spec)];
        let [Ok(one), Ok(other)] = &connections else { return Err(format!("{connections:?}")) };
        ensure!(one == other, "the connection differs from call to call");
        ensure!(!one.to_string().contains(CANARY), "the connection holds a value");
        let asked = made.resolver.asked();
        ensure!(asked.is_empty(), "references were resolved: {asked:?}");
        ensure!(requests(made.stub.as_ref()) == before, "the service was asked");
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// The API server prunes what the schema does not know; an object stored before must still work.
    unheard_of_field_is_ignored(fixture) {
        let mut made = fixture.made().await;
        let Some(spec) = made.spec.as_object_mut() else { return Err("the spec is no object".to_owned()) };
        spec.insert("unheardOf".to_owned(), json!({ "a": 1 }));
        let checked = fixture.descriptor().validate(&made.spec);
        ensure!(checked.as_ref().is_ok_and(Vec::is_empty), "{checked:?}");
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// A spec of another form is its author's fault, and the message says where.
    wrong_form_is_invalid_config(fixture) {
        let checked = fixture.descriptor().validate(&json!("text"));
        ensure!(checked.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidConfig), "{}", shown(&checked));
        ensure!(shown(&checked).contains("spec"), "no place is named: {}", shown(&checked));
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// Whoever wrote the spec is told where the fault is, before anybody is asked.
    faults_of_a_spec_name_fields(fixture) {
        let faulty = fixture.faulty_specs();
        if faulty.is_empty() {
            return not_applicable("there is nothing to get wrong");
        }
        let (descriptor, mut made) = (fixture.descriptor(), fixture.made().await);
        for (spec, field) in faulty {
            let found = descriptor.validate(&spec).map_err(|error| format!("{field}: {error}"))?;
            let named: Vec<_> = found.iter().map(|violation| violation.field.as_str()).collect();
            ensure!(named == [field], "expected a fault of {field:?}, found {named:?}");
            ensure!(found.iter().all(|violation| !violation.message.is_empty()), "{field}: no reason is given");
            made.spec = spec;
            let connected = made.connect(&descriptor).await.map(drop);
            let refused = connected.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidConfig);
            let place = format!("spec.{field}");
            ensure!(refused && shown(&connected).contains(&place), "{place}: {}", shown(&connected));
            let asked = made.resolver.asked();
            ensure!(asked.is_empty(), "{field}: references were resolved all the same: {asked:?}");
        }
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// The API server takes no other schema.
    spec_is_described_by_a_structural_schema(fixture) {
        let faults = structural_faults(&fixture.descriptor().schema());
        ensure!(faults.is_empty(), "{}", faults.join("; "));
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// A login is no value: connecting may be repeated, generating may not.
    connecting_generates_nothing(fixture) {
        let made = fixture.made().await;
        let Some(stub) = &made.stub else { return not_applicable("nobody is asked") };
        let connected = made.connect(&fixture.descriptor()).await;
        connected.as_ref().map_err(|_| shown(&connected))?;
        let count = stub.count(RequestClass::Write);
        ensure!(count == 0, "{count} requests that generate were made");
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// Two values of one name would overwrite each other.
    every_value_has_a_name_of_its_own(fixture) {
        let generated = generated(fixture).await?;
        let names: BTreeSet<_> = generated.fields.iter().map(|(name, _)| name).collect();
        ensure!(!names.is_empty(), "nothing was generated");
        ensure!(names.len() == generated.fields.len(), "names come twice: {names:?}");
        ensure!(!names.iter().any(|name| name.is_empty()), "a value has no name");
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// Each call makes others, of the same names.
    each_call_gives_fresh_values(fixture) {
        let made = fixture.made().await;
        let client = made.connect(&fixture.descriptor()).await.map_err(|error| error.to_string())?;
        let (one, other) = (client.generate(&made.spec).await, client.generate(&made.spec).await);
        let one = one.map_err(|error| format!("generate: {error}"))?;
        let other = other.map_err(|error| format!("generate again: {error}"))?;
        let names = |generated: &Generated| generated.fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        ensure!(names(&one) == names(&other), "the names differ: {:?}, {:?}", names(&one), names(&other));
        if let Some(reason) = fixture.repeats() {
            return not_applicable(reason);
        }
        let same: Vec<_> = one.fields.iter().zip(&other.fields).filter(|(one, other)| one == other).collect();
        ensure!(same.len() < one.fields.len(), "the second call gave the same values");
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// Both are stored where many may read them.
    state_and_lease_hold_no_value(fixture) {
        let generated = generated(fixture).await?;
        if generated.state.is_none() && generated.lease.is_none() {
            return not_applicable("nothing is written down");
        }
        let lease = format!("{:?}", generated.lease);
        let written = format!("{}{lease}", generated.state.unwrap_or_default());
        for (name, value) in &generated.fields {
            // Short ones occur by chance; ends are written down on purpose, and are no secret.
            let text = value.expose_str().unwrap_or_default();
            let is_time = text.parse::<u64>().is_ok();
            ensure!(text.len() < 8 || is_time || !written.contains(text), "the value of {name} is written down");
        }
        ensure!(!written.contains(CANARY), "a value is written down");
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// What is gone already was undone before.
    what_was_generated_can_be_discarded_twice(fixture) {
        let made = fixture.made().await;
        let client = made.connect(&fixture.descriptor()).await.map_err(|error| error.to_string())?;
        let generated = client.generate(&made.spec).await.map_err(|error| format!("generate: {error}"))?;
        let Some(state) = generated.state else { return not_applicable("nothing has to be undone") };
        // As it comes back from where it is stored.
        let state: Value = serde_json::from_str(&state.to_string()).map_err(|error| error.to_string())?;
        for time in ["first", "second"] {
            let discarded = client.discard(&made.spec, &state).await;
            discarded.as_ref().map_err(|_| format!("{time} time: {}", shown(&discarded)))?;
        }
        Ok(Outcome::Passed)
    }
}

generator_case! {
    /// The canary stands in credentials, in what is generated and in the body of every fault.
    canary_never_shows_in_a_generator(fixture) {
        let (logs, guard) = captured_logs();
        let made = fixture.made().await;
        let mut shown = String::new();
        let client = made.connect(&fixture.descriptor()).await.map_err(|error| format!("connect: {error}"))?;
        let generated = client.generate(&made.spec).await;
        let _ = writeln!(shown, "{generated:?} {client:?}");
        let faults = [Fault::Status(400), Fault::Status(403), Fault::Status(404), Fault::Status(500), Fault::Cut, Fault::Garbage, Fault::Redirect];
        for fault in faults.into_iter().filter(|_| made.stub.is_some()) {
            for class in [RequestClass::Write, RequestClass::Login] {
                if let Some(stub) = &made.stub {
                    stub.mend();
                    stub.fail(class, fault, usize::MAX);
                }
                let error = match made.connect(&fixture.descriptor()).await {
                    Ok(client) => client.generate(&made.spec).await.err(),
                    Err(error) => Some(error),
                };
                let _ = writeln!(shown, "{class:?} {fault:?}: {error:?} {}", error.as_ref().map(ToString::to_string).unwrap_or_default());
            }
        }
        client.close().await;
        drop(guard);
        let _ = write!(shown, "{}", logs.text());
        let leak = shown.lines().find(|line| line.contains(CANARY));
        ensure!(leak.is_none(), "the canary shows: {}", leak.unwrap_or_default());
        Ok(Outcome::Passed)
    }
}
