//! Whole attempts over an API server in memory: what becomes of a target that is there already, what is told of it, and
//! how many requests that takes.

mod scene;

use scene::Scene;
use serde_json::{Value, json};

const MANAGED: &str = "reconcile.external-secrets.io/managed";
const CREATED_BY: &str = "reconcile.external-secrets.io/created-by";

fn owner(kind: &str, name: &str, uid: &str) -> Value {
    let group = if kind == "ExternalSecret" { "external-secrets.io/v1" } else { "v1" };
    json!([{ "apiVersion": group, "kind": kind, "name": name, "uid": uid, "controller": true }])
}

fn broken(policy: &str) -> Value {
    json!({ "target": { "creationPolicy": policy, "template": { "data": { "k": "{{ .nope }}" } } } })
}

const MISSING: &str = r#"{ "data": [{ "secretKey": "k", "remoteRef": { "key": "nope" } }] }"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_there_already_is_labelled_where_nothing_else_is_written() {
    let missing: Value = serde_json::from_str(MISSING).unwrap();
    let nothing = json!({ "data": [], "dataFrom": [{ "find": { "name": { "regexp": "nope" } } }] });
    let not_ready = json!({ "secretStoreRef": { "name": "cold" } });
    let deployment = json!({ "ownerReferences": owner("ConfigMap", "other", "o") });
    for (row, spec, metadata, ready) in [
        ("None", json!({ "target": { "creationPolicy": "None" } }), json!({}), "True"),
        ("an entry is missing", missing, json!({}), "False"),
        ("the template is broken", broken("Owner"), json!({}), "False"),
        ("the store is not ready", not_ready, json!({}), "False"),
        ("there is no data", nothing, json!({}), "True"),
        ("another controller owns it", json!({}), deployment, "False"),
        ("the label has another value", broken("Owner"), json!({ "labels": { MANAGED: "false" } }), "False"),
    ] {
        let scene = Scene::new();
        scene.store("cold", &json!({}), false);
        scene.secret("es", &metadata);
        scene.external_secret("es", &spec);
        scene.attempt("es").await;
        let secret = scene.get("secrets/es");
        assert_eq!(scene.ready("es").0, ready, "{row}: {:?}", scene.ready("es"));
        assert_eq!(secret["metadata"]["labels"], json!({ MANAGED: "true" }), "{row}");
        assert_eq!(secret["data"], json!({ "own": "b2xk" }), "{row}");
        // Nobody looks again at each attempt that tells nothing new.
        scene.asked();
        scene.attempt("es").await;
        let asked = scene.asked();
        let writes = asked.iter().filter(|request| request.starts_with("PUT")).count();
        assert_eq!(writes, 0, "{row}: {asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_label_costs_the_good_path_nothing_and_a_failure_one_read() {
    let scene = Scene::new();
    scene.external_secret("es", &json!({}));
    scene.attempt("es").await;
    let mut asked = scene.asked();
    asked.sort();
    assert_eq!(asked, ["PATCH externalsecrets/es/status", "POST events", "POST secrets"]);

    scene.external_secret("failing", &serde_json::from_str(MISSING).unwrap());
    scene.attempt("failing").await;
    let mut asked = scene.asked();
    asked.sort();
    assert_eq!(asked, ["GET secrets/failing", "PATCH externalsecrets/failing/status", "POST events"]);
    scene.turn(10);
    scene.attempt("failing").await;
    assert_eq!(scene.asked(), Vec::<String>::new(), "it is as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_minds_a_broken_template_where_its_content_is_not_written() {
    let scene = Scene::new();
    scene.external_secret("none", &broken("None"));
    scene.attempt("none").await;
    assert_eq!(scene.ready("none"), ("True".to_owned(), "secret synced".to_owned()));
    assert_eq!(scene.binding("none"), None);

    scene.external_secret("merge", &broken("Merge"));
    scene.attempt("merge").await;
    assert_eq!(scene.ready("merge").0, "True");
    assert!(scene.ready("merge").1.starts_with("secret will not be created"), "{:?}", scene.ready("merge"));

    let mut frozen = broken("Owner");
    frozen["target"]["immutable"] = json!(true);
    scene.secret("frozen", &json!({ "labels": { MANAGED: "true" } }));
    scene.watched();
    scene.external_secret("frozen", &frozen);
    scene.attempt("frozen").await;
    assert_eq!(scene.ready("frozen"), ("True".to_owned(), "secret synced".to_owned()));
    let secret = scene.get("secrets/frozen");
    assert_eq!((&secret["data"], &secret["immutable"]), (&json!({ "own": "b2xk" }), &json!(true)));
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], "frozen");
    // One that is not there is made, and that takes content.
    scene.server.lock().unwrap().objects.remove("secrets/frozen");
    scene.external_secret("frozen", &frozen);
    scene.attempt("frozen").await;
    assert_eq!(scene.get("secrets/frozen"), Value::Null, "no empty Secret");
    assert_eq!(scene.ready("frozen").0, "False");

    let taken =
        json!({ "labels": { MANAGED: "true" }, "ownerReferences": owner("ExternalSecret", "one", "1") });
    scene.secret("taken", &taken);
    scene.watched();
    scene.external_secret("taken", &broken("Merge"));
    scene.attempt("taken").await;
    assert!(scene.ready("taken").1.contains("owned by"), "{:?}", scene.ready("taken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_exists_is_bound_though_it_could_not_be_written() {
    for labels in [json!({}), json!({ MANAGED: "true" })] {
        let scene = Scene::new();
        scene.secret("es", &json!({ "labels": labels }));
        scene.watched();
        scene.external_secret("es", &broken("Owner"));
        scene.attempt("es").await;
        assert_eq!(scene.ready("es").0, "False");
        assert_eq!(scene.binding("es").as_deref(), Some("es"), "{labels}");
    }
    let scene = Scene::new();
    scene.external_secret("es", &broken("Owner"));
    scene.attempt("es").await;
    assert_eq!(scene.binding("es"), None, "there is nothing to bind");
    scene.secret("late", &json!({}));
    scene.external_secret("late", &serde_json::from_str(MISSING).unwrap());
    scene.attempt("late").await;
    assert_eq!(scene.binding("late"), None, "it was not about to be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_asks_for_nothing_is_passed_over() {
    let scene = Scene::new();
    for (name, data_from) in [
        ("empty", json!([{}])),
        ("store-only", json!([{ "sourceRef": { "storeRef": { "name": "store" } } }])),
        ("rewrite-only", json!([{ "rewrite": [{ "regexp": { "source": "a", "target": "b" } }] }])),
    ] {
        scene.external_secret(name, &json!({ "data": [], "dataFrom": data_from }));
        scene.attempt(name).await;
        let (ready, message) = scene.ready(name);
        assert!(ready == "True" && message.starts_with("secret retained"), "{name}: {message}");
        assert_eq!(scene.get(&format!("secrets/{name}")), Value::Null);
        let beside = format!("{name}-beside");
        scene.external_secret(&beside, &json!({ "dataFrom": data_from }));
        scene.attempt(&beside).await;
        assert_eq!(scene.get(&format!("secrets/{beside}"))["data"], json!({ "k": "djE=" }), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_class_makes_the_object_anothers_though_nothing_is_read_from_it() {
    let scene = Scene::new();
    scene.store("foreign", &json!({ "controller": "other" }), true);
    let own = json!({ "storeRef": { "name": "store" } });
    let data = json!([{ "secretKey": "k", "remoteRef": { "key": "a" }, "sourceRef": own }]);
    scene.external_secret("default", &json!({ "secretStoreRef": { "name": "foreign" }, "data": data }));
    let unread = json!([{ "sourceRef": { "storeRef": { "name": "foreign" } } }]);
    scene.external_secret("unread", &json!({ "dataFrom": unread }));
    scene.external_secret("unknown", &json!({ "secretStoreRef": { "name": "nosuch" }, "data": data }));
    for (name, ours) in [("default", false), ("unread", false), ("unknown", true)] {
        scene.attempt(name).await;
        assert_eq!(!scene.get(&format!("externalsecrets/{name}"))["status"].is_null(), ours, "{name}");
        assert_eq!(!scene.get(&format!("secrets/{name}")).is_null(), ours, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_target_of_another_gets_it_when_that_one_gives_it_up() {
    let scene = Scene::new();
    let shared = |policy: &str| json!({ "target": { "name": "shared", "creationPolicy": policy } });
    scene.external_secret("one", &shared("Owner"));
    scene.settle().await;
    scene.external_secret("two", &shared("Owner"));
    scene.settle().await;
    scene.watched();
    scene.settle().await;
    assert_eq!((scene.ready("one").0.as_str(), scene.ready("two").0.as_str()), ("True", "False"));
    scene.external_secret("one", &shared("Orphan"));
    let ran = scene.settle().await;
    assert_eq!(ran, ["one", "two", "one"], "each hears of the other's write");
    assert_eq!(scene.ready("two").0, "True");
    assert_eq!(scene.get("secrets/shared")["metadata"]["ownerReferences"][0]["name"], "two");
    scene.watched();
    assert_eq!(scene.settle().await, Vec::<String>::new(), "our own writes wake nobody twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_merges_into_a_target_hears_of_its_end() {
    let scene = Scene::new();
    scene.secret("one", &json!({}));
    scene.external_secret("one", &json!({ "target": { "creationPolicy": "Merge" } }));
    scene.external_secret("two", &json!({ "target": { "name": "one", "creationPolicy": "Merge" } }));
    scene.settle().await;
    scene.watched();
    scene.settle().await;
    scene.server.lock().unwrap().objects.remove("secrets/one");
    scene.watched();
    let mut ran = scene.settle().await;
    ran.sort();
    ran.dedup();
    assert_eq!(ran, ["one", "two"]);
    for name in ["one", "two"] {
        assert!(
            scene.ready(name).1.starts_with("secret will not be created"),
            "{name}: {:?}",
            scene.ready(name)
        );
    }
    // Who has moved on hears no more.
    scene.external_secret("two", &json!({ "target": { "name": "elsewhere", "creationPolicy": "Merge" } }));
    scene.settle().await;
    scene.secret("one", &json!({ "labels": { MANAGED: "true" } }));
    scene.watched();
    assert_eq!(scene.settle().await, ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_left_under_an_earlier_name_goes_when_the_object_owns_again() {
    let scene = Scene::new();
    let target = |name: &str, policy: &str| json!({ "target": { "name": name, "creationPolicy": policy } });
    scene.external_secret("es", &target("a", "Owner"));
    scene.attempt("es").await;
    assert!(scene.get("secrets/a")["metadata"]["labels"][CREATED_BY].is_string());
    scene.external_secret("es", &target("b", "Orphan"));
    scene.attempt("es").await;
    assert!(!scene.get("secrets/a").is_null(), "nothing is deleted under Orphan");
    scene.external_secret("es", &target("b", "Owner"));
    scene.attempt("es").await;
    assert_eq!(scene.ready("es").0, "True");
    assert_eq!(scene.get("secrets/a"), Value::Null);
    assert!(!scene.get("secrets/b").is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_label_with_another_value_is_as_good_as_none() {
    let scene = Scene::new();
    scene.external_secret("es", &json!({}));
    scene.attempt("es").await;
    scene.watched();
    scene.turn(60);
    scene.edit("secrets/es", |secret| secret["metadata"]["labels"][MANAGED] = json!("false"));
    scene.watched();
    let before = scene.get("secrets/es");
    scene.attempt("es").await;
    assert_eq!(scene.get("secrets/es"), before, "who took it off is heeded until the next refresh");
    scene.turn(3600);
    scene.attempt("es").await;
    assert_eq!(scene.get("secrets/es")["metadata"]["labels"][MANAGED], "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_refresh_that_nothing_but_the_interval_asked_for_may_go_untold() {
    let scene = Scene::new();
    let spec = json!({ "refreshInterval": "15s", "target": { "creationPolicy": "None" } });
    scene.external_secret("es", &spec);
    let told = || scene.get("externalsecrets/es")["status"]["refreshTime"].clone();
    scene.attempt("es").await;
    let first = told();
    scene.turn(20);
    scene.attempt("es").await;
    assert_eq!(told(), first, "the interval has passed");
    scene.turn(5);
    // Something happened to the target.
    scene.attempt("es").await;
    assert_eq!(told(), "2026-01-01T00:00:25Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_somebody_else_made_is_taken_up_whatever_the_refresh_policy() {
    let merge = json!({ "creationPolicy": "Merge" });
    for spec in [
        json!({ "refreshPolicy": "OnChange", "target": merge }),
        json!({ "refreshPolicy": "CreatedOnce", "target": merge }),
        json!({ "refreshInterval": "0", "target": merge }),
    ] {
        let scene = Scene::new();
        scene.external_secret("es", &spec);
        scene.attempt("es").await;
        scene.secret("es", &json!({}));
        scene.attempt("es").await;
        scene.attempt("es").await;
        assert_eq!(scene.get("secrets/es")["data"]["k"], "djE=", "{spec}");
        assert_eq!(scene.binding("es").as_deref(), Some("es"), "{spec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_deleted_goes_though_its_label_is_off() {
    let nothing = json!({
        "data": [{ "secretKey": "k", "remoteRef": { "key": "nope" } }], "target": { "deletionPolicy": "Delete" },
    });
    for (owner, goes) in [("es", true), ("other", false)] {
        let scene = Scene::new();
        // The first attempt brings the finalizer.
        for _ in 0..2 {
            scene.external_secret("es", &json!({ "target": { "deletionPolicy": "Delete" } }));
            scene.attempt("es").await;
        }
        scene.edit("secrets/es", |secret| {
            secret["metadata"]["labels"] = json!({});
            secret["metadata"]["ownerReferences"][0]["uid"] = json!(owner);
        });
        scene.watched();
        scene.external_secret("es", &nothing);
        scene.attempt("es").await;
        assert_eq!(scene.get("secrets/es").is_null(), goes, "{owner}");
        assert_eq!(scene.ready("es").0, if goes { "True" } else { "False" }, "{owner}");
        scene.asked();
        scene.turn(3600);
        scene.attempt("es").await;
        let asked = scene.asked();
        assert!(!goes || !asked.contains(&"GET secrets/es".to_owned()), "{asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_heeds_no_edits_is_not_made_unready_by_one() {
    let scene = Scene::new();
    scene.external_secret("es", &json!({ "refreshPolicy": "CreatedOnce" }));
    scene.attempt("es").await;
    scene.watched();
    scene.external_secret("es", &json!({ "refreshPolicy": "CreatedOnce", "secretStoreRef": null }));
    scene.attempt("es").await;
    assert_eq!(scene.ready("es").0, "True");
    scene.external_secret("es", &json!({ "secretStoreRef": null }));
    scene.attempt("es").await;
    assert_eq!(scene.ready("es").0, "False", "it heeds them now");
}
