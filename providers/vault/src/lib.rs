//! The vault provider: HashiCorp Vault and OpenBao.
