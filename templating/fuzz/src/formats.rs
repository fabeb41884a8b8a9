//! Targets for formats that values come in: gjson's paths and documents, YAML, PEM, PKCS#12 and JSON web keys.

use strongroom_templating::transform::gjson;
use strongroom_templating::{key_values, typed};

use crate::trial::{Fields, holds, rendered};

fn fields(names: &[(&str, &[u8])]) -> Fields {
    names.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect()
}

/// A path, a line break, a document.
pub(crate) fn gjson(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (path, document) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let Ok(path) = std::str::from_utf8(path) else { return };
    let _ = gjson::get(document, path);
    // A name that is escaped means the member of that name.
    if let Ok(name) = serde_json::to_string(path)
        && !path.is_empty()
    {
        let document = format!("{{{name}:17}}");
        let escaped = gjson::escaped(path);
        if let Ok(value) = gjson::get(document.as_bytes(), &escaped) {
            assert_eq!(value.raw(), b"17", "{escaped:?} does not find its own name");
        }
    }
}

/// A document: what is written from it reads as the same.
pub(crate) fn yaml(input: &[u8]) {
    let _ = (key_values(input), typed(input));
    let given = fields(&[("v", input)]);
    let Ok(text) = rendered("{{ .v | fromYaml | toYaml }}", &given) else { return };
    // What YAML cannot hold is written as nothing.
    if text.is_empty() {
        return;
    }
    // `toYaml` takes the last line break away.
    let written = fields(&[("v", &[text.as_slice(), b"\n"].concat())]);
    let json = "{{ .v | fromYaml | toJson }}";
    if let (Ok(once), Ok(twice)) = (rendered(json, &given), rendered(json, &written)) {
        assert!(once == twice, "read: {:?}\nwritten: {:?}", show(&once), show(&text));
    }
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A text with certificates and keys, for every function that takes one.
pub(crate) fn pem(input: &[u8]) {
    const KEY: &[u8] = include_bytes!("../../oracle/cases/fixtures/ed25519-pkcs8.pem");
    const CERTIFICATE: &[u8] = include_bytes!("../../oracle/cases/fixtures/leaf.pem");
    let given = fields(&[("v", input), ("key", KEY), ("cert", CERTIFICATE)]);
    for source in [
        "{{ .v | certSANs | toJson }}",
        r#"{{ .v | filterCertChain "leaf" }}{{ .v | filterCertChain "intermediate" }}"#,
        r#"{{ .v | filterCertChain "root" }}"#,
        "{{ (buildCustomCert (.v | b64enc) (.key | b64enc)).Cert }}",
        "{{ (buildCustomCert (.cert | b64enc) (.v | b64enc)).Cert }}",
        r#"{{ (genCAWithKey "a" 1 .v).Cert }}"#,
        r#"{{ rsaDecrypt "RSA-OAEP" "SHA256" .v .v }}"#,
    ] {
        let _ = rendered(source, &given);
    }
    for kind in ["CERTIFICATE", "PRIVATE KEY"] {
        let kept = format!("{{{{ .v | filterPEM \"{kind}\" }}}}");
        let Ok(blocks) = rendered(&kept, &given) else { continue };
        let again = rendered(&kept, &fields(&[("v", &blocks)]));
        assert!(again.as_deref() == Ok(&blocks), "{:?} filters as {again:?}", show(&blocks));
    }
    // What a store is made of can be taken out of it.
    for key in ["key", "v"] {
        let store = format!("{{{{ pemToPkcs12 .v .{key} | b64dec }}}}");
        if let Ok(store) = rendered(&store, &given) {
            let store = fields(&[("v", &store)]);
            assert!(rendered("{{ pkcs12cert .v }}{{ pkcs12key .v }}", &store).is_ok(), "our own archive");
        }
    }
}

/// An archive, without a password and with one.
pub(crate) fn pkcs12(input: &[u8]) {
    let given = fields(&[("v", input)]);
    for source in [
        "{{ .v | pkcs12key }}",
        "{{ .v | pkcs12cert }}",
        r#"{{ .v | pkcs12keyPass "pass" }}"#,
        r#"{{ .v | pkcs12certPass "pass" }}"#,
    ] {
        if let Ok(text) = rendered(source, &given) {
            assert!(holds(&text, "-----BEGIN") || text.is_empty(), "neither PEM nor nothing");
        }
    }
}

/// A key: what is written of it can be read.
pub(crate) fn jwk(input: &[u8]) {
    let given = fields(&[("v", input)]);
    let private = rendered("{{ jwkPrivateKeyPem .v }}", &given);
    let public = rendered("{{ jwkPublicKeyPem .v }}", &given);
    for text in private.iter().chain(&public) {
        assert!(text.starts_with(b"-----BEGIN "), "not PEM");
    }
    if let Ok(private) = private {
        let key = fields(&[("v", &private)]);
        let _ = rendered(r#"{{ (genCAWithKey "a" 1 .v).Cert }}"#, &key);
    }
}
