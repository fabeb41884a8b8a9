//! Walks the folders of a KV engine, depth first and lazily (spec eso-providers B.5).

use std::collections::{BTreeMap, VecDeque};

use futures::StreamExt as _;
use futures::TryStreamExt as _;
use futures::stream::{self, BoxStream};
use serde::Deserialize;
use strongroom_provider_api::{Error, ErrorKind, Listed, RemoteKey, Result, Scope};

use super::{VaultClient, parsed};
use crate::api::Query;
use crate::path::Location;

/// Deeper than any real tree.
const MAX_DEPTH: usize = 64;

/// How many entries' tags are read at once.
const TAG_READS: usize = 8;

/// A folder still to be listed.
struct Folder {
    /// Its path as users see it, ending with a slash; empty for the root.
    shown: String,
    at: Location,
    depth: usize,
}

/// An entry that was found.
struct Entry {
    shown: String,
    at: Location,
}

#[derive(Default)]
struct Walk {
    folders: Vec<Folder>,
    entries: VecDeque<Entry>,
}

#[derive(Deserialize)]
struct Answer {
    data: vaultrs::api::kv2::responses::ListSecretsResponse,
}

impl VaultClient {
    /// The entries in `scope`. Those whose newest version is deleted are among them; reading one of them is
    /// `NotFound`.
    pub(super) fn entries<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        let start = match self.start(scope) {
            Ok(folder) => Walk { folders: vec![folder], ..Walk::default() },
            Err(error) => return Box::pin(stream::once(async { Err(error) })),
        };
        let found = stream::try_unfold(start, move |walk| self.next(walk));
        if scope.tags.is_empty() {
            return Box::pin(found.map_ok(|entry| self.listed(entry)));
        }
        Box::pin(
            found
                .map(move |entry| async move { self.tagged(entry?, &scope.tags).await })
                .buffer_unordered(TAG_READS)
                .try_filter_map(|listed| async { Ok(listed) }),
        )
    }

    fn start(&self, scope: &Scope) -> Result<Folder> {
        let at = self
            .layout
            .folder(scope.path.as_deref())
            .map_err(|fault| Error::new(ErrorKind::InvalidPayload, "list", fault))?;
        // Names repeat `find.path` as the user wrote it, with a slash more.
        let shown = scope.path.as_ref().map(|path| format!("{path}/")).unwrap_or_default();
        Ok(Folder { shown, at, depth: 0 })
    }

    async fn next(&self, mut walk: Walk) -> Result<Option<(Entry, Walk)>> {
        loop {
            if let Some(entry) = walk.entries.pop_front() {
                return Ok(Some((entry, walk)));
            }
            let Some(folder) = walk.folders.pop() else { return Ok(None) };
            self.open(&folder, &mut walk).await?;
        }
    }

    async fn open(&self, folder: &Folder, walk: &mut Walk) -> Result<()> {
        let kv = self.layout.version;
        let answer = self.caller.fetch(&Query::Folder { at: folder.at.clone(), kv }).await?;
        if answer.status == 404 {
            // A folder that was just seen may have gone meanwhile; only the first one tells about the engine.
            if folder.depth == 0 {
                self.caller.confirm_absence(&answer.body, &folder.at, kv, "list").await?;
            }
            return Ok(());
        }
        let keys = parsed::<Answer>(&answer.body)?.data.keys;
        for key in keys.iter().rev().filter(|key| key.ends_with('/')) {
            let at = child(&folder.at, key.trim_end_matches('/'))?;
            if folder.depth >= MAX_DEPTH {
                return Err(unusable(&format!("folders lie deeper than {MAX_DEPTH} levels")));
            }
            walk.folders.push(Folder {
                shown: format!("{}{key}", folder.shown),
                at,
                depth: folder.depth + 1,
            });
        }
        for key in keys.iter().filter(|key| !key.ends_with('/')) {
            let at = child(&folder.at, key)?;
            walk.entries.push_back(Entry { shown: format!("{}{key}", folder.shown), at });
        }
        Ok(())
    }

    /// The entry if it carries all of `tags`, among its custom metadata or what Vault keeps of it.
    async fn tagged(&self, entry: Entry, tags: &BTreeMap<String, String>) -> Result<Option<Listed>> {
        let found = self.metadata_at(&entry.at, "list").await?.unwrap_or_default();
        let carries = tags.iter().all(|(name, value)| found.get(name) == Some(value));
        Ok(carries.then(|| self.listed(entry)))
    }

    fn listed(&self, entry: Entry) -> Listed {
        Listed { name: entry.shown, key: RemoteKey::latest(self.layout.key(&entry.at)) }
    }
}

fn child(parent: &Location, name: &str) -> Result<Location> {
    let rest = parent.rest.child(name);
    let rest = rest.ok_or_else(|| unusable(&format!("the name {name:?} of an entry cannot be used")))?;
    Ok(Location { mount: parent.mount.clone(), rest })
}

fn unusable(message: &str) -> Error {
    Error::new(ErrorKind::InvalidPayload, "list", message)
}
