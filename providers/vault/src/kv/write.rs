//! Writes, deletes and looks for entries, and heeds whose they are (spec eso-providers B.6).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use strongroom_provider_api::{
    Content, Deleted, Edit, Error, ErrorKind, RemoteKey, Result, SecretBytes, Written,
};

use super::VaultClient;
use super::members::{Members, json_text, plain_text};
use crate::api::{Change, Query};
use crate::config::KvVersion;
use crate::path::Location;

/// Where the mark of an entry that we manage stands: in a version 2 entry's metadata, in a version 1 value itself.
const CUSTOM_METADATA: &str = "custom_metadata";
const MARK: (&str, &str) = ("managed-by", "external-secrets");

/// An entry as it was found.
struct Found {
    /// The value, without the mark; `None` where there is none, or its newest version is deleted.
    live: Option<Members>,
    managed: bool,
    /// What a version 2 write must find as the newest version.
    version: u64,
    custom: BTreeMap<String, Value>,
}

impl VaultClient {
    pub(super) async fn written(&self, key: &RemoteKey, edit: &Edit) -> Result<Written> {
        let at = self.location(key)?;
        let found = self.found(key, &at).await?;
        if found.live.is_some() && !found.managed {
            return Err(Error::new(ErrorKind::Conflict, "write", "secret not managed by external-secrets"));
        }
        let wanted = wanted(edit, found.live.as_ref())?;
        if found.live.as_ref().is_some_and(|live| live.same(&wanted)) {
            return Ok(Written::Unchanged);
        }
        let created = found.live.is_none();
        self.save(&at, &found, &wanted).await?;
        Ok(if created { Written::Created } else { Written::Updated })
    }

    pub(super) async fn deleted(&self, key: &RemoteKey, property: Option<&str>) -> Result<Deleted> {
        let at = self.location(key)?;
        let found = self.found(key, &at).await?;
        let Some(live) = &found.live else { return Ok(Deleted::Absent) };
        if !found.managed {
            return Ok(Deleted::Foreign);
        }
        let mut rest = live.clone();
        match property {
            None => rest.0.clear(),
            Some(property) if rest.0.remove(property).is_none() => return Ok(Deleted::Absent),
            Some(_) => {}
        }
        if !rest.0.is_empty() {
            self.save(&at, &found, &rest).await?;
            return Ok(Deleted::Removed);
        }
        let kv = self.layout.version;
        self.carry_out(Change::Remove { at: at.clone(), kv }).await?;
        if kv == KvVersion::V2 {
            self.carry_out(Change::Forget { at }).await?;
        }
        Ok(Deleted::Removed)
    }

    pub(super) async fn holds(&self, key: &RemoteKey, property: Option<&str>) -> Result<bool> {
        let Some((members, _)) = self.live(key).await? else { return Ok(false) };
        let Some(property) = property else { return Ok(true) };
        Ok(members.0.get(property).is_some_and(|value| value.expose() != b"null"))
    }

    /// The value under `key` and its version.
    async fn live(&self, key: &RemoteKey) -> Result<Option<(Members, u64)>> {
        let payload = match self.value(&RemoteKey::latest(&key.key)).await {
            Ok(payload) => payload,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let version = payload.version.and_then(|version| version.parse().ok()).unwrap_or_default();
        let Content::Bytes(text) = payload.content else { return Ok(None) };
        Ok(Some((Members::parse(text.expose())?, version)))
    }

    async fn found(&self, key: &RemoteKey, at: &Location) -> Result<Found> {
        let live = self.live(key).await?;
        match self.layout.version {
            KvVersion::V1 => Ok(unversioned(live.map(|(members, _)| members))),
            KvVersion::V2 => {
                let known = self.known_at(at, "write").await?;
                let newest = known.as_ref().and_then(|known| known.current_version.as_ref()?.as_u64());
                let custom = known.and_then(|known| known.custom_metadata).unwrap_or_default();
                // Of a value that was read, exactly that version is replaced.
                let version = live.as_ref().map_or(newest.unwrap_or_default(), |(_, version)| *version);
                let live = live.map(|(members, _)| members);
                Ok(Found { live, managed: is_marked(&custom), version, custom })
            }
        }
    }

    /// Stores `wanted` in place of what was `found`, and marks the entry first where it is new: an entry of ours
    /// without a mark could never be changed again.
    async fn save(&self, at: &Location, found: &Found, wanted: &Members) -> Result<()> {
        let (at, kv) = (at.clone(), self.layout.version);
        if kv == KvVersion::V1 {
            let mut marked = wanted.clone();
            let custom = json!(with_mark(&found.custom)).to_string();
            marked.0.insert(CUSTOM_METADATA.to_owned(), custom.into());
            return self.carry_out(Change::Put { at, kv, body: marked.printed() }).await;
        }
        if !found.managed {
            self.describe(&at, &with_mark(&found.custom)).await?;
        }
        let outcome = self.replace(&at, found, wanted).await;
        if !found.managed && outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict) {
            // Somebody else has made the entry in between: it is theirs.
            self.describe(&at, &found.custom).await?;
        }
        outcome
    }

