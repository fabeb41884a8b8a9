//! The suite of generators: a fixture describes one kind, and each case becomes a test.

mod cases;
mod faults;

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use strongroom_provider_api::{GeneratorClient, GeneratorDescriptor, Resolver, Result, Toolbox};

use crate::outcome::ended;
use crate::{Record, Running, StubResolver, StubServer};

pub use cases::*;
pub use faults::*;

/// A generator to test. Whatever serves it lives as long as this value.
#[derive(Debug)]
pub struct Made {
    /// The object's `spec`.
    pub spec: Value,
    /// What it refers to.
    pub resolver: Arc<StubResolver>,
    /// The stub in front, if it asks a service; requests that generate are of the class
    /// [`Write`](crate::RequestClass::Write).
    pub stub: Option<StubServer>,
    /// What the kernel hands in.
    pub toolbox: Toolbox,
    /// Keeps what else is needed alive.
    pub guard: Option<Box<dyn Any + Send + Sync>>,
}

/// One kind of generator, as the suite needs it.
#[async_trait]
pub trait GeneratorFixture: Send + Sync {
    /// The generator.
    fn descriptor(&self) -> GeneratorDescriptor;

    /// One that works. Credentials that the resolver serves and answers of a stub should hold [`CANARY`](crate::CANARY).
    async fn made(&self) -> Made;

    /// Why two calls may give the same values, where they may.
    fn repeats(&self) -> Option<&'static str> {
        None
    }

    /// Specs with one fault each, beside the field at fault as a violation names it.
    fn faulty_specs(&self) -> Vec<(Value, &'static str)> {
        Vec::new()
    }

    /// Cases that this generator answers otherwise, each with the reason.
    fn deviations(&self) -> &[(&'static str, &'static str)] {
        &[]
    }
}

/// A case, as a function.
pub type GeneratorCase = for<'a> fn(&'a dyn GeneratorFixture) -> Running<'a>;

impl Made {
    /// Without a service, references and anything special.
    pub fn plain(spec: Value) -> Self {
        let resolver = Arc::new(StubResolver::new(strongroom_provider_api::StoreKind::Namespaced));
        Self { spec, resolver, stub: None, toolbox: Toolbox::default(), guard: None }
    }

    /// A live handle.
    ///
    /// # Errors
    /// Whatever the generator gives.
    pub async fn connect(&self, descriptor: &GeneratorDescriptor) -> Result<Arc<dyn GeneratorClient<Value>>> {
        let resolver = Arc::clone(&self.resolver) as Arc<dyn Resolver>;
        descriptor.connect(self.spec.clone(), resolver, self.toolbox.clone()).await
    }
}

/// Runs `case`, called `name`, and fails the test that calls it if the case fails, or if its outcome is not the one in
/// `record`.
///
/// # Panics
/// As [`run_recorded`](crate::run_recorded).
pub async fn run<F: GeneratorFixture>(name: &str, fixture: &F, case: GeneratorCase, record: &Record) {
    record.check(name, &ended(name, case(fixture).await, fixture.deviations()));
}

/// The one list of cases: passes it, after the arguments, to the macro in brackets.
#[doc(hidden)]
#[macro_export]
macro_rules! each_generator_case {
    ([$($callback:tt)+] $($arguments:tt)*) => {
        $($callback)+! { $($arguments)*
            validation_is_pure,
            unheard_of_field_is_ignored,
            wrong_form_is_invalid_config,
            faults_of_a_spec_name_fields,
            spec_is_described_by_a_structural_schema,
            connecting_generates_nothing,
            every_value_has_a_name_of_its_own,
            each_call_gives_fresh_values,
            state_and_lease_hold_no_value,
            what_was_generated_can_be_discarded_twice,
            failed_call_is_not_repeated,
            refusals_and_failures_are_classified,
            asking_too_much_is_throttled_with_the_hint,
            garbage_is_no_value,
            redirect_is_no_answer,
            canary_never_shows_in_a_generator,
        }
    };
}

macro_rules! all {
    ($($case:ident,)+) => {
        /// Every case, in the order of the list.
        pub const ALL: &[(&str, GeneratorCase)] = &[$((stringify!($case), $case),)+];
    };
}

crate::each_generator_case! { [all] }

/// Expands to one `#[tokio::test]` for each case of a generator, run against `$fixture`, an expression that gives a
/// [`GeneratorFixture`]. The outcomes are those of `tests/outcomes`.
#[macro_export]
macro_rules! generator_suite {
    ($fixture:expr) => {
        $crate::each_generator_case! { [$crate::generator_suite] @tests $fixture; }

        #[test]
        fn every_deviation_names_a_case() {
            let fixture = $fixture;
            for (name, reason) in $crate::generators::GeneratorFixture::deviations(&fixture) {
                let known = $crate::generators::ALL.iter().any(|(case, _)| case == name);
                assert!(known, "{name} is declared as a deviation ({reason}), but there is no such case");
            }
        }
    };
    (@tests $fixture:expr; $($case:ident,)+) => {
        $(
            #[tokio::test]
            async fn $case() {
                let cases = $crate::generators::ALL.iter().map(|(name, _)| *name);
                let record = $crate::Record::of(env!("CARGO_MANIFEST_DIR"), module_path!(), cases);
                $crate::generators::run(stringify!($case), &$fixture, $crate::generators::$case, &record).await;
            }
        )+
    };
}
