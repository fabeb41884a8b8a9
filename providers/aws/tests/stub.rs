//! What is asked of AWS, word by word, and what its answers become.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail this way")]

#[path = "support/elsewhere.rs"]
mod elsewhere;
#[path = "support/signature.rs"]
mod signature;
#[path = "support/stub_aws.rs"]
mod stub_aws;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt as _;
use serde_json::{Value, json};
use strongroom_provider_api::{
    Aspect, Content, Deleted, ErrorKind, Lent, OwnIdentity, Payload, RemoteKey, Result, Scope, StoreClient,
    StoreKind, Toolbox, WriteRequest, Written,
};
use strongroom_provider_conformance::{CANARY, Entry, Fault, RequestClass, StubResolver, StubServer};
use stub_aws::{KEY_ID, Shared, StubAws, held, secret_key};

struct Bench {
    stub: StubServer,
    held: Shared,
    resolver: Arc<StubResolver>,
    client: Arc<dyn StoreClient>,
}

fn entry(key: &str, value: &str) -> Entry {
    Entry::new(key, value.as_bytes().to_vec())
}

fn keys() -> Value {
    let selector = |key: &str| json!({ "name": "keys", "key": key });
    json!({ "secretRef": { "accessKeyIDSecretRef": selector("id"), "secretAccessKeySecretRef": selector("secret") } })
}

fn account() -> Value {
    json!({ "jwt": { "serviceAccountRef": { "name": "app", "audiences": ["more"] } } })
}

fn resolver() -> StubResolver {
    StubResolver::new(StoreKind::Namespaced)
        .with_secret("keys", "id", KEY_ID)
        .with_secret("keys", "secret", &secret_key())
        .with_service_account_token(CANARY)
}

async fn attempt(service: &str, entries: &[Entry], extra: &Value, resolver: StubResolver) -> Result<Bench> {
    let held = held(entries);
    let stub = StubServer::start(StubAws(Arc::clone(&held))).await;
    let mut config =
        json!({ "endpoint": stub.url(), "service": service, "region": "eu-central-1", "auth": keys() });
    for (name, value) in extra.as_object().unwrap() {
        config[name] = value.clone();
    }
    let resolver = Arc::new(resolver);
    let toolbox = elsewhere::toolbox(&stub.url());
    let client = elsewhere::DESCRIPTOR.connect(config, Arc::clone(&resolver) as _, toolbox).await?;
    Ok(Bench { stub, held, resolver, client })
}

async fn bench(service: &str, entries: &[Entry], extra: &Value) -> Bench {
    attempt(service, entries, extra, resolver()).await.unwrap()
}

impl Bench {
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.held.lock().unwrap().asked)
    }

    async fn read(&self, key: RemoteKey) -> Result<String, ErrorKind> {
        self.client.read(&key).await.map(|payload| text(&payload)).map_err(|error| error.kind())
    }

    async fn names(&self, path: Option<&str>, tags: &[(&str, &str)]) -> Vec<String> {
        let tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let scope = Scope { path: path.map(ToOwned::to_owned), tags };
        self.client.list(&scope).map_ok(|listed| listed.name).try_collect().await.unwrap()
    }
}

fn text(payload: &Payload) -> String {
    let Content::Bytes(bytes) = &payload.content else { panic!("fields") };
    bytes.expose_str().unwrap().to_owned()
}

