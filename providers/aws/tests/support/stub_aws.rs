//! A stub of AWS: Secrets Manager, Parameter Store and STS behind one address, which check every signature.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use strongroom_provider_conformance::{CANARY, Entry, RequestClass, StubRequest, StubResponse, StubService};

use crate::signature::{is_signed, key_id};

pub(crate) const KEY_ID: &str = "AKIDTEST";
pub(crate) const SESSION_KEY_ID: &str = "ASIATEST";

/// The secret of the keys [`KEY_ID`].
pub(crate) fn secret_key() -> String {
    format!("{CANARY}/long+lived")
}

/// The secret of the keys [`SESSION_KEY_ID`], which STS gives out.
fn session_secret() -> String {
    format!("{CANARY}/session")
}

/// What one entry holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) versions: Vec<Vec<u8>>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) deleted: bool,
    pub(crate) is_text: bool,
}

/// State of the stub, shared with the test.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) entries: BTreeMap<String, Kept>,
    /// Somebody else writes before the next write.
    pub(crate) faster: bool,
    /// The next calls of this action are refused.
    pub(crate) denied: Option<&'static str>,
    /// Forms that STS got, and targets with bodies of the others.
    pub(crate) asked: Vec<String>,
}

pub(crate) type Shared = Arc<Mutex<Held>>;

pub(crate) struct StubAws(pub(crate) Shared);

pub(crate) fn held(entries: &[Entry]) -> Shared {
    let mut held = Held::default();
    for entry in entries {
        let kept = held.entries.entry(entry.key.clone()).or_default();
        kept.is_text = std::str::from_utf8(&entry.value).is_ok();
        kept.versions.push(entry.value.clone());
        kept.tags.extend(entry.tags.clone());
    }
    Arc::new(Mutex::new(held))
}

/// The id of the version `number`, counted from 1.
pub(crate) fn version_id(number: usize) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:eu-central-1:1:secret:{name}")
}

fn action(request: &StubRequest) -> String {
    let target = request.headers.get("x-amz-target").map(|target| target.to_str().unwrap().to_owned());
    target.unwrap_or_default()
}

impl StubService for StubAws {
    fn class(&self, request: &StubRequest) -> RequestClass {
        match action(request).rsplit('.').next().unwrap() {
            "" => RequestClass::Login,
            "GetSecretValue" | "BatchGetSecretValue" | "GetParameter" | "GetParameters" => RequestClass::Read,
            "ListSecrets" | "DescribeParameters" | "GetParametersByPath" => RequestClass::List,
            "CreateSecret" | "PutSecretValue" | "DeleteSecret" | "PutParameter" | "DeleteParameter" => {
                RequestClass::Write
            }
            _ => RequestClass::Other,
        }
    }

    fn respond(&self, request: &StubRequest) -> StubResponse {
        let mut held = self.0.lock().unwrap();
        let target = action(request);
        let text = String::from_utf8(request.body.to_vec()).unwrap();
        held.asked.push(format!("{target} {text}"));
        let form: BTreeMap<_, _> = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        if form.get("Action").is_some_and(|action| action == "AssumeRoleWithWebIdentity") {
            assert!(!request.headers.contains_key("authorization"), "there is nothing to sign with yet");
            return StubResponse { status: 200, body: credentials().into_bytes() };
        }
        let signed = match key_id(request).as_deref() {
            Some(KEY_ID) => is_signed(request, &secret_key()),
            Some(SESSION_KEY_ID) => {
                request.headers["x-amz-security-token"] == format!("{CANARY}/token")
                    && is_signed(request, &session_secret())
            }
            _ => false,
        };
        if !signed {
            return refused("InvalidSignatureException");
        }
        if target.is_empty() {
            return StubResponse { status: 200, body: credentials().into_bytes() };
        }
        let (service, action) = target.split_once('.').unwrap();
        if held.denied == Some(action) {
            return refused("AccessDeniedException");
        }
        let body: Value = serde_json::from_str(&text).unwrap();
        if held.faster && self.class(request) == RequestClass::Write {
            held.faster = false;
            let name = ["Name", "SecretId"].iter().find_map(|field| body[field].as_str()).unwrap();
            let name = name.rsplit(':').next().unwrap().to_owned();
            let kept = held.entries.entry(name).or_default();
            kept.versions.push(br#"{"theirs":"1"}"#.to_vec());
            kept.is_text = true;
        }
        let answer = match service {
            "secretsmanager" => secrets(&mut held.entries, action, &body),
            "AmazonSSM" => parameters(&mut held.entries, action, &body),
            other => panic!("nobody called {other}"),
        };
        match answer {
            Ok(answer) => StubResponse { status: 200, body: answer.to_string().into_bytes() },
            Err(code) => refused(code),
        }
    }
}

fn credentials() -> String {
    let (secret, token) = (session_secret(), format!("{CANARY}/token"));
    format!(
        "<R><Result><Credentials><AccessKeyId>{SESSION_KEY_ID}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></Result></R>"
    )
}

fn refused(code: &str) -> StubResponse {
    let (code, message) = match code {
        "deleted" => ("InvalidRequestException", "it was marked for deletion".to_owned()),
        code => (code, CANARY.to_owned()),
    };
    let body = json!({ "__type": code, "Message": message });
    StubResponse { status: 400, body: body.to_string().into_bytes() }
}

type Answered = Result<Value, &'static str>;

fn tags(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(name, value)| json!({ "Key": name, "Value": value })).collect()
}

