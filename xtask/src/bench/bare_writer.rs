//! The ceiling: how many objects a second the API server takes from a client that decides nothing.

use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::bench::api::{self, ApiClient};
use crate::bench::clock::now;
use crate::bench::crowd;
use crate::bench::objects::{self, BARE_LABEL, NAMESPACES, namespace_of};
use crate::bench::scene::f64_of;
use crate::bench::usage;
use crate::progress;

/// What the API server meets before the first measurement, so that it is warm.
const WARM_UP: usize = 200;

/// What the bare writer reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ceiling {
    /// Objects a second.
    pub(super) rate: f64,
    /// Milliseconds of its own CPU time for each.
    pub(super) own_cpu_ms: f64,
}

/// The ceiling once the API server is warm.
pub(super) fn warm_ceiling(api: &ApiClient, count: usize, writers: usize) -> Result<Ceiling> {
    ceiling(api, WARM_UP, writers)?;
    ceiling(api, count, writers)
}

/// The ceiling of `writers` at once, each of which creates a Secret and then writes one status. The
/// ExternalSecrets are made before, and everything is deleted after the measurement.
pub(super) fn ceiling(api: &ApiClient, count: usize, writers: usize) -> Result<Ceiling> {
    let step = progress::Step::start(format!("Measuring the bare writer with {count} objects"));
    let mut uids = vec![String::new(); count];
    for (number, uid) in uids.iter_mut().enumerate() {
        *uid = create(api, number)?;
    }
    let (started, cpu) = (Instant::now(), usage::cpu_seconds(std::process::id())?);
    crowd::for_each(count, writers, |number| {
        let uid = uids.get(number).context("an object without uid")?;
        write(api, number, uid)
    })?;
    let rate = f64_of(count) / started.elapsed().as_secs_f64();
    let own_cpu = usage::cpu_seconds(std::process::id())? - cpu;
    delete_all(api)?;
    step.done();
    Ok(Ceiling { rate, own_cpu_ms: own_cpu * 1000.0 / f64_of(count) })
}

fn name(number: usize) -> String {
    format!("bare-{number}")
}

fn create(api: &ApiClient, number: usize) -> Result<String> {
    let mut object = objects::external_secret(&name(number), "1h");
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("labels".to_owned(), json!({ BARE_LABEL: "true" }));
    }
    let created = api.create(&api::external_secrets(&namespace_of(number)), &object)?;
    let uid = created.pointer("/metadata/uid").and_then(Value::as_str);
    uid.map(str::to_owned).context("the API server gave an object no uid")
}

fn write(api: &ApiClient, number: usize, uid: &str) -> Result<()> {
    let (namespace, name) = (namespace_of(number), name(number));
    api.create(&api::secrets(&namespace), &objects::bare_secret(&name, uid))?;
    let status = objects::bare_status(&name, &now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    api.merge(&format!("{}/{name}/status", api::external_secrets(&namespace)), &status).map(drop)
}

fn delete_all(api: &ApiClient) -> Result<()> {
    crowd::for_each(NAMESPACES, 4, |number| {
        let namespace = namespace_of(number);
        for collection in [api::secrets(&namespace), api::external_secrets(&namespace)] {
            api.delete(&format!("{collection}?labelSelector={BARE_LABEL}%3Dtrue"))?;
        }
        Ok(())
    })
}
