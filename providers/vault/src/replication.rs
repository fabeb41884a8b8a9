//! Replication states: which writes a node must have seen before it may answer (`X-Vault-Index`).

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Carries a state in both directions.
pub(crate) const INDEX: HeaderName = HeaderName::from_static("x-vault-index");

/// The newest state of every cluster that was seen; owned by one client.
#[derive(Debug, Default)]
pub(crate) struct ReplicationStates(Mutex<Vec<State>>);

#[derive(Clone, Debug)]
struct State {
    cluster: String,
    local: u64,
    replicated: u64,
    header: HeaderValue,
}

impl ReplicationStates {
    /// Keeps the states that an answer carries, where they are newer.
    pub(crate) fn record(&self, headers: &HeaderMap) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for state in headers.get_all(INDEX).iter().filter_map(State::parse) {
            match known.iter_mut().find(|old| old.cluster == state.cluster) {
                Some(old) if old.local <= state.local && old.replicated <= state.replicated => *old = state,
                Some(_) => {}
                None => known.push(state),
            }
        }
    }

    /// The headers that ask for at least these states.
    pub(crate) fn required(&self) -> Vec<HeaderValue> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|state| state.header.clone()).collect()
    }
}

impl State {
    /// Base64 of `v1:cluster:local:replicated:mac`.
    fn parse(header: &HeaderValue) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(header.as_bytes()).ok()?).ok()?;
        let mut parts = text.split(':');
        (parts.next()? == "v1").then_some(())?;
        Some(Self {
            cluster: parts.next()?.to_owned(),
            local: parts.next()?.parse().ok()?,
            replicated: parts.next()?.parse().ok()?,
            header: header.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(states: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for state in states {
            headers.append(INDEX, STANDARD.encode(state).parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_newest_state_of_each_cluster_is_replayed() {
        let states = ReplicationStates::default();
        states.record(&headers(&["v1:a:5:5:m", "v1:b:1:1:m", "v2:c:1:1:m", "nonsense"]));
        states.record(&headers(&["v1:a:4:4:m"]));
        states.record(&headers(&["v1:a:6:5:m"]));
        let required: Vec<_> = states.required().iter().map(|h| STANDARD.decode(h).unwrap()).collect();
        assert_eq!(required, [b"v1:a:6:5:m".to_vec(), b"v1:b:1:1:m".to_vec()]);
    }
}
