//! What Vault issued, as the fields of a Secret: certificate with its chain, key and authority, in PEM or as it is asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use strongroom_provider_api::{Error, ErrorKind, Result, SecretBytes};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::{Zeroize as _, Zeroizing};

use super::Format;

/// Letters in a line of PEM.
const LINE: usize = 64;

/// What Vault answered. Texts are PEM.
#[derive(Deserialize)]
pub(super) struct Issued {
    certificate: String,
    #[serde(default)]
    issuing_ca: String,
    #[serde(default)]
    ca_chain: Vec<String>,
    #[serde(default)]
    private_key: Option<Zeroizing<String>>,
    #[serde(default)]
    private_key_type: String,
    pub(super) serial_number: String,
    /// Seconds since 1970.
    pub(super) expiration: i64,
}

/// A block of PEM.
struct Block {
    label: String,
    der: SecretBytes,
}

/// The certificate, the authorities above it, and the key.
pub(super) struct Bundle {
    leaf: Block,
    /// Up to the root, if Vault knows it.
    chain: Vec<Block>,
    key: Block,
    key_type: String,
    pub(super) serial: String,
    pub(super) expiration: i64,
}

impl Issued {
    /// What was issued, for the key in the answer, or for `ours` with its public half (both DER).
    ///
    /// # Errors
    /// `InvalidPayload` where it is not what a PKI engine answers, or for another key than `ours`.
    pub(super) fn bundle(self, ours: Option<(SecretBytes, &[u8])>, key_type: &str) -> Result<Bundle> {
        let leaf = block(&self.certificate)?;
        let (key, key_type) = match (ours, &self.private_key) {
            (Some((der, public)), _) => {
                if parsed(&leaf)?.public_key().raw != public {
                    return Err(unexpected("the certificate that Vault gave is for another key"));
                }
                (Block { label: "PRIVATE KEY".to_owned(), der }, key_type.to_owned())
            }
            (None, Some(text)) => (block(text)?, self.private_key_type),
            (None, None) => return Err(unexpected("Vault's answer holds no private key")),
        };
        // An authority that is its own root has no chain.
        let chain = if self.ca_chain.is_empty() { vec![self.issuing_ca] } else { self.ca_chain };
        let chain = chain.iter().filter(|text| !text.trim().is_empty());
        Ok(Bundle {
            leaf,
            chain: chain.map(|text| block(text)).collect::<Result<_>>()?,
            key,
            key_type,
            serial: self.serial_number,
            expiration: self.expiration,
        })
    }
}

