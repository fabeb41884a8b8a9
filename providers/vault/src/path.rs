//! Paths below `/v1/`: what a remote key means in a store (spec eso-providers B.3), and which text may become
//! part of a request at all.

use std::fmt;

use crate::config::KvVersion;

/// Longest path: well below what HTTP libraries take.
const MAX_LENGTH: usize = 4096;

/// A path that cannot leave the place it is put in: segments joined by `/`, none of them empty, `.`, `..` or
/// with an encoded dot or slash, no control characters. It is not encoded yet. May be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogicalPath(String);

/// Why a text is not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathFault {
    Dots,
    Encoded,
    Control,
    Length,
}

/// One entry or folder of a KV engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// Mount path of the engine.
    pub(crate) mount: LogicalPath,
    /// Path within the engine, without `data/` or `metadata/`.
    pub(crate) rest: LogicalPath,
}

/// How a store turns keys into locations.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The store's `path`, verbatim.
    pub(crate) path: Option<String>,
    pub(crate) version: KvVersion,
}

impl LogicalPath {
    /// The path in `text`. Slashes at both ends and doubled ones are dropped, as Vault's own client does.
    pub(crate) fn parse(text: &str) -> Result<Self, PathFault> {
        if text.len() > MAX_LENGTH {
            return Err(PathFault::Length);
        }
        if text.chars().any(char::is_control) {
            return Err(PathFault::Control);
        }
        let segments: Vec<&str> = text.split('/').filter(|segment| !segment.is_empty()).collect();
        if segments.iter().any(|segment| matches!(*segment, "." | "..")) {
            return Err(PathFault::Dots);
        }
        // A proxy that decodes twice would read these as `.`, `/` and `\`.
        let lower = text.to_ascii_lowercase();
        if ["%2e", "%2f", "%5c"].iter().any(|escape| lower.contains(escape)) {
            return Err(PathFault::Encoded);
        }
        Ok(Self(segments.join("/")))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This path with one more segment below it; `None` where `name` is not exactly one segment.
    pub(crate) fn child(&self, name: &str) -> Option<Self> {
        let name = Self::parse(name).ok().filter(|parsed| parsed.0 == name && !name.contains('/'))?;
        if name.is_empty() {
            return None;
        }
        Self::parse(&format!("{}/{}", self.0, name.0)).ok()
    }
}

impl Location {
    /// Path of the value below `/v1/`.
    pub(crate) fn data_path(&self, version: KvVersion) -> String {
        match version {
            KvVersion::V1 => format!("{}/{}", self.mount.0, self.rest.0),
            KvVersion::V2 => format!("{}/data/{}", self.mount.0, self.rest.0),
        }
    }

    /// Path of a version 2 entry's metadata below `/v1/`.
    pub(crate) fn metadata_path(&self) -> String {
        format!("{}/metadata/{}", self.mount.0, self.rest.0)
    }
}

impl Layout {
    /// Where the entry of `key` is.
    ///
    /// # Errors
    /// A sentence for the user.
    pub(crate) fn entry(&self, key: &str) -> Result<Location, String> {
        let location = self.locate(key)?;
        if location.rest.is_empty() {
            return Err("the key names no secret within the engine".to_owned());
        }
        Ok(location)
    }

    /// The same for `metadataPolicy: Fetch`: without a path the key must say where the engine ends.
    ///
    /// # Errors
    /// A sentence for the user.
    pub(crate) fn described_entry(&self, key: &str) -> Result<Location, String> {
        if self.path.is_none() && self.version == KvVersion::V2 && !key.contains("/data/") {
            return Err(
                "provided Path isn't a valid kv v2 path: the store has no path, so with metadataPolicy Fetch the key \
                 must be MOUNT/data/NAME"
                    .to_owned(),
            );
        }
        self.entry(key)
    }

    /// Where the folder of `find.path` is: the engine's root where there is none.
    ///
    /// # Errors
    /// A sentence for the user.
    pub(crate) fn folder(&self, path: Option<&str>) -> Result<Location, String> {
        let text = path.map(|path| format!("{path}/")).unwrap_or_default();
        if self.path.is_none() && self.version == KvVersion::V2 && !text.contains("/data/") {
            return Err(
                "provided Path isn't a valid kv v2 path: the store has no path, so find.path must be \
                        MOUNT/data/FOLDER"
                    .to_owned(),
            );
        }
        self.locate(&text)
    }

