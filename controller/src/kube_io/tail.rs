//! Watches of the kinds that ours refer to: metadata only, from now on, and nothing is kept of objects that
//! nobody refers to.
//!
//! There is no list of what exists: a version that was read is known to whoever read it, and only what comes
//! after it is of interest. So a start costs the same beside ten and beside a hundred thousand Secrets.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::api::{ListParams, ObjectMeta, PartialObjectMeta, WatchEvent, WatchParams};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::registry::{Dependant, Reference, ReferenceKind, References};
use super::scope::Part;
use super::{ApiError, ObjectKey};
use crate::schedule::Backoff;

/// Between two attempts after an error.
const PATIENCE: Backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_mins(5) };
/// The server ends a request after some minutes in good order; nothing is missed by going on a little later.
const PAUSE: Duration = Duration::from_millis(200);

/// Tells a dependant that an object has changed (true), or that changes may have been missed (false).
pub(super) type Tell = Box<dyn Fn(&Dependant, bool) + Send + Sync>;

/// One watch.
pub(super) struct Tail<K> {
    pub(super) api: Api<K>,
    pub(super) kind: ReferenceKind,
    /// What `api` covers.
    pub(super) part: Part,
    pub(super) references: Arc<References>,
    pub(super) tell: Tell,
}

/// Why the stream of one request ended.
enum End {
    /// In good order: it can go on where it was.
    Orderly,
    /// Something may be missed, or is late.
    Broken(ApiError),
}

impl<K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug> Tail<K> {
    /// Watches until it is dropped.
    pub(super) async fn follow(self) {
        let mut failures = 0_u32;
        loop {
            let error = match self.newest_version().await {
                Ok(version) => self.stretch(version, &mut failures).await,
                Err(error) => error,
            };
            for kind in self.kinds() {
                self.references.interrupted(kind, &self.part);
            }
            failures = failures.saturating_add(1);
            tracing::warn!(kind = ?self.kind, %error,
                "references are not watched for now; they are compared at each check of their store");
            tokio::time::sleep(PATIENCE.wait(failures, 0)).await;
        }
    }

    /// Watches unbroken from `version` on; gives what broke it.
    async fn stretch(&self, mut version: String, failures: &mut u32) -> ApiError {
        for dependant in self.kinds().flat_map(|kind| self.references.resumed(kind, &self.part)) {
            (self.tell)(&dependant, false);
        }
        loop {
            match self.stream(&mut version, failures).await {
                End::Orderly => tokio::time::sleep(PAUSE).await,
                End::Broken(error) => return error,
            }
        }
    }

    async fn stream(&self, version: &mut String, failures: &mut u32) -> End {
        let stream = match self.api.watch_metadata(&WatchParams::default(), version).await {
            Ok(stream) => stream,
            Err(error) => return self.broken(&error),
        };
        let mut stream = pin!(stream);
        while let Some(event) = stream.next().await {
            let shown = match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Deleted(object)) => self.noticed(&object, true),
                Ok(WatchEvent::Modified(object)) => self.noticed(&object, false),
                Ok(WatchEvent::Bookmark(bookmark)) => Some(bookmark.metadata.resource_version),
                Ok(WatchEvent::Error(status)) => return self.broken(&kube::Error::Api(status)),
                Err(error) => return self.broken(&error),
            };
            if let Some(shown) = shown {
                *version = shown;
            }
            *failures = 0;
        }
        End::Orderly
    }

    /// Tells who refers to the object; gives its version.
    fn noticed(&self, object: &PartialObjectMeta<K>, came_or_went: bool) -> Option<String> {
        let meta: &ObjectMeta = object.meta();
        for kind in self.kinds().filter(|kind| came_or_went || *kind != ReferenceKind::ServiceAccount) {
            let reference = Reference { kind, key: ObjectKey::of(meta) };
            for dependant in self.references.changed(&reference, meta.resource_version.as_deref()) {
                (self.tell)(&dependant, true);
            }
        }
        meta.resource_version.clone()
    }

    /// The kinds of reference that lead to what is watched.
    fn kinds(&self) -> impl Iterator<Item = ReferenceKind> {
        let annotated =
            (self.kind == ReferenceKind::ServiceAccount).then_some(ReferenceKind::AnnotatedServiceAccount);
        [self.kind].into_iter().chain(annotated)
    }

    /// The version of now, for the price of one object's metadata.
    async fn newest_version(&self) -> Result<String, ApiError> {
        let listed = self.api.list_metadata(&ListParams::default().limit(1)).await;
        let listed = listed.map_err(|error| self.error(&error))?;
        Ok(listed.metadata.resource_version.unwrap_or_default())
    }

    fn broken(&self, error: &kube::Error) -> End {
        End::Broken(self.error(error))
    }

    fn error(&self, error: &kube::Error) -> ApiError {
        ApiError::new("watch", format!("{:?}s", self.kind), error)
    }
}
