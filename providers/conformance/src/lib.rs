//! One suite of cases that every provider passes.
//!
//! A provider's `tests/conformance.rs` describes its service in a [`Fixture`] and calls
//! [`conformance_suite!`]; each case becomes a test of its own. Cases ask for capabilities, never for a
//! provider's name: one that does not apply says why and passes. What a provider cannot do as the others do, it
//! declares as a deviation with a reason; a deviation that has become untrue fails.

#![deny(missing_docs)]

pub mod cases;
mod fixture;
mod outcome;
mod redaction;
mod resolver;
mod stub;

pub use fixture::{Entry, Fixture, Store};
pub use outcome::{Outcome, Verdict, run};
pub use redaction::{CANARY, captured_logs};
pub use resolver::StubResolver;
pub use stub::{Fault, RequestClass, StubRequest, StubResponse, StubServer, StubService};

/// Expands to one `#[tokio::test]` for each case, run against `$fixture`, an expression that gives a
/// [`Fixture`].
#[macro_export]
macro_rules! conformance_suite {
    ($fixture:expr) => {
        $crate::conformance_suite! { @cases $fixture;
            read::missing_key_is_not_found,
            read::empty_value_is_a_value,
            read::text_comes_back_exactly,
            read::nul_bytes_come_back_exactly,
            read::sixty_four_kib_come_back,
            read::unicode_key_is_found,
            read::pinned_version_is_read,
            read::unknown_version_is_not_found,
            read::parallel_reads_agree,
            list::nothing_found_is_empty,
            list::every_name_is_found_and_can_be_read,
            list::path_limits_the_search,
            list::tags_limit_the_search,
            login::expired_login_is_renewed_once_under_fifty_reads,
            login::refused_login_is_unauthenticated,
            login::closing_ends_the_login,
            faults::unauthorised_is_unauthenticated,
            faults::forbidden_is_permission_denied,
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
            config::schema_describes_the_example,
            redaction::canary_never_shows,
        }
    };
    (@cases $fixture:expr; $($group:ident :: $case:ident,)+) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::run(stringify!($case), &$fixture, $crate::cases::$group::$case).await;
            }
        )+
    };
}
