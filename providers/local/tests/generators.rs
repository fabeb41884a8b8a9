//! The local generators under the shared suite.

#![expect(clippy::indexing_slicing, reason = "a test may fail this way")]

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use strongroom_provider_api::{GeneratorDescriptor, StoreKind};
use strongroom_provider_conformance::StubResolver;
use strongroom_provider_conformance::generators::{GeneratorFixture, Made};
use strongroom_provider_local::{Fake, Mfa, Password, SshKey, Uuid};

/// A kind with a spec of its own.
struct Kind {
    descriptor: GeneratorDescriptor,
    spec: Value,
    faulty: Vec<(Value, &'static str)>,
    repeats: Option<&'static str>,
}

#[async_trait]
impl GeneratorFixture for Kind {
    fn descriptor(&self) -> GeneratorDescriptor {
        self.descriptor
    }

    async fn made(&self) -> Made {
        // The seed of RFC 6238.
        let resolver = StubResolver::new(StoreKind::Namespaced);
        let resolver = resolver.with_secret("seed", "seed", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        Made { resolver: Arc::new(resolver), ..Made::plain(self.spec.clone()) }
    }

    fn faulty_specs(&self) -> Vec<(Value, &'static str)> {
        self.faulty.clone()
    }

    fn repeats(&self) -> Option<&'static str> {
        self.repeats
    }
}

fn kind(descriptor: GeneratorDescriptor, spec: Value, faulty: Vec<(Value, &'static str)>) -> Kind {
    Kind { descriptor, spec, faulty, repeats: None }
}

mod fake {
    use super::*;

    fn fixture() -> Kind {
        let spec = json!({ "data": { "a": "x" } });
        let repeats = Some("its values stand in its spec");
        Kind { repeats, ..kind(GeneratorDescriptor::of::<Fake>(), spec, Vec::new()) }
    }

    strongroom_provider_conformance::generator_suite!(fixture());
}

mod mfa {
    use super::*;

    fn fixture() -> Kind {
        let spec = || json!({ "secret": { "name": "seed", "key": "seed" }, "length": 8 });
        let with = |name: &str, value: Value| {
            let mut spec = spec();
            spec[name] = value;
            spec
        };
        let faulty = vec![
            (with("length", json!(101)), "length"),
            (with("secret", json!({ "name": "seed" })), "secret"),
        ];
        let repeats = Some("a code is good for a while, and is the same as long");
        Kind { repeats, ..kind(GeneratorDescriptor::of::<Mfa>(), spec(), faulty) }
    }

    strongroom_provider_conformance::generator_suite!(fixture());
}

mod password {
    use super::*;

    fn fixture() -> Kind {
        let spec = |length: i32| json!({ "length": length, "secretKeys": ["one", "other"] });
        let mut twice = spec(24);
        twice["secretKeys"] = json!(["one", "one"]);
        let mut empty = spec(24);
        empty["secretKeys"] = json!([""]);
        let faulty = vec![(spec(100_000), "length"), (twice, "secretKeys[1]"), (empty, "secretKeys[0]")];
        kind(GeneratorDescriptor::of::<Password>(), spec(24), faulty)
    }

    strongroom_provider_conformance::generator_suite!(fixture());
}

mod ssh_key {
    use super::*;

    fn fixture() -> Kind {
        let spec = json!({ "keyType": "ed25519", "comment": "app" });
        let faulty = vec![
            (json!({ "keyType": "rsa", "keySize": 100 }), "keySize"),
            (json!({ "keyType": "ed25519", "comment": "a\nb" }), "comment"),
        ];
        kind(GeneratorDescriptor::of::<SshKey>(), spec, faulty)
    }

    strongroom_provider_conformance::generator_suite!(fixture());
}

mod uuid {
    use super::*;

    fn fixture() -> Kind {
        kind(GeneratorDescriptor::of::<Uuid>(), json!({}), Vec::new())
    }

    strongroom_provider_conformance::generator_suite!(fixture());
}
