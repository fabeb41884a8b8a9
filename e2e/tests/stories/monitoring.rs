//! Prometheus scrapes a controller that meets success and trouble: every panel of the dashboards shows something, every alert
//! has its series, and the counts are those of the API.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    collector::Collector,
    controller::Controller,
    manifests::{self, ExternalSecret},
    observed::ready,
    prometheus::Prometheus,
    story::{STORE, Story, TOKEN_SECRET},
    testbed::Testbed,
    wait::soon,
};

use crate::{leased::Leased, stub_vault::StubVault};

/// How far back rates look here, where a scrape is a second.
const RATE_INTERVAL: &str = "20s";
/// How much of the past the pictures show.
const HISTORY: u32 = 60;

/// Series that alerts ask for, and that this story cannot bring about: with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    (r#"strongroom_sync_errors_total{reason="InternalError"}"#, "needs a fault in the controller"),
    (r#"strongroom_store_errors_total{kind="InternalError"}"#, "needs a fault in the controller"),
    (
        r#"strongroom_workload_restarts_total{status="error"}"#,
        "needs a workload that the API server lets us look up and not patch",
    ),
];

#[tokio::test]
async fn every_panel_shows_something_every_alert_has_its_series_and_the_counts_are_the_apis() -> Result<()> {
    let leased = Leased::begin("monitoring", ("1h", "2h"), ("1h", "leases")).await?;
    let story = &leased.story;
    let collector = Collector::start()?;
    let traces = format!("--otlp-endpoint={}", collector.address);
    let arguments = ["--namespace", &story.namespace, "--status-time-interval=1ms", &traces];
    let controller = story.controller_with("only", &arguments).await?;
    let rules = story.testbed.chart.join("files/alerts/strongroom.yaml");
    let prometheus =
        Prometheus::start(&story.testbed, &story.namespace, &[controller.metrics], &rules).await?;
    let down = StubVault::start("one").await?;
    play(&leased, &down).await?;

    let rules = prometheus.alerts().await?;
    ensure!(!rules.is_empty(), "no rules");
    every_alert_has_its_series(&prometheus, &rules).await?;
    let answers = every_panel_shows_something(story, &prometheus).await?;
    let file = story.testbed.logs.join("dashboards.json");
    fs::write(&file, serde_json::to_vec(&answers)?)?;

    counts_are_the_apis(story, &prometheus).await?;
    story.delete(Kind::ExternalSecret, "absent").await?;
    story.gone(Kind::ExternalSecret, "absent").await?;
    soon("the series of what is deleted to end", async || {
        let series =
            prometheus.query(r#"{name="absent", __name__=~"externalsecret_.*|strongroom_.*"}"#).await?;
        ensure!(series.is_empty(), "{series:?}");
        Ok(())
    })
    .await?;
    counts_are_the_apis(story, &prometheus).await?;
    drop(prometheus);
    drop(controller);
    leased.story.end().await
}

#[tokio::test]
async fn without_series_of_objects_the_totals_remain() -> Result<()> {
    let story = Story::begin_alone("totals").await?;
    let arguments = ["--namespace", &story.namespace, "--enable-object-metrics=false"];
    let controller = story.controller_with("only", &arguments).await?;
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    story.external_secret(ExternalSecret::from_store("app", STORE).extracts(&story.key("app"))).await?;
    story.synced("app").await?;
    let text = scrape(&controller).await?;
    assert!(!text.contains(&story.namespace), "a series names an object:\n{text}");
    assert!(text.contains("strongroom_external_secrets{ready=\"True\"} 1\n"), "{text}");
    story.end().await
}

async fn scrape(controller: &Controller) -> Result<String> {
    let url = format!("http://{}/metrics", controller.metrics);
    Ok(strongroom_e2e::vault::http_client().get(url).send().await?.text().await?)
}

/// Objects that are in step, share reads, fail in several ways, are leased, and restart workloads.
async fn play(leased: &Leased, down: &StubVault) -> Result<()> {
    let story = &leased.story;
    story.token_store().await?;
    story.write("app", &json!({ "password": "one" })).await?;
    for number in 0..6 {
        let app = ExternalSecret::from_store(&format!("app-{number}"), STORE).every("2s");
        story.external_secret(app.extracts(&story.key("app"))).await?;
    }
    let absent = ExternalSecret::from_store("absent", STORE).every("5s").extracts(&story.key("absent"));
    story.external_secret(absent).await?;
    leased.external_secret("leased", "1h").await?;

    let login =
        manifests::vault_v2(story.vault.address(), "secret", &manifests::kubernetes_login("vault-client"));
    story.create(&manifests::secret_store("kubernetes", &story.class, &login)).await?;
    let mut refused = login.clone();
    refused["vault"]["auth"]["kubernetes"]["role"] = "no-such-role".into();
    story.create(&manifests::secret_store("refused", &story.class, &refused)).await?;
    let mut everywhere = refused.clone();
    everywhere["vault"]["auth"] = manifests::referring_to(refused["vault"]["auth"].clone(), &story.namespace);
    story.create(&manifests::cluster_secret_store(&story.namespace, &story.class, &everywhere)).await?;

    let stub = manifests::vault_v2(&down.address, "secret", &manifests::token_login(TOKEN_SECRET));
    story.create(&manifests::secret_store("down", &story.class, &stub)).await?;
    story.store_ready(Kind::SecretStore, "down").await?;
    for number in 0..8 {
        let app = ExternalSecret::from_store(&format!("down-{number}"), "down").every("2s");
        story.external_secret(app.takes("v", &format!("app-{number}"), "v")).await?;
    }
    story.synced("down-0").await?;
    down.set_down(true);

    story.create(&manifests::workload("Deployment", "web")).await?;
    let targets = json!([{ "kind": "Deployment", "name": "web" }]);
    let restart = json!({ "restart": { "targets": targets, "debounce": "1s", "minInterval": "2s" } });
    story.create(&manifests::sync_policy("policy", &["app-0"], &restart)).await?;
    crate::restarts::told(story, "policy", "TargetsRestarted", ["True", "UpToDate"]).await?;
    story.write("app", &json!({ "password": "two" })).await?;
    for name in ["app-0", "app-1"] {
        story.secret_with(name, &[("password", "two")]).await?;
    }
    story.synced("leased").await?;
    story.failed(Kind::ExternalSecret, "absent").await?;
    story.failed(Kind::ExternalSecret, "down-1").await?;
    story.failed(Kind::SecretStore, "refused").await?;
    story.failed(Kind::ClusterSecretStore, &story.namespace).await?;
    Ok(())
}

/// What the dashboards in the chart show, with the answer to each query; none is empty.
async fn every_panel_shows_something(story: &Story, prometheus: &Prometheus) -> Result<Vec<Value>> {
    let mut boards = Vec::new();
    for (name, board) in dashboards(&story.testbed)? {
        let panels = board["panels"].as_array().context("no panels")?;
        let mut shown = Vec::new();
        for panel in panels.iter().filter(|panel| panel["type"] != "row") {
            let mut answers = Vec::new();
            for target in panel["targets"].as_array().context("no targets")? {
                let expression = concrete(target["expr"].as_str().unwrap_or_default(), &story.namespace);
                let what = format!("{name}, {}: {expression}", panel["title"]);
                let instant = target["instant"] == true;
                let series = soon(&what, async || {
                    let series = if instant {
                        prometheus.query(&expression).await?
                    } else {
                        prometheus.history(&expression, HISTORY).await?
                    };
                    ensure!(!series.is_empty(), "no data");
                    Ok(series)
                })
                .await?;
                answers.push(json!({ "legend": target["legendFormat"], "series": series }));
            }
            shown.push(json!({ "title": panel["title"], "type": panel["type"],
                "unit": panel["fieldConfig"]["defaults"]["unit"], "place": panel["gridPos"], "answers": answers }));
        }
        boards.push(json!({ "name": name, "title": board["title"], "panels": shown }));
    }
    ensure!(boards.len() == 4, "{} dashboards", boards.len());
    Ok(boards)
}

fn dashboards(testbed: &Testbed) -> Result<Vec<(String, Value)>> {
    let mut boards = Vec::new();
    for entry in fs::read_dir(testbed.chart.join("files/dashboards"))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).context("a name")?.to_owned();
        boards.push((name, serde_json::from_slice(&fs::read(&path)?)?));
    }
    boards.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(boards)
}

