//! The fake provider under the shared suite.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use strongroom_provider_api::{Content, Descriptor, Payload, StoreKind};
use strongroom_provider_conformance::{Entry, Fixture, Store, StubResolver, conformance_suite};
use strongroom_provider_fake::Fake;

struct FakeFixture;

#[async_trait]
impl Fixture for FakeFixture {
    fn descriptor(&self) -> Descriptor {
        Descriptor::of::<Fake>()
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let data: Vec<_> = entries
            .iter()
            .map(|entry| {
                let value = String::from_utf8_lossy(&entry.value);
                let version = entry.version.map(|version| version.to_string());
                json!({ "key": entry.key, "value": value, "version": version.unwrap_or_default() })
            })
            .collect();
        Store {
            config: json!({ "data": data }),
            resolver: Arc::new(StubResolver::new(StoreKind::Namespaced)),
            stub: None,
            guard: None,
        }
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        let Content::Bytes(bytes) = &payload.content else { return None };
        bytes.expose_str().map(ToOwned::to_owned)
    }

    fn deviations(&self) -> &[(&'static str, &'static str)] {
        &[
            ("path_limits_the_search", "upstream's fake provider ignores find.path"),
            (
                "mark_is_known_to_later_clients",
                "what is pushed is kept in the client's memory, as upstream's",
            ),
        ]
    }
}

conformance_suite!(FakeFixture);