    async fn describe(&self, at: &Location, custom: &BTreeMap<String, Value>) -> Result<()> {
        let body = json!({ CUSTOM_METADATA: custom }).to_string().into();
        self.carry_out(Change::Describe { at: at.clone(), body }).await
    }

    /// Sends only the members that differ where the token may patch, else all of them.
    async fn replace(&self, at: &Location, found: &Found, wanted: &Members) -> Result<()> {
        if let Some(patch) = found.live.as_ref().and_then(|live| difference(live, wanted)) {
            let body = versioned(&patch, found.version);
            match self.carry_out(Change::Patch { at: at.clone(), body }).await {
                Err(error) if is_unable(error.kind()) => {}
                outcome => return outcome,
            }
        }
        let body = versioned(wanted, found.version);
        self.carry_out(Change::Put { at: at.clone(), kv: KvVersion::V2, body }).await
    }

    async fn carry_out(&self, change: Change) -> Result<()> {
        self.caller.fetch(&Query::Change(change)).await.map(drop)
    }
}

/// A version 1 value holds its mark itself.
fn unversioned(live: Option<Members>) -> Found {
    let Some(mut members) = live else {
        return Found { live: None, managed: false, version: 0, custom: BTreeMap::new() };
    };
    let custom = members.0.remove(CUSTOM_METADATA);
    let custom = custom.and_then(|text| serde_json::from_slice(text.expose()).ok()).unwrap_or_default();
    Found { live: Some(members), managed: is_marked(&custom), version: 0, custom }
}

fn is_marked(custom: &BTreeMap<String, Value>) -> bool {
    custom.get(MARK.0).is_some_and(|by| by == MARK.1)
}

fn with_mark(custom: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let mut marked = custom.clone();
    marked.insert(MARK.0.to_owned(), MARK.1.into());
    marked
}

/// The token may not patch, or this Vault cannot.
fn is_unable(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::PermissionDenied | ErrorKind::InvalidConfig)
}

/// The value that `edit` makes of `live`.
fn wanted(edit: &Edit, live: Option<&Members>) -> Result<Members> {
    match edit {
        Edit::Whole(Content::Bytes(bytes)) => Members::parse(bytes.expose()).map_err(|_| {
            let message = "the value is not a JSON object, and no property is named";
            Error::new(ErrorKind::InvalidPayload, "write", message)
        }),
        Edit::Whole(Content::Fields(fields)) => {
            let texts = fields.iter().map(|(name, value)| Ok((name.clone(), json_value(name, value)?)));
            texts.collect::<Result<_>>().map(Members)
        }
        Edit::Properties(properties) => {
            let mut members = live.cloned().unwrap_or_default();
            for (name, value) in properties {
                if members.0.get(name).is_some_and(|old| plain_text(old).is_none()) {
                    let message =
                        format!("error converting {name} to string: another kind of value stands there");
                    return Err(Error::new(ErrorKind::InvalidPayload, "write", message));
                }
                members.0.insert(name.clone(), json_value(name, value)?);
            }
            Ok(members)
        }
    }
}

