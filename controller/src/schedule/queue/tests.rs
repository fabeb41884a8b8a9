//! Tests of lanes, groups, backoff and held objects, in paused time.

use std::sync::Arc;

use super::super::Load;
use super::super::held::WITHIN;
use super::*;

const LIMITS: Limits = Limits { total: 8, per_group: 2 };

fn group(name: &str) -> Group {
    Arc::from(name)
}

async fn take(schedule: &Schedule<&'static str>) -> &'static str {
    tokio::time::timeout(Duration::from_secs(1), schedule.next()).await.expect("nothing is ready").key
}

async fn none_ready(schedule: &Schedule<&'static str>) -> bool {
    tokio::time::timeout(Duration::from_millis(1), schedule.next()).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn the_changed_lane_goes_first() {
    let schedule = Schedule::new(LIMITS);
    schedule.request(&"refresh", &group("a"), Lane::Refresh);
    schedule.request(&"changed", &group("b"), Lane::Changed);
    assert_eq!(take(&schedule).await, "changed");
    assert_eq!(take(&schedule).await, "refresh");
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_does_not_wait_for_a_backlog_nor_the_backlog_for_newcomers() {
    let schedule = Schedule::new(Limits { total: 1, per_group: 1 });
    for key in 0..100_u32 {
        schedule.request(&key, &group("a"), Lane::Changed);
    }
    let mut taken = Vec::new();
    for newcomer in 100..140 {
        schedule.request(&newcomer, &group("a"), Lane::Changed);
        let key = schedule.next().await.key;
        schedule.finish(&key, Next::Forget);
        taken.push(key);
    }
    let oldest: Vec<_> = taken.iter().copied().filter(|key| *key < 100).collect();
    assert_eq!(oldest, (0..20).collect::<Vec<_>>(), "the oldest come in their order");
    assert!(taken.contains(&100) && taken.contains(&138), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn the_refresh_lane_is_not_starved() {
    let schedule = Schedule::new(Limits { total: 100, per_group: 100 });
    for key in ["a", "b", "c", "d", "e"] {
        schedule.request(&key, &group("g"), Lane::Changed);
    }
    schedule.request(&"refresh", &group("g"), Lane::Refresh);
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(take(&schedule).await);
    }
    assert!(taken.contains(&"refresh"), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_never_takes_more_than_its_share() {
    let schedule = Schedule::new(LIMITS);
    for key in ["a1", "a2", "a3"] {
        schedule.request(&key, &group("a"), Lane::Changed);
    }
    schedule.request(&"b1", &group("b"), Lane::Refresh);
    let mut taken = [take(&schedule).await, take(&schedule).await, take(&schedule).await];
    taken.sort_unstable();
    assert!(taken[0].starts_with('a') && taken[1].starts_with('a') && taken[2] == "b1", "{taken:?}");
    assert!(none_ready(&schedule).await);
    schedule.finish(&taken[0], Next::Forget);
    let left = take(&schedule).await;
    assert!(left.starts_with('a') && !taken.contains(&left), "{left}");
}

#[tokio::test(start_paused = true)]
async fn a_request_during_a_run_makes_it_run_again() {
    let schedule = Schedule::new(LIMITS);
    schedule.request(&"x", &group("a"), Lane::Changed);
    take(&schedule).await;
    schedule.request(&"x", &group("a"), Lane::Refresh);
    assert!(none_ready(&schedule).await, "one object runs at most once at a time");
    schedule.finish(&"x", Next::After(RESYNC));
    assert_eq!(take(&schedule).await, "x");
}

#[tokio::test(start_paused = true)]
async fn duplicates_are_merged_and_a_promotion_counts_once() {
    let schedule = Schedule::new(LIMITS);
    schedule.request(&"x", &group("a"), Lane::Refresh);
    schedule.request(&"x", &group("a"), Lane::Refresh);
    schedule.request(&"x", &group("a"), Lane::Changed);
    take(&schedule).await;
    schedule.finish(&"x", Next::After(RESYNC));
    assert!(none_ready(&schedule).await);
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_and_success_resets() {
    let schedule = Schedule::new(LIMITS);
    let retry = Next::Retry { backoff: Backoff::UPSTREAM, at_least: Duration::ZERO };
    schedule.request(&"x", &group("a"), Lane::Changed);
    let mut waits = Vec::new();
    for failures in 0..3 {
        let start = Instant::now();
        let job = schedule.next().await;
        assert_eq!(job.failures, failures);
        waits.push(start.elapsed().as_millis());
        schedule.finish(&"x", retry.clone());
    }
    assert!(
        waits[0] == 0 && (750..=1000).contains(&waits[1]) && (1500..=2000).contains(&waits[2]),
        "{waits:?}"
    );
    assert_eq!(schedule.next().await.failures, 3);
    schedule.finish(&"x", Next::After(Duration::from_secs(5)));
    assert_eq!(schedule.next().await.failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_the_store_is_honoured() {
    let schedule = Schedule::new(LIMITS);
    schedule.request(&"x", &group("a"), Lane::Changed);
    take(&schedule).await;
    schedule.finish(&"x", Next::Retry { backoff: Backoff::UPSTREAM, at_least: Duration::from_secs(90) });
    let start = Instant::now();
    schedule.next().await;
    assert_eq!(start.elapsed().as_secs(), 90);
}

#[tokio::test(start_paused = true)]
async fn no_wait_is_longer_than_a_resync_and_late_objects_are_overdue() {
    let schedule = Schedule::new(LIMITS);
    schedule.request(&"x", &group("a"), Lane::Changed);
    take(&schedule).await;
    schedule.finish(&"x", Next::After(Duration::MAX));
    assert_eq!(schedule.load(), Load { known: 1, ..Load::default() });
    tokio::time::advance(RESYNC + Duration::from_secs(61)).await;
    assert_eq!(schedule.load().overdue, 1);
    assert_eq!(take(&schedule).await, "x");
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_forgotten_unless_it_came_back_meanwhile() {
    let schedule = Schedule::new(LIMITS);
    schedule.request(&"x", &group("a"), Lane::Changed);
    take(&schedule).await;
    schedule.request(&"x", &group("a"), Lane::Changed);
    schedule.finish(&"x", Next::Forget);
    assert_eq!(take(&schedule).await, "x");
    schedule.finish(&"x", Next::Forget);
    assert_eq!(schedule.load(), Load::default());
}

#[tokio::test(start_paused = true)]
async fn held_objects_come_back_by_themselves_no_worse_than_before() {
    let schedule = Schedule::new(LIMITS);
    schedule.request(&"x", &group("a"), Lane::Changed);
    take(&schedule).await;
    let hold = || Next::Held { wait: Duration::from_secs(10), waits_for: group("a") };
    schedule.finish(&"x", hold());
    let start = Instant::now();
    let job = schedule.next().await;
    assert_eq!(job.failures, 0);
    let waited = start.elapsed();
    assert!((Duration::from_secs(10)..=Duration::from_secs(15)).contains(&waited), "{waited:?}");
    schedule.finish(&"x", hold());
    schedule.request(&"x", &group("a"), Lane::Changed);
    assert_eq!(take(&schedule).await, "x", "a change does not wait");
}

#[tokio::test(start_paused = true)]
async fn released_objects_come_within_seconds_but_not_at_once_and_nobody_else_does() {
    let schedule = Schedule::new(Limits { total: 2000, per_group: 2000 });
    for key in 0..1000_u32 {
        schedule.request(&key, &group("a"), Lane::Changed);
        let key = schedule.next().await.key;
        let waits_for = group(if key % 10 == 0 { "b" } else { "a" });
        schedule.finish(&key, Next::Held { wait: Duration::from_mins(10), waits_for });
    }
    let start = Instant::now();
    schedule.release(&group("a"));
    let mut by_second = [0; 6];
    for _ in 0..900 {
        let job = schedule.next().await;
        assert_ne!(job.key % 10, 0, "it waits for another store");
        by_second[usize::try_from(start.elapsed().as_secs()).unwrap()] += 1;
    }
    assert!(by_second.iter().all(|count| *count <= 190), "{by_second:?}");
    assert!(start.elapsed() <= WITHIN);
    assert!(tokio::time::timeout(Duration::from_mins(9), schedule.next()).await.is_err());
}
