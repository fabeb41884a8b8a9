//! The recipe for HashiCorp Vault (a test dependency only: never shipped, never linked).

use crate::cache::{Program, Recipe};

const VERSION: &str = "v1.21.0";

/// Vault replaces its own sub-modules by folders; the wrapper names the published ones instead.
pub(crate) fn recipe() -> Recipe {
    let go_mod = format!(
        "module testbed.local/vault\n\ngo 1.25.3\n\nrequire github.com/hashicorp/vault {VERSION}\n\nreplace (\n\
         \tgithub.com/hashicorp/vault/sdk => github.com/hashicorp/vault/sdk v0.20.0\n\
         \tgithub.com/99designs/keyring => github.com/Jeffail/keyring v1.2.3\n\
         \tgithub.com/ma314smith/signedxml v1.1.1 => github.com/moov-io/signedxml v1.1.1\n)\n"
    );
    Recipe {
        name: "vault",
        version: VERSION,
        go_mod,
        link_flags: String::new(),
        tags: "",
        programs: &[Program { name: "vault", package: "github.com/hashicorp/vault" }],
    }
}
