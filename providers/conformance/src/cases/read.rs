//! Reading one entry.

use futures::future::join_all;
use strongroom_provider_api::{Content, ErrorKind, Payload, RemoteKey};

use super::{case, connected, entry, not_applicable, shown};
use crate::outcome::ensure;
use crate::{Entry, Fixture, Outcome, Verdict};

async fn round_trip(fixture: &dyn Fixture, key: &str, text: &str) -> Verdict {
    let (_store, client) = connected(fixture, &[entry(fixture, key, text)]).await?;
    let read = client.read(&RemoteKey::latest(key)).await;
    let payload = read.as_ref().map_err(|_| shown(&read))?;
    let found = fixture.open(payload);
    ensure!(found.as_deref() == Some(text), "{} bytes went in, others came out", text.len());
    Ok(Outcome::Passed)
}

case! {
    /// Absence is said with authority.
    missing_key_is_not_found(fixture) {
        let (_store, client) = connected(fixture, &[entry(fixture, "there", "x")]).await?;
        let read = client.read(&RemoteKey::latest("missing")).await;
        ensure!(read.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound), "{}", shown(&read));
        ensure!(shown(&read).contains("missing"), "the key is not named: {}", shown(&read));
        Ok(Outcome::Passed)
    }
}

case! {
    /// An empty value is not an absent one.
    empty_value_is_a_value(fixture) {
        round_trip(fixture, "empty", "").await
    }
}

case! {
    /// Quotes, line ends and other scripts survive.
    text_comes_back_exactly(fixture) {
        round_trip(fixture, "text", "a \"quoted\" \\ line\r\nand <b>über</b> 日本語 \u{1F511}\n").await
    }
}

case! {
    /// So does any byte, where the service holds bytes.
    nul_bytes_come_back_exactly(fixture) {
        if !fixture.holds_any_bytes() {
            return not_applicable("the service holds text");
        }
        let value: Vec<u8> = (0..=255).collect();
        let (_store, client) = connected(fixture, &[Entry::new("bytes", value.clone())]).await?;
        let read = client.read(&RemoteKey::latest("bytes")).await;
        let Ok(Payload { content: Content::Bytes(bytes), .. }) = &read else { return Err(shown(&read)) };
        ensure!(bytes.expose() == value, "the bytes are not the same");
        Ok(Outcome::Passed)
    }
}

case! {
    /// Large values are not cut.
    sixty_four_kib_come_back(fixture) {
        round_trip(fixture, "large", &"0123456789abcdef".repeat(4096)).await
    }
}

case! {
    /// A key is not only ASCII.
    unicode_key_is_found(fixture) {
        if !fixture.holds_any_key() {
            return not_applicable("keys are plain names");
        }
        round_trip(fixture, "schlüssel/日本", "x").await
    }
}

fn versions(fixture: &dyn Fixture) -> [Entry; 2] {
    let version = |number, text| Entry { version: Some(number), ..entry(fixture, "versioned", text) };
    [version(1, "first"), version(2, "second")]
}

case! {
    /// A version that is asked for is the one that is read.
    pinned_version_is_read(fixture) {
        let (store, client) = connected(fixture, &versions(fixture)).await?;
        if !store.capabilities(&fixture.descriptor())?.versions {
            return not_applicable("no versions");
        }
        let key = RemoteKey::latest("versioned").at_version(fixture.version_name(1));
        let read = client.read(&key).await;
        let payload = read.as_ref().map_err(|_| shown(&read))?;
        ensure!(fixture.open(payload).as_deref() == Some("first"), "another version was read");
        Ok(Outcome::Passed)
    }
}

case! {
    /// A version that never was is absent.
    unknown_version_is_not_found(fixture) {
        let (store, client) = connected(fixture, &versions(fixture)).await?;
        if !store.capabilities(&fixture.descriptor())?.versions {
            return not_applicable("no versions");
        }
        let key = RemoteKey::latest("versioned").at_version(fixture.version_name(99));
        let read = client.read(&key).await;
        ensure!(read.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound), "{}", shown(&read));
        Ok(Outcome::Passed)
    }
}

case! {
    /// A version that was deleted is absent, and the others are what they were.
    deleted_version_is_not_found(fixture) {
        let versions = [1, 2].map(|number| Entry {
            version: Some(number),
            ..entry(fixture, "key", &format!("value {number}"))
        });
        let (store, client) = connected(fixture, &versions).await?;
        if !store.capabilities(&fixture.descriptor())?.versions {
            return not_applicable("no versions");
        }
        if !fixture.delete_version(&store, "key", 1).await {
            return not_applicable("no single version can be deleted");
        }
        let read = client.read(&RemoteKey::latest("key").at_version(fixture.version_name(1))).await;
        ensure!(read.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound), "{}", shown(&read));
        let newest = client.read(&RemoteKey::latest("key")).await;
        let payload = newest.as_ref().map_err(|_| shown(&newest))?;
        ensure!(fixture.open(payload).as_deref() == Some("value 2"), "the newest has another value");
        Ok(Outcome::Passed)
    }
}

case! {
    /// Calls do not disturb each other.
    parallel_reads_agree(fixture) {
        let keys: Vec<_> = (0..20).map(|number| format!("key-{number}")).collect();
        let entries: Vec<_> = keys.iter().map(|key| entry(fixture, key, &format!("value of {key}"))).collect();
        let (_store, client) = connected(fixture, &entries).await?;
        let client = client.as_ref();
        let reads = join_all(keys.iter().map(|key| async move {
            let read = client.read(&RemoteKey::latest(key)).await;
            (key, read)
        }));
        for (key, read) in reads.await {
            let payload = read.as_ref().map_err(|_| shown(&read))?;
            let expected = format!("value of {key}");
            ensure!(fixture.open(payload).as_ref() == Some(&expected), "{key} has another key's value");
        }
        Ok(Outcome::Passed)
    }
}

case! {
    /// A call for many keys says of each what a call for it alone says, or nothing.
    keys_read_together_are_as_if_read_alone(fixture) {
        let entries: Vec<_> = ["a", "b", "c"].iter().map(|key| entry(fixture, key, key)).collect();
        let (_store, client) = connected(fixture, &entries).await?;
        let keys: Vec<_> = ["a", "absent", "b", "c", "missing"].map(RemoteKey::latest).to_vec();
        let most = keys.iter().map(|key| client.batch_size(key)).min().unwrap_or_default();
        if most < keys.len() {
            return not_applicable("no call reads many keys");
        }
        let together = client.read_many(&keys).await;
        let together = together.as_ref().map_err(|_| shown(&together))?;
        ensure!(together.len() == keys.len(), "{} outcomes for {} keys", together.len(), keys.len());
        let mut told = 0;
        for (key, outcome) in keys.iter().zip(together) {
            let alone = client.read(key).await;
            match (outcome, &alone) {
                (None, _) => continue,
                (Some(Ok(one)), Ok(other)) => ensure!(one == other, "{} has another value", key.key),
                (Some(Err(one)), Err(other)) => {
                    ensure!(one.kind() == other.kind(), "{}: {one}, alone {other}", key.key);
                }
                (Some(one), _) => return Err(format!("{}: {}, alone {}", key.key, shown(one), shown(&alone))),
            }
            told += 1;
        }
        ensure!(told >= entries.len(), "only {told} outcomes are told");
        Ok(Outcome::Passed)
    }
}
