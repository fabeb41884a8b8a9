//! Owns the functions around keys, certificates, key stores and passwords: sprig's and ESO's own.
//!
//! Randomness comes from [`Scope::random`](super::Scope), with two exceptions where the library takes none: RSA keys
//! and the blinding and nonces of signatures.

pub(super) mod aes_text;
mod arguments;
mod base64_text;
mod master_password;
pub(super) mod password;

#[cfg(test)]
mod testing;