/// With the variables at their defaults, for the object `app-0`.
fn concrete(expression: &str, namespace: &str) -> String {
    let values = [
        ("$__rate_interval", RATE_INTERVAL),
        ("$job", ".+"),
        ("$instance", ".+"),
        ("$namespace", namespace),
        ("$name", "app-0"),
    ];
    values.iter().fold(expression.to_owned(), |text, (variable, value)| text.replace(variable, value))
}

/// Prometheus can evaluate every alert, and what the alerts select is there.
async fn every_alert_has_its_series(prometheus: &Prometheus, rules: &[Value]) -> Result<()> {
    let mut excepted = 0;
    for rule in rules {
        let expression = rule["query"].as_str().context("an alert without a query")?;
        for selector in selectors(expression) {
            if EXCEPTIONS.iter().any(|(exception, _)| *exception == selector) {
                excepted += 1;
                continue;
            }
            soon(&format!("{}: series of {selector}", rule["name"]), async || {
                ensure!(!prometheus.query(&selector).await?.is_empty(), "none");
                Ok(())
            })
            .await?;
        }
    }
    ensure!(excepted == EXCEPTIONS.len(), "{excepted} exceptions are needed");
    for rule in prometheus.alerts().await? {
        ensure!(rule["health"] == "ok", "{rule}");
    }
    Ok(())
}

