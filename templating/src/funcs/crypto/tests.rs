//! Keys, certificates and chains held against OpenSSL.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::der::{self, Reader};
use super::pem;
use super::testing::{Folder, call, call_with, field, plain_list, told, told_bytes};
use crate::funcs::{Failure, Scope};
use crate::value::Value;

fn texts(items: &[&str]) -> Value {
    Value::list(items.iter().map(|item| Value::text(*item)).collect())
}

/// A root, an intermediate authority and a leaf with alternative names of every kind, and the leaf's key.
fn openssl_chain() -> Option<Folder> {
    let folder = Folder::new();
    folder.write(
        "leaf.ext",
        "subjectAltName=URI:spiffe://a.test/x,email:ops@a.test,DNS:a.test,IP:192.0.2.7,DNS:b.test,IP:2001:db8::1\n\
         subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
    );
    folder.write(
        "ca.ext",
        "basicConstraints=critical,CA:true\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
    );
    for command in [
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.crt -subj /CN=root -days 30",
        "openssl req -newkey rsa:2048 -nodes -keyout mid.key -out mid.csr -subj /CN=mid",
        "openssl x509 -req -in mid.csr -CA root.crt -CAkey root.key -set_serial 2 -extfile ca.ext -out mid.crt -days 30",
        "openssl req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf",
        "openssl x509 -req -in leaf.csr -CA mid.crt -CAkey mid.key -set_serial 3 -extfile leaf.ext -out leaf.crt -days 30",
    ] {
        folder.run(command)?;
    }
    Some(folder)
}

#[test]
fn new_keys_are_what_openssl_takes_for_them() {
    let folder = Folder::new();
    for (kind, begin, check) in [
        ("rsa", "-----BEGIN RSA PRIVATE KEY-----\n", "openssl rsa -in key -check -noout"),
        ("ecdsa", "-----BEGIN EC PRIVATE KEY-----\n", "openssl ec -in key -check -noout"),
        ("ed25519", "-----BEGIN PRIVATE KEY-----\n", "openssl pkey -in key -check -noout"),
        ("dsa", "-----BEGIN DSA PRIVATE KEY-----\n", "openssl pkey -in key -check -noout"),
    ] {
        let key = told("genPrivateKey", &[kind]).unwrap();
        assert!(key.starts_with(begin), "{kind}");
        folder.write("key", &key);
        let Some(_) = folder.run(check) else { return };
        let text = folder.run("openssl pkey -in key -noout -text").unwrap();
        let wanted = match kind {
            "rsa" => "(4096 bit, 2 primes)",
            "ecdsa" => "NIST CURVE: P-256",
            "ed25519" => "ED25519",
            _ => "(2048 bit)",
        };
        assert!(text.contains(wanted), "{kind}: {text}");
    }
    assert_eq!(told("genPrivateKey", &["x"]).unwrap(), "Unknown type x");
}

