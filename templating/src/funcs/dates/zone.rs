//! Decides which time a clock shows in a zone, from the zone data in the program.

use std::rc::Rc;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A zone.
#[derive(Clone)]
pub(super) enum Zone {
    Utc,
    /// What a text with an offset or an unknown name gives. The name may be empty.
    Fixed {
        name: Rc<str>,
        offset: i64,
    },
    /// A zone with a history.
    Named(TimeZone),
}

/// What clocks show at one moment.
pub(super) struct Local {
    /// Seconds ahead of UTC.
    pub(super) offset: i64,
    /// `CET`; may be empty.
    pub(super) abbreviation: Rc<str>,
    pub(super) is_dst: bool,
}

/// Seconds in the 400 years after which calendar and rules repeat themselves.
const CYCLE: i64 = 146_097 * 86_400;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

impl Zone {
    pub(super) fn of(zone: &TimeZone) -> Self {
        if *zone == TimeZone::UTC { Self::Utc } else { Self::Named(zone.clone()) }
    }

    /// The zone with this name, upper and lower case as in the database. `Local` is the given one, nothing is UTC,
    /// and so is what does not exist.
    pub(super) fn named(name: &[u8], local: &TimeZone) -> Self {
        match name {
            b"" | b"UTC" => Self::Utc,
            b"Local" => Self::of(local),
            _ => {
                let name = std::str::from_utf8(name).unwrap_or_default();
                let zone = ZONES.get(name).ok().filter(|zone| zone.iana_name() == Some(name));
                zone.map_or(Self::Utc, Self::Named)
            }
        }
    }

    /// What clocks show so many seconds after 1970 began in UTC.
    pub(super) fn local(&self, seconds: i64) -> Local {
        match self {
            Self::Utc => Local { offset: 0, abbreviation: Rc::from("UTC"), is_dst: false },
            Self::Fixed { name, offset } => {
                Local { offset: *offset, abbreviation: Rc::clone(name), is_dst: false }
            }
            Self::Named(zone) => {
                let info = zone.to_offset_info(within_range(seconds));
                Local {
                    offset: i64::from(info.offset().seconds()),
                    abbreviation: Rc::from(info.abbreviation()),
                    is_dst: info.dst().is_dst(),
                }
            }
        }
    }

    /// The seconds since 1970 began in UTC when clocks show so many seconds since 1970 began on them.
    pub(super) fn seconds(&self, shown: i64) -> i64 {
        let guess = self.local(shown).offset;
        if guess == 0 {
            return shown;
        }
        shown.wrapping_sub(self.local(shown.wrapping_sub(guess)).offset)
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Utc => "UTC".to_owned(),
            Self::Fixed { name, .. } => name.to_string(),
            Self::Named(_) => "Local".to_owned(),
        }
    }
}

/// The moment, or one that is a number of whole cycles away and inside the range of a timestamp.
fn within_range(seconds: i64) -> Timestamp {
    let (least, most) = (Timestamp::MIN.as_second() + 1, Timestamp::MAX.as_second() - 1);
    let seconds =
        if seconds > most { most - CYCLE + (seconds - most).rem_euclid(CYCLE) } else { seconds.max(least) };
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}
