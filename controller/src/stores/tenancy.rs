//! The tenancy matrix: every reference in the settings of every provider that is built in, in both kinds of store, into
//! the own, a foreign and no namespace, against an API server that writes down what it is asked. Tests only.
//!
//! The fields are found in the schemas, so a new one is in the matrix at once. One that is never resolved fails the
//! matrix until it is either used or listed as [`NOT_USED_YET`]; one of a shape of its own fails too, because the
//! resolver could not serve it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use strongroom_provider_api::{CaProvider, ErrorKind, SecretKeySelector, ServiceAccountSelector};
use strongroom_provider_catalog as catalog;

use super::StoreView;
use crate::app::context_over;
use crate::kube_io::Watched;

/// Fields of login methods that are not built in: whoever builds one in takes its fields off.
const NOT_USED_YET: &[&str] = &["webhook.auth.ntlm.usernameSecret", "webhook.auth.ntlm.passwordSecret"];

/// Fields that a ClusterSecretStore must give a namespace, as upstream's: no caller lends its own.
const NEVER_LENT: &[&str] = &["webhook.secrets.secretRef"];

/// What looks like a reference, and is none: it says what may be read.
const NO_REFERENCES: &[&str] = &["crd.whitelist.rules"];

/// The object that the field under test refers to.
const TARGET: &str = "target";

/// How the field names a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Nothing,
    Own,
    Foreign,
}

/// How the API server answers questions about [`TARGET`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Found,
    Absent,
    Forbidden,
}

/// A reference in the settings of a provider.
#[derive(Clone, Debug)]
struct Field {
    provider: &'static str,
    path: Vec<String>,
    shape: Value,
}

/// What came of one attempt to connect.
#[derive(Debug)]
struct Outcome {
    /// Namespaces in which [`TARGET`] was asked for.
    asked: BTreeSet<String>,
    /// The error, if there was one.
    error: Option<(ErrorKind, String)>,
}

impl Field {
    fn name(&self) -> String {
        format!("{}.{}", self.provider, self.path.join("."))
    }

    fn is_ca(&self) -> bool {
        self.shape["properties"].get("type").is_some()
    }

    /// The reference itself.
    fn value(&self, name: &str, namespace: Option<&str>) -> Value {
        reference(&self.shape, name, namespace)
    }
}

fn reference(shape: &Value, name: &str, namespace: Option<&str>) -> Value {
    let mut value = json!({ "name": name });
    let properties = &shape["properties"];
    if properties.get("key").is_some() {
        value["key"] = "k".into();
    }
    if properties.get("type").is_some() {
        value["type"] = "ConfigMap".into();
    }
    if let Some(namespace) = namespace {
        value["namespace"] = namespace.into();
    }
    value
}

fn is_reference(schema: &Value) -> bool {
    let properties = &schema["properties"];
    properties.get("name").is_some() && properties.get("namespace").is_some()
}

/// Every reference in the settings of every provider.
fn fields() -> Vec<Field> {
    let mut fields = Vec::new();
    for descriptor in catalog::stores() {
        walk(descriptor.name, &descriptor.schema(), &mut Vec::new(), &mut fields);
    }
    fields
}

fn walk(provider: &'static str, schema: &Value, path: &mut Vec<String>, fields: &mut Vec<Field>) {
    if is_reference(schema) {
        let field = Field { provider, path: path.clone(), shape: schema.clone() };
        if !NO_REFERENCES.contains(&field.name().as_str()) {
            fields.push(field);
        }
        return;
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        path.push(name.clone());
        walk(provider, property, path, fields);
        path.pop();
    }
    if schema["items"].is_object() {
        walk(provider, &schema["items"], path, fields);
    }
}

/// Settings that hold `field` and what else is required; with `company` its optional neighbours, too.
fn settings(field: &Field, value: &Value, company: bool, elsewhere: Option<&str>) -> Value {
    let descriptor = catalog::find(field.provider).unwrap();
    let mut settings = filled(&descriptor.schema(), &field.path, value, company, elsewhere);
    if ["kubernetes.server.caProvider", "crd.server.caProvider"].contains(&field.name().as_str()) {
        // Without a login nobody comes to the certificate authority.
        let mut token = json!({ "name": "other", "key": "k" });
        if let Some(namespace) = elsewhere {
            token["namespace"] = namespace.into();
        }
        settings["auth"] = json!({ "token": { "bearerToken": token } });
    }
    settings
}

