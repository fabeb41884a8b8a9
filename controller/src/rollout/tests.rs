//! Restarts against an API server in memory, on a turned clock: by hand, and at random with crashes and refusals.

mod scene;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use strongroom_crds::conditions::STATUS_TRUE;
use tokio::time::{Instant, advance};

use crate::policies;
use crate::schedule::{Job, Next};
use scene::{Deployment, MINUTE, Scene, key, named, process};

#[tokio::test(start_paused = true)]
async fn a_change_restarts_its_targets_once_after_the_debounce_time_and_a_first_content_does_not() {
    let mut scene = Scene::new(&named("web"));
    scene.deploy("web");
    scene.seconds(5).await;
    scene.write("a", "one");
    scene.seconds(55).await;
    assert!(scene.restarts("web").is_empty());
    scene.write("a", "two");
    scene.seconds(9).await;
    assert!(scene.restarts("web").is_empty());
    scene.seconds(2).await;
    assert_eq!(scene.restarts("web"), [70]);
    let made = |scene: &Scene| {
        let world = scene.world();
        (world.status_writes, world.lookups)
    };
    let before = made(&scene);
    scene.seconds(4 * 3600).await;
    assert_eq!(scene.restarts("web"), [70]);
    assert_eq!(made(&scene), before, "silence");
    assert_eq!(scene.condition().0, STATUS_TRUE);
    let events = scene.world().events.clone();
    let text = r#"the content of Secret "a" changed; restarted: Deployment "web""#;
    assert_eq!(events, [("RolloutRestarted".to_owned(), text.to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn changes_in_a_row_lead_to_one_restart_and_later_ones_wait_for_the_shortest_interval() {
    let mut scene = Scene::new(&named("web"));
    scene.deploy("web");
    scene.write("a", "0");
    scene.write("b", "0");
    scene.seconds(60).await;
    for content in ["1", "2", "3"] {
        scene.write("a", content);
        scene.seconds(3).await;
        scene.write("b", content);
        scene.seconds(3).await;
    }
    scene.seconds(12).await;
    assert_eq!(scene.restarts("web"), [85], "60 + 15 + 10");
    scene.write("a", "4");
    scene.seconds(20).await;
    assert_eq!(scene.restarts("web"), [85]);
    assert_eq!(scene.condition().1, "RestartPending");
    scene.seconds(60).await;
    assert_eq!(scene.restarts("web"), [85, 145]);
    assert_eq!(scene.condition().1, "UpToDate");
}

#[tokio::test(start_paused = true)]
async fn a_content_that_came_back_in_time_restarts_nothing() {
    let mut scene = Scene::new(&named("web"));
    scene.deploy("web");
    scene.write("a", "one");
    scene.seconds(20).await;
    scene.write("a", "edited by hand");
    scene.seconds(2).await;
    scene.write("a", "one");
    scene.seconds(120).await;
    scene.write_anew("a", "new-uid", "one");
    scene.seconds(120).await;
    assert!(scene.restarts("web").is_empty());
    scene.write("a", "two");
    scene.seconds(120).await;
    assert_eq!(scene.restarts("web").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_rollback_put_back_is_left_alone() {
    let mut scene = Scene::new(&named("web"));
    scene.deploy("web");
    scene.write("a", "one");
    scene.seconds(20).await;
    scene.write("a", "two");
    scene.seconds(20).await;
    assert_eq!(scene.restarts("web").len(), 1);
    scene.world().deployments.get_mut("web").unwrap().annotation = None;
    scene.crash();
    scene.seconds(3600).await;
    assert_eq!(scene.restarts("web").len(), 1, "the rollback is not undone");
    scene.write("a", "one");
    scene.seconds(20).await;
    assert_eq!(scene.restarts("web").len(), 2, "and the next change is not missed");
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_request_neither_loses_a_restart_nor_makes_two() {
    for lives_for in 0..8 {
        let mut scene = Scene::new(&named("web"));
        scene.deploy("web");
        scene.write("a", "one");
        scene.seconds(60).await;
        scene.write("a", "two");
        scene.world().lives_for = Some(lives_for);
        scene.seconds(11).await;
        scene.crash();
        scene.seconds(120).await;
        assert_eq!(scene.restarts("web").len(), 1, "dead after {lives_for} requests");
        assert_eq!(scene.condition().0, STATUS_TRUE);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_written_while_nobody_looked_is_restarted_for() {
    let mut scene = Scene::new(&named("web"));
    scene.deploy("web");
    scene.write("a", "one");
    scene.seconds(20).await;
    scene.world().secrets.insert("a".to_owned(), ("a".to_owned(), "two".to_owned()));
    scene.crash();
    scene.seconds(20).await;
    assert_eq!(scene.restarts("web").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_was_created_after_the_change_is_left_alone() {
    let mut scene = Scene::new(&json!([{ "kind": "Deployment", "selector": {} }]));
    scene.deploy("old");
    scene.write("a", "one");
    scene.seconds(20).await;
    scene.write("a", "two");
    scene.seconds(5).await;
    scene.deploy("new");
    scene.seconds(60).await;
    assert_eq!((scene.restarts("old").len(), scene.restarts("new").len()), (1, 0));
    scene.write("a", "three");
    scene.seconds(60).await;
    assert_eq!((scene.restarts("old").len(), scene.restarts("new").len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_or_refused_is_told_and_made_good_later() {
    let mut scene = Scene::new(&json!([
        { "kind": "Deployment", "name": "web" }, { "kind": "Deployment", "name": "absent" },
    ]));
    scene.deploy("web");
    scene.write("a", "one");
    scene.seconds(20).await;
    let missing =
        ("False".to_owned(), "WorkloadNotFound".to_owned(), r#"there is no Deployment "absent""#.to_owned());
    assert_eq!(scene.condition(), missing);
    scene.world().refuses_patches = true;
    scene.write("a", "two");
    scene.seconds(20).await;
    let (_, reason, message) = scene.condition();
    assert_eq!(reason, "RestartFailed");
    assert!(message.starts_with("cannot restart Deployment ns/web: "), "{message}");
    assert_eq!(scene.world().events[0].0, "RolloutRestartFailed");
    scene.deploy("absent");
    scene.seconds(600).await;
    scene.world().refuses_patches = false;
    scene.seconds(120).await;
    assert_eq!((scene.restarts("web").len(), scene.restarts("absent").len()), (1, 0));
    assert_eq!(scene.condition().1, "UpToDate");
}

/// The same numbers for the same seed on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_every_workload_gets_every_last_content_with_no_restart_too_many() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let mut scene = Scene::new(&json!([
            { "kind": "Deployment", "name": "w0" }, { "kind": "Deployment", "selector": { "matchLabels": { "a": "b" } } },
        ]));
        scene.write("a", "first");
        scene.write("b", "first");
        scene.seconds(1).await;
        for name in ["w0", "w1"] {
            scene.deploy(name);
        }
        let (mut changes, mut alive, mut calm) = (Vec::new(), true, scene.now());
        for step in 0..60 {
            // Changes never fall on whole seconds, creations always do.
            let millis = 1000 * dice.roll(30);
            scene.pass(Duration::from_millis(millis + 300)).await;
            match dice.roll(10) {
                0..=3 => {
                    scene.write(
                        ["a", "b"][usize::try_from(dice.roll(2)).unwrap()],
                        &format!("content {step}"),
                    );
                    changes.push(scene.now());
                    calm = scene.now();
                }
                4 => {
                    scene.world().lives_for = Some(u32::try_from(dice.roll(6)).unwrap());
                    alive = false;
                }
                5 | 6 => {
                    scene.crash();
                    (alive, calm) = (true, scene.now());
                }
                7 => {
                    let refuses = &mut scene.world().refuses_patches;
                    *refuses = !*refuses;
                }
                _ => {}
            }
            scene.pass(Duration::from_millis(700)).await;
            // What is created while a change is waited with counts as older than the change if a crash follows.
            let is_calm = alive && scene.now().duration_since(calm) > SignedDuration::from_secs(15);
            if is_calm && dice.roll(6) == 0 {
                scene.deploy("w1");
            }
        }
        scene.world().refuses_patches = false;
        scene.crash();
        scene.seconds(900).await;
        for (name, deployment) in &scene.world().deployments {
            check(&format!("seed {seed}, {name}"), deployment, &changes);
        }
        assert_eq!(scene.condition().1, "UpToDate", "seed {seed}");
    }
}

/// Restarts are never more than changes since the workload was created, never closer than they may be, and the last one
/// comes after the last change. (A restart that a crash delayed may serve a later change, too, which then gets its own.)
fn check(what: &str, deployment: &Deployment, changes: &[Timestamp]) {
    let mut since = deployment.created;
    for (before, restart) in deployment.restarts.iter().enumerate() {
        let asked = changes.iter().filter(|change| (deployment.created..*restart).contains(change)).count();
        assert!(before < asked, "{what}: restart {before} at {restart} after {asked} changes");
        assert!(
            since == deployment.created || restart.duration_since(since) >= MINUTE,
            "{what}: {since}, then {restart}"
        );
        since = *restart;
    }
    let missed = changes.iter().filter(|change| **change > since).count();
    assert_eq!(missed, 0, "{what}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_does_not_know_the_objects_or_their_stores_takes_nothing_from_who_does() {
    let mut scene = Scene::new(&named("web"));
    scene.deploy("web");
    scene.write("a", "one");
    scene.seconds(5).await;
    let other = process(&scene.world, scene.origin);
    let look = || async {
        let job = Job { key: key("p"), failures: 0, asked: Instant::now() };
        policies::reconcile(&other, job).await
    };
    for name in ["a", "b"] {
        other.external_secrets.remove(&key(name), Some("9")).unwrap();
    }
    look().await;
    let writes = scene.world().status_writes;
    let drawing = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": { "name": "a", "namespace": "ns", "uid": "a", "generation": 1 },
        "spec": { "secretStoreRef": { "name": "late" }, "dataFrom": [{ "extract": { "key": "k" } }] },
    });
    other.external_secrets.put(key("a"), Some("10"), serde_json::from_value(drawing).unwrap()).unwrap();
    advance(Duration::from_secs(1)).await;
    let next = look().await;
    assert!(matches!(next, Next::After(wait) if wait <= Duration::from_secs(10)), "{next:?}");
    assert_eq!(scene.world().status_writes, writes, "what it does not know is for others to say");
    scene.crash();
    scene.write("a", "two");
    scene.seconds(20).await;
    assert_eq!(scene.restarts("web").len(), 1);
}
