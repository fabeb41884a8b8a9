//! Does the same job for many objects at once, with a fixed number of threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;

use crate::interrupt;

/// Runs `job` for every number below `count` on `workers` threads; the first error ends it.
pub(super) fn for_each(count: usize, workers: usize, job: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            if let Err(error) = interrupt::check().and_then(|()| job(number)) {
                next.store(count, Ordering::Relaxed);
                if let Ok(mut failed) = failed.lock() {
                    failed.get_or_insert(error);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    match failed.into_inner() {
        Ok(Some(error)) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use anyhow::bail;

    use super::*;

    #[test]
    fn every_number_comes_once() {
        let seen = Mutex::new(Vec::new());
        for_each(100, 7, |number| {
            seen.lock().unwrap().push(number);
            Ok(())
        })
        .unwrap();
        let seen = seen.into_inner().unwrap();
        assert_eq!(seen.len(), 100);
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), (0..100).collect());
    }

    #[test]
    fn an_error_ends_the_work_and_is_given_back() {
        let done = AtomicUsize::new(0);
        let result = for_each(1_000_000, 4, |number| {
            done.fetch_add(1, Ordering::Relaxed);
            if number == 10 {
                bail!("number {number} is refused");
            }
            Ok(())
        });
        assert_eq!(result.unwrap_err().to_string(), "number 10 is refused");
        assert!(done.into_inner() < 1_000_000);
    }
}
