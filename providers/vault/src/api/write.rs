//! The endpoints that change an entry of a KV engine.

use strongroom_provider_api::{Result, SecretBytes};
use strongroom_provider_kit::http::Answer;
use strongroom_provider_kit::session::Token;

use super::raw::Raw;
use super::{Api, Ask, Space};
use crate::config::KvVersion;
use crate::path::Location;

/// One change. Bodies are complete and JSON.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Replaces the value.
    Put { at: Location, kv: KvVersion, body: SecretBytes },
    /// Changes members of a version 2 value; those that are `null` are removed.
    Patch { at: Location, body: SecretBytes },
    /// Replaces the custom metadata of a version 2 entry.
    Describe { at: Location, body: SecretBytes },
    /// Removes the value; of a version 2 entry the newest, which can be brought back.
    Remove { at: Location, kv: KvVersion },
    /// Removes a version 2 entry with all its versions.
    Forget { at: Location },
}

impl Api {
    /// Carries out `change`; the answer is a success.
    pub(super) async fn carry_out(&self, change: &Change, token: Option<&Token>) -> Result<Answer> {
        let (name, operation) = match change {
            Change::Put { .. } | Change::Patch { .. } | Change::Describe { .. } => {
                ("WriteSecretData", "write")
            }
            Change::Remove { .. } | Change::Forget { .. } => ("DeleteSecret", "delete"),
        };
        let ask = Ask::new(name, operation, Space::Secrets);
        let request = match change.clone() {
            Change::Put { at, kv, body } => Raw::post(at.data_path(kv), body),
            Change::Patch { at, body } => Raw::patch(at.data_path(KvVersion::V2), body),
            Change::Describe { at, body } => Raw::post(at.metadata_path(), body),
            Change::Remove { at, kv } => Raw::delete(at.data_path(kv)),
            Change::Forget { at } => Raw::delete(at.metadata_path()),
        };
        let answer = self.call(&ask, request, token).await?;
        self.successful(&ask, answer)
    }
}