fn filled(schema: &Value, path: &[String], value: &Value, company: bool, elsewhere: Option<&str>) -> Value {
    let Some((first, rest)) = path.split_first() else { return value.clone() };
    if schema["items"].is_object() {
        return json!([filled(&schema["items"], path, value, company, elsewhere)]);
    }
    let mut object = sample("", schema, elsewhere);
    let properties = schema["properties"].as_object().unwrap();
    if company && rest.is_empty() {
        for (name, property) in properties.iter().filter(|(_, property)| is_reference(property)) {
            object[name] = reference(property, "other", elsewhere);
        }
    }
    object[first] = filled(&properties[first], rest, value, company, elsewhere);
    object
}

/// The smallest value for `name` that the schema lets through.
fn sample(name: &str, schema: &Value, elsewhere: Option<&str>) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|words| words.first()) {
        return first.clone();
    }
    if is_reference(schema) {
        return reference(schema, "other", elsewhere);
    }
    match schema["type"].as_str() {
        // Nobody answers there: connecting ends when everything is resolved.
        Some("string") if name == "server" || name.to_lowercase().contains("url") => {
            "http://127.0.0.1:1".into()
        }
        Some("string") => "x".into(),
        Some("integer" | "number") => 1.into(),
        Some("boolean") => true.into(),
        Some("array") => json!([]),
        _ => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let members =
                required.map(|name| (name.to_owned(), sample(name, &schema["properties"][name], elsewhere)));
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}

/// Connects a store whose settings refer to [`TARGET`] through `field`, on behalf of `caller`.
async fn connect(
    field: &Field,
    cluster: bool,
    named: Option<&str>,
    caller: Option<&str>,
    answer: Answer,
) -> Outcome {
    let mut outcome = None;
    for company in [false, true] {
        let elsewhere = cluster.then_some("elsewhere");
        let settings = settings(field, &field.value(TARGET, named), company, elsewhere);
        let tried = connect_with(field.provider, &settings, cluster, caller, answer).await;
        // The arrangement in which the provider comes to the field tells: it asks, or says what it does not like.
        let tells_nothing = |before: &Outcome| before.asked.is_empty() && before.error.is_none();
        if !tried.asked.is_empty() || outcome.as_ref().is_none_or(tells_nothing) {
            outcome = Some(tried);
        }
    }
    outcome.unwrap()
}

async fn connect_with(
    provider: &str,
    settings: &Value,
    cluster: bool,
    caller: Option<&str>,
    answer: Answer,
) -> Outcome {
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let log = Arc::clone(&asked);
    // Nobody answers there, either.
    let elsewhere = [
        "--aws-sts-endpoint=http://127.0.0.1:1",
        "--google-sts-endpoint=http://127.0.0.1:1",
        "--gce-metadata-host=127.0.0.1:1",
    ];
    let context = context_over(&elsewhere, move |_, path, _| {
        let parts: Vec<_> = path.split('/').collect();
        let ["", "api", "v1", "namespaces", namespace, kind, name, rest @ ..] = parts.as_slice() else {
            panic!("{path} is no way to an object in a namespace")
        };
        let kind = rest.first().unwrap_or(kind);
        if *name == TARGET {
            log.lock().unwrap().insert((*namespace).to_owned());
        }
        if *name == TARGET && answer != Answer::Found {
            let (code, reason) =
                if answer == Answer::Absent { (404, "NotFound") } else { (403, "Forbidden") };
            let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "reason": reason, "message": "", "code": code });
            return (code, status);
        }
        (200, object(kind, namespace, name))
    });
    let store = store(provider, settings, cluster);
    let error = context.pool.handle(&store, caller).await.err();
    let asked = asked.lock().unwrap().clone();
    Outcome { asked, error: error.map(|error| (error.kind(), error.to_string())) }
}

fn object(kind: &str, namespace: &str, name: &str) -> Value {
    let metadata = json!({ "name": name, "namespace": namespace, "resourceVersion": "1" });
    match kind {
        "secrets" => {
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": { "k": "eA==" } })
        }
        "configmaps" => {
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "k": "x" } })
        }
        "serviceaccounts" => {
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata })
        }
        "token" => json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "metadata": metadata, "spec": { "audiences": [] },
            "status": { "token": "x", "expirationTimestamp": "2030-01-01T00:00:00Z" } }),
        other => panic!("{other} is nothing that a store may refer to"),
    }
}