fn untag(tags: &mut BTreeMap<String, String>, keys: &Value) {
    tags.retain(|name, _| !keys.as_array().unwrap().iter().any(|gone| gone == name));
}

fn tagged(list: &Value) -> BTreeMap<String, String> {
    let tag =
        |tag: &Value| (tag["Key"].as_str().unwrap().to_owned(), tag["Value"].as_str().unwrap().to_owned());
    list.as_array().unwrap().iter().map(tag).collect()
}

/// Two entries a page; the token is where the next page begins.
fn page(found: &[Value], body: &Value, field: &str) -> Value {
    let start: usize = body["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
    let items: Vec<_> = found.iter().skip(start).take(2).cloned().collect();
    let end = start + items.len();
    let mut page = json!({ field: items });
    if end < found.len() {
        page["NextToken"] = end.to_string().into();
    }
    page
}

fn secrets(all: &mut BTreeMap<String, Kept>, action: &str, body: &Value) -> Answered {
    if action == "BatchGetSecretValue" {
        let ids = body["SecretIdList"].as_array().unwrap();
        assert!((1..=20).contains(&ids.len()), "AWS takes no more than 20");
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for id in ids {
            match secrets(all, "GetSecretValue", &json!({ "SecretId": id })) {
                Ok(value) => values.push(value),
                Err("deleted") => {
                    errors.push(
                        json!({ "SecretId": id, "ErrorCode": "InvalidRequestException", "Message": CANARY }),
                    );
                }
                Err(code) => errors.push(json!({ "SecretId": id, "ErrorCode": code, "Message": CANARY })),
            }
        }
        return Ok(json!({ "SecretValues": values, "Errors": errors }));
    }
    let name = ["SecretId", "Name"].iter().find_map(|field| body[field].as_str()).unwrap_or_default();
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&byte)) {
        return Err("ValidationException");
    }
    let name = name.strip_prefix(&arn("")).unwrap_or(name).to_owned();
    let value = || {
        let binary = body["SecretBinary"].as_str().map(|text| STANDARD.decode(text).unwrap());
        binary.unwrap_or_else(|| body["SecretString"].as_str().unwrap().as_bytes().to_vec())
    };
    match action {
        "ListSecrets" => {
            let alive = all.iter().filter(|(_, kept)| !kept.deleted);
            let secret = |(name, kept): (&String, &Kept)| json!({ "Name": name, "ARN": arn(name), "Tags": tags(&kept.tags) });
            return Ok(page(&alive.map(secret).collect::<Vec<_>>(), body, "SecretList"));
        }
        "CreateSecret" => {
            if all.contains_key(&name) {
                return Err("ResourceExistsException");
            }
            let is_text = body["SecretString"].is_string();
            let kept = Kept { versions: vec![value()], tags: tagged(&body["Tags"]), is_text, deleted: false };
            all.insert(name.clone(), kept);
            return Ok(json!({ "ARN": arn(&name) }));
        }
        _ => {}
    }
    let kept = all.get_mut(&name).ok_or("ResourceNotFoundException")?;
    if kept.deleted && !["DescribeSecret", "RestoreSecret", "DeleteSecret"].contains(&action) {
        return Err("deleted");
    }
    match action {
        "GetSecretValue" => {
            let number = match body["VersionId"].as_str() {
                Some(id) => id.rsplit('-').next().unwrap().parse().unwrap(),
                None if body["VersionStage"] == "AWSPREVIOUS" => kept.versions.len() - 1,
                None if body["VersionStage"].as_str().is_none_or(|stage| stage == "AWSCURRENT") => {
                    kept.versions.len()
                }
                None => return Err("ResourceNotFoundException"),
            };
            let value = kept.versions.get(number - 1).ok_or("ResourceNotFoundException")?;
            let mut answer = json!({ "ARN": arn(&name), "Name": name, "VersionId": version_id(number) });
            if kept.is_text {
                answer["SecretString"] = String::from_utf8(value.clone()).unwrap().into();
            } else {
                answer["SecretBinary"] = STANDARD.encode(value).into();
            }
            return Ok(answer);
        }
        "DescribeSecret" => {
            let stages: serde_json::Map<_, _> =
                (1..=kept.versions.len()).map(|number| (version_id(number), json!(["AWSCURRENT"]))).collect();
            let mut answer = json!({ "ARN": arn(&name), "Name": name, "Tags": tags(&kept.tags) });
            answer["VersionIdsToStages"] = stages.into();
            if kept.deleted {
                answer["DeletedDate"] = json!(1.5);
            }
            return Ok(answer);
        }
        "PutSecretValue" => {
            assert!(body["ClientRequestToken"].as_str().unwrap().len() >= 32);
            kept.is_text = body["SecretString"].is_string();
            kept.versions.push(value());
        }
        "RestoreSecret" => kept.deleted = false,
        "TagResource" => kept.tags.extend(tagged(&body["Tags"])),
        "UntagResource" => untag(&mut kept.tags, &body["TagKeys"]),
        "DeleteSecret" if body["ForceDeleteWithoutRecovery"] == true => _ = all.remove(&name),
        "DeleteSecret" => kept.deleted = true,
        other => panic!("nobody called {other}"),
    }
    Ok(json!({ "Name": name }))
}

