//! `Endpoints`: addresses that whoever runs the controller puts in place of a service's public ones.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Addresses of services, each under upstream's name of the environment variable that sets it, for example
/// `AWS_STS_ENDPOINT`. Decided for the whole controller: no store can set one. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints(Arc<BTreeMap<&'static str, String>>);

impl Endpoints {
    /// These addresses; an empty one counts as none.
    pub fn of(addresses: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self(Arc::new(addresses.into_iter().filter(|(_, address)| !address.is_empty()).collect()))
    }

    /// The address under `name`, if one is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoints;

    #[test]
    fn an_empty_address_is_none() {
        let endpoints = Endpoints::of([("A", String::new()), ("B", "http://b".to_owned())]);
        assert_eq!(
            (endpoints.get("A"), endpoints.get("B"), endpoints.get("C")),
            (None, Some("http://b"), None)
        );
    }
}
