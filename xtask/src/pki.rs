//! Makes the key pair that signs service-account tokens, and random bearer tokens.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::SecretKey;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};

/// Files of one P-256 key pair.
#[derive(Debug)]
pub(crate) struct KeyPair {
    /// PKCS#8 private key, PEM.
    pub(crate) private: PathBuf,
    /// Public key, PEM.
    pub(crate) public: PathBuf,
}

/// Writes `<name>.key` and `<name>.pub` into `folder`.
pub(crate) fn key_pair(folder: &Path, name: &str) -> Result<KeyPair> {
    let key = random_key()?;
    let private =
        key.to_pkcs8_pem(LineEnding::LF).map_err(|error| anyhow!("cannot encode a key: {error}"))?;
    let public = key
        .public_key()
        .to_public_key_pem(LineEnding::LF)
        .map_err(|error| anyhow!("cannot encode a key: {error}"))?;
    let pair =
        KeyPair { private: folder.join(format!("{name}.key")), public: folder.join(format!("{name}.pub")) };
    fs::write(&pair.private, private.as_bytes())?;
    fs::write(&pair.public, public)?;
    Ok(pair)
}

/// 32 random bytes as text that needs no escaping anywhere.
pub(crate) fn bearer_token() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random_bytes()?))
}

fn random_key() -> Result<SecretKey> {
    // About one random string in 2^32 is not a valid scalar; the next one is.
    loop {
        if let Ok(key) = SecretKey::from_slice(&random_bytes()?) {
            return Ok(key);
        }
    }
}

fn random_bytes() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the system gives no random bytes")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_file_belongs_to_the_private_one() {
        use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
        let folder = std::env::temp_dir().join(format!("strongroom-xtask-pki-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let pair = key_pair(&folder, "sa").unwrap();
        let private = SecretKey::from_pkcs8_pem(&fs::read_to_string(&pair.private).unwrap()).unwrap();
        let public =
            p256::PublicKey::from_public_key_pem(&fs::read_to_string(&pair.public).unwrap()).unwrap();
        assert_eq!(private.public_key(), public);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn tokens_differ() {
        let (one, two) = (bearer_token().unwrap(), bearer_token().unwrap());
        assert_eq!(one.len(), 43);
        assert_ne!(one, two);
    }
}
