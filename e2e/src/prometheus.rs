//! A Prometheus of a story's own, which scrapes what the story names and answers to queries.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    process::{GuardedProcess, free_port},
    testbed::Testbed,
    vault::http_client,
    wait::soon,
};

/// A running Prometheus that scrapes every second; what it has gathered is lost when it is dropped.
#[derive(Debug)]
pub struct Prometheus {
    url: String,
    _process: GuardedProcess,
}

impl Prometheus {
    /// Starts one that scrapes `targets` as the job `strongroom` and evaluates the rules in the file `rules`; `name` tells its
    /// files from those of others.
    pub async fn start(testbed: &Testbed, name: &str, targets: &[SocketAddr], rules: &Path) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let folder = testbed.run_dir.join(format!("prometheus-{name}"));
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("prometheus.json");
        let jobs = json!([{ "job_name": "strongroom", "static_configs": [{ "targets": targets }] }]);
        let global = json!({ "scrape_interval": "1s", "evaluation_interval": "1s" });
        let settings = json!({ "global": global, "scrape_configs": jobs, "rule_files": [rules] });
        std::fs::write(&config, serde_json::to_vec_pretty(&settings)?)?;
        let arguments = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", folder.join("data").display()),
            format!("--web.listen-address={address}"),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let log = testbed.logs.join(format!("prometheus-{name}.log"));
        let process = GuardedProcess::start(&testbed.prometheus, &arguments, &[], &log)?;
        let prometheus = Self { url: format!("http://{address}"), _process: process };
        soon("a Prometheus that scrapes", async || {
            let up = prometheus.query("up == 1").await?;
            ensure!(up.len() == targets.len(), "{up:?}");
            Ok(())
        })
        .await?;
        Ok(prometheus)
    }

    /// The series that `expression` gives now.
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>> {
        self.series("query", &[("query", expression)]).await
    }

    /// The series that `expression` gave in the last `seconds`, at every one of them.
    pub async fn history(&self, expression: &str, seconds: u32) -> Result<Vec<Value>> {
        let now = self.query("time()").await?;
        // A scalar's answer is not a list of series: time and value.
        let end = now.first().and_then(Value::as_f64).context("Prometheus does not tell the time")?;
        let (start, end) = ((end - f64::from(seconds)).to_string(), end.to_string());
        let parameters = [("query", expression), ("start", &start), ("end", &end), ("step", "1")];
        self.series("query_range", &parameters).await
    }

    /// The alert rules as Prometheus has loaded them.
    pub async fn alerts(&self) -> Result<Vec<Value>> {
        let answer = self.get("rules", &[("type", "alert")]).await?;
        let groups = answer["groups"].as_array().context("no groups")?;
        Ok(groups.iter().filter_map(|group| group["rules"].as_array()).flatten().cloned().collect())
    }

    async fn series(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Vec<Value>> {
        let answer = self.get(path, parameters).await?;
        Ok(answer["result"].as_array().context("no result")?.clone())
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let url = format!("{}/api/v1/{path}", self.url);
        let answer: Value = http_client().get(url).query(parameters).send().await?.json().await?;
        ensure!(answer["status"] == "success", "{path} {parameters:?}: {answer}");
        Ok(answer["data"].clone())
    }
}
