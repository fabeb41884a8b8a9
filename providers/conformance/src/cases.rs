//! The cases. Each takes a fixture and says how it ended.

pub mod config;
pub mod faults;
pub mod list;
pub mod login;
pub mod read;
pub mod redaction;
pub mod write;

use std::sync::Arc;

use strongroom_provider_api::{Error, StoreClient};

use crate::{Entry, Fixture, Outcome, Running, Store, Verdict};

/// One case.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Name of the function; deviations are declared under it.
    pub name: &'static str,
    /// Runs it against a fixture.
    pub run: for<'a> fn(&'a dyn Fixture) -> Running<'a>,
}

/// The one list of cases: passes it, after the arguments, to the macro in brackets.
#[doc(hidden)]
#[macro_export]
macro_rules! each_case {
    ([$($callback:tt)+] $($arguments:tt)*) => {
        $($callback)+! { $($arguments)*
            read::missing_key_is_not_found,
            read::empty_value_is_a_value,
            read::text_comes_back_exactly,
            read::nul_bytes_come_back_exactly,
            read::sixty_four_kib_come_back,
            read::unicode_key_is_found,
            read::pinned_version_is_read,
            read::unknown_version_is_not_found,
            read::deleted_version_is_not_found,
            read::parallel_reads_agree,
            read::keys_read_together_are_as_if_read_alone,
            list::nothing_found_is_empty,
            list::every_name_is_found_and_can_be_read,
            list::deleted_entry_is_absent,
            list::path_limits_the_search,
            list::tags_limit_the_search,
            login::expired_login_is_renewed_once_under_fifty_reads,
            login::refused_login_is_unauthenticated,
            login::failing_login_is_unavailable,
            login::closing_ends_the_login,
            faults::unauthorised_is_unauthenticated,
            faults::forbidden_is_permission_denied,
            faults::not_found_is_absence_or_a_wrong_address,
            faults::conflict_is_conflict,
            faults::too_many_requests_is_throttled_with_the_hint,
            faults::server_errors_are_unavailable,
            faults::silence_is_unavailable,
            faults::cut_connection_is_unavailable,
            faults::garbage_is_no_value_and_no_absence,
            faults::redirect_is_refused,
            faults::body_over_the_cap_is_refused,
            config::unknown_field_is_ignored,
            config::wrong_type_is_invalid_config,
            config::violations_name_fields,
            config::schema_describes_the_example,
            config::schema_is_structural,
            redaction::canary_never_shows,
            write::new_entry_is_created_and_can_be_read,
            write::same_again_is_unchanged,
            write::other_value_is_an_update,
            write::fields_become_properties,
            write::property_is_set_beside_the_others,
            write::foreign_entry_is_left_alone,
            write::lost_race_is_a_conflict,
            write::mark_is_known_to_later_clients,
            write::absent_entry_is_deleted_without_complaint,
            write::deleted_entry_of_ours_is_gone,
            write::property_is_deleted_and_the_last_one_takes_the_entry,
        }
    };
}

macro_rules! all {
    ($($group:ident :: $case:ident,)+) => {
        /// Every case, in the order of the list.
        pub const ALL: &[Case] = &[$(Case { name: stringify!($case), run: $group::$case },)+];
    };
}

crate::each_case! { [all] }

/// Declares a case: an async block over `$fixture` that ends with a [`Verdict`].
macro_rules! case {
    ($(#[$doc:meta])* $name:ident($fixture:ident) $body:block) => {
        $(#[$doc])*
        pub fn $name($fixture: &dyn $crate::Fixture) -> $crate::Running<'_> {
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
