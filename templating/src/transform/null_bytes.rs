//! Decides whether a value with NUL bytes may become Secret data (`nullBytePolicy`, spec eso-core 2.5).

use std::collections::BTreeMap;

/// `nullBytePolicy` of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NullBytePolicy {
    /// NUL bytes are data as any other.
    #[default]
    Ignore,
    /// A value with a NUL byte is an error.
    Fail,
}

/// A value has a NUL byte and must not; in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "fetched secret value for key {key:?} contains null bytes; use a text-safe format such as PEM/base64 or leave \
     nullBytePolicy unset for intentional binary data"
)]
pub struct NullByteError {
    /// The key whose value it is.
    pub key: String,
}

/// Checks one value that goes under `key`.
///
/// # Errors
///
/// The policy is [`NullBytePolicy::Fail`] and the value has a NUL byte.
pub fn check(policy: NullBytePolicy, key: &str, value: &[u8]) -> Result<(), NullByteError> {
    if policy == NullBytePolicy::Fail && value.contains(&0) {
        return Err(NullByteError { key: key.to_owned() });
    }
    Ok(())
}

/// Checks every value of a map.
///
/// # Errors
///
/// As [`check`], for the first key in sorted order.
pub fn check_map(policy: NullBytePolicy, values: &BTreeMap<String, Vec<u8>>) -> Result<(), NullByteError> {
    values.iter().try_for_each(|(key, value)| check(policy, key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_with_a_null_byte_is_named() {
        let values = BTreeMap::from([
            ("b".to_owned(), b"x\0".to_vec()),
            ("a".to_owned(), b"\0y".to_vec()),
            ("c".to_owned(), b"x".to_vec()),
        ]);
        let error = check_map(NullBytePolicy::Fail, &values).unwrap_err();
        assert_eq!(
            error.to_string(),
            "fetched secret value for key \"a\" contains null bytes; use a text-safe format such as PEM/base64 or \
             leave nullBytePolicy unset for intentional binary data"
        );
        assert_eq!(check_map(NullBytePolicy::Ignore, &values), Ok(()));
        assert_eq!(check(NullBytePolicy::Fail, "c", b"x"), Ok(()));
    }
}
