//! Templates: what may not be rendered is refused whatever path it came by, and faults show places, not values.

use anyhow::Result;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret},
    story::Story,
};

const CANARY: &str = "canary-4711";

async fn story_with(title: &str) -> Result<Story> {
    let story = Story::begin(title).await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "app", "password": CANARY })).await?;
    Ok(story)
}

fn app(story: &Story, template: &Value) -> ExternalSecret {
    ExternalSecret::from_store("app", "store")
        .extracts(&story.key("app"))
        .target(json!({ "template": template }))
}

#[tokio::test]
async fn a_template_fault_names_key_place_and_near_names_and_no_value() -> Result<()> {
    let story = story_with("template-fault").await?;
    let template = json!({ "data": { "dsn": "first line\n{{ .pasword }}" } });
    story.external_secret(app(&story, &template)).await?;
    let message = story.failed(Kind::ExternalSecret, "app").await?.message;
    assert!(message.starts_with("could not update secret: could not apply template: "), "{message}");
    for part in ["InvalidTemplate", "dsn", "line 2", "pasword", "password"] {
        assert!(message.contains(part), "{part:?} is missing: {message}");
    }
    let event = story.event("app", "UpdateFailed").await?.message;
    assert!(!message.contains(CANARY) && !event.contains(CANARY));
    story.end().await
}

#[tokio::test]
async fn a_token_for_a_service_account_is_refused_whatever_path_it_came_by() -> Result<()> {
    const ACCOUNT: &str = "kubernetes.io/service-account.name";
    let paths = [
        ("metadata", json!({ "metadata": { "annotations": { ACCOUNT: "default" } } })),
        (
            "literal",
            json!({ "templateFrom": [{ "target": "Annotations", "literal": format!("{ACCOUNT}: default") }] }),
        ),
        (
            "config-map",
            json!({ "templateFrom": [{ "target": "annotations", "configMap": {
                "name": "texts", "items": [{ "key": "annotations", "templateAs": "KeysAndValues" }]
            } }] }),
        ),
    ];
    let story = story_with("template-token").await?;
    let mut texts = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "texts" } });
    texts["data"] = json!({ "annotations": format!("{ACCOUNT}: default") });
    story.create(&texts).await?;
    for (name, mut template) in paths {
        template["type"] = json!("kubernetes.io/service-account-token");
        let refused = ExternalSecret::from_store(name, "store")
            .extracts(&story.key("app"))
            .target(json!({ "template": template }));
        story.external_secret(refused).await?;
        let message = story.failed(Kind::ExternalSecret, name).await?.message;
        assert!(message.contains("is not allowed"), "{name}: {message}");
        assert!(story.cluster.find(Kind::Secret, &story.namespace, name).await?.is_none(), "{name}");
    }
    story.end().await
}

#[tokio::test]
async fn an_existing_token_secret_is_not_bent_to_another_account() -> Result<()> {
    let story = story_with("template-token-merge").await?;
    let mut token = manifests::secret("token", "note", "theirs");
    token["type"] = json!("kubernetes.io/service-account-token");
    token["metadata"]["annotations"] = json!({ "kubernetes.io/service-account.name": "default" });
    story.create(&token).await?;
    let target = json!({
        "name": "token",
        "creationPolicy": "Merge",
        "template": { "metadata": { "annotations": { "kubernetes.io/service-account.name": "{{ .user }}" } } },
    });
    let bent = ExternalSecret::from_store("bent", "store").extracts(&story.key("app")).target(target);
    story.external_secret(bent).await?;
    let message = story.failed(Kind::ExternalSecret, "bent").await?.message;
    assert!(message.contains("is not allowed"), "{message}");
    let left = story.get(Kind::Secret, "token").await?;
    assert_eq!(left["metadata"]["annotations"]["kubernetes.io/service-account.name"], "default");
    story.end().await
}

#[tokio::test]
async fn an_edited_source_of_a_template_is_rendered_at_once() -> Result<()> {
    let story = story_with("template-source").await?;
    let mut texts = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "texts" } });
    texts["data"] = json!({ "dsn": "one://{{ .user }}" });
    story.create(&texts).await?;
    let template =
        json!({ "templateFrom": [{ "configMap": { "name": "texts", "items": [{ "key": "dsn" }] } }] });
    story.external_secret(app(&story, &template)).await?;
    story.secret_with("app", &[("dsn", "one://app")]).await?;
    story.patch(Kind::ConfigMap, "texts", &json!({ "data": { "dsn": "two://{{ .user }}" } })).await?;
    story.secret_with("app", &[("dsn", "two://app")]).await?;
    story.end().await
}

#[tokio::test]
async fn handlebars_is_a_second_engine() -> Result<()> {
    let story = story_with("template-handlebars").await?;
    let template = json!({ "engineVersion": "handlebars", "data": { "dsn": "db://{{user}}@host?{{upper user}}", "auth": "{{b64enc (printf \"%s:%s\" user (default \"x\" missing))}}" } });
    story.external_secret(app(&story, &template)).await?;
    story.secret_with("app", &[("dsn", "db://app@host?APP"), ("auth", "YXBwOng=")]).await?;
    story.end().await
}

#[tokio::test]
async fn other_delimiters_come_by_the_command_line() -> Result<()> {
    let story = Story::begin_alone("template-delimiters").await?;
    let flags = ["--template-left-delimiter=<%", "--template-right-delimiter=%>"];
    let _controller = story.controller_with("delimiters", &flags).await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "app", "password": CANARY })).await?;
    let template = json!({ "data": {
        "dsn": "db://<% .user | upper %>@host",
        "chart": "{{ .Values.user }} is <%- .user -%> here",
    } });
    story.external_secret(app(&story, &template)).await?;
    let entries = [("dsn", "db://APP@host"), ("chart", "{{ .Values.user }} isapphere")];
    story.secret_with("app", &entries).await?;
    story.end().await
}