fn parameters(all: &mut BTreeMap<String, Kept>, action: &str, body: &Value) -> Answered {
    if action == "GetParameters" {
        let names = body["Names"].as_array().unwrap();
        assert!((1..=10).contains(&names.len()), "AWS takes no more than 10");
        let (mut found, mut invalid) = (Vec::new(), Vec::new());
        for name in names {
            match parameters(all, "GetParameter", &json!({ "Name": name, "WithDecryption": true })) {
                Ok(mut value) => {
                    let mut parameter = value["Parameter"].take();
                    if let Some((_, version)) = name.as_str().unwrap().split_once(':') {
                        parameter["Selector"] = format!(":{version}").into();
                    }
                    found.push(parameter);
                }
                Err(_) => invalid.push(name),
            }
        }
        return Ok(json!({ "Parameters": found, "InvalidParameters": invalid }));
    }
    let name = ["Name", "ResourceId"].iter().find_map(|field| body[field].as_str()).unwrap_or_default();
    let (name, version) = name.split_once(':').map_or((name, None), |(name, version)| (name, Some(version)));
    let name = name.to_owned();
    match action {
        "GetParametersByPath" => {
            let path = body["Path"].as_str().unwrap();
            let within = all.keys().filter(|name| path == "/" || name.starts_with(&format!("{path}/")));
            let found: Vec<_> = within.map(|name| json!({ "Name": name })).collect();
            Ok(page(&found, body, "Parameters"))
        }
        "DescribeParameters" => {
            let filters = body["ParameterFilters"].as_array().unwrap();
            let fits = |(name, kept): &(&String, &Kept)| {
                filters.iter().all(|filter| {
                    let value = filter["Values"][0].as_str().unwrap();
                    match filter["Key"].as_str().unwrap().strip_prefix("tag:") {
                        Some(tag) => kept.tags.get(tag).is_some_and(|found| found == value),
                        None => name.starts_with(value),
                    }
                })
            };
            let found: Vec<_> = all.iter().filter(fits).map(|(name, _)| json!({ "Name": name })).collect();
            Ok(page(&found, body, "Parameters"))
        }
        "PutParameter" => {
            let there = all.contains_key(&name);
            if there && body["Overwrite"] != true {
                return Err("ParameterAlreadyExists");
            }
            if there && !body["Tags"].is_null() {
                return Err("ValidationException");
            }
            let kept = all.entry(name).or_default();
            kept.versions.push(body["Value"].as_str().unwrap().as_bytes().to_vec());
            if !there {
                kept.tags = tagged(&body["Tags"]);
            }
            Ok(json!({ "Version": kept.versions.len() }))
        }
        "DeleteParameter" => all.remove(&name).map(|_| json!({})).ok_or("ParameterNotFound"),
        "GetParameter" => {
            assert_eq!(body["WithDecryption"], true);
            let kept = all.get(&name).ok_or("ParameterNotFound")?;
            let number = version.map_or(kept.versions.len(), |version| version.parse().unwrap());
            let value = kept.versions.get(number - 1).ok_or("ParameterVersionNotFound")?;
            let value = String::from_utf8(value.clone()).unwrap();
            Ok(json!({ "Parameter": { "Name": name, "Value": value, "Version": number, "Type": "String" } }))
        }
        _ => {
            let kept = all.get_mut(&name).ok_or("InvalidResourceId")?;
            match action {
                "ListTagsForResource" => return Ok(json!({ "TagList": tags(&kept.tags) })),
                "AddTagsToResource" => kept.tags.extend(tagged(&body["Tags"])),
                "RemoveTagsFromResource" => untag(&mut kept.tags, &body["TagKeys"]),
                other => panic!("nobody called {other}"),
            }
            Ok(json!({}))
        }
    }
}