    /// The key under which [`entry`](Self::entry) finds `location` again.
    pub(crate) fn key(&self, location: &Location) -> String {
        let rest = location.rest.as_str();
        let (path, explicit) = match (&self.path, self.version) {
            (None, version) => return location.data_path(version),
            (Some(path), KvVersion::V1) => (path, format!("{path}/{rest}")),
            (Some(path), KvVersion::V2) => (path, format!("{path}/data/{rest}")),
        };
        // The store's path would be taken off such a key.
        let like_mount = rest.strip_prefix(path.as_str()).is_some_and(|tail| tail.starts_with('/'));
        if like_mount { explicit } else { rest.to_owned() }
    }

    fn locate(&self, key: &str) -> Result<Location, String> {
        let (mount, rest) = match (&self.path, self.version) {
            (Some(path), version) => {
                let below = key.strip_prefix(path.as_str()).and_then(|tail| tail.strip_prefix('/'));
                let rest = match (below, version) {
                    (Some(below), KvVersion::V2) => below.strip_prefix("data/").unwrap_or(below),
                    (Some(below), KvVersion::V1) => below,
                    // Without the mount before it, `data` is a folder like any other.
                    (None, _) => key,
                };
                (path.as_str(), rest)
            }
            (None, KvVersion::V2) if key.contains("/data/") => key.split_once("/data/").unwrap_or_default(),
            (None, KvVersion::V2) => key.split_once('/').unwrap_or((key, "")),
            (None, KvVersion::V1) => {
                let key = key.trim_start_matches('/');
                key.split_once('/').unwrap_or((key, ""))
            }
        };
        let parse = |what: &str, text: &str| {
            LogicalPath::parse(text).map_err(|fault| format!("{what} cannot be used: {fault}"))
        };
        let origin = if self.path.is_some() { "the store's path" } else { "the key" };
        let location = Location { mount: parse(origin, mount)?, rest: parse("the key", rest)? };
        match (location.mount.is_empty(), &self.path) {
            (false, _) => Ok(location),
            (true, Some(_)) => Err("the store's path cannot be used: it is empty".to_owned()),
            (true, None) => {
                Err("the store has no path, so the key must begin with the engine's mount path".to_owned())
            }
        }
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dots => "it holds a \"..\" segment or a \".\" segment",
            Self::Encoded => "it holds an encoded dot or slash",
            Self::Control => "it holds a control character",
            Self::Length => "it is longer than 4096 bytes",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(path: Option<&str>, version: KvVersion) -> Layout {
        Layout { path: path.map(str::to_owned), version }
    }

    #[test]
    fn keys_become_locations_as_upstream_has_them() {
        use KvVersion::{V1, V2};
        let table = [
            (V2, Some("secret/path"), "test", "secret/path|test"),
            (V2, Some("secret/path"), "secret/path/test", "secret/path|test"),
            (V2, Some("secret/path"), "secret/path/data/test", "secret/path|test"),
            (V2, Some("secret"), "data/test", "secret|data/test"),
            (V2, Some("secret"), "secret/data/data/test", "secret|data/test"),
            (V2, Some("secret"), "secrets/test", "secret|secrets/test"),
            (V2, Some("secret"), "/team//app/", "secret|team/app"),
            (V2, Some("secret"), "a b/ü?#%", "secret|a b/ü?#%"),
            (V2, None, "secret/test/big/path", "secret|test/big/path"),
            (V2, None, "secret/test/data/x/data/y", "secret/test|x/data/y"),
            (V1, Some("secret/path"), "test", "secret/path|test"),
            (V1, Some("secret/path"), "secret/path/test", "secret/path|test"),
            (V1, Some("kv1"), "data/test", "kv1|data/test"),
            (V1, None, "secret/test", "secret|test"),
            (V1, None, "/secret/test", "secret|test"),
        ];
        for (version, path, key, expected) in table {
            let location = layout(path, version).entry(key).unwrap();
            assert_eq!(format!("{}|{}", location.mount.0, location.rest.0), expected, "{key}");
        }
    }

    #[test]
    fn keys_that_could_leave_their_place_are_refused() {
        let layout = layout(Some("secret"), KvVersion::V2);
        for key in [
            "../sys/raw",
            "a/../../b",
            "./a",
            "a/%2e%2e/b",
            "a%2Fb",
            "a%5cb",
            "a\nb",
            "a\u{0}",
            "",
            "/",
            "secret/data/",
        ] {
            assert!(layout.entry(key).is_err(), "{key:?}");
        }
        assert!(layout.entry(&"a".repeat(5000)).is_err());
        for key in ["alone", "/secret/test"] {
            assert!(super::Layout { path: None, version: KvVersion::V2 }.entry(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn a_path_of_the_store_that_cannot_be_used_is_named_whatever_the_key() {
        for version in [KvVersion::V1, KvVersion::V2] {
            for path in ["", "/", "//", "../x", "a/./b", "a%2Fb", "a\nb"] {
                let layout = layout(Some(path), version);
                for fault in [
                    layout.entry("app").unwrap_err(),
                    layout.entry("secret/data/app").unwrap_err(),
                    layout.described_entry("secret/data/app").unwrap_err(),
                    layout.folder(None).unwrap_err(),
                    layout.folder(Some("secret/data/team")).unwrap_err(),
                ] {
                    assert!(fault.starts_with("the store's path cannot be used: it "), "{path:?} {fault}");
                }
            }
        }
    }

    #[test]
    fn a_listed_entry_is_found_again_under_its_key() {
        use KvVersion::{V1, V2};
        for version in [V1, V2] {
            for path in [None, Some("secret"), Some("secret/"), Some("deep/kv")] {
                let layout = layout(path, version);
                for rest in ["a", "a/b", "data/a", "secret/a", "deep/kv/a", "data/data/x"] {
                    let mount = LogicalPath::parse(path.unwrap_or("secret")).unwrap();
                    let location = Location { mount, rest: LogicalPath::parse(rest).unwrap() };
                    let key = layout.key(&location);
                    assert_eq!(layout.entry(&key), Ok(location), "{path:?} {rest} as {key}");
                }
            }
        }
    }

    #[test]
    fn metadata_without_a_path_needs_to_know_where_the_engine_ends() {
        let without = layout(None, KvVersion::V2);
        assert_eq!(without.described_entry("kv/data/team/app"), without.entry("kv/data/team/app"));
        let fault = without.described_entry("kv/team/app").unwrap_err();
        assert!(fault.starts_with("provided Path isn't a valid kv v2 path"), "{fault}");
        let with = layout(Some("kv"), KvVersion::V2);
        assert_eq!(with.described_entry("team/app"), with.entry("team/app"));
    }

    #[test]
    fn folders_need_a_mount() {
        let with = layout(Some("secret"), KvVersion::V2);
        assert_eq!(with.folder(None).unwrap().rest.as_str(), "");
        assert_eq!(with.folder(Some("secret/team/")).unwrap().rest.as_str(), "team");
        let without = layout(None, KvVersion::V2);
        assert_eq!(without.folder(Some("kv/data/team")).unwrap().rest.as_str(), "team");
        assert_eq!(without.folder(Some("kv/data")).unwrap().rest.as_str(), "");
        assert!(without.folder(None).unwrap_err().starts_with("provided Path isn't a valid kv v2 path"));
        assert!(layout(None, KvVersion::V1).folder(None).is_err());
        assert_eq!(layout(None, KvVersion::V1).folder(Some("kv/team")).unwrap().rest.as_str(), "team");
    }

    #[test]
    fn a_child_is_one_segment() {
        let parent = LogicalPath::parse("team").unwrap();
        assert_eq!(parent.child("app").unwrap().as_str(), "team/app");
        assert_eq!(LogicalPath::default().child("app").unwrap().as_str(), "app");
        for bad in ["", "/", "a/b", "..", "a/", "%2e"] {
            assert_eq!(parent.child(bad), None, "{bad:?}");
        }
    }
}
