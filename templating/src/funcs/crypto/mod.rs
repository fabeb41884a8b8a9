//! Owns the functions around keys, certificates, key stores and passwords: sprig's and ESO's own.
//!
//! Randomness comes from [`Scope::random`](super::Scope), with two exceptions where the library takes none: RSA keys
//! and the blinding and nonces of signatures.

pub(super) mod aes_text;
mod arguments;
mod base64_text;
pub(super) mod certificate;
pub(super) mod chain;
mod curve;
mod der;
mod dsa;
pub(super) mod generate;
mod issue;
pub(super) mod jwk;
mod master_password;
pub(super) mod password;
mod pem;
pub(super) mod pkcs12;
mod private_key;
pub(super) mod rsa_decrypt;
mod x509;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
