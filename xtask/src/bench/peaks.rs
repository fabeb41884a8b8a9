//! Pure arithmetic over the requests that Vault answered: how many came in one second, how many were open at once, and
//! which came sooner than anything was due.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::bench::audit::VaultRequest;
use crate::bench::clock::between;

/// The most that fell into any one second, wherever that second begins.
pub(super) fn most_in_a_second(times: impl Iterator<Item = Timestamp>) -> usize {
    let mut times: Vec<Timestamp> = times.collect();
    times.sort_unstable();
    let mut most = 0;
    let mut first = 0;
    for (number, time) in times.iter().enumerate() {
        while times.get(first).is_some_and(|first| between(*first, *time) >= 1.0) {
            first += 1;
        }
        most = most.max(number + 1 - first);
    }
    most
}

/// The most that were open at the same moment; one that ends when another begins is not. Those that nobody saw coming are
/// left out.
pub(super) fn most_at_once<'a>(requests: impl Iterator<Item = &'a VaultRequest>) -> usize {
    // Ends come before beginnings of the same moment.
    let mut turns: Vec<(Timestamp, bool)> = requests
        .filter(|request| request.began < request.at)
        .flat_map(|request| [(request.began, true), (request.at, false)])
        .collect();
    turns.sort_unstable();
    let (mut open, mut most) = (0_usize, 0);
    for (_, begins) in turns {
        if begins {
            open += 1;
            most = most.max(open);
        } else {
            open = open.saturating_sub(1);
        }
    }
    most
}

/// How many of the reads that came after `from` came less than `soonest` seconds after the one before of the same path,
/// or as the first; `reads` holds, for each path, the times of its reads in order.
pub(super) fn needless_reads(
    reads: &BTreeMap<String, Vec<Timestamp>>,
    from: Timestamp,
    soonest: f64,
) -> usize {
    let needless = |times: &Vec<Timestamp>| {
        let before = [None].into_iter().chain(times.iter().map(Some));
        let with_before = times.iter().zip(before);
        let late = with_before.filter(|(time, _)| **time > from);
        late.filter(|(time, before)| before.is_none_or(|before| between(*before, **time) < soonest)).count()
    };
    reads.values().map(needless).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs_f64(1_000.0 + seconds)
    }

    fn read(began: f64, answered: f64) -> VaultRequest {
        let (operation, path) = ("read".to_owned(), "secret/data/a".to_owned());
        VaultRequest { operation, path, began: at(began), at: at(answered) }
    }

    #[test]
    fn a_peak_is_found_across_the_border_of_two_seconds() {
        let most = |times: &[f64]| most_in_a_second(times.iter().map(|time| at(*time)));
        assert_eq!(most(&[0.1, 0.8, 0.9, 1.0, 1.7, 5.0]), 4);
        assert_eq!(most(&[0.0, 1.0, 2.0]), 1);
        assert_eq!(most(&[3.0, 0.5, 0.0]), 2);
        assert_eq!(most(&[]), 0);
    }

    #[test]
    fn requests_are_open_from_coming_to_being_answered() {
        let requests = [read(0.0, 1.0), read(0.5, 2.0), read(1.0, 3.0), read(2.5, 2.6), read(2.6, 9.0)];
        assert_eq!(most_at_once(requests.iter()), 2);
        assert_eq!(most_at_once(requests.iter().chain(&[read(0.9, 1.1)])), 3);
        assert_eq!(most_at_once([].iter()), 0);
    }

    #[test]
    fn a_request_that_nobody_saw_coming_is_not_open_for_ever() {
        let requests = [read(1.0, 1.0), read(1.0, 1.0), read(2.0, 3.0)];
        assert_eq!(most_at_once(requests.iter()), 1);
    }

    #[test]
    fn a_read_is_needless_if_it_comes_before_its_time() {
        let reads = BTreeMap::from([
            ("due".to_owned(), vec![at(0.0), at(280.0)]),
            ("early".to_owned(), vec![at(0.0), at(260.0)]),
            ("twice".to_owned(), vec![at(0.0), at(275.0), at(276.0)]),
            ("new".to_owned(), vec![at(255.0)]),
            ("before".to_owned(), vec![at(0.0), at(10.0)]),
        ]);
        assert_eq!(needless_reads(&reads, at(250.0), 270.0), 3);
    }
}
