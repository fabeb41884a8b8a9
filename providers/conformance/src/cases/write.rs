//! Writing, deleting and looking for entries.

use std::sync::Arc;

use strongroom_provider_api::{
    Content, Deleted, Edit, Error, ErrorKind, RemoteKey, StoreClient, WriteRequest, Written,
};

use super::{case, connected, entry, not_applicable, shown};
use crate::outcome::ensure;
use crate::{Entry, Fixture, Outcome, Store};

const NO_WRITES: &str = "no writes";

/// A store with `entries` and a client of it, where the provider writes.
async fn writable(
    fixture: &dyn Fixture,
    entries: &[Entry],
) -> Result<Option<(Store, Arc<dyn StoreClient>)>, String> {
    let (store, client) = connected(fixture, entries).await?;
    Ok(store.capabilities(&fixture.descriptor())?.write.then_some((store, client)))
}

/// `text` as the whole value of an entry.
fn whole(fixture: &dyn Fixture, text: &str) -> WriteRequest {
    WriteRequest::whole(Content::Bytes(fixture.seal(text).into()))
}

fn expect<T: PartialEq + std::fmt::Debug>(
    what: &str,
    done: &Result<T, Error>,
    wanted: &T,
) -> Result<(), String> {
    match done {
        Ok(found) if found == wanted => Ok(()),
        Ok(found) => Err(format!("{what}: {found:?}, expected {wanted:?}")),
        Err(_) => Err(format!("{what}: {}", shown(done))),
    }
}

async fn holds(
    fixture: &dyn Fixture,
    client: &dyn StoreClient,
    key: &RemoteKey,
    text: &str,
) -> Result<(), String> {
    let read = client.read(key).await;
    let payload = read.as_ref().map_err(|_| shown(&read))?;
    ensure!(fixture.open(payload).as_deref() == Some(text), "another value came back");
    Ok(())
}

async fn lacks(client: &dyn StoreClient, key: &RemoteKey) -> Result<(), String> {
    let read = client.read(key).await;
    ensure!(read.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound), "{}", shown(&read));
    expect("exists", &client.exists(key, None).await, &false)
}

case! {
    /// What is written can be read, and is there.
    new_entry_is_created_and_can_be_read(fixture) {
        let Some((_store, client)) = writable(fixture, &[]).await? else { return not_applicable(NO_WRITES) };
        let key = RemoteKey::latest(if fixture.holds_any_key() { "team/new" } else { "new" });
        lacks(client.as_ref(), &key).await?;
        let text = "a \"quoted\" <line>\nand über \u{1F511}";
        expect("write", &client.write(&key, &whole(fixture, text)).await, &Written::Created)?;
        holds(fixture, client.as_ref(), &key, text).await?;
        expect("exists", &client.exists(&key, None).await, &true)?;
        Ok(Outcome::Passed)
    }
}

case! {
    /// An equal value costs the service no new version.
    same_again_is_unchanged(fixture) {
        let Some((_store, client)) = writable(fixture, &[]).await? else { return not_applicable(NO_WRITES) };
        let (key, request) = (RemoteKey::latest("key"), whole(fixture, "x"));
        expect("write", &client.write(&key, &request).await, &Written::Created)?;
        let version = client.read(&key).await.map_err(|error| error.to_string())?.version;
        expect("write again", &client.write(&key, &request).await, &Written::Unchanged)?;
        let again = client.read(&key).await.map_err(|error| error.to_string())?.version;
        ensure!(again == version, "the version went from {version:?} to {again:?}");
        Ok(Outcome::Passed)
    }
}

case! {
    /// Another value takes the place of the old one.
    other_value_is_an_update(fixture) {
        let Some((_store, client)) = writable(fixture, &[]).await? else { return not_applicable(NO_WRITES) };
        let key = RemoteKey::latest("key");
        expect("write", &client.write(&key, &whole(fixture, "x")).await, &Written::Created)?;
        expect("write", &client.write(&key, &whole(fixture, "y")).await, &Written::Updated)?;
        holds(fixture, client.as_ref(), &key, "y").await?;
        Ok(Outcome::Passed)
    }
}

case! {
    /// All keys of a Secret at once: one write, and each key is there.
    fields_become_properties(fixture) {
        let Some((_store, client)) = writable(fixture, &[]).await? else { return not_applicable(NO_WRITES) };
        let key = RemoteKey::latest("key");
        let fields = ["a", "b.c"].map(|name| (name.to_owned(), "x".into()));
        let request = WriteRequest::whole(Content::Fields(fields.to_vec()));
        expect("write", &client.write(&key, &request).await, &Written::Created)?;
        for (property, there) in [("a", true), ("b.c", true), ("c", false)] {
            expect(property, &client.exists(&key, Some(property)).await, &there)?;
        }
        expect("write again", &client.write(&key, &request).await, &Written::Unchanged)?;
        Ok(Outcome::Passed)
    }
}

