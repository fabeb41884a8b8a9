//! The list of the providers and generators that are built in, and nothing but the list.

#![deny(missing_docs)]

use std::collections::BTreeMap;

use serde_json::Value;
use strongroom_provider_api::{Descriptor, GeneratorDescriptor};

/// Every provider, one line each.
const STORES: &[&[Descriptor]] = &[
    #[cfg(feature = "aws")]
    aws::STORES,
    #[cfg(feature = "crd")]
    crd::STORES,
    #[cfg(feature = "fake")]
    fake::STORES,
    #[cfg(feature = "kubernetes")]
    kubernetes::STORES,
    #[cfg(feature = "vault")]
    vault::STORES,
    #[cfg(feature = "webhook")]
    webhook::STORES,
];

/// Every folder of generators, one line each.
const GENERATORS: &[&[GeneratorDescriptor]] = &[
    #[cfg(feature = "aws")]
    aws::GENERATORS,
    #[cfg(feature = "local")]
    local::GENERATORS,
    #[cfg(feature = "vault")]
    vault::GENERATORS,
    #[cfg(feature = "webhook")]
    webhook::GENERATORS,
];

/// The descriptors of all providers that are built in.
pub fn stores() -> impl Iterator<Item = &'static Descriptor> {
    STORES.iter().copied().flatten()
}

/// The descriptor of the provider `name`, the key under `spec.provider`.
pub fn find(name: &str) -> Option<&'static Descriptor> {
    stores().find(|descriptor| descriptor.name == name)
}

/// The JSON schema of each provider's settings, by name.
pub fn schemas() -> BTreeMap<String, Value> {
    stores().map(|descriptor| (descriptor.name.to_owned(), descriptor.schema())).collect()
}

/// The descriptors of all generators that are built in.
pub fn generators() -> impl Iterator<Item = &'static GeneratorDescriptor> {
    GENERATORS.iter().copied().flatten()
}

/// The descriptor of the generator `kind` in the API group `group`.
pub fn find_generator(group: &str, kind: &str) -> Option<&'static GeneratorDescriptor> {
    generators().find(|descriptor| descriptor.group == group && descriptor.kind == kind)
}
