//! `Terms`: how a store is watched. The command line says what holds for all, an annotation what holds for one. Pure.

use std::time::Duration;

use kube::api::ObjectMeta;
use strongroom_crds::GoDuration;

/// Time between two looks at the metadata of a store's entries; `0s` for none.
pub(super) const SWEEP: &str = "strongroom.dev/change-sweep-interval";
/// Whether the service's events are listened to.
pub(super) const EVENTS: &str = "strongroom.dev/change-events";

/// No store is looked at more often.
const SHORTEST: Duration = Duration::from_secs(1);

/// What the command line says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// `--change-sweep-interval`; zero for never.
    pub sweep: Duration,
    /// `--change-sweep-rate`: looks a second at one store as one identity.
    pub rate: u32,
    /// `--change-events`
    pub events: bool,
}

/// How one store is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// Time between two looks at all entries in use.
    pub sweep: Option<Duration>,
    /// Looks a second.
    pub rate: u32,
    /// Whether the service's events are listened to.
    pub events: bool,
}

impl Terms {
    /// Whether there is anything to do.
    pub(super) fn watches(&self) -> bool {
        self.sweep.is_some() || self.events
    }
}

/// How the store with this `meta` is watched, and what is wrong with its annotations; what is wrong counts as absent.
pub(super) fn terms(meta: &ObjectMeta, defaults: &Defaults) -> (Terms, Option<String>) {
    let annotation = |name: &str| meta.annotations.as_ref().and_then(|map| map.get(name)).map(String::as_str);
    let mut fault = None;
    let mut wrong = |name: &str, text: &str, wanted: &str| {
        fault.get_or_insert_with(|| format!("{name}: {text:?} is not {wanted}"));
    };
    let sweep = annotation(SWEEP).and_then(|text| {
        let duration = text.parse::<GoDuration>().ok().and_then(GoDuration::as_std);
        duration.or_else(|| {
            wrong(SWEEP, text, "a duration");
            None
        })
    });
    let events = annotation(EVENTS).and_then(|text| match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => {
            wrong(EVENTS, text, "true or false");
            None
        }
    });
    let sweep = sweep.unwrap_or(defaults.sweep);
    let terms = Terms {
        sweep: Some(sweep).filter(|sweep| !sweep.is_zero()).map(|sweep| sweep.max(SHORTEST)),
        rate: defaults.rate.max(1),
        events: events.unwrap_or(defaults.events),
    };
    (terms, fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(annotations: &[(&str, &str)], defaults: &Defaults) -> (Terms, Option<String>) {
        let annotations = annotations.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        terms(&ObjectMeta { annotations: Some(annotations.collect()), ..ObjectMeta::default() }, defaults)
    }

    #[test]
    fn nothing_is_watched_unless_somebody_says_so() {
        assert!(!of(&[], &Defaults::default()).0.watches());
        let all = Defaults { sweep: Duration::from_mins(1), rate: 20, events: true };
        let everything = Terms { sweep: Some(Duration::from_mins(1)), rate: 20, events: true };
        assert_eq!(of(&[], &all), (everything, None));
    }

    #[test]
    fn a_store_says_it_for_itself() {
        let (terms, fault) = of(&[(SWEEP, "10s"), (EVENTS, "true")], &Defaults::default());
        assert_eq!((terms.sweep, terms.events, fault), (Some(Duration::from_secs(10)), true, None));
        let all = Defaults { sweep: Duration::from_mins(1), rate: 20, events: true };
        let (terms, fault) = of(&[(SWEEP, "0s"), (EVENTS, "false")], &all);
        assert_eq!((terms.watches(), fault), (false, None));
        assert_eq!(of(&[(SWEEP, "1ms")], &all).0.sweep, Some(SHORTEST));
    }

    #[test]
    fn what_cannot_be_read_counts_as_absent_and_is_told() {
        let all = Defaults { sweep: Duration::from_mins(1), rate: 20, events: false };
        for (name, text) in [(SWEEP, "soon"), (SWEEP, "-1s"), (EVENTS, "yes")] {
            let (terms, fault) = of(&[(name, text)], &all);
            assert_eq!(terms.sweep, Some(Duration::from_mins(1)), "{text}");
            assert!(fault.unwrap().starts_with(name), "{text}");
        }
    }
}