impl Bundle {
    /// The fields of the Secret: `tls.crt` (the certificate, then the authorities up to the root, without it), `tls.key`
    /// and `ca.crt` (the root, or the authority that issued it) are PEM always; the others are Vault's own, in `format`.
    ///
    /// # Errors
    /// `InvalidPayload` where an authority is no certificate.
    pub(super) fn fields(&self, format: Format) -> Result<Vec<(String, SecretBytes)>> {
        let (mut between, mut roots) = (Vec::new(), Vec::new());
        for authority in &self.chain {
            let parsed = parsed(authority)?;
            if parsed.subject().as_raw() == parsed.issuer().as_raw() {
                roots.push(authority);
            } else {
                between.push(authority);
            }
        }
        let issuer = self.chain.first();
        let trusted = if roots.is_empty() { issuer.into_iter().collect() } else { roots };
        let whole = || std::iter::once(&self.leaf).chain(between.iter().copied());
        let shown = |blocks: &[&Block]| match format {
            Format::Der => {
                text(blocks.iter().map(|block| Zeroizing::new(STANDARD.encode(block.der.expose()))))
            }
            Format::Pem | Format::PemBundle => text(blocks.iter().map(|block| block.pem())),
        };
        let certificate = match format {
            Format::PemBundle => text(std::iter::once(&self.key).chain(whole()).map(Block::pem)),
            Format::Pem | Format::Der => shown(&[&self.leaf]),
        };
        let all: Vec<&Block> = self.chain.iter().collect();
        let mut fields = vec![
            ("tls.crt", text(whole().map(Block::pem))),
            ("tls.key", text(std::iter::once(self.key.pem()))),
        ];
        if !trusted.is_empty() {
            fields.push(("ca.crt", text(trusted.into_iter().map(Block::pem))));
        }
        fields.push(("certificate", certificate));
        fields.push(("private_key", shown(&[&self.key])));
        fields.push(("private_key_type", SecretBytes::from(self.key_type.as_str())));
        fields.extend(issuer.map(|issuer| ("issuing_ca", shown(&[issuer]))));
        fields.push(("ca_chain", shown(&all)));
        fields.push(("serial_number", SecretBytes::from(self.serial.as_str())));
        fields.push(("expiration", SecretBytes::from(self.expiration.to_string())));
        Ok(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

impl Block {
    /// PEM, with a line break at its end.
    fn pem(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(STANDARD.encode(self.der.expose()));
        let label = &self.label;
        let lines = encoded.len() / LINE + 1;
        let mut out = Zeroizing::new(String::with_capacity(encoded.len() + lines + 2 * label.len() + 40));
        out.push_str("-----BEGIN ");
        out.push_str(label);
        out.push_str("-----\n");
        for (place, letter) in encoded.chars().enumerate() {
            if place > 0 && place % LINE == 0 {
                out.push('\n');
            }
            out.push(letter);
        }
        out.push_str("\n-----END ");
        out.push_str(label);
        out.push_str("-----\n");
        out
    }
}

/// Texts, one after the other.
fn text(parts: impl IntoIterator<Item = Zeroizing<String>>) -> SecretBytes {
    let mut out = Vec::new();
    for part in parts {
        let mut grown = Vec::with_capacity(out.len() + part.len());
        grown.extend_from_slice(&out);
        grown.extend_from_slice(part.as_bytes());
        out.zeroize();
        out = grown;
    }
    SecretBytes::new(out)
}

/// `der` as PEM under `label`.
pub(super) fn pem(label: &str, der: Vec<u8>) -> Zeroizing<String> {
    Block { label: label.to_owned(), der: SecretBytes::new(der) }.pem()
}

/// The first block in `text`.
fn block(text: &str) -> Result<Block> {
    const BEGIN: &str = "-----BEGIN ";
    let found = || {
        let (_, after) = text.split_once(BEGIN)?;
        let (label, after) = after.split_once("-----")?;
        let (body, _) = after.split_once("-----END ")?;
        let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
        let der = SecretBytes::new(STANDARD.decode(body.as_bytes()).ok()?);
        Some(Block { label: label.to_owned(), der })
    };
    found().ok_or_else(|| unexpected("Vault's answer is not the PEM that was expected"))
}

fn parsed(block: &Block) -> Result<X509Certificate<'_>> {
    let read = X509Certificate::from_der(block.der.expose());
    read.map(|(_, certificate)| certificate)
        .map_err(|_| unexpected("Vault's answer holds a certificate that cannot be read"))
}

fn unexpected(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidPayload, "issue a certificate", message)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    use super::*;

    /// PEM of a root, an authority below it, and a certificate that this issued, with its key.
    struct Made {
        root: String,
        middle: String,
        leaf: String,
        key: KeyPair,
    }

    fn params(name: &str, is_ca: bool) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
    }

    fn made() -> Made {
        let root = CertifiedIssuer::self_signed(params("root", true), KeyPair::generate().unwrap()).unwrap();
        let middle =
            CertifiedIssuer::signed_by(params("middle", true), KeyPair::generate().unwrap(), &root).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = params("leaf", false).signed_by(&key, &middle).unwrap();
        Made { root: root.pem(), middle: middle.pem(), leaf: leaf.pem(), key }
    }

