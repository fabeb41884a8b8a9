//! How a limited client tells of changes: looks are paced, limited and repeated like reads; listening is not.

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use strongroom_provider_api::{Changes, Error, ErrorKind, Notice, RemoteKey, Result, Version};

use super::Limited;

#[async_trait]
impl Changes for Limited {
    fn place(&self, key: &str) -> Option<String> {
        self.client.changes()?.place(key)
    }

    fn folder(&self, path: Option<&str>) -> Option<String> {
        self.client.changes()?.folder(path)
    }

    async fn version(&self, key: &str) -> Result<Option<Version>> {
        let changes = self.client.changes().ok_or_else(|| unsupported("look at"))?;
        let named = RemoteKey::latest(key);
        let call = || self.paced("look at", Some(&named), || changes.version(key));
        self.limits.retried(call).await
    }

    fn notices(&self) -> BoxStream<'_, Result<Notice>> {
        match self.client.changes() {
            Some(changes) => changes.notices(),
            None => Box::pin(stream::once(async { Err(unsupported("listen")) })),
        }
    }
}

fn unsupported(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation, "this provider tells nothing of changes")
}