fn form(asked: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(asked.trim().as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn a_service_account_takes_on_the_role_of_its_annotation() {
    let role = "arn:aws:iam::1:role/app";
    let annotated = resolver().with_service_account_annotation("eks.amazonaws.com/role-arn", role);
    let entries = [entry("a", "x")];
    let bench = attempt("SecretsManager", &entries, &json!({ "auth": account() }), annotated).await.unwrap();
    assert_eq!(bench.resolver.asked(), ["account app", "token app [more,sts.amazonaws.com]"]);
    let login = form(&bench.asked()[0]);
    let said = |name: &str| login[name].as_str();
    assert_eq!(said("Action"), "AssumeRoleWithWebIdentity");
    assert_eq!((said("RoleArn"), said("WebIdentityToken")), (role, CANARY));
    assert_eq!(said("RoleSessionName"), "external-secrets-provider-aws");
    assert_eq!(bench.read(RemoteKey::latest("a")).await.unwrap(), "x");

    let audience = resolver()
        .with_service_account_annotation("eks.amazonaws.com/role-arn", role)
        .with_service_account_annotation("eks.amazonaws.com/audience", "own");
    let bench = attempt("SecretsManager", &[], &json!({ "auth": account() }), audience).await.unwrap();
    assert_eq!(bench.resolver.asked()[1], "token app [more,own]");

    let plain = attempt("SecretsManager", &[], &json!({ "auth": account() }), resolver()).await;
    let error = plain.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.message().contains("an IAM role must be associated with service account"), "{error}");
}

#[tokio::test]
async fn roles_are_assumed_in_order_and_only_the_last_gets_external_id_and_tags() {
    let extra = json!({
        "additionalRoles": ["arn:1", "arn:2"],
        "role": "arn:last",
        "externalID": "ext",
        "sessionTags": [{ "key": "team", "value": "a" }],
        "transitiveTagKeys": ["team"],
    });
    let bench = bench("SecretsManager", &[], &extra).await;
    let logins: Vec<_> = bench.asked().iter().map(|asked| form(asked)).collect();
    let roles: Vec<_> = logins.iter().map(|login| login["RoleArn"].as_str()).collect();
    assert_eq!(roles, ["arn:1", "arn:2", "arn:last"]);
    assert!(logins[..2].iter().all(|login| login.len() == 4), "{logins:?}");
    let last = &logins[2];
    assert_eq!((last["ExternalId"].as_str(), last["Tags.member.1.Key"].as_str()), ("ext", "team"));
    assert_eq!(
        (last["Tags.member.1.Value"].as_str(), last["TransitiveTagKeys.member.1"].as_str()),
        ("a", "team")
    );
}

#[tokio::test]
async fn fixed_keys_make_no_login_and_are_not_tried_twice() {
    let bench = bench("SecretsManager", &[entry("a", "x")], &json!({})).await;
    assert_eq!(bench.stub.count(RequestClass::Login), 0);
    // The secret key first: of two errors users see the same as upstream's.
    assert_eq!(bench.resolver.asked(), ["secret keys/secret", "secret keys/id"]);
    bench.stub.fail(RequestClass::Read, Fault::Status(401), usize::MAX);
    assert_eq!(bench.read(RemoteKey::latest("a")).await, Err(ErrorKind::Unauthenticated));
    assert_eq!(bench.stub.count(RequestClass::Read), 1);
    let wrong = resolver().with_secret("keys", "secret", "canary\n wrong");
    let error = attempt("SecretsManager", &[], &json!({}), wrong).await.err().unwrap();
    assert!(
        error.message().contains("secretAccessKeySecretRef") && !error.message().contains("canary"),
        "{error}"
    );
}

#[tokio::test]
async fn row_26_versions_are_ids_or_stages() {
    let bench = bench("SecretsManager", &[entry("a", "1"), entry("a", "2")], &json!({})).await;
    let at = |version: &str| RemoteKey::latest("a").at_version(version);
    assert_eq!(bench.read(at("uuid/00000000-0000-0000-0000-000000000001")).await.unwrap(), "1");
    assert_eq!(bench.read(at("AWSPREVIOUS")).await.unwrap(), "1");
    assert_eq!(bench.read(at("")).await.unwrap(), "2");
    assert_eq!(bench.read(at("1234")).await, Err(ErrorKind::NotFound));
    let asked = bench.asked();
    assert!(asked[0].contains(r#""VersionId":"00000000-0000-0000-0000-000000000001""#), "{}", asked[0]);
    assert!(asked[3].contains(r#""VersionStage":"1234""#), "{}", asked[3]);
}

#[tokio::test]
async fn a_prefix_stands_before_keys_but_not_twice_before_what_was_found() {
    for service in ["SecretsManager", "ParameterStore"] {
        let bench = bench(service, &[entry("app/a", "x")], &json!({ "prefix": "app/" })).await;
        assert_eq!(bench.read(RemoteKey::latest("a")).await.unwrap(), "x");
        assert_eq!(bench.read(RemoteKey::latest("app/a")).await, Err(ErrorKind::NotFound));
        let scope = Scope::default();
        let found: Vec<_> = bench.client.list(&scope).try_collect().await.unwrap();
        assert_eq!((found[0].name.as_str(), found[0].key.key.as_str()), ("app/a", "a"));
    }
    // What does not begin with the prefix is named by its ARN.
    let bench = bench("SecretsManager", &[entry("other", "y")], &json!({ "prefix": "app/" })).await;
    let scope = Scope::default();
    let found: Vec<_> = bench.client.list(&scope).try_collect().await.unwrap();
    assert_eq!(bench.read(found[0].key.clone()).await.unwrap(), "y");
}

#[tokio::test]
async fn metadata_is_the_tags_and_a_secret_marked_for_deletion_has_none() {
    let tagged = Entry {
        tags: BTreeMap::from([("b".into(), "2".into()), ("a".into(), "1".into())]),
        ..entry("k", "x")
    };
    let key = RemoteKey { aspect: Aspect::Metadata, ..RemoteKey::latest("k") };
    for service in ["SecretsManager", "ParameterStore"] {
        let bench = bench(service, std::slice::from_ref(&tagged), &json!({})).await;
        assert_eq!(bench.read(key.clone()).await.unwrap(), r#"{"a":"1","b":"2"}"#);
        if service == "SecretsManager" {
            bench.held.lock().unwrap().entries.get_mut("k").unwrap().deleted = true;
            assert_eq!(bench.read(key.clone()).await, Err(ErrorKind::NotFound));
        }
    }
}

#[tokio::test]
async fn parameters_are_searched_by_description_where_reading_by_path_is_denied() {
    let bench =
        bench("ParameterStore", &[entry("/a/b", "1"), entry("/a/c", "2"), entry("/d", "3")], &json!({}))
            .await;
    assert_eq!(bench.names(Some("/a"), &[]).await, ["/a/b", "/a/c"]);
    bench.held.lock().unwrap().denied = Some("GetParametersByPath");
    assert_eq!(bench.names(Some("/a"), &[]).await, ["/a/b", "/a/c"]);
    bench.held.lock().unwrap().denied = Some("DescribeParameters");
    assert_eq!(bench.names(None, &[]).await, ["/a/b", "/a/c", "/d"]);
}

#[tokio::test]
async fn all_tags_must_match_whatever_the_service_lets_through() {
    let tagged = |key: &str, tags: [(&str, &str); 2]| Entry {
        tags: tags.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..entry(key, "x")
    };
    // The service's filters would let `crossed` through: its tags have the key of one and the value of the other.
    let entries = [tagged("right", [("a", "1"), ("b", "2")]), tagged("crossed", [("a", "2"), ("b", "1")])];
    let bench = bench("SecretsManager", &entries, &json!({})).await;
    assert_eq!(bench.names(None, &[("a", "1"), ("b", "2")]).await, ["right"]);
}

#[tokio::test]
async fn what_the_service_says_about_its_pace_and_its_rights_is_passed_on() {
    let bench = bench("SecretsManager", &[entry("a", "x")], &json!({})).await;
    bench.held.lock().unwrap().denied = Some("GetSecretValue");
    let error = bench.client.read(&RemoteKey::latest("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(
        error.to_string(),
        r#"cannot read "a": Secrets Manager answered GetSecretValue with AccessDeniedException"#
    );
}

fn metadata(spec: &Value) -> Value {
    let version = "kubernetes.external-secrets.io/v1alpha1";
    json!({ "apiVersion": version, "kind": "PushSecretMetadata", "spec": spec })
}

#[tokio::test]
async fn a_pushed_secret_is_marked_and_described_and_its_form_is_chosen() {
    let bench = bench("SecretsManager", &[], &json!({ "prefix": "p/" })).await;
    let key = RemoteKey::latest("a");
    let spec = json!({ "secretPushFormat": "string", "tags": { "team": "x" }, "kmsKeyId": "k" });
    let mut request = WriteRequest::property("user", "root");
    request.metadata = Some(metadata(&spec));
    assert_eq!(bench.client.write(&key, &request).await.unwrap(), Written::Created);
    let asked = bench.asked();
    let created: Value = serde_json::from_str(asked[1].split_once(' ').unwrap().1).unwrap();
    assert_eq!(
        created,
        json!({
            "Name": "p/a",
            "ClientRequestToken": "00000000-0000-0000-0000-000000000001",
            "Tags": [
                { "Key": "managed-by", "Value": "external-secrets" },
                { "Key": "team", "Value": "x" },
            ],
            "Description": "secret 'managed-by:external-secrets'",
            "KmsKeyId": "k",
            "SecretString": r#"{"user":"root"}"#,
        })
    );
    // Another tag is put in place of the old one, without a new version of the value.
    request.metadata = Some(metadata(&json!({ "tags": { "team": "y" } })));
    assert_eq!(bench.client.write(&key, &request).await.unwrap(), Written::Updated);
    assert_eq!(bench.held.lock().unwrap().entries["p/a"].versions.len(), 1);
    assert_eq!(bench.held.lock().unwrap().entries["p/a"].tags["team"], "y");
    assert_eq!(bench.client.write(&key, &request).await.unwrap(), Written::Unchanged);
}

#[tokio::test]
async fn a_secret_that_can_still_be_restored_is_restored_when_it_is_pushed_again() {
    let bench =
        bench("SecretsManager", &[], &json!({ "secretsManager": { "recoveryWindowInDays": 7 } })).await;
    let (key, first) = (RemoteKey::latest("a"), WriteRequest::property("a", "1"));
    assert_eq!(bench.client.write(&key, &first).await.unwrap(), Written::Created);
    assert_eq!(bench.client.delete(&key, None).await.unwrap(), Deleted::Removed);
    assert!(bench.asked().last().unwrap().contains(r#""RecoveryWindowInDays":7"#));
    assert_eq!(bench.client.delete(&key, None).await.unwrap(), Deleted::Absent);
    assert!(!bench.client.exists(&key, None).await.unwrap());
    // What it held before it was deleted does not come back.
    let second = WriteRequest::property("b", "2");
    assert_eq!(bench.client.write(&key, &second).await.unwrap(), Written::Created);
    assert_eq!(bench.read(key).await.unwrap(), r#"{"b":"2"}"#);
}

#[tokio::test]
async fn a_pushed_parameter_is_marked_and_all_keys_stay_base64_unless_told_otherwise() {
    let bench = bench("ParameterStore", &[], &json!({})).await;
    let fields = || Content::Fields(vec![("k".to_owned(), "x".into())]);
    let mut request = WriteRequest::whole(fields());
    let key = RemoteKey::latest("/a");
    request.metadata = Some(metadata(&json!({ "secretType": "SecureString" })));
    assert_eq!(bench.client.write(&key, &request).await.unwrap(), Written::Created);
    let asked = bench.asked();
    let put: Value = serde_json::from_str(asked[1].split_once(' ').unwrap().1).unwrap();
    assert_eq!(put["Tags"], json!([{ "Key": "managed-by", "Value": "external-secrets" }]));
    assert_eq!((&put["Type"], &put["KeyId"]), (&json!("SecureString"), &json!("alias/aws/ssm")));
    assert_eq!(bench.read(key.clone()).await.unwrap(), r#"{"k":"eA=="}"#);
    request.metadata = Some(metadata(&json!({ "encodeAsDecoded": true })));
    assert_eq!(bench.client.write(&key, &request).await.unwrap(), Written::Updated);
    assert_eq!(bench.read(key).await.unwrap(), r#"{"k":"x"}"#);
}

/// Connects a store of `kind` that asks for the controller's own identity.
async fn as_the_controller(kind: StoreKind, own: OwnIdentity) -> (Shared, Result<Arc<dyn StoreClient>>) {
    let held = held(&[entry("a", "x")]);
    let stub = StubServer::start(StubAws(Arc::clone(&held))).await;
    let mut config = json!({ "service": "SecretsManager", "region": "eu-central-1", "endpoint": stub.url() });
    config["auth"] = json!({ "controllerIdentity": {} });
    let toolbox = Toolbox { own_identity: own, ..elsewhere::toolbox(&stub.url()) };
    let client = elsewhere::DESCRIPTOR.connect(config, Arc::new(StubResolver::new(kind)), toolbox).await;
    if let Ok(client) = &client {
        let read = client.read(&RemoteKey::latest("a")).await.unwrap();
        assert_eq!(text(&read), "x");
    }
    (held, client)
}

#[tokio::test]
async fn the_controllers_own_identity_is_used_only_where_it_is_asked_for_and_lent() {
    let keys = || [("AWS_ACCESS_KEY_ID", KEY_ID.into()), ("AWS_SECRET_ACCESS_KEY", secret_key().into())];
    for (lent, kind, works) in [
        (Lent::Nobody, StoreKind::Cluster, false),
        (Lent::ClusterStores, StoreKind::Namespaced, false),
        (Lent::ClusterStores, StoreKind::Cluster, true),
        (Lent::All, StoreKind::Namespaced, true),
    ] {
        let (held, client) = as_the_controller(kind, OwnIdentity::of(lent, keys())).await;
        assert_eq!(client.is_ok(), works, "{lent:?} {kind:?}");
        assert_eq!(held.lock().unwrap().asked.is_empty(), !works, "{lent:?} {kind:?}");
        if let Err(error) = client {
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(error.message().contains("--lend-aws-identity"), "{error}");
        }
    }
    let unasked = attempt("SecretsManager", &[], &json!({ "auth": {} }), resolver()).await.err().unwrap();
    assert!(unasked.message().contains("controllerIdentity"), "{unasked}");
}

#[tokio::test]
async fn the_controllers_own_role_is_taken_on_with_the_token_in_its_file() {
    let file = std::env::temp_dir().join(format!("strongroom-aws-token-{}", std::process::id()));
    std::fs::write(&file, format!("{CANARY}\n")).unwrap();
    let role = "arn:aws:iam::1:role/controller";
    let path = file.to_str().unwrap();
    let own = |file: &str| {
        let values = [("AWS_ROLE_ARN", role.into()), ("AWS_WEB_IDENTITY_TOKEN_FILE", file.into())];
        OwnIdentity::of(Lent::ClusterStores, values)
    };
    let (held, client) = as_the_controller(StoreKind::Cluster, own(path)).await;
    client.unwrap();
    let login = form(&held.lock().unwrap().asked[0]);
    assert_eq!((login["RoleArn"].as_str(), login["WebIdentityToken"].as_str()), (role, CANARY));
    std::fs::remove_file(&file).unwrap();
    let (_, gone) = as_the_controller(StoreKind::Cluster, own(path)).await;
    assert_eq!(gone.err().unwrap().kind(), ErrorKind::Unavailable);
    let (_, nothing) = as_the_controller(StoreKind::Cluster, OwnIdentity::of(Lent::All, [])).await;
    assert_eq!(nothing.err().unwrap().kind(), ErrorKind::InvalidConfig);
}

#[tokio::test]
async fn forty_five_secrets_are_read_in_three_calls_and_twenty_five_parameters_too() {
    for (service, action, count, most) in
        [("SecretsManager", "BatchGetSecretValue", 45, 20), ("ParameterStore", "GetParameters", 25, 10)]
    {
        let names: Vec<_> = (0..count).map(|number| format!("key-{number}")).collect();
        let entries: Vec<_> = names.iter().map(|name| entry(name, name)).collect();
        let bench = bench(service, &entries, &json!({})).await;
        bench.asked();
        let keys: Vec<_> = names.iter().map(RemoteKey::latest).collect();
        assert_eq!(bench.client.batch_size(&keys[0]), most, "{service}");
        for keys in keys.chunks(most) {
            for (key, outcome) in keys.iter().zip(bench.client.read_many(keys).await.unwrap()) {
                assert_eq!(text(&outcome.unwrap().unwrap()), key.key);
            }
        }
        let asked = bench.asked();
        assert_eq!(asked.len(), 3, "{asked:?}");
        assert!(asked.iter().all(|asked| asked.contains(action)), "{asked:?}");
        // A policy may give the right to read one, and not this one.
        bench.held.lock().unwrap().denied = Some(action);
        let refused = bench.client.read_many(&keys[..2]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        assert_eq!(bench.read(keys[0].clone()).await.unwrap(), "key-0");
    }
}
