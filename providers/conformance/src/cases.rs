//! The cases. Each takes a fixture and says how it ended.

pub mod config;
pub mod faults;
pub mod list;
pub mod login;
pub mod read;
pub mod redaction;

use std::sync::Arc;

use strongroom_provider_api::{Error, StoreClient};

use crate::{Entry, Fixture, Outcome, Store, Verdict};

/// Declares a case: an async block over `$fixture` that ends with a [`Verdict`].
macro_rules! case {
    ($(#[$doc:meta])* $name:ident($fixture:ident) $body:block) => {
        $(#[$doc])*
        pub fn $name($fixture: &dyn $crate::Fixture) -> $crate::outcome::Running<'_> {
            Box::pin(async move { $body })
        }
    };
}

pub(crate) use case;

/// The case does not apply.
#[expect(clippy::unnecessary_wraps, reason = "it ends a case, and cases end with a verdict")]
fn not_applicable(reason: &'static str) -> Verdict {
    Ok(Outcome::NotApplicable(reason))
}

/// A store with `entries`, and a client of it.
async fn connected(
    fixture: &dyn Fixture,
    entries: &[Entry],
) -> Result<(Store, Arc<dyn StoreClient>), String> {
    let store = fixture.store(entries).await;
    let client = store.connect(&fixture.descriptor()).await.map_err(|error| format!("connect: {error}"))?;
    Ok((store, client))
}

fn entry(fixture: &dyn Fixture, key: &str, text: &str) -> Entry {
    Entry::new(key, fixture.seal(text))
}

/// For messages: kind and text of an error.
fn shown<T>(result: &Result<T, Error>) -> String {
    match result {
        Ok(_) => "a value".to_owned(),
        Err(error) => format!("{:?}: {error}", error.kind()),
    }
}
