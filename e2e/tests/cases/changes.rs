//! When something last changed in each namespace.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Result;
use strongroom_e2e::cluster::{Cluster, Kind};
use tokio::task::JoinHandle;

/// The kinds whose changes count.
const KINDS: [Kind; 4] = [Kind::Secret, Kind::ExternalSecret, Kind::SecretStore, Kind::ClusterSecretStore];

/// Time between two looks at the whole cluster.
const PAUSE: Duration = Duration::from_millis(300);

/// Namespace → when something last changed there; cluster-wide objects count as a namespace of their own name.
type Times = HashMap<String, Instant>;

/// Looks at the whole cluster again and again, until it is dropped.
#[derive(Debug)]
pub(crate) struct Changes {
    times: Arc<Mutex<Times>>,
    watcher: JoinHandle<()>,
}

/// Kind, namespace and name → resource version.
type Versions = HashMap<(&'static str, String, String), String>;

impl Changes {
    /// Begins to look.
    pub(crate) fn watch(cluster: Cluster) -> Self {
        let times = Arc::new(Mutex::new(Times::new()));
        let shared = Arc::clone(&times);
        let watcher = tokio::spawn(async move {
            let mut last = Versions::new();
            loop {
                // A failed look shows nothing; the next one shows what this one would have.
                if let Ok(versions) = versions(&cluster).await {
                    note(&mut shared.lock().unwrap_or_else(PoisonError::into_inner), &last, &versions);
                    last = versions;
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { times, watcher }
    }

    /// Waits until nothing has changed in these namespaces for `quiet`, counted from `since` at the earliest; but not
    /// longer than `patience` from then on.
    pub(crate) async fn settled(
        &self,
        namespaces: &[String],
        since: Instant,
        quiet: Duration,
        patience: Duration,
    ) {
        loop {
            let last = {
                let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
                namespaces.iter().filter_map(|namespace| times.get(namespace)).max().copied()
            };
            if last.unwrap_or(since).max(since).elapsed() >= quiet || since.elapsed() >= patience {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

async fn versions(cluster: &Cluster) -> Result<Versions> {
    let mut versions = Versions::new();
    for kind in KINDS {
        for [namespace, name, version] in cluster.versions(kind).await? {
            versions.insert((kind.name(), namespace, name), version);
        }
    }
    Ok(versions)
}

fn note(times: &mut Times, before: &Versions, after: &Versions) {
    let now = Instant::now();
    let changed = after.iter().filter(|(object, version)| before.get(*object) != Some(version));
    let gone = before.iter().filter(|(object, _)| !after.contains_key(*object));
    for ((_, namespace, name), _) in changed.chain(gone) {
        let place = if namespace.is_empty() { name } else { namespace };
        times.insert(place.clone(), now);
    }
}
