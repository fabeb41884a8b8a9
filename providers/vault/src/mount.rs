//! Decides whether an absent path is absent with authority: Vault answers 404 to a wrong KV version too
//! (spec eso-core 14).

use serde::Deserialize;
use serde_json::value::RawValue;
use strongroom_provider_api::{Error, ErrorKind, Result};

use crate::api::Query;
use crate::config::KvVersion;
use crate::identity::Caller;
use crate::path::Location;

/// What the body of a 404 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// A version 2 engine says that this version is deleted or destroyed.
    Deleted,
    /// Nothing is there, but perhaps because the engine is another one.
    Unconfirmed,
    /// Vault has no engine there.
    NoEngine,
    /// It was not Vault that answered.
    Foreign,
}

#[derive(Deserialize)]
struct Body<'a> {
    errors: Option<Vec<String>>,
    warnings: Option<Vec<String>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct DeletedVersion<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: &'a RawValue,
}

#[derive(Deserialize)]
struct MountAnswer {
    data: MountInfo,
}

#[derive(Deserialize)]
struct MountInfo {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    options: Option<MountOptions>,
}

#[derive(Deserialize)]
struct MountOptions {
    version: Option<String>,
}

impl Absence {
    /// What the body of a 404 to a read in a `kv` store says.
    pub(crate) fn of(body: &[u8], kv: KvVersion) -> Self {
        let Ok(body) = serde_json::from_slice::<Body<'_>>(body) else { return Self::Foreign };
        let deleted = body.data.and_then(|data| serde_json::from_str::<DeletedVersion<'_>>(data.get()).ok());
        match (deleted, body.errors) {
            (Some(version), _)
                if kv == KvVersion::V2 && version.data.is_none() && version.metadata.get() != "null" =>
            {
                Self::Deleted
            }
            (_, Some(errors)) if !errors.is_empty() => Self::NoEngine,
            (None, None) if body.warnings.is_none() => Self::Foreign,
            (_, _) => Self::Unconfirmed,
        }
    }
}

impl Caller {
    /// Whether `body`, a 404 to a read at `location`, means with authority that nothing is there.
    ///
    /// # Errors
    /// `InvalidConfig` where the engine is absent or another one, `PermissionDenied` where Vault does not
    /// tell which engine it is.
    pub(crate) async fn confirm_absence(
        &self,
        body: &[u8],
        location: &Location,
        kv: KvVersion,
        operation: &'static str,
    ) -> Result<()> {
        let mount = location.mount.as_str();
        match Absence::of(body, kv) {
            Absence::Deleted => Ok(()),
            Absence::Unconfirmed => self.check_engine(location, kv, operation).await,
            Absence::NoEngine => {
                let message = format!("Vault has no engine or namespace for the path {mount:?} (404)");
                Err(Error::new(ErrorKind::InvalidConfig, operation, message))
            }
            Absence::Foreign => {
                let message = "404 came without an answer of Vault's: something else answers at this address";
                Err(Error::new(ErrorKind::Unavailable, operation, message))
            }
        }
    }

    /// Asked each time and never remembered: an engine can be replaced or upgraded in place, and then every
    /// path of the old version answers 404.
    async fn check_engine(&self, location: &Location, kv: KvVersion, operation: &'static str) -> Result<()> {
        let path = location.data_path(kv);
        let path = path.trim_end_matches('/').to_owned();
        let denied = || {
            let message = format!(
                "nothing is found, but whether the engine {:?} is the right one cannot be told: the login may \
                 not read sys/internal/ui/mounts/{path}",
                location.mount.as_str()
            );
            Error::new(ErrorKind::PermissionDenied, operation, message)
        };
        let answer = match self.fetch(&Query::Mount { path: path.clone() }).await {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(denied()),
            outcome => outcome?,
        };
        if answer.status == 404 {
            return Err(denied());
        }
        let parsed: Result<MountAnswer, _> = serde_json::from_slice(&answer.body);
        let Ok(MountAnswer { data: engine }) = parsed else {
            let message = "Vault's description of the engine cannot be read";
            return Err(Error::new(ErrorKind::Unavailable, operation, message));
        };
        engine
            .fault(location, kv)
            .map_or(Ok(()), |fault| Err(Error::new(ErrorKind::InvalidConfig, operation, fault)))
    }
}

impl MountInfo {
    /// Why an absent path of this engine says nothing about `location`; `None` where it does.
    fn fault(&self, location: &Location, kv: KvVersion) -> Option<String> {
        let path = self.path.trim_end_matches('/');
        let versioned = self.kind == "kv"
            && self.options.as_ref().and_then(|options| options.version.as_deref()) == Some("2");
        match kv {
            KvVersion::V1 if versioned => {
                Some(format!("the engine at {path:?} is KV version 2, and the store says v1"))
            }
            KvVersion::V2 if !versioned => {
                Some(format!("the engine at {path:?} is not KV version 2, and the store says v2"))
            }
            KvVersion::V2 if path != location.mount.as_str() => Some(format!(
                "the store's path is {:?}, and the engine's is {path:?}",
                location.mount.as_str()
            )),
            // Version 1 reads any engine, at any depth.
            KvVersion::V1 | KvVersion::V2 => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::LogicalPath;

    #[test]
    fn the_body_of_a_404_tells_the_cases_apart() {
        let deleted = r#"{"data":{"data":null,"metadata":{"version":1}}}"#;
        let warned = r#"{"data":null,"warnings":["Invalid path for a versioned K/V secrets engine."]}"#;
        let table = [
            (deleted, KvVersion::V2, Absence::Deleted),
            (deleted, KvVersion::V1, Absence::Unconfirmed),
            (r#"{"errors":[]}"#, KvVersion::V2, Absence::Unconfirmed),
            (warned, KvVersion::V1, Absence::Unconfirmed),
            (r#"{"errors":["no handler for route"]}"#, KvVersion::V2, Absence::NoEngine),
            ("{}", KvVersion::V2, Absence::Foreign),
            ("<html>not found</html>", KvVersion::V2, Absence::Foreign),
            ("", KvVersion::V1, Absence::Foreign),
        ];
        for (body, kv, expected) in table {
            assert_eq!(Absence::of(body.as_bytes(), kv), expected, "{body}");
        }
    }

    #[test]
    fn only_the_engine_that_the_store_means_can_say_that_nothing_is_there() {
        let location =
            Location { mount: LogicalPath::parse("secret").unwrap(), rest: LogicalPath::parse("a").unwrap() };
        let fault = |path: &str, kind: &str, version: Option<&str>, kv| {
            let options = version.map(|version| MountOptions { version: Some(version.to_owned()) });
            MountInfo { path: path.to_owned(), kind: kind.to_owned(), options }.fault(&location, kv)
        };
        assert_eq!(fault("secret/", "kv", Some("2"), KvVersion::V2), None);
        assert_eq!(fault("secret/", "kv", Some("1"), KvVersion::V1), None);
        assert_eq!(fault("secret/", "generic", None, KvVersion::V1), None);
        assert!(fault("secret/", "kv", Some("1"), KvVersion::V2).is_some());
        assert!(fault("secret/", "kv", None, KvVersion::V2).is_some());
        assert!(fault("secret/", "kv", Some("2"), KvVersion::V1).is_some());
        assert!(fault("", "kv", Some("2"), KvVersion::V2).is_some());
        assert!(fault("secret/", "pki", None, KvVersion::V2).is_some());
    }
}
