//! Certificate bundles as settings carry them: PEM, or base64 of PEM (spec eso-providers 0).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// The PEM bundle in `raw`, which is PEM itself or PEM in base64 once or twice (a `caBundle` is a byte field
/// of the API, so its text is base64 already, and users encode it again). `None` where no certificate is
/// found.
pub fn bundle(raw: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = raw.to_vec();
    for _ in 0..2 {
        if has_certificate(&bytes) {
            break;
        }
        let packed: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        bytes = STANDARD.decode(packed).ok()?;
    }
    (has_certificate(&bytes) && certificates(&bytes).is_some()).then_some(bytes)
}

/// The certificates of a PEM bundle as reqwest takes them; `None` where there are none or one is broken.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<reqwest::Certificate>> {
    let parsed = reqwest::Certificate::from_pem_bundle(pem).ok()?;
    (!parsed.is_empty()).then_some(parsed)
}

fn has_certificate(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains(BEGIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem() -> String {
        rcgen::generate_simple_self_signed(["vault.test".to_owned()]).unwrap().cert.pem()
    }

    #[test]
    fn pem_and_base64_of_pem_are_bundles() {
        let pem = pem();
        let once = STANDARD.encode(&pem);
        let twice = STANDARD.encode(&once);
        for text in [&pem, &once, &twice, &format!("{once}\n")] {
            assert_eq!(bundle(text.as_bytes()).as_deref(), Some(pem.as_bytes()));
        }
    }

    #[test]
    fn anything_without_a_certificate_is_no_bundle() {
        for text in ["", "bm90IGEgY2VydGlmaWNhdGU=", "not base64!", "-----BEGIN CERTIFICATE-----\n%%\n"] {
            assert_eq!(bundle(text.as_bytes()), None, "{text}");
        }
    }
}
