//! Which GKE cluster somebody is in: as settings say, else as the metadata server does.

use strongroom_provider_api::{Error, ErrorKind, Result};

use super::api::Api;

/// What settings say of a cluster; empty counts as absent.
#[derive(Clone, Debug, Default)]
pub struct GivenCluster {
    /// Its project.
    pub project: Option<String>,
    /// Its region or zone.
    pub location: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// A GKE cluster, which is an identity provider in the pool of its project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    project: String,
    location: String,
    name: String,
}

impl Cluster {
    /// The workload identity pool of its project, for which its ServiceAccounts' tokens are made.
    pub(super) fn pool(&self) -> String {
        format!("{}.svc.id.goog", self.project)
    }

    /// Its own name in the pool.
    fn provider(&self) -> String {
        let Self { project, location, name } = self;
        format!("https://container.googleapis.com/v1/projects/{project}/locations/{location}/clusters/{name}")
    }

    /// The audience of an exchange of its tokens.
    pub(super) fn audience(&self) -> String {
        format!("identitynamespace:{}:{}", self.pool(), self.provider())
    }
}

impl GivenCluster {
    /// The cluster; what is not given is asked of the metadata server.
    ///
    /// # Errors
    /// `Unavailable` for what nobody says, `InvalidConfig` for what no cluster is called; `field` is for the message.
    pub(super) async fn found(&self, api: &Api, field: &str) -> Result<Cluster> {
        let project = found(api, self.project.as_ref(), "project/project-id");
        let location = found(api, self.location.as_ref(), "instance/attributes/cluster-location");
        let name = found(api, self.name.as_ref(), "instance/attributes/cluster-name");
        let known = |part: Option<String>, what: &str, legal: fn(&str) -> bool| {
            let message =
                format!("{field}: the {what} of the cluster is not given, and no metadata server tells it");
            let part = part.ok_or_else(|| Error::new(ErrorKind::Unavailable, "log in", message))?;
            let message = format!("{field}: {part:?} cannot be the {what} of a cluster");
            if legal(&part) { Ok(part) } else { Err(Error::new(ErrorKind::InvalidConfig, "log in", message)) }
        };
        Ok(Cluster {
            project: known(project.await, "project", is_project)?,
            location: known(location.await, "location", is_label)?,
            name: known(name.await, "name", is_label)?,
        })
    }
}

async fn found(api: &Api, given: Option<&String>, path: &str) -> Option<String> {
    match given.filter(|text| !text.is_empty()) {
        Some(given) => Some(given.clone()),
        None => api.metadata(path).await,
    }
}

/// Whether `text` may be a project's ID, which may begin with a domain and a colon.
pub fn is_project(text: &str) -> bool {
    is_made_of(text, b"-.:")
}

/// Whether `text` may be the name of a place or a cluster.
pub fn is_label(text: &str) -> bool {
    is_made_of(text, b"-")
}

fn is_made_of(text: &str, others: &[u8]) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || others.contains(&byte);
    !text.is_empty() && text.len() <= 63 && text.bytes().all(legal)
}