fn store(provider: &str, settings: &Value, cluster: bool) -> StoreView {
    let kind = if cluster { "ClusterSecretStore" } else { "SecretStore" };
    let mut store = json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": kind,
        "metadata": { "name": "store", "uid": "1", "generation": 1 },
        "spec": { "provider": { provider: settings } },
    });
    if cluster {
        return StoreView::cluster(Watched(Ok(serde_json::from_value(store).unwrap())));
    }
    store["metadata"]["namespace"] = "own".into();
    StoreView::namespaced(Watched(Ok(serde_json::from_value(store).unwrap())))
}

fn places(places: &[&str]) -> BTreeSet<String> {
    places.iter().map(|place| (*place).to_owned()).collect()
}

/// The fields that are resolved at all, in the plainest case.
async fn used_fields() -> Vec<Field> {
    let (mut used, mut unused) = (Vec::new(), Vec::new());
    for field in fields() {
        let outcome = connect(&field, false, None, None, Answer::Found).await;
        if outcome.asked.is_empty() { unused.push(field.name()) } else { used.push(field) }
    }
    assert_eq!(unused, NOT_USED_YET, "a field that nobody resolves, or a listed one that somebody does");
    used
}

#[test]
fn every_reference_has_a_shape_that_the_resolver_serves() {
    let shapes = [
        json!(schemars::schema_for!(SecretKeySelector)),
        json!(schemars::schema_for!(ServiceAccountSelector)),
        json!(schemars::schema_for!(CaProvider)),
    ];
    let names = |shape: &Value| -> BTreeSet<String> {
        shape["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let shapes: Vec<_> = shapes.iter().map(names).collect();
    let fields = fields();
    assert!(fields.len() > 10, "the walk finds only {fields:?}");
    for field in fields {
        assert!(shapes.contains(&names(&field.shape)), "{} has a shape of its own", field.name());
    }
}

#[tokio::test]
async fn a_secret_store_reaches_its_own_namespace_whatever_it_names() {
    for field in used_fields().await {
        for (named, caller) in [
            (Named::Nothing, None),
            (Named::Own, None),
            (Named::Foreign, None),
            (Named::Nothing, Some("own")),
            (Named::Foreign, Some("own")),
        ] {
            let namespace = match named {
                Named::Nothing => None,
                Named::Own => Some("own"),
                Named::Foreign => Some("foreign"),
            };
            let outcome = connect(&field, false, namespace, caller, Answer::Found).await;
            assert_eq!(outcome.asked, places(&["own"]), "{} {named:?} {caller:?}", field.name());
        }
    }
}

#[tokio::test]
async fn a_cluster_store_reaches_what_it_names_or_the_callers_namespace_and_else_nothing() {
    for field in used_fields().await {
        let name = field.name();
        for caller in [None, Some("caller")] {
            let named = connect(&field, true, Some("named"), caller, Answer::Found).await;
            assert_eq!(named.asked, places(&["named"]), "{name} {caller:?}");
        }
        let unnamed = connect(&field, true, None, None, Answer::Found).await;
        assert!(unnamed.asked.is_empty(), "{name}: {unnamed:?}");
        assert_eq!(unnamed.error.map(|(kind, _)| kind), Some(ErrorKind::InvalidConfig), "{name}");
        let lent = connect(&field, true, None, Some("caller"), Answer::Found).await;
        // A certificate authority decides whom to trust: no caller may choose it.
        let lends = !field.is_ca() && !NEVER_LENT.contains(&name.as_str());
        let expected = if lends { places(&["caller"]) } else { places(&[]) };
        assert_eq!(lent.asked, expected, "{name}: {lent:?}");
    }
}

#[tokio::test]
async fn absent_and_forbidden_look_alike_and_a_foreign_name_tells_nothing() {
    for field in used_fields().await {
        let name = field.name();
        for (cluster, named, caller) in [
            (false, None, None),
            (false, Some("foreign"), None),
            (true, Some("named"), None),
            (true, None, Some("caller")),
        ] {
            let absent = connect(&field, cluster, named, caller, Answer::Absent).await;
            let forbidden = connect(&field, cluster, named, caller, Answer::Forbidden).await;
            assert!(absent.error.is_some(), "{name} {cluster} {named:?}");
            assert_eq!(absent.error, forbidden.error, "{name} {cluster} {named:?}");
        }
        let own = connect(&field, false, None, None, Answer::Absent).await;
        let foreign = connect(&field, false, Some("foreign"), None, Answer::Absent).await;
        assert_eq!(own.error, foreign.error, "{name}");
    }
}
