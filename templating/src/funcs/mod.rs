//! Owns the list of functions that templates may call, and the contract of one function.

mod arguments;
mod crypto;
mod dates;
mod defaults;
mod dicts;
mod encoding;
mod hashes;
mod json;
mod lists;
mod merge;
mod numbers;
mod paths;
#[cfg(test)]
mod probe;
mod reflection;
mod regex;
mod runes;
mod semver;
mod strings;
#[cfg(test)]
mod trial;
mod url;
mod walk;
mod yaml;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::value::{Type, Value};
pub(crate) use numbers::{parse_float, parse_int, parse_unsigned};

/// One function. The engine checks the number and the types of the arguments as Go's text/template does, and
/// only then calls it: argument `i` has the type `params[i]`, every further one the type `rest`.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) params: &'static [Type],
    /// The type of any number of further arguments.
    pub(crate) rest: Option<Type>,
    pub(crate) call: fn(&mut Scope<'_>, &[Value]) -> Result<Value, Failure>,
}

/// Why a function does not give a value.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It cannot work with what it is given. The text never holds a value.
    Raised(String),
    /// The template itself gave up with `fail`. The text may hold a value: the engine shows it only if it stands
    /// literally in the template.
    Told(Vec<u8>),
    /// A limit of the rendering is used up.
    Limit(&'static str),
}

/// Where randomness comes from.
pub trait Random: Send {
    /// Fills `bytes` with random ones.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// What functions may reach besides their arguments: all of it is given by the caller of the engine.
pub(crate) struct Scope<'a> {
    /// The time that `now` tells.
    pub(crate) now: Timestamp,
    /// The zone in which dates are printed unless a template says otherwise.
    pub(crate) zone: TimeZone,
    pub(crate) random: &'a mut dyn Random,
    budget: Budget,
}

/// What is left of a rendering's limits.
struct Budget {
    steps: u64,
    bytes: u64,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(now: Timestamp, random: &'a mut dyn Random, steps: u64, bytes: u64) -> Self {
        Self { now, zone: TimeZone::UTC, random, budget: Budget { steps, bytes } }
    }

    /// Takes work from the budget. One step is a node of the template, an element of a list, or about 256 bytes
    /// read. A function calls it before it does work that grows with its arguments.
    pub(crate) fn spend_steps(&mut self, steps: usize) -> Result<(), Failure> {
        self.budget.steps = spent(self.budget.steps, steps).ok_or(Failure::Limit("steps"))?;
        Ok(())
    }

    /// Takes memory from the budget. A function calls it before it builds something of that many bytes.
    pub(crate) fn spend_bytes(&mut self, bytes: usize) -> Result<(), Failure> {
        self.budget.bytes = spent(self.budget.bytes, bytes).ok_or(Failure::Limit("bytes"))?;
        Ok(())
    }

    /// Refuses what could not be built any more, and takes nothing.
    pub(crate) fn leaves_bytes(&self, bytes: usize) -> Result<(), Failure> {
        spent(self.budget.bytes, bytes).map(drop).ok_or(Failure::Limit("bytes"))
    }
}

fn spent(left: u64, wanted: usize) -> Option<u64> {
    left.checked_sub(u64::try_from(wanted).ok()?)
}

/// The functions by family, each in a module of its own.
const FAMILIES: &[&[Function]] = &[
    crypto::aes_text::FUNCTIONS,
    crypto::certificate::FUNCTIONS,
    crypto::chain::FUNCTIONS,
    crypto::generate::FUNCTIONS,
    crypto::jwk::FUNCTIONS,
    crypto::password::FUNCTIONS,
    crypto::pkcs12::FUNCTIONS,
    crypto::rsa_decrypt::FUNCTIONS,
    defaults::FUNCTIONS,
    dicts::FUNCTIONS,
    dates::FUNCTIONS,
    encoding::FUNCTIONS,
    hashes::FUNCTIONS,
    json::FUNCTIONS,
    lists::FUNCTIONS,
    numbers::FUNCTIONS,
    paths::FUNCTIONS,
    reflection::FUNCTIONS,
    regex::FUNCTIONS,
    semver::FUNCTIONS,
    strings::cases::FUNCTIONS,
    strings::checks::FUNCTIONS,
    strings::cuts::FUNCTIONS,
    strings::layout::FUNCTIONS,
    strings::parts::FUNCTIONS,
    strings::print::FUNCTIONS,
    strings::random::FUNCTIONS,
    strings::words::FUNCTIONS,
    strings::wrap::FUNCTIONS,
    url::FUNCTIONS,
    yaml::FUNCTIONS,
];

/// All functions.
pub(crate) fn functions() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The function with this name.
#[cfg(test)]
pub(crate) fn function(name: &str) -> Option<&'static Function> {
    functions().find(|function| function.name == name)
}