    fn issued(made: &Made, chain: &[&String], with_key: bool) -> Issued {
        Issued {
            certificate: made.leaf.trim().to_owned(),
            issuing_ca: made.middle.clone(),
            ca_chain: chain.iter().map(|text| (*text).clone()).collect(),
            private_key: with_key.then(|| Zeroizing::new(made.key.serialize_pem())),
            private_key_type: "ec".to_owned(),
            serial_number: "3a:bb".to_owned(),
            expiration: 1_800_000_000,
        }
    }

    fn shown(bundle: &Bundle, format: Format) -> std::collections::BTreeMap<String, String> {
        let fields = bundle.fields(format).unwrap();
        fields.into_iter().map(|(name, value)| (name, value.expose_str().unwrap().to_owned())).collect()
    }

    /// Line breaks as rcgen writes them differ.
    fn plain(text: &str) -> String {
        text.replace("\r\n", "\n")
    }

    #[test]
    fn a_server_gets_its_chain_without_the_root_and_clients_get_the_root() {
        let made = made();
        let bundle = issued(&made, &[&made.middle, &made.root], true).bundle(None, "").unwrap();
        let found = shown(&bundle, Format::Pem);
        assert_eq!(found["tls.crt"], plain(&format!("{}{}", made.leaf, made.middle)));
        assert_eq!(found["tls.key"], plain(&made.key.serialize_pem()));
        assert_eq!(found["ca.crt"], plain(&made.root));
        assert_eq!(found["certificate"], plain(&made.leaf));
        assert_eq!(found["issuing_ca"], plain(&made.middle));
        assert_eq!(found["ca_chain"], plain(&format!("{}{}", made.middle, made.root)));
        assert_eq!((found["serial_number"].as_str(), found["expiration"].as_str()), ("3a:bb", "1800000000"));
        assert_eq!(found["private_key_type"], "ec");
    }

    #[test]
    fn without_a_chain_the_issuing_authority_is_what_is_trusted() {
        let made = made();
        let bundle = issued(&made, &[], true).bundle(None, "").unwrap();
        let found = shown(&bundle, Format::Pem);
        assert_eq!(found["ca.crt"], plain(&made.middle));
        assert_eq!(found["tls.crt"], plain(&format!("{}{}", made.leaf, made.middle)));
    }

    #[test]
    fn der_is_base64_and_a_bundle_begins_with_the_key() {
        let made = made();
        let bundle = issued(&made, &[&made.middle, &made.root], true).bundle(None, "").unwrap();
        let der = shown(&bundle, Format::Der);
        assert_eq!(STANDARD.decode(&der["certificate"]).unwrap(), bundle.leaf.der.expose());
        assert_eq!(STANDARD.decode(&der["private_key"]).unwrap(), made.key.serialize_der());
        assert!(der["tls.crt"].starts_with("-----BEGIN CERTIFICATE-----\n"));
        let all = &shown(&bundle, Format::PemBundle)["certificate"];
        assert_eq!(*all, plain(&format!("{}{}{}", made.key.serialize_pem(), made.leaf, made.middle)));
    }

    #[test]
    fn a_certificate_for_another_key_is_refused() {
        let made = made();
        let ours = SecretBytes::new(made.key.serialize_der());
        let public = rcgen::PublicKeyData::subject_public_key_info(&made.key);
        let right = issued(&made, &[], false).bundle(Some((ours.clone(), &public)), "ec").unwrap();
        assert_eq!(shown(&right, Format::Pem)["tls.key"], plain(&made.key.serialize_pem()));
        let other = rcgen::PublicKeyData::subject_public_key_info(&KeyPair::generate().unwrap());
        let error = issued(&made, &[], false).bundle(Some((ours, &other)), "ec").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidPayload);
        assert!(issued(&made, &[], false).bundle(None, "").is_err(), "no key at all");
    }

    #[test]
    fn what_is_no_pem_is_refused_without_being_repeated() {
        let made = made();
        for text in ["canary", "-----BEGIN CERTIFICATE-----\ncanary!\n-----END CERTIFICATE-----"] {
            let mut broken = issued(&made, &[], true);
            broken.certificate = text.to_owned();
            let error = broken.bundle(None, "").err().unwrap().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
