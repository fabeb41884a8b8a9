//! `Registry`: which generators there are: those of the catalog.

use strongroom_provider_api::GeneratorDescriptor;
use strongroom_provider_catalog as catalog;

/// The generators that can be used, by group and kind.
#[derive(Clone, Debug)]
pub struct Registry(Vec<GeneratorDescriptor>);

impl Default for Registry {
    /// What is built in.
    fn default() -> Self {
        Self(catalog::generators().copied().collect())
    }
}

impl Registry {
    /// The descriptor of `kind` in `group`.
    pub fn find(&self, group: &str, kind: &str) -> Option<GeneratorDescriptor> {
        self.0.iter().find(|known| known.group == group && known.kind == kind).copied()
    }

    /// The kinds, for messages.
    pub fn kinds(&self) -> String {
        self.0.iter().map(|known| known.kind).collect::<Vec<_>>().join(", ")
    }

    /// One more.
    #[cfg(test)]
    pub(crate) fn with(mut self, descriptor: GeneratorDescriptor) -> Self {
        self.0.push(descriptor);
        self
    }
}
