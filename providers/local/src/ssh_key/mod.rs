//! `SSHKey`: a key pair as OpenSSH writes it.

mod der;
mod openssh;
mod pair;

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strongroom_provider_api::{
    Error, ErrorKind, Generated, Generator, GeneratorClient, Random, Resolver, Result, Stability, Toolbox,
    Violation,
};

use pair::{Kind, Pair};

/// A key pair for SSH (spec eso-providers E).
#[derive(Clone, Copy, Debug)]
pub struct SshKey;

/// `spec` of an SSHKey.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshKeySpec {
    /// Algorithm of the key.
    #[serde(default)]
    pub key_type: KeyType,
    /// Bits: 2048, 3072, 4096 or 8192 for rsa (2048 if absent); 256, 384 or 521 for ecdsa (256 if absent); of no
    /// meaning for ed25519.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 256, max = 8192))]
    pub key_size: Option<i64>,
    /// Comment on the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Algorithm of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// RSA.
    #[default]
    Rsa,
    /// ECDSA on one of NIST's curves.
    Ecdsa,
    /// Ed25519.
    Ed25519,
}

struct Client {
    random: Arc<dyn Random>,
}

#[async_trait]
impl Generator for SshKey {
    const KIND: &'static str = "SSHKey";
    const STABILITY: Stability = Stability::Beta;
    type Spec = SshKeySpec;

    fn validate(spec: &SshKeySpec) -> Vec<Violation> {
        let mut violations = Vec::new();
        if spec.kind().is_none() {
            let message = "of an rsa key must be 2048, 3072, 4096 or 8192";
            violations.push(Violation::new("keySize", message));
        }
        if spec.comment().contains(['\n', '\r', '\0']) {
            violations.push(Violation::new("comment", "must be one line"));
        }
        violations
    }

    async fn connect(
        _spec: SshKeySpec,
        _resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<SshKeySpec>>> {
        Ok(Arc::new(Client { random: toolbox.random }))
    }
}

#[async_trait]
impl GeneratorClient<SshKeySpec> for Client {
    async fn generate(&self, spec: &SshKeySpec) -> Result<Generated> {
        let failed = |message| Error::new(ErrorKind::Internal, "generate a key", message);
        let kind = spec.kind().ok_or_else(|| failed("there is none of this size"))?;
        let mut check = [0; 4];
        self.random.fill(&mut check)?;
        let random = Arc::clone(&self.random);
        // A large RSA key takes seconds.
        let pair = tokio::task::spawn_blocking(move || Pair::generate(kind, random.as_ref()));
        let pair = pair.await.map_err(|_| failed("it was given up"))??;
        let comment = spec.comment();
        Ok(Generated::fields([
            ("privateKey", openssh::private_key(&pair, comment, check)),
            ("publicKey", openssh::public_key(&pair, comment).into()),
        ]))
    }
}

impl SshKeySpec {
    fn comment(&self) -> &str {
        self.comment.as_deref().unwrap_or_default()
    }

    /// The key that is meant. As upstream, an ECDSA key of a size that there is not has 256 bits.
    fn kind(&self) -> Option<Kind> {
        match (self.key_type, self.key_size) {
            (KeyType::Rsa, None) => Some(Kind::Rsa(2048)),
            (KeyType::Rsa, Some(size)) => {
                [2048, 3072, 4096, 8192].into_iter().find(|known| i64::from(*known) == size).map(Kind::Rsa)
            }
            (KeyType::Ecdsa, Some(384)) => Some(Kind::P384),
            (KeyType::Ecdsa, Some(521)) => Some(Kind::P521),
            (KeyType::Ecdsa, _) => Some(Kind::P256),
            (KeyType::Ed25519, _) => Some(Kind::Ed25519),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::process::{Command, Stdio};

    use serde_json::{Value, json};

    use super::*;

    fn spec(value: Value) -> SshKeySpec {
        serde_json::from_value(value).unwrap()
    }

    async fn generated(value: Value) -> (String, String) {
        let client = Client { random: Toolbox::default().random };
        let generated = client.generate(&spec(value)).await.unwrap();
        let text = |index: usize| generated.fields[index].1.expose_str().unwrap().to_owned();
        assert_eq!(
            generated.fields.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
            ["privateKey", "publicKey"]
        );
        (text(0), text(1))
    }

    /// The public key that OpenSSH itself computes from a private one; checks the private one on the way.
    fn by_openssh(private: &str) -> String {
        let folder = std::env::temp_dir().join(format!("strongroom-ssh-key-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(private.len().to_string() + &private[100..108].replace('/', "_"));
        // ssh-keygen takes no key that others may read.
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .unwrap();
        file.write_all(private.as_bytes()).unwrap();
        let output = Command::new("ssh-keygen")
            .arg("-y")
            .arg("-f")
            .arg(&path)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[tokio::test]
    async fn openssh_reads_every_kind_and_gets_the_same_public_key() {
        for (kind, name) in [
            (json!({ "keyType": "ed25519", "comment": "me@example.test" }), "ssh-ed25519"),
            (json!({ "keyType": "ecdsa", "comment": "a b" }), "ecdsa-sha2-nistp256"),
            (json!({ "keyType": "ecdsa", "keySize": 384 }), "ecdsa-sha2-nistp384"),
            (json!({ "keyType": "ecdsa", "keySize": 521 }), "ecdsa-sha2-nistp521"),
            (json!({ "keyType": "ecdsa", "keySize": 999 }), "ecdsa-sha2-nistp256"),
            (json!({}), "ssh-rsa"),
            (json!({ "keyType": "rsa", "keySize": 3072, "comment": "c" }), "ssh-rsa"),
        ] {
            let (private, public) = generated(kind.clone()).await;
            assert!(private.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
            assert!(private.ends_with("\n-----END OPENSSH PRIVATE KEY-----\n"));
            assert!(public.starts_with(&format!("{name} ")) && public.ends_with('\n'), "{public}");
            assert_eq!(by_openssh(&private).trim_end(), public.trim_end(), "{kind}");
            let comment = kind["comment"].as_str().map_or("\n".to_owned(), |comment| format!(" {comment}\n"));
            assert!(public.ends_with(&comment) && public.lines().count() == 1, "{public}");
        }
    }

    #[test]
    fn sizes_that_there_are_not_and_comments_of_two_lines_are_refused() {
        let faults = |value: Value| -> Vec<String> {
            SshKey::validate(&spec(value)).into_iter().map(|violation| violation.field).collect()
        };
        assert_eq!(faults(json!({ "keySize": 1024 })), ["keySize"]);
        assert_eq!(faults(json!({ "keyType": "ed25519", "comment": "a\nssh-rsa AAAA" })), ["comment"]);
        assert_eq!(faults(json!({ "keySize": 4096, "comment": "a" })), Vec::<String>::new());
    }
}