/// The selectors in an expression: names of metrics of ours, each with its matchers.
fn selectors(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = expression;
    let starts = ["strongroom_", "externalsecret_", "secretstore_", "clustersecretstore_"];
    while let Some(begin) = starts.iter().filter_map(|start| rest.find(start)).min() {
        let text = &rest[begin..];
        let name = text.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(text.len());
        let matchers =
            if text[name..].starts_with('{') { text[name..].find('}').map_or(0, |end| end + 1) } else { 0 };
        found.push(text[..name + matchers].to_owned());
        rest = &text[name + matchers..];
    }
    found
}

/// How many ExternalSecrets are ready, and which, is what the API says.
async fn counts_are_the_apis(story: &Story, prometheus: &Prometheus) -> Result<()> {
    soon("metrics that say what the API says", async || {
        let objects = story.cluster.list(Kind::ExternalSecret, &story.namespace, "").await?;
        let is_ready = |object: &Value| ready(object).map(|condition| condition.status).unwrap_or_default();
        for status in ["True", "False"] {
            let in_api: Vec<_> = objects
                .iter()
                .filter(|object| is_ready(object) == status)
                .filter_map(|object| object["metadata"]["name"].as_str())
                .collect();
            let total =
                prometheus.query(&format!(r#"strongroom_external_secrets{{ready="{status}"}}"#)).await?;
            let total = total.first().and_then(|series| series["value"][1].as_str()).unwrap_or_default();
            ensure!(total == in_api.len().to_string(), "{status}: {total}, and the API has {in_api:?}");
            let query =
                format!(r#"externalsecret_status_condition{{condition="Ready", status="{status}"}} == 1"#);
            let mut told: Vec<_> = prometheus.query(&query).await?;
            told.sort_by_key(|series| series["metric"]["name"].to_string());
            let told: Vec<_> = told.iter().filter_map(|series| series["metric"]["name"].as_str()).collect();
            let mut wanted = in_api.clone();
            wanted.sort_unstable();
            ensure!(told == wanted, "{status}: {told:?}, and the API has {wanted:?}");
        }
        Ok(())
    })
    .await
}

#[test]
fn selectors_are_found_with_their_matchers() {
    let expression = r#"sum(rate(strongroom_a{b="c"}[5m])) / externalsecret_d > 0"#;
    assert_eq!(selectors(expression), [r#"strongroom_a{b="c"}"#, "externalsecret_d"]);
}
