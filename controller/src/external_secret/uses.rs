//! Which entries of a store an ExternalSecret draws from, and which objects draw from some. Pure but for the mirror.

use strongroom_crds::{DataFrom, ExternalSecret, ExternalSecretSpec, SecretStoreRef, StoreRefKind};

use crate::context::Context;
use crate::kube_io::ObjectKey;
use crate::stores::StoreId;

/// What an ExternalSecret draws from a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use<'a> {
    /// The entry under this key.
    Key(&'a str),
    /// Whatever a search finds below this path, or anywhere.
    Below(Option<&'a str>),
}

/// What the ExternalSecret `spec` of `namespace` draws from `store`.
pub(super) fn uses<'a>(
    store: &StoreId,
    namespace: &str,
    spec: &'a ExternalSecretSpec,
) -> impl Iterator<Item = Use<'a>> {
    let default = spec.secret_store_ref.as_ref();
    let is_meant =
        move |own: Option<&SecretStoreRef>| own.or(default).is_some_and(|own| is(store, namespace, own));
    let data_from = spec.data_from.iter().filter_map(move |from| {
        let own = from.source_ref.as_ref().and_then(|source| source.store_ref.as_ref());
        used(from).filter(|_| is_meant(own))
    });
    let data = spec.data.iter().filter_map(move |entry| {
        let own = entry.source_ref.as_ref().and_then(|source| source.store_ref.as_ref());
        is_meant(own).then_some(Use::Key(entry.remote_ref.key.as_str()))
    });
    data_from.chain(data)
}

/// The ExternalSecrets that draw from `store` something that is `wanted`, with what they are.
pub fn users(
    context: &Context,
    store: &StoreId,
    mut wanted: impl FnMut(&ObjectKey, &ExternalSecret, Use<'_>) -> bool,
) -> Vec<ObjectKey> {
    let mut found = Vec::new();
    context.external_secrets.for_each(|key, object| {
        let Ok(object) = &object.0 else { return };
        if uses(store, &key.namespace, &object.spec).any(|used| wanted(key, object, used)) {
            found.push(key.clone());
        }
    });
    found
}

/// Find wins over extract where both are given, as when it is synced.
fn used(from: &DataFrom) -> Option<Use<'_>> {
    match (&from.find, &from.extract) {
        (Some(find), _) => Some(Use::Below(find.path.as_deref())),
        (None, Some(remote)) => Some(Use::Key(&remote.key)),
        (None, None) => None,
    }
}

fn is(store: &StoreId, namespace: &str, reference: &SecretStoreRef) -> bool {
    let cluster = reference.kind == Some(StoreRefKind::ClusterSecretStore);
    store.cluster == cluster
        && reference.name.as_deref() == Some(store.key.name.as_str())
        && (cluster || store.key.namespace == namespace)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_counts_for_the_store_that_it_names_or_inherits() {
        let spec = json!({
            "secretStoreRef": { "name": "vault" },
            "dataFrom": [
                { "extract": { "key": "a" } },
                { "find": { "path": "team", "name": { "regexp": "." } } },
                { "extract": { "key": "foreign" }, "sourceRef": { "storeRef": { "name": "other" } } },
                { "sourceRef": { "generatorRef": { "apiVersion": "v1", "kind": "Password", "name": "x" } } },
            ],
            "data": [
                { "secretKey": "b", "remoteRef": { "key": "b" } },
                { "secretKey": "c", "remoteRef": { "key": "c" },
                  "sourceRef": { "storeRef": { "name": "vault", "kind": "ClusterSecretStore" } } },
            ],
        });
        let spec: ExternalSecretSpec = serde_json::from_value(spec).unwrap();
        let of = |store: StoreId| uses(&store, "ns", &spec).collect::<Vec<_>>();
        let own = StoreId::namespaced(ObjectKey::new("ns", "vault"));
        assert_eq!(of(own), [Use::Key("a"), Use::Below(Some("team")), Use::Key("b")]);
        assert_eq!(of(StoreId::cluster("vault")), [Use::Key("c")]);
        assert_eq!(of(StoreId::namespaced(ObjectKey::new("elsewhere", "vault"))), []);
    }
}
