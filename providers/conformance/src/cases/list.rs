//! Searching for entries.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use strongroom_provider_api::{Capabilities, ErrorKind, Listed, RemoteKey, Scope, StoreClient};

use super::{case, connected, entry, not_applicable, shown};
use crate::outcome::ensure;
use crate::{Entry, Fixture, Outcome, Store};

async fn listed(client: &dyn StoreClient, scope: &Scope) -> Result<Vec<Listed>, String> {
    let listed: Result<Vec<_>, _> = client.list(scope).try_collect().await;
    listed.map_err(|error| format!("list: {:?}: {error}", error.kind()))
}

fn names(listed: &[Listed]) -> BTreeSet<&str> {
    listed.iter().map(|listed| listed.name.as_str()).collect()
}

fn capabilities(fixture: &dyn Fixture, store: &Store) -> Result<Capabilities, String> {
    store.capabilities(&fixture.descriptor())
}

case! {
    /// Nothing found is no error: an error could lead to a retry, absence to a deletion.
    nothing_found_is_empty(fixture) {
        let (store, client) = connected(fixture, &[]).await?;
        if !capabilities(fixture, &store)?.list {
            return not_applicable("no search");
        }
        let found = listed(client.as_ref(), &Scope::default()).await?;
        ensure!(found.is_empty(), "{:?} were found in an empty store", names(&found));
        Ok(Outcome::Passed)
    }
}

case! {
    /// Every entry is found, by the name users know, and what is listed can be read.
    every_name_is_found_and_can_be_read(fixture) {
        let keys: &[&str] =
            if fixture.holds_any_key() { &["a", "b", "team/c", "team/deep/d"] } else { &["a", "b", "c", "d"] };
        let entries: Vec<_> = keys.iter().map(|key| entry(fixture, key, key)).collect();
        let (store, client) = connected(fixture, &entries).await?;
        if !capabilities(fixture, &store)?.list {
            return not_applicable("no search");
        }
        let found = listed(client.as_ref(), &Scope::default()).await?;
        ensure!(names(&found) == keys.iter().copied().collect(), "found {:?}", names(&found));
        for listed in &found {
            let read = client.read(&listed.key).await;
            let payload = read.as_ref().map_err(|_| shown(&read))?;
            ensure!(fixture.open(payload).as_ref() == Some(&listed.name), "{} has another value", listed.name);
        }
        Ok(Outcome::Passed)
    }
}

case! {
    /// What was deleted is neither found nor read.
    deleted_entry_is_absent(fixture) {
        let entries = ["stays", "goes"].map(|key| entry(fixture, key, key));
        let (store, client) = connected(fixture, &entries).await?;
        if !fixture.delete(&store, "goes").await {
            return not_applicable("the fixture cannot delete");
        }
        let read = client.read(&RemoteKey::latest("goes")).await;
        ensure!(read.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound), "{}", shown(&read));
        if !capabilities(fixture, &store)?.list {
            return Ok(Outcome::Passed);
        }
        // A service may go on naming what was deleted; whoever reads it must be told that it is absent.
        let mut found = BTreeSet::new();
        for listed in listed(client.as_ref(), &Scope::default()).await? {
            let read = client.read(&listed.key).await;
            match &read {
                Ok(_) => _ = found.insert(listed.name),
                Err(error) => ensure!(error.kind() == ErrorKind::NotFound, "{}", shown(&read)),
            }
        }
        ensure!(found == BTreeSet::from(["stays".to_owned()]), "found {found:?}");
        Ok(Outcome::Passed)
    }
}

case! {
    /// A path leaves out what is beside it.
    path_limits_the_search(fixture) {
        if !fixture.holds_any_key() {
            return not_applicable("there are no folders");
        }
        let entries: Vec<_> = ["a", "team/c", "team/d"].iter().map(|key| entry(fixture, key, "x")).collect();
        let (store, client) = connected(fixture, &entries).await?;
        if !capabilities(fixture, &store)?.list {
            return not_applicable("no search");
        }
        let scope = Scope { path: Some("team".to_owned()), tags: BTreeMap::new() };
        let found = listed(client.as_ref(), &scope).await?;
        ensure!(names(&found) == BTreeSet::from(["team/c", "team/d"]), "found {:?}", names(&found));
        Ok(Outcome::Passed)
    }
}

case! {
    /// All tags must match.
    tags_limit_the_search(fixture) {
        let tagged = |key: &str, tags: &[(&str, &str)]| Entry {
            tags: tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..entry(fixture, key, "x")
        };
        let entries =
            [tagged("both", &[("team", "a"), ("tier", "1")]), tagged("one", &[("team", "a")]), tagged("none", &[])];
        let (store, client) = connected(fixture, &entries).await?;
        if !capabilities(fixture, &store)?.list_tags {
            return not_applicable("no search by tags");
        }
        let tags = BTreeMap::from([("team".to_owned(), "a".to_owned()), ("tier".to_owned(), "1".to_owned())]);
        let found = listed(client.as_ref(), &Scope { path: None, tags }).await?;
        ensure!(names(&found) == BTreeSet::from(["both"]), "found {:?}", names(&found));
        Ok(Outcome::Passed)
    }
}