#[test]
fn a_signed_certificate_verifies_and_says_what_was_asked_for() {
    let ca = call("genCA", &[Value::text("my ca"), Value::int(3650)]).unwrap();
    let arguments = vec![
        Value::text("*.a.test"),
        texts(&["192.0.2.1", "::ffff:1.2.3.4", "2001:db8::1"]),
        texts(&["a.test", "*.a.test"]),
        Value::int(3650),
        ca.clone(),
    ];
    let leaf = call("genSignedCert", &arguments).unwrap();
    let names = call("certSANs", &[Value::text(field(&leaf, "Cert"))]).unwrap();
    assert_eq!(plain_list(&names), ["a.test", "*.a.test", "192.0.2.1", "1.2.3.4", "2001:db8::1"]);
    let folder = Folder::new();
    for (name, value) in [("ca", &ca), ("leaf", &leaf)] {
        folder.write(&format!("{name}.crt"), field(value, "Cert"));
        folder.write(&format!("{name}.key"), field(value, "Key"));
    }
    let Some(_) = folder.run("openssl verify -x509_strict -CAfile ca.crt leaf.crt") else { return };
    let text = folder.run("openssl x509 -in leaf.crt -noout -text").unwrap();
    for wanted in [
        "Issuer: CN = my ca",
        "Subject: CN = *.a.test",
        "Not Before: Jan  2 03:04:05 2026 GMT",
        "Not After : Dec 31 03:04:05 2035 GMT",
        "Digital Signature, Key Encipherment\n",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "CA:FALSE",
        "DNS:a.test, DNS:*.a.test, IP Address:192.0.2.1, IP Address:1.2.3.4, IP Address:2001:DB8:0:0:0:0:0:1",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let text = folder.run("openssl x509 -in ca.crt -noout -text").unwrap();
    for wanted in ["CA:TRUE", "Digital Signature, Key Encipherment, Certificate Sign"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let key = folder.run("openssl pkey -in leaf.key -pubout");
    assert_eq!(key, folder.run("openssl x509 -in leaf.crt -noout -pubkey"));
}

#[test]
fn certificates_are_made_with_keys_of_every_kind() {
    let folder = Folder::new();
    for command in [
        "openssl ecparam -name prime256v1 -genkey -noout -out p256",
        "openssl ecparam -name secp384r1 -genkey -noout -out p384",
        "openssl ecparam -name secp521r1 -genkey -noout -out p521",
        "openssl genpkey -algorithm ed25519 -out ed25519",
        "openssl genpkey -algorithm rsa -out rsa",
        "openssl pkcs8 -topk8 -nocrypt -in p256 -out p256.pkcs8",
    ] {
        let Some(_) = folder.run(command) else { return };
    }
    let ca_key = folder.read_text("p384");
    let ca = call("genCAWithKey", &[Value::text("ca"), Value::int(9999), Value::text(ca_key)]).unwrap();
    folder.write("ca.crt", field(&ca, "Cert"));
    for kind in ["p256", "p384", "p521", "ed25519", "rsa", "p256.pkcs8"] {
        let key = folder.read_text(kind);
        let arguments = [Value::text(kind), texts(&[]), Value::Nil, Value::int(9999)];
        let mut own = arguments.to_vec();
        own.push(Value::text(key.clone()));
        let own = call("genSelfSignedCertWithKey", &own).unwrap();
        folder.write("own.crt", field(&own, "Cert"));
        folder.run("openssl verify -CAfile own.crt own.crt").unwrap();
        let mut signed = arguments.to_vec();
        signed.extend([ca.clone(), Value::text(key)]);
        let signed = call("genSignedCertWithKey", &signed).unwrap();
        folder.write("signed.crt", field(&signed, "Cert"));
        folder.write("signed.key", field(&signed, "Key"));
        folder.run("openssl verify -CAfile ca.crt signed.crt").unwrap();
        assert_eq!(
            folder.run("openssl pkey -in signed.key -pubout"),
            folder.run(&format!("openssl pkey -in {kind} -pubout")),
        );
    }
}

#[test]
fn certificates_that_cannot_be_made_are_errors() {
    let dsa = told("genPrivateKey", &["dsa"]).unwrap();
    let raised = |name, arguments: Vec<Value>| match call(name, &arguments) {
        Err(Failure::Raised(reason)) => reason,
        other => panic!("{:?}", other.map(|_| ())),
    };
    let ca = |days, key: &str| vec![Value::text("x"), Value::int(days), Value::text(key)];
    let key = told("genPrivateKey", &["ed25519"]).unwrap();
    assert!(raised("genCAWithKey", ca(1, &dsa)).contains("unsupported key type"));
    assert!(raised("genCAWithKey", ca(1, "x")).contains("no PEM data"));
    assert!(raised("genCAWithKey", ca(i64::MAX, &key)).contains("out of range"));
    assert!(raised("genCAWithKey", ca(9_999_999, &key)).contains("out of range"));
    let arguments = |ip, name| {
        vec![Value::text("x"), texts(&[ip]), texts(&[name]), Value::int(1), Value::text(key.clone())]
    };
    let reason = raised("genSelfSignedCertWithKey", arguments("300.0.0.1", "a"));
    assert_eq!(reason, "error parsing ip: not an address");
    assert!(raised("genSelfSignedCertWithKey", arguments("::1", "ü")).contains("not ASCII"));
    let numbers = Value::list(vec![Value::int(1)]);
    let arguments = vec![Value::text("x"), numbers, Value::Nil, Value::int(1), Value::text(key.clone())];
    assert!(raised("genSelfSignedCertWithKey", arguments).contains("not a string"));
    let valid = call("genCAWithKey", &ca(1, &key)).unwrap();
    let cert = STANDARD.encode(field(&valid, "Cert"));
    let other = STANDARD.encode(told("genPrivateKey", &["ecdsa"]).unwrap());
    let mixed = call("buildCustomCert", &[Value::text(cert), Value::text(other)]).unwrap();
    let arguments = vec![Value::text("x"), Value::Nil, Value::Nil, Value::int(1), mixed, Value::text(key)];
    assert!(raised("genSignedCertWithKey", arguments).contains("not that of the issuer"));
}

#[test]
fn a_custom_certificate_carries_its_texts_as_they_are() {
    let key = told("genPrivateKey", &["ed25519"]).unwrap();
    let ca = call("genCAWithKey", &[Value::text("x"), Value::int(1), Value::text(key.clone())]).unwrap();
    let cert = format!("text before\n{}", field(&ca, "Cert"));
    let custom = |cert: &str, key: &str| {
        call("buildCustomCert", &[Value::text(STANDARD.encode(cert)), Value::text(STANDARD.encode(key))])
    };
    let built = custom(&cert, &key).unwrap();
    assert_eq!((field(&built, "Cert"), field(&built, "Key")), (cert.clone(), key.clone()));
    let Value::Object(object) = &built else { panic!() };
    assert_eq!(object.display(), format!("{{{cert} {key}}}").into_bytes());
    assert!(object.field("cert").is_none() && object.is_true());
    custom(&cert, &told("genPrivateKey", &["dsa"]).unwrap()).unwrap();
    assert!(custom(&cert, "x").is_err() && custom("x", &key).is_err() && custom(&key, &key).is_err());
}

#[test]
fn a_chain_is_put_in_order_and_taken_apart() {
    let Some(folder) = openssl_chain() else { return };
    let [leaf, mid, root] = ["leaf.crt", "mid.crt", "root.crt"].map(|name| folder.read_text(name));
    let pick = |kind: &str, parts: &[&str]| told("filterCertChain", &[kind, &parts.concat()]);
    let mixed = [root.as_str(), &leaf, &mid];
    assert_eq!(pick("leaf", &mixed).unwrap(), leaf);
    assert_eq!(pick("intermediate", &mixed).unwrap(), mid);
    assert_eq!(pick("root", &mixed).unwrap(), root);
    assert_eq!(pick("other", &mixed).unwrap(), "");
    assert_eq!(pick("leaf", &[&root]).unwrap(), "");
    assert_eq!(pick("root", &[&root]).unwrap(), root);
    assert_eq!(pick("leaf", &[&leaf]).unwrap(), leaf);
    assert_eq!(pick("root", &[&leaf]).unwrap(), "");
    assert_eq!(pick("intermediate", &[&leaf]).unwrap(), "");
    assert_eq!(pick("leaf", &[&leaf, &root]).unwrap_err(), "found multiple leaf or disjunct certificates");
    assert_eq!(pick("leaf", &["junk"]).unwrap_err(), "no leaf certificate found");
    let key = folder.read_text("leaf.key");
    assert_eq!(pick("leaf", &[&leaf, &key]).unwrap_err(), "x509: malformed certificate");
}

#[test]
fn blocks_are_filtered_by_type() {
    let Some(folder) = openssl_chain() else { return };
    let [leaf, key] = ["leaf.crt", "leaf.key"].map(|name| folder.read_text(name));
    let both = format!("some text {leaf}{key}");
    assert_eq!(told("filterPEM", &["certificate", &both]).unwrap(), leaf);
    assert_eq!(told("filterPEM", &["PRIVATE KEY", &both]).unwrap(), key);
    assert_eq!(told("filterPEM", &["RSA PRIVATE KEY", &both]).unwrap(), "");
    assert_eq!(told("filterPEM", &["X", ""]).unwrap(), "");
    let glued = format!("{leaf}some junk{key}");
    assert_eq!(told("filterPEM", &["PRIVATE KEY", &glued]).unwrap_err(), "error filtering pem: found junk");
    assert_eq!(told("filterPEM", &["X", "junk"]).unwrap_err(), "error filtering pem: found junk");
}

#[test]
fn alternative_names_come_by_kind() {
    let Some(folder) = openssl_chain() else { return };
    let names = |text: &str| call("certSANs", &[Value::text(text)]).map(|names| plain_list(&names));
    assert_eq!(
        names(&folder.read_text("leaf.crt")).unwrap(),
        ["a.test", "b.test", "192.0.2.7", "2001:db8::1", "ops@a.test", "spiffe://a.test/x"]
    );
    assert_eq!(names(&folder.read_text("root.crt")).unwrap(), [""; 0]);
    assert!(matches!(names("x"), Err(Failure::Raised(reason)) if reason == "failed to decode PEM block"));
    assert!(matches!(names(&folder.read_text("leaf.key")), Err(Failure::Raised(_))));
}

#[test]
fn what_openssl_encrypted_is_decrypted() {
    let Some(folder) = openssl_chain() else { return };
    folder.write("plain", "attack at dawn");
    folder.run("openssl rsa -in leaf.key -traditional -out pkcs1.key").unwrap();
    folder.run("openssl pkey -in leaf.key -pubout -out leaf.pub").unwrap();
    for (hash, digest) in
        [("SHA1", "sha1"), ("SHA256", "sha256"), ("SHA512", "sha512"), ("None", "sha256"), ("x", "sha256")]
    {
        let options = format!("-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:{digest}");
        folder
            .run(&format!("openssl pkeyutl -encrypt -pubin -inkey leaf.pub -in plain -out sealed {options}"))
            .unwrap();
        let sealed = folder.read("sealed");
        for key in ["leaf.key", "pkcs1.key"] {
            let plain = told_bytes("rsaDecrypt", &[b"RSA-OAEP", hash.as_bytes(), &sealed, &folder.read(key)]);
            assert_eq!(plain.unwrap(), "attack at dawn", "{hash} {key}");
        }
        let other =
            told_bytes("rsaDecrypt", &[b"RSA-OAEP", hash.as_bytes(), &sealed, &folder.read("mid.key")]);
        assert_eq!(other.unwrap_err(), "error decrypting data with RSA");
    }
    assert_eq!(told("rsaDecrypt", &["None", "", "as is", ""]).unwrap(), "as is");
    assert_eq!(
        told("rsaDecrypt", &["RSA-OAEP", "", "x", "no key"]).unwrap_err(),
        "failed to decode PEM block"
    );
    assert_eq!(told("rsaDecrypt", &["RSA", "", "x", ""]).unwrap_err(), "decryption scheme is not supported");
    let curve = told("genPrivateKey", &["ecdsa"]).unwrap();
    assert_eq!(
        told("rsaDecrypt", &["RSA-OAEP", "", "x", &curve]).unwrap_err(),
        "could not parse RSA private key"
    );
}

#[test]
fn json_web_keys_become_pem() {
    let folder = Folder::new();
    // From RFC 7517, appendix A.2, and RFC 8037, appendix A.1.
    let ec = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#;
    let okp = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    let secrets =
        ["870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"];
    for (public, secret) in [ec, okp].iter().zip(secrets) {
        let private = format!("{public},\"d\":\"{secret}\"}}");
        let public = format!("{public}}}");
        let key = told("jwkPrivateKeyPem", &[&private]).unwrap();
        folder.write("key", &key);
        folder.write("key.pub", told("jwkPublicKeyPem", &[&public]).unwrap());
        let Some(derived) = folder.run("openssl pkey -in key -pubout") else { return };
        assert_eq!(derived, folder.read_text("key.pub"));
        assert_eq!(folder.run("openssl pkcs8 -topk8 -nocrypt -in key").unwrap(), key);
        assert!(told("jwkPublicKeyPem", &[&private]).unwrap_err().contains("unsupported public key type"));
        assert!(told("jwkPrivateKeyPem", &[&public]).unwrap_err().contains("unknown key type"));
    }
    let off_curve = format!("{}}}", ec.replace("MKBC", "MKBD"));
    assert!(told("jwkPublicKeyPem", &[&off_curve]).unwrap_err().contains("invalid elliptic curve"));
    let other = format!("{okp},\"d\":\"{}\"}}", secrets[1].replace("nWG", "nWH"));
    assert_eq!(told("jwkPrivateKeyPem", &[&other]).unwrap_err(), "invalid x value given d value");
    for wrong in [
        "",
        "[]",
        "{}",
        r#"{"kty":"oct","k":"AA"}"#,
        r#"{"kty":"RSA","n":"!","e":"AQAB"}"#,
        r#"{"kty":"RSA"}"#,
    ] {
        told("jwkPublicKeyPem", &[wrong]).unwrap_err();
        told("jwkPrivateKeyPem", &[wrong]).unwrap_err();
    }
}

#[test]
fn an_rsa_web_key_may_lack_what_follows_from_the_rest() {
    let folder = Folder::new();
    let Some(_) = folder.run("openssl genrsa -traditional -out key 2048") else { return };
    let text = folder.read("key");
    let (block, _) = pem::decoded(&text).unwrap();
    let mut fields = Reader::new(der::sole(&block.bytes, der::SEQUENCE).unwrap());
    fields.small().unwrap();
    let names = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
    let fields =
        names.map(|name| format!("\"{name}\":\"{}\"", URL_SAFE_NO_PAD.encode(fields.unsigned().unwrap())));
    let jwk = |count: usize| format!("{{\"kty\":\"RSA\",{}}}", fields[..count].join(","));
    let wanted = folder.run("openssl pkcs8 -topk8 -nocrypt -in key").unwrap();
    assert_eq!(told("jwkPrivateKeyPem", &[&jwk(8)]).unwrap(), wanted);
    assert_eq!(told("jwkPrivateKeyPem", &[&jwk(5)]).unwrap(), wanted);
    folder.run("openssl pkey -in key -pubout -out key.pub").unwrap();
    assert_eq!(told("jwkPublicKeyPem", &[&jwk(2)]).unwrap(), folder.read_text("key.pub"));
    assert!(told("jwkPrivateKeyPem", &[&jwk(4)]).unwrap_err().contains("required field q"));
    let wrong = jwk(5).replace("\"p\":\"", "\"p\":\"AA");
    assert!(told("jwkPrivateKeyPem", &[&wrong]).is_err());
}

#[test]
fn damaged_texts_are_errors_and_never_panics() {
    let key = told("genPrivateKey", &["ecdsa"]).unwrap();
    let ca = call("genCAWithKey", &[Value::text("x"), Value::int(1), Value::text(key.clone())]).unwrap();
    let (block, _) = pem::decoded(key.as_bytes()).unwrap();
    let cert = field(&ca, "Cert");
    let (cert, _) = pem::decoded(cert.as_bytes()).unwrap();
    for place in 0..cert.bytes.len().max(block.bytes.len()) {
        for change in [0x80, 0x01] {
            let changed = |block: &pem::Block, kind| {
                let mut bytes = block.bytes.to_vec();
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= change;
                }
                String::from_utf8(pem::Block::new(kind, &bytes).text().to_vec()).unwrap()
            };
            let (cert, key) = (changed(&cert, "CERTIFICATE"), changed(&block, "EC PRIVATE KEY"));
            let _ = call("certSANs", &[Value::text(cert.clone())]);
            let _ = told("filterCertChain", &["leaf", &cert]);
            // Too few steps for a derivation: only the reading is of interest.
            let _ = call_with("pemTruststoreToPKCS12", &[Value::text(cert.clone())], 50);
            let _ = call_with("pemToPkcs12", &[Value::text(cert.clone()), Value::text(key.clone())], 50);
            let _ = told("rsaDecrypt", &["RSA-OAEP", "", "x", &key]);
        }
    }
}

#[test]
fn a_list_that_holds_one_certificate_many_times_is_too_long_to_be_printed() {
    let key = call("genPrivateKey", &[Value::text("ecdsa")]).unwrap();
    let authority = call("genCAWithKey", &[Value::text("ca"), Value::int(1), key]).unwrap();
    let list = Value::list(vec![authority; 20_000]);
    let mut random = super::testing::Counted(1);
    let mut scope = Scope::new(jiff::Timestamp::UNIX_EPOCH, &mut random, 1_000_000, 1 << 20);
    let outcome = crate::engine::go_template::walkable(&mut scope, &list);
    assert!(matches!(outcome, Err(Failure::Limit("bytes"))), "{outcome:?}");
}