fn json_value(name: &str, value: &SecretBytes) -> Result<SecretBytes> {
    let message = || format!("the value for {name:?} is not UTF-8 text, and Vault holds text");
    let text = value.expose_str().ok_or_else(|| Error::new(ErrorKind::InvalidPayload, "write", message()))?;
    Ok(json_text(text))
}

/// What a patch must say: members that are new or other, and `null` for those that go. `None` where a patch cannot
/// say it: objects would be merged, and `null` would remove.
fn difference(live: &Members, wanted: &Members) -> Option<Members> {
    let mut patch = Members::default();
    for (name, value) in &wanted.0 {
        if live.0.get(name) != Some(value) {
            if value.expose().starts_with(b"{") || value.expose() == b"null" {
                return None;
            }
            patch.0.insert(name.clone(), value.clone());
        }
    }
    for name in live.0.keys().filter(|name| !wanted.0.contains_key(*name)) {
        patch.0.insert(name.clone(), "null".into());
    }
    Some(patch)
}

/// The body of a version 2 write that replaces exactly `version`.
fn versioned(members: &Members, version: u64) -> SecretBytes {
    let options = json!({ "cas": version }).to_string().into();
    let parts = [("data".to_owned(), members.printed()), ("options".to_owned(), options)];
    Members(parts.into()).printed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Members {
        Members::parse(text.as_bytes()).unwrap()
    }

    fn printed(outcome: Result<Members>) -> Result<String, ErrorKind> {
        let shown = |members: Members| members.printed().expose_str().unwrap().to_owned();
        outcome.map(shown).map_err(|error| error.kind())
    }

    #[test]
    fn a_whole_write_is_an_object_of_strings_or_the_object_that_was_given() {
        let fields = vec![("b".to_owned(), "<\"".into()), ("a".to_owned(), "1".into())];
        let whole = Edit::Whole(Content::Fields(fields));
        assert_eq!(printed(wanted(&whole, None)), Ok(r#"{"a":"1","b":"<\""}"#.to_owned()));
        let object = |text: &str| Edit::Whole(Content::Bytes(text.into()));
        assert_eq!(printed(wanted(&object(r#"{"n":1.0}"#), None)), Ok(r#"{"n":1.0}"#.to_owned()));
        for no_object in ["canary", "[1]", "\"a\"", ""] {
            assert_eq!(printed(wanted(&object(no_object), None)), Err(ErrorKind::InvalidPayload));
        }
        let binary = Edit::Whole(Content::Fields(vec![("a".to_owned(), vec![0xff].into())]));
        assert_eq!(printed(wanted(&binary, None)), Err(ErrorKind::InvalidPayload));
    }

    #[test]
    fn properties_are_set_as_text_beside_the_others() {
        let live = members(r#"{"a":"1","n":2.50,"o":{"x":1}}"#);
        let edit = |name: &str| Edit::Properties(BTreeMap::from([(name.to_owned(), "new".into())]));
        let set = wanted(&edit("a.b"), Some(&live));
        assert_eq!(printed(set), Ok(r#"{"a":"1","a.b":"new","n":2.50,"o":{"x":1}}"#.to_owned()));
        assert_eq!(printed(wanted(&edit("n"), Some(&live))), Err(ErrorKind::InvalidPayload));
        assert_eq!(printed(wanted(&edit("a"), None)), Ok(r#"{"a":"new"}"#.to_owned()));
    }

    #[test]
    fn a_patch_names_what_changes_and_what_goes() {
        let live = members(r#"{"a":"1","b":"2","c":3}"#);
        let patch = difference(&live, &members(r#"{"a":"1","b":"x","d":[4]}"#)).unwrap();
        assert_eq!(printed(Ok(patch)), Ok(r#"{"b":"x","c":null,"d":[4]}"#.to_owned()));
        for other in [r#"{"a":{"x":1}}"#, r#"{"a":null}"#] {
            assert!(difference(&live, &members(other)).is_none(), "{other}");
        }
    }
}