case! {
    /// Two PushSecrets may share an entry.
    property_is_set_beside_the_others(fixture) {
        let Some((_store, client)) = writable(fixture, &[]).await? else { return not_applicable(NO_WRITES) };
        let key = RemoteKey::latest("key");
        expect("write", &client.write(&key, &WriteRequest::property("a", "1")).await, &Written::Created)?;
        expect("write", &client.write(&key, &WriteRequest::property("b", "2")).await, &Written::Updated)?;
        expect("write", &client.write(&key, &WriteRequest::property("b", "2")).await, &Written::Unchanged)?;
        expect("exists", &client.exists(&key, Some("a")).await, &true)?;
        expect("exists", &client.exists(&key, Some("b")).await, &true)?;
        Ok(Outcome::Passed)
    }
}

case! {
    /// What somebody else made is neither overwritten nor deleted.
    foreign_entry_is_left_alone(fixture) {
        let entries = [entry(fixture, "theirs", "x")];
        let Some((_store, client)) = writable(fixture, &entries).await? else { return not_applicable(NO_WRITES) };
        let key = RemoteKey::latest("theirs");
        for request in [whole(fixture, "mine"), WriteRequest::property("mine", "1")] {
            let written = client.write(&key, &request).await;
            ensure!(written.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict), "{}", shown(&written));
        }
        for property in [None, Some("text")] {
            expect("delete", &client.delete(&key, property).await, &Deleted::Foreign)?;
        }
        holds(fixture, client.as_ref(), &key, "x").await?;
        Ok(Outcome::Passed)
    }
}

case! {
    /// Somebody else's write between our look and our write is not lost, be the entry there before or not.
    lost_race_is_a_conflict(fixture) {
        let Some((store, client)) = writable(fixture, &[]).await? else { return not_applicable(NO_WRITES) };
        for name in ["new", "old"] {
            let key = RemoteKey::latest(name);
            if name == "old" {
                expect("write", &client.write(&key, &WriteRequest::property("a", "1")).await, &Written::Created)?;
            }
            if !fixture.lose_the_race(&store).await {
                return not_applicable("the fixture cannot race");
            }
            let written = client.write(&key, &WriteRequest::property("a", "2")).await;
            ensure!(
                written.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict),
                "{name}: {}",
                shown(&written)
            );
        }
        // Trying again, as the kernel does, sees what the other wrote.
        let again = client.write(&RemoteKey::latest("old"), &WriteRequest::property("a", "2")).await;
        expect("write again", &again, &Written::Updated)?;
        let theirs = client.write(&RemoteKey::latest("new"), &WriteRequest::property("a", "2")).await;
        let refused = theirs.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict);
        ensure!(refused, "the entry that somebody else made was taken for ours: {theirs:?}");
        Ok(Outcome::Passed)
    }
}

case! {
    /// A restart forgets nothing: the mark is in the service.
    mark_is_known_to_later_clients(fixture) {
        let Some((store, client)) = writable(fixture, &[]).await? else { return not_applicable(NO_WRITES) };
        let key = RemoteKey::latest("key");
        expect("write", &client.write(&key, &whole(fixture, "x")).await, &Written::Created)?;
        client.close().await;
        let later = store.connect(&fixture.descriptor()).await.map_err(|error| error.to_string())?;
        expect("write later", &later.write(&key, &whole(fixture, "y")).await, &Written::Updated)?;
        expect("delete later", &later.delete(&key, None).await, &Deleted::Removed)?;
        lacks(later.as_ref(), &key).await?;
        Ok(Outcome::Passed)
    }
}

case! {
    /// A deletion that was carried out before is no failure.
    absent_entry_is_deleted_without_complaint(fixture) {
        let Some((_store, client)) = writable(fixture, &[]).await? else { return not_applicable(NO_WRITES) };
        for property in [None, Some("a")] {
            expect("delete", &client.delete(&RemoteKey::latest("absent"), property).await, &Deleted::Absent)?;
        }
        Ok(Outcome::Passed)
    }
}

case! {
    /// What we made, we may take away; and it can be made again.
    deleted_entry_of_ours_is_gone(fixture) {
        let Some((_store, client)) = writable(fixture, &[]).await? else { return not_applicable(NO_WRITES) };
        let key = RemoteKey::latest("key");
        for _ in 0..2 {
            expect("write", &client.write(&key, &whole(fixture, "x")).await, &Written::Created)?;
            expect("delete", &client.delete(&key, None).await, &Deleted::Removed)?;
            lacks(client.as_ref(), &key).await?;
        }
        Ok(Outcome::Passed)
    }
}

case! {
    /// An entry without properties would be a leftover.
    property_is_deleted_and_the_last_one_takes_the_entry(fixture) {
        let Some((_store, client)) = writable(fixture, &[]).await? else { return not_applicable(NO_WRITES) };
        let key = RemoteKey::latest("key");
        let both = ["a", "b"].map(|name| (name.to_owned(), "x".into()));
        let request = WriteRequest { edit: Edit::Properties(both.into()), metadata: None, secret_key: None };
        expect("write", &client.write(&key, &request).await, &Written::Created)?;
        expect("delete", &client.delete(&key, Some("a")).await, &Deleted::Removed)?;
        expect("exists", &client.exists(&key, Some("a")).await, &false)?;
        expect("exists", &client.exists(&key, Some("b")).await, &true)?;
        expect("delete again", &client.delete(&key, Some("a")).await, &Deleted::Absent)?;
        expect("delete the last", &client.delete(&key, Some("b")).await, &Deleted::Removed)?;
        lacks(client.as_ref(), &key).await?;
        Ok(Outcome::Passed)
    }
}
