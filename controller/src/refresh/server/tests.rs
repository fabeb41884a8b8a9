use std::sync::Mutex;

use axum::body::Body;
use serde_json::json;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::*;
use crate::app::context_over;
use crate::external_secret::{Ask, Asker};
use crate::kube_io::ObjectKey;
use crate::schedule::Schedule;

/// What callers of the tests may do: `TOKEN VERB RESOURCE NAMESPACE/NAME`.
const RIGHTS: [&str; 3] = [
    "ci update externalsecrets shop/",
    "ci refresh clustersecretstores /vault",
    "other update externalsecrets other/",
];

/// The API server: knows the tokens `ci` and `other`, meant for the audience `strongroom`.
fn review(path: &str, body: &Value) -> (u16, Value) {
    let mut answer = body.clone();
    match path {
        "/apis/authentication.k8s.io/v1/tokenreviews" => {
            let token = body["spec"]["token"].as_str().unwrap();
            let ours = body["spec"]["audiences"] == json!(["strongroom"]);
            let known = ours && ["ci", "other"].contains(&token);
            answer["status"] = if known {
                json!({ "authenticated": true, "audiences": ["strongroom"], "user": { "username": token } })
            } else {
                json!({ "authenticated": false, "error": "unknown" })
            };
        }
        "/apis/authorization.k8s.io/v1/subjectaccessreviews" => {
            let spec = &body["spec"];
            let wanted = &spec["resourceAttributes"];
            assert_eq!(wanted["group"], "external-secrets.io");
            let text = |field: &str| wanted[field].as_str().unwrap_or_default().to_owned();
            let right = format!(
                "{} {} {} {}/{}",
                spec["user"].as_str().unwrap(),
                text("verb"),
                text("resource"),
                text("namespace"),
                text("name")
            );
            answer["status"] = json!({ "allowed": RIGHTS.contains(&right.as_str()) });
        }
        other => panic!("nothing else is asked for: {other}"),
    }
    (201, answer)
}

fn put(context: &Context, namespace: &str, name: &str, spec: &Value) {
    let object = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": { "name": name, "namespace": namespace, "labels": { "app": name } },
        "spec": spec,
    });
    let key = ObjectKey::new(namespace, name);
    context.external_secrets.put(key, Some("1"), serde_json::from_value(object).unwrap()).unwrap();
}

fn draws(key: &str) -> Value {
    json!({ "secretStoreRef": { "kind": "ClusterSecretStore", "name": "vault" },
            "dataFrom": [{ "extract": { "key": key } }] })
}

/// Two objects in `shop`, one in `other`, all of the ClusterSecretStore `vault`.
fn context(leads: bool) -> Arc<Context> {
    let context = context_over(&[], |_, path, body| review(path, body));
    context.leads.store(leads, Ordering::Relaxed);
    put(&context, "shop", "web", &draws("team/db"));
    put(&context, "shop", "api", &draws("team/mail"));
    put(&context, "other", "web", &draws("/team/db"));
    Arc::new(context)
}

async fn posted(router: &Router, token: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = Request::post("/v1/refresh");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), BODY_CAP).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

fn endpoint(context: &Arc<Context>) -> Router {
    router(Api { context: Arc::clone(context), audiences: vec!["strongroom".to_owned()] })
}

/// The objects that are due, in the order in which they are worked on.
async fn due<K: Clone + Eq + Ord + std::hash::Hash + std::fmt::Debug>(schedule: &Schedule<K>) -> Vec<K> {
    let mut found = Vec::new();
    while let Ok(job) = tokio::time::timeout(Duration::from_millis(1), schedule.next()).await {
        found.push(job.key);
    }
    found.sort();
    found
}

