//! Key stores held against OpenSSL and keytool, in both directions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::funcs::Failure;
use crate::funcs::crypto::testing::{Folder, call_with, plain, told, told_bytes};
use crate::value::Value;

const ALIAS: &str = r"CN=root,OU=ü,O=A\, B \+ C+O=\ x,C=DE,1.2.840.113549.1.9.1=#0c086140622e74657374";

/// A root with a name full of things to escape, a leaf, and the leaf's key.
fn chain() -> Option<Folder> {
    let folder = Folder::new();
    folder.write("ext", "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
    for command in [
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.crt -utf8 -subj '/C=DE/O=A, B \\+ C/O= x/OU=ü/emailAddress=a@b.test/CN=first/CN=root' -days 30",
        "openssl req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf",
        "openssl x509 -req -in leaf.csr -CA root.crt -CAkey root.key -set_serial 3 -extfile ext -out leaf.crt -days 30",
    ] {
        folder.run(command)?;
    }
    Some(folder)
}

fn pkcs8(folder: &Folder, key: &str) -> String {
    folder.run(&format!("openssl pkcs8 -topk8 -nocrypt -in {key}")).unwrap()
}

#[test]
fn what_openssl_made_is_read() {
    let Some(folder) = chain() else { return };
    let wanted = folder.read_text("leaf.crt") + &folder.read_text("root.crt");
    let make = "openssl pkcs12 -export -inkey leaf.key -in leaf.crt -certfile root.crt -out store";
    for (options, password) in [
        ("-passout pass:secret", "secret"),
        ("-passout pass:sécrét", "sécrét"),
        ("-passout pass:", ""),
        ("-passout pass:secret -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1", "secret"),
        ("-passout pass: -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1", ""),
        ("-passout pass:secret -legacy", "secret"),
        ("-passout pass:secret -legacy -certpbe PBE-SHA1-RC2-128", "secret"),
        ("-passout pass:secret -keypbe AES-128-CBC -certpbe AES-192-CBC -macalg sha512", "secret"),
        ("-passout pass:secret -keypbe NONE -certpbe NONE", "secret"),
        ("-passout pass: -keypbe NONE -certpbe NONE -nomac", ""),
        ("-passout pass:secret -iter 10000", "secret"),
        ("-passout pass:secret -noiter -nomaciter", "secret"),
    ] {
        folder.run(&format!("{make} {options}")).unwrap();
        let store = folder.read("store");
        let key = told_bytes("pkcs12keyPass", &[password.as_bytes(), &store]).expect(options);
        assert_eq!(key, pkcs8(&folder, "leaf.key"), "{options}");
        let certificates = told_bytes("pkcs12certPass", &[password.as_bytes(), &store]).expect(options);
        assert_eq!(certificates, wanted, "{options}");
        let short = (told_bytes("pkcs12key", &[&store]), told_bytes("pkcs12cert", &[&store]));
        if password.is_empty() {
            assert_eq!((short.0.unwrap(), short.1.unwrap()), (key, certificates));
        } else {
            let reason = "unable to decode pkcs12 with password: pkcs12: decryption password incorrect";
            assert_eq!(short.0.unwrap_err(), reason, "{options}");
            assert!(short.1.is_err());
        }
    }
}

#[test]
fn keys_of_every_kind_are_read_and_written() {
    let folder = Folder::new();
    for command in [
        "openssl genrsa -traditional -out pkcs1.key 2048",
        "openssl ecparam -name secp521r1 -genkey -noout -out sec1.key",
        "openssl genpkey -algorithm ed25519 -out ed25519.key",
    ] {
        let Some(_) = folder.run(command) else { return };
    }
    for name in ["pkcs1.key", "sec1.key", "ed25519.key"] {
        folder.run(&format!("openssl req -x509 -new -key {name} -out crt -subj /CN=x -days 3")).unwrap();
        folder
            .run(&format!("openssl pkcs12 -export -inkey {name} -in crt -out store -passout pass:"))
            .unwrap();
        assert_eq!(told_bytes("pkcs12key", &[&folder.read("store")]).unwrap(), pkcs8(&folder, name));
        let made = told("pemToPkcs12", &[&folder.read_text("crt"), &folder.read_text(name)]).unwrap();
        folder.write("store", STANDARD.decode(made).unwrap());
        folder.run("openssl pkcs12 -in store -passin pass: -nodes -nocerts -out key").unwrap();
        assert_eq!(pkcs8(&folder, "key"), pkcs8(&folder, name));
    }
}

#[test]
fn what_is_made_here_opens_with_openssl() {
    let Some(folder) = chain() else { return };
    let [leaf, root, key] = ["leaf.crt", "root.crt", "leaf.key"].map(|name| folder.read_text(name));
    let full = format!("{leaf}\n{root}");
    for (name, arguments, password, certificates) in [
        ("pemToPkcs12", vec![full.as_str(), &key], "", 1),
        ("pemToPkcs12Pass", vec![&full, &key, "sécret"], "sécret", 1),
        ("fullPemToPkcs12", vec![&full, &key], "", 2),
        ("fullPemToPkcs12Pass", vec![&full, &key, "sécret"], "sécret", 2),
    ] {
        let store = STANDARD.decode(told(name, &arguments).unwrap()).unwrap();
        folder.write("store", &store);
        let info =
            folder.run(&format!("openssl pkcs12 -in store -passin pass:{password} -info -noout")).unwrap();
        for wanted in
            ["MAC: sha256, Iteration 2048", "PBES2, PBKDF2, AES-256-CBC, Iteration 2048, PRF hmacWithSHA256"]
        {
            assert!(info.contains(wanted), "{info}");
        }
        folder.run(&format!("openssl pkcs12 -in store -passin pass:{password} -nodes -out all")).unwrap();
        let all = folder.read_text("all");
        assert_eq!(all.matches("BEGIN CERTIFICATE").count(), certificates, "{name}");
        assert_eq!(told("filterPEM", &["PRIVATE KEY", &all]).unwrap(), pkcs8(&folder, "leaf.key"), "{name}");
        // And here, too.
        let read = told_bytes("pkcs12certPass", &[password.as_bytes(), &store]).unwrap();
        assert_eq!(read.matches("BEGIN CERTIFICATE").count(), certificates);
    }
}

#[test]
fn java_reads_the_key_store() {
    let Some(folder) = chain() else { return };
    let full = folder.read_text("leaf.crt") + &folder.read_text("root.crt");
    let store = told("fullPemToPkcs12Pass", &[&full, &folder.read_text("leaf.key"), "changeit"]).unwrap();
    folder.write("store", STANDARD.decode(store).unwrap());
    let Some(list) = folder.run("keytool -list -v -keystore store -storetype PKCS12 -storepass changeit")
    else {
        return;
    };
    assert!(list.contains("PrivateKeyEntry") && list.contains("Certificate chain length: 2"), "{list}");
}

#[test]
fn java_trusts_the_certificates_of_the_trust_store() {
    let Some(folder) = chain() else { return };
    let both = folder.read_text("leaf.crt") + &folder.read_text("root.crt");
    let store = told("pemTruststoreToPKCS12Pass", &[&both, "changeit"]).unwrap();
    folder.write("store", STANDARD.decode(store).unwrap());
    let Some(list) = folder.run("keytool -list -keystore store -storetype PKCS12 -storepass changeit") else {
        return;
    };
    assert_eq!(list.matches("trustedCertEntry").count(), 2, "{list}");
    folder.write("empty", STANDARD.decode(told("pemTruststoreToPKCS12", &[&both]).unwrap()).unwrap());
    folder.run("openssl pkcs12 -in empty -passin pass: -nokeys -out all").unwrap();
    let all = folder.read("all");
    let all = String::from_utf8_lossy(&all);
    assert_eq!(all.matches("BEGIN CERTIFICATE").count(), 2);
    // The aliases are what Go's pkix.Name writes for these subjects. OpenSSL shows them in Latin-1.
    for alias in ["CN=leaf", &ALIAS.replace('ü', "\u{fffd}")] {
        assert!(all.contains(&format!("friendlyName: {alias}\n")), "{all}");
    }
}

#[test]
fn what_java_made_is_read() {
    let folder = Folder::new();
    let make = "keytool -genkeypair -keyalg RSA -dname CN=java -alias a -storetype PKCS12 -storepass changeit -keystore store";
    let Some(_) = folder.run(make) else { return };
    let key = told_bytes("pkcs12keyPass", &[b"changeit", &folder.read("store")]).unwrap();
    let cert = told_bytes("pkcs12certPass", &[b"changeit", &folder.read("store")]).unwrap();
    folder.write("key", &key);
    folder.write("crt", &cert);
    let Some(public) = folder.run("openssl pkey -in key -pubout") else { return };
    assert_eq!(public, folder.run("openssl x509 -in crt -noout -pubkey").unwrap());
}

#[test]
fn what_does_not_belong_into_a_store_is_an_error() {
    let Some(folder) = chain() else { return };
    let [leaf, key] = ["leaf.crt", "leaf.key"].map(|name| folder.read_text(name));
    for (cert, key) in [("x", key.as_str()), (&leaf, "x"), (&key, &key), (&leaf, &leaf), ("", "")] {
        told("pemToPkcs12", &[cert, key]).unwrap_err();
        told("fullPemToPkcs12", &[cert, key]).unwrap_err();
    }
    told("pemToPkcs12", &[&format!("{leaf}junk"), &key]).unwrap();
    told("fullPemToPkcs12", &[&format!("{leaf}junk"), &key]).unwrap_err();
    told("pemTruststoreToPKCS12", &["junk"]).unwrap_err();
    let blank = told("pemTruststoreToPKCS12", &[&format!("{leaf}\n")]).unwrap_err();
    assert!(blank.ends_with("an empty line follows the last one"), "{blank}");
    let beyond = told("pemToPkcs12Pass", &[&leaf, &key, "😀"]).unwrap_err();
    assert_eq!(beyond, "pkcs12: the password has a character that PKCS#12 has no room for");
    let reason = told("pkcs12key", &["xxxx"]).unwrap_err();
    assert_eq!(reason, "unable to decode pkcs12 with password: pkcs12: error reading P12 data");
}

#[test]
fn damaged_stores_are_errors_and_never_panics() {
    let Some(folder) = chain() else { return };
    let store = told("pemToPkcs12", &[&folder.read_text("leaf.crt"), &folder.read_text("leaf.key")]).unwrap();
    let store = STANDARD.decode(store).unwrap();
    // Few steps: a changed store may name a million rounds.
    let opened = |bytes: &[u8]| call_with("pkcs12key", &[Value::text(bytes)], 6_000);
    let key = plain(&opened(&store).unwrap());
    for length in (0..store.len()).step_by(7) {
        assert!(opened(&store[..length]).is_err());
    }
    for place in 0..store.len() {
        let mut changed = store.clone();
        changed[place] ^= 0x41;
        // The MAC does not fit any more, unless the change is where nobody looks.
        match opened(&changed) {
            Ok(value) => assert_eq!(plain(&value), key, "{place}"),
            Err(failure) => assert!(matches!(failure, Failure::Raised(_) | Failure::Limit(_)), "{place}"),
        }
    }
}

#[test]
fn a_store_with_too_many_rounds_costs_nothing() {
    let Some(folder) = chain() else { return };
    let make = "openssl pkcs12 -export -inkey leaf.key -in leaf.crt -out store -passout pass:x -iter 1100000";
    let Some(_) = folder.run(make) else { return };
    let arguments = [Value::text("x"), Value::text(folder.read("store"))];
    assert!(matches!(call_with("pkcs12keyPass", &arguments, 1_000_000), Err(Failure::Limit(_))));
}
