//! Generators that need nobody: `Password`, `UUID`, `SSHKey`, `MFA` and `Fake`.
//!
#![doc = include_str!("../docs.md")]
#![deny(missing_docs)]

mod draw;
mod fake;
mod mfa;
mod password;
mod ssh_key;
mod text;
mod uuid;

use strongroom_provider_api::GeneratorDescriptor;

pub use fake::{Fake, FakeSpec};
pub use mfa::{Mfa, MfaSpec};
pub use password::{Encoding, Password, PasswordSpec};
pub use ssh_key::{KeyType, SshKey, SshKeySpec};
pub use uuid::{Uuid, UuidSpec};

/// What this crate adds to the catalog.
pub const GENERATORS: &[GeneratorDescriptor] = &[
    GeneratorDescriptor::of::<Fake>(),
    GeneratorDescriptor::of::<Mfa>(),
    GeneratorDescriptor::of::<Password>(),
    GeneratorDescriptor::of::<SshKey>(),
    GeneratorDescriptor::of::<Uuid>(),
];
