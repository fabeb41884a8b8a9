//! `OwnIdentity`: who the controller itself is to a cloud, and which stores may be that.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Error, ErrorKind, Result, SecretBytes, StoreKind};

/// The controller's own identity, as its environment gives it, under the names of its variables, for example
/// `AWS_ROLE_ARN`. Lent to nobody by default: a store's author would act as the controller.
#[derive(Clone, Debug, Default)]
pub struct OwnIdentity {
    lent: Lent,
    values: Arc<BTreeMap<&'static str, SecretBytes>>,
}

/// To whom the identity is lent; whoever is to have it must ask for it in its settings besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lent {
    /// To nobody.
    #[default]
    Nobody,
    /// To ClusterSecretStores, which admins write.
    ClusterStores,
    /// To every store and generator.
    All,
}

impl OwnIdentity {
    /// These values, empty ones left out, for those that `lent` says.
    pub fn of(lent: Lent, values: impl IntoIterator<Item = (&'static str, SecretBytes)>) -> Self {
        Self { lent, values: Arc::new(values.into_iter().filter(|(_, value)| !value.is_empty()).collect()) }
    }

    /// The identity for a store of `kind` that asks for it; generators count as SecretStores.
    ///
    /// # Errors
    /// `InvalidConfig` where it is not lent to those.
    pub fn for_store(&self, kind: StoreKind) -> Result<Self> {
        match (self.lent, kind) {
            (Lent::All, _) | (Lent::ClusterStores, StoreKind::Cluster) => Ok(self.clone()),
            (Lent::Nobody, _) | (Lent::ClusterStores, StoreKind::Namespaced) => {
                let message = "this controller does not lend its own identity here (--lend-aws-identity)";
                Err(Error::new(ErrorKind::InvalidConfig, "log in", message))
            }
        }
    }

    /// The value of the variable `name`.
    pub fn get(&self, name: &str) -> Option<&SecretBytes> {
        self.values.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_lent_only_to_whom_it_is_meant_for() {
        let kinds = [StoreKind::Namespaced, StoreKind::Cluster];
        for (lent, wanted) in
            [(Lent::Nobody, [false, false]), (Lent::ClusterStores, [false, true]), (Lent::All, [true, true])]
        {
            let own = OwnIdentity::of(lent, [("A", "canary".into()), ("B", "".into())]);
            assert_eq!(kinds.map(|kind| own.for_store(kind).is_ok()), wanted, "{lent:?}");
            assert!(own.get("A").is_some() && own.get("B").is_none());
            assert!(!format!("{own:?}").contains("canary"));
        }
        assert!(OwnIdentity::default().for_store(StoreKind::Cluster).is_err());
    }
}