#[tokio::test(start_paused = true)]
async fn what_draws_a_key_of_the_store_is_due_and_nothing_else() {
    let context = context(true);
    let body = json!({ "store": { "kind": "ClusterSecretStore", "name": "vault" }, "keys": ["team/db/"] });
    let before = Instant::now();
    assert_eq!(posted(&endpoint(&context), Some("ci"), &body).await, (202, json!({ "matched": 2 })));
    let web = [ObjectKey::new("other", "web"), ObjectKey::new("shop", "web")];
    assert_eq!(due(&context.schedule).await, web);
    let asked = Ask { asker: Asker::User, since: before };
    assert_eq!(web.map(|key| context.asked.get(&key)), [Some(asked); 2]);
    let text = context.metrics.text();
    assert!(text.contains(r#"strongroom_refresh_requests_total{outcome="accepted"} 1"#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_and_labels_narrow_it_and_other_namespaces_stay_out_of_it() {
    let context = context(true);
    let endpoint = endpoint(&context);
    let selector = json!({ "matchLabels": { "app": "web" } });
    let body = json!({ "namespaces": ["shop"], "selector": selector });
    assert_eq!(posted(&endpoint, Some("ci"), &body).await, (202, json!({ "matched": 1 })));
    assert_eq!(due(&context.schedule).await, [ObjectKey::new("shop", "web")]);
    // A caller of another namespace gets the same answer whether or not anything is there.
    let [real, made_up] = ["shop", "nowhere"].map(|name| json!({ "namespaces": [name] }));
    for (body, name) in [(real, "shop"), (made_up, "nowhere")] {
        let (status, answer) = posted(&endpoint, Some("other"), &body).await;
        let message = format!(
            "\"other\" may not update externalsecrets.external-secrets.io in the namespace \"{name}\""
        );
        assert_eq!((status, answer), (403, json!({ "error": message })));
    }
    let whole = json!({ "store": { "kind": "ClusterSecretStore", "name": "vault" } });
    assert_eq!(posted(&endpoint, Some("other"), &whole).await.0, 403);
    let own = json!({ "store": { "kind": "ClusterSecretStore", "name": "vault" }, "namespaces": ["other"] });
    assert_eq!(posted(&endpoint, Some("other"), &own).await, (202, json!({ "matched": 1 })));
    assert_eq!(due(&context.schedule).await, [ObjectKey::new("other", "web")]);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_known_is_told_nothing_and_asks_nobody_twice() {
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let context = context_over(&[], move |_, path, body| {
        *count.lock().unwrap() += 1;
        review(path, body)
    });
    context.leads.store(true, Ordering::Relaxed);
    let endpoint = endpoint(&Arc::new(context));
    let body = json!({ "namespaces": ["shop"] });
    for token in [None, Some("")] {
        assert_eq!(posted(&endpoint, token, &body).await.0, 401);
    }
    assert_eq!(*asked.lock().unwrap(), 0, "without a token the API server is not asked");
    assert_eq!(posted(&endpoint, Some("stolen"), &body).await.0, 401);
    assert_eq!(*asked.lock().unwrap(), 1);
    // Who is known, and asks for nothing that can be, costs one question.
    assert_eq!(posted(&endpoint, Some("ci"), &json!({})).await.0, 400);
    assert_eq!(*asked.lock().unwrap(), 2);
    assert_eq!(posted(&endpoint, Some("ci"), &json!("x".repeat(BODY_CAP))).await.0, 400);
    let statuses: Vec<_> = {
        let mut statuses = Vec::new();
        for _ in 0..30 {
            statuses.push(posted(&endpoint, Some("ci"), &json!({})).await.0);
        }
        statuses
    };
    assert!(statuses.starts_with(&[400; 10]) && statuses.ends_with(&[429; 10]), "{statuses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_does_not_lead_sends_the_caller_away() {
    let context = context(false);
    let body = json!({ "namespaces": ["shop"] });
    assert_eq!(posted(&endpoint(&context), Some("ci"), &body).await.0, 503);
    assert!(due(&context.schedule).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_never_refreshed_is_not_counted() {
    let context = context(true);
    let mut once = draws("team/db");
    once["refreshPolicy"] = json!("CreatedOnce");
    put(&context, "shop", "once", &once);
    let body = json!({ "namespaces": ["shop"] });
    assert_eq!(posted(&endpoint(&context), Some("ci"), &body).await, (202, json!({ "matched": 2 })));
    assert_eq!(context.asked.get(&ObjectKey::new("shop", "once")), None);
}
