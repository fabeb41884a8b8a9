//! Each attempt is one trace: what was read where, under which id in Vault's own audit log, and how it ended; and no value.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use strongroom_e2e::{
    cluster::Kind,
    collector::{Collector, Span},
    manifests::ExternalSecret,
    process::free_port,
    story::{STORE, Story},
    vault::http_client,
    wait::soon,
};

/// A value that must appear nowhere.
const CANARY: &str = "canary-8277e0910d75";

/// The first trace of an attempt on `name` that ended so.
async fn trace(collector: &Collector, name: &str, outcome: &str) -> Result<Vec<Span>> {
    soon(&format!("a trace of {name}"), async || {
        collector.traces(name, outcome)?.into_iter().next().with_context(|| format!("none that is {outcome}"))
    })
    .await
}

fn only<'t>(trace: &'t [Span], name: &str) -> Result<&'t Span> {
    let mut found = trace.iter().filter(|span| span.name == name);
    let first = found.next().with_context(|| format!("no {name} in {trace:?}"))?;
    ensure!(found.next().is_none(), "more than one {name} in {trace:?}");
    Ok(first)
}

#[tokio::test]
async fn a_sync_is_one_trace_whose_reads_vaults_audit_log_knows() -> Result<()> {
    let story = Story::begin_alone("traces").await?;
    let collector = Collector::start()?;
    let flag = format!("--otlp-endpoint={}", collector.address);
    let arguments = ["--status-time-interval=1ms", &flag, "--otlp-service-name=suite"];
    let controller = story.controller_with("only", &arguments).await?;
    let vault_audit = story.vault_audit()?;
    story.token_store().await?;
    story.write("app", &json!({ "password": CANARY })).await?;
    let template = json!({ "template": { "data": { "made": "{{ .password }}!" } } });
    let app = ExternalSecret::from_store("app", STORE).extracts(&story.key("app")).target(template);
    story.external_secret(app).await?;
    let object = story.synced("app").await?;
    let missing = ExternalSecret::from_store("missing", STORE).takes("v", &story.key("missing"), "v");
    story.external_secret(missing).await?;
    story.failed(Kind::ExternalSecret, "missing").await?;

    let synced = trace(&collector, "app", "synced").await?;
    let names: Vec<_> = synced.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["sync", "connect", "read", "render", "write", "status"]);
    let root = &synced[0];
    assert_eq!(root.text("k8s.namespace.name"), story.namespace);
    assert_eq!(root.text("strongroom.external_secret.uid"), object["metadata"]["uid"]);
    assert_eq!(root.service, "suite");
    for span in &synced[1..] {
        ensure!(span.parent == root.id && !span.failed, "{span:?}");
        ensure!(root.times.0 <= span.times.0 && span.times.1 <= root.times.1, "{root:?} {span:?}");
    }
    let read = only(&synced, "read")?;
    for (key, value) in [
        ("strongroom.provider", "vault"),
        ("strongroom.store.kind", "SecretStore"),
        ("strongroom.store.namespace", &story.namespace),
        ("strongroom.store.name", STORE),
        ("strongroom.entry", "spec.dataFrom[0].extract"),
        ("strongroom.version", "1"),
        ("strongroom.outcome", "found"),
    ] {
        assert_eq!(read.text(key), value, "{key}");
    }
    let id = read.text("strongroom.request_id");
    soon("Vault's own record of the read", async || {
        let found = vault_audit.records(id)?.into_iter().find(|line| line["request"]["id"] == id);
        let found = found.context("there is none")?;
        assert_eq!(found["request"]["path"], format!("secret/data/{}", story.key("app")));
        Ok(())
    })
    .await?;
    let write = only(&synced, "write")?;
    assert_eq!(
        [write.text("strongroom.target.kind"), write.text("strongroom.outcome")],
        ["Secret", "created"]
    );

    let failed = trace(&collector, "missing", "failed").await?;
    let root = &failed[0];
    assert_eq!([root.text("error.type"), only(&failed, "read")?.text("error.type")], ["RemoteKeyMissing"; 2]);
    ensure!(root.failed && only(&failed, "read")?.failed, "{failed:?}");
    ensure!(!failed.iter().any(|span| span.name == "write"), "{failed:?}");

    // What is still in the queue at a stop is sent.
    story.write("last", &json!({ "password": CANARY })).await?;
    story.external_secret(ExternalSecret::from_store("last", STORE).extracts(&story.key("last"))).await?;
    story.synced("last").await?;
    let log = controller.log.clone();
    drop(controller);
    ensure!(!collector.traces("last", "synced")?.is_empty(), "the last trace is lost");

    let outcomes: BTreeSet<_> =
        collector.spans()?.iter().map(|span| span.text("strongroom.outcome").to_owned()).collect();
    ensure!(!outcomes.contains("in step"), "{outcomes:?}");
    collector.ensure_free_of(&[CANARY, &story.key("app"), &story.key("missing"), story.vault.token()])?;
    let log = std::fs::read_to_string(log)?;
    ensure!(
        !log.contains(r#""span""#) && log.contains(r#""message":"synced""#),
        "the log looks as it does without"
    );
    story.end().await
}

#[tokio::test]
async fn a_collector_that_is_not_there_holds_up_nothing() -> Result<()> {
    let story = Story::begin_alone_patient("no-collector").await?;
    let flag = format!("--otlp-endpoint=http://127.0.0.1:{}", free_port()?);
    let controller = story.controller_with("only", &["--status-time-interval=1ms", &flag]).await?;
    story.token_store().await?;
    story.write("app", &json!({ "v": "1" })).await?;
    story
        .external_secret(ExternalSecret::from_store("app", STORE).every("1s").extracts(&story.key("app")))
        .await?;
    story.synced("app").await?;
    let complaints = || -> Result<Vec<String>> {
        let log = std::fs::read_to_string(&controller.log)?;
        Ok(log.lines().filter(|line| line.contains("spans of traces are lost")).map(str::to_owned).collect())
    };
    soon("the metric of what is lost", async || {
        let url = format!("http://{}/metrics", controller.metrics);
        let text = http_client().get(url).send().await?.text().await?;
        let count = |outcome: &str| {
            let prefix = format!(r#"strongroom_trace_spans_total{{outcome="{outcome}"}} "#);
            text.lines().find_map(|line| line.strip_prefix(&prefix)?.parse::<u64>().ok())
        };
        ensure!(count("failed").is_some_and(|lost| lost >= 12) && count("exported") == Some(0), "{text}");
        Ok(())
    })
    .await?;
    let complaints = complaints()?;
    let [complaint] = complaints.as_slice() else { anyhow::bail!("{complaints:?}") };
    ensure!(complaint.contains("cannot connect to http://127.0.0.1:"), "{complaint}");
    story.refreshed("app", 1).await?;
    drop(controller);
    story.end().await
}
