//! `Names`: which entries a store has in the folder of one that it does not have, so that an error can suggest one.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use strongroom_provider_api::{Scope, StoreClient};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// More names of one folder are not looked at.
const MOST_NAMES: usize = 1000;
/// Longer names are no use in a message.
const LONGEST_NAME: usize = 128;
/// A suggestion is not worth waiting for longer.
const LIMIT: Duration = Duration::from_secs(3);
/// Within this time one folder is listed once,
const KEPT_FOR: Duration = Duration::from_mins(1);
/// and so many folders at most.
const MOST_LISTS: u32 = 20;

/// The names that one client has listed: they cannot cross stores or identities. Whoever fails together with others
/// waits for the same list.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Option<State>>);

#[derive(Debug)]
struct State {
    folder: Option<String>,
    names: Arc<[String]>,
    listed: Instant,
    /// Lists since `counted_from`.
    lists: u32,
    counted_from: Instant,
}

impl Names {
    /// The keys below `folder`, as far as they are known within a moment. A list that fails gives none.
    pub(super) async fn below(&self, client: &dyn StoreClient, folder: Option<&str>) -> Arc<[String]> {
        timeout(LIMIT, self.listed(client, folder)).await.unwrap_or_default()
    }

    async fn listed(&self, client: &dyn StoreClient, folder: Option<&str>) -> Arc<[String]> {
        let mut state = self.0.lock().await;
        let now = Instant::now();
        let (lists, counted_from) = match state.as_ref() {
            Some(known) if known.folder.as_deref() == folder && now - known.listed < KEPT_FOR => {
                return Arc::clone(&known.names);
            }
            Some(known) if now - known.counted_from < KEPT_FOR => (known.lists + 1, known.counted_from),
            Some(_) | None => (1, now),
        };
        if lists > MOST_LISTS {
            return Arc::default();
        }
        // Noted before it is done: one that is given up counts, too.
        let folder = folder.map(str::to_owned);
        let empty = State { folder: folder.clone(), names: Arc::default(), listed: now, lists, counted_from };
        *state = Some(empty);
        let scope = Scope { path: folder, ..Scope::default() };
        let mut entries = client.list(&scope);
        let mut names = Vec::new();
        while let (true, Ok(Some(entry))) = (names.len() < MOST_NAMES, entries.try_next().await) {
            if entry.key.key.len() <= LONGEST_NAME {
                names.push(entry.key.key);
            }
        }
        let names = Arc::from(names);
        if let Some(state) = state.as_mut() {
            state.names = Arc::clone(&names);
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;
    use futures::StreamExt;
    use futures::stream::{self, BoxStream};
    use strongroom_provider_api::{Error, ErrorKind, Listed, Payload, RemoteKey, Result};

    use super::*;

    /// Endless folders; the one called `denied` may not be listed.
    #[derive(Default)]
    struct Endless(AtomicU32);

    #[async_trait]
    impl StoreClient for Endless {
        async fn read(&self, _key: &RemoteKey) -> Result<Payload> {
            Err(Error::new(ErrorKind::NotFound, "read", "absent"))
        }

        fn list<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let folder = scope.path.clone().unwrap_or_default();
            if folder == "denied" {
                let denied = Error::new(ErrorKind::PermissionDenied, "list", "no");
                return stream::once(async { Err(denied) }).boxed();
            }
            let entry = move |number: u32| {
                let name = format!("{folder}/{number}");
                Ok(Listed { key: RemoteKey::latest(&name), name })
            };
            stream::iter((0..).map(entry)).boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_names_of_a_folder_are_listed_once_a_minute_by_all_together() {
        let (names, client) = (Names::default(), Endless::default());
        let many = (0..100).map(|_| names.below(&client, Some("team")));
        let all = futures::future::join_all(many).await;
        assert!(all.iter().all(|names| names.len() == MOST_NAMES));
        assert_eq!(client.0.load(Ordering::Relaxed), 1);
        tokio::time::advance(KEPT_FOR).await;
        names.below(&client, Some("team")).await;
        assert_eq!(client.0.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn many_folders_are_not_all_listed_and_a_refusal_is_no_names() {
        let (names, client) = (Names::default(), Endless::default());
        assert!(names.below(&client, Some("denied")).await.is_empty());
        for number in 0..100 {
            names.below(&client, Some(&number.to_string())).await;
        }
        assert_eq!(client.0.load(Ordering::Relaxed), MOST_LISTS);
        tokio::time::advance(KEPT_FOR).await;
        assert!(!names.below(&client, Some("team")).await.is_empty());
    }
}
