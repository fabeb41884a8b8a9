//! Functions that hash and derive passwords, and random bytes.

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::{alphabet, engine};
use scrypt::Params;
use zeroize::Zeroizing;

use super::arguments::{number, raised, text};
use super::master_password::{CHARACTERS, LAYOUTS};
use crate::funcs::{Failure, Function, Scope};
use crate::limits::{BCRYPT_STEPS, SCRYPT_STEPS};
use crate::value::{IntKind, Type, Value};

/// Go's default, which sprig takes.
const BCRYPT_COST: u32 = 10;
/// Longer passwords are refused, because bcrypt would not look at the rest.
const BCRYPT_MAX_BYTES: usize = 72;
const BCRYPT_BASE64: engine::GeneralPurpose =
    engine::GeneralPurpose::new(&alphabet::BCRYPT, engine::general_purpose::NO_PAD);

/// Sprig's functions around passwords (spec section 7.2).
pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    Function { name: "bcrypt", params: &[Type::Text], rest: None, call: bcrypt },
    Function {
        name: "htpasswd",
        params: &[Type::Text, Type::Text, Type::NamedText("sprig.HashAlgorithm")],
        rest: None,
        call: htpasswd,
    },
    Function {
        name: "derivePassword",
        params: &[Type::Int(IntKind::Uint32), Type::Text, Type::Text, Type::Text, Type::Text],
        rest: None,
        call: derive_password,
    },
    Function { name: "randBytes", params: &[Type::Int(IntKind::Int)], rest: None, call: rand_bytes },
];

fn bcrypt(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let password = text(arguments, 0)?;
    bcrypt_hash(scope, &password).map(Value::text)
}

/// The hash in the form that starts with `$2a$10$`, or the sentence that sprig gives for a password that is too
/// long.
fn bcrypt_hash(scope: &mut Scope<'_>, password: &[u8]) -> Result<String, Failure> {
    if password.len() > BCRYPT_MAX_BYTES {
        return Ok(
            "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_owned()
        );
    }
    scope.spend_steps(BCRYPT_STEPS)?;
    let mut salt = [0; 16];
    scope.random.fill(&mut salt);
    Ok(salted_bcrypt_hash(password, salt))
}

fn salted_bcrypt_hash(password: &[u8], salt: [u8; 16]) -> String {
    let mut terminated = Zeroizing::new(Vec::with_capacity(BCRYPT_MAX_BYTES + 1));
    terminated.extend_from_slice(password);
    terminated.push(0);
    terminated.truncate(BCRYPT_MAX_BYTES);
    let hash = bcrypt::bcrypt(BCRYPT_COST, salt, &terminated);
    let (hash, _) = hash.split_at(23);
    format!("$2a${BCRYPT_COST}${}{}", BCRYPT_BASE64.encode(salt), BCRYPT_BASE64.encode(hash))
}

/// Always three arguments (unlike sprig 3.3.0): user, password, and `sha` or anything else for bcrypt.
fn htpasswd(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (user, password, algorithm) = (text(arguments, 0)?, text(arguments, 1)?, text(arguments, 2)?);
    if user.contains(&b':') {
        return Ok(Value::text([b"invalid username: ", &*user].concat()));
    }
    scope.spend_steps(password.len() / 256 + 1)?;
    let hash = if &*algorithm == b"sha" {
        let sum = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &password);
        format!("{{SHA}}{}", STANDARD.encode(sum))
    } else {
        bcrypt_hash(scope, &password)?
    };
    Ok(Value::text([&*user, b":", hash.as_bytes()].concat()))
}

/// The algorithm of Master Password, version 1, as sprig writes it: an unknown type gives a sentence.
fn derive_password(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let counter = u32::try_from(number(arguments, 0)?).map_err(|_| raised("the counter does not fit"))?;
    let kind = text(arguments, 1)?;
    let (password, user, site) = (text(arguments, 2)?, text(arguments, 3)?, text(arguments, 4)?);
    let Some((_, layouts)) = LAYOUTS.iter().find(|(name, _)| name.as_bytes() == &*kind) else {
        return Ok(Value::text([b"cannot find password template ", &*kind].concat()));
    };
    scope.spend_steps(SCRYPT_STEPS + (password.len() + user.len() + site.len()) / 256)?;
    let failed = || raised("failed to derive password");
    let parameters = Params::new(15, 8, 2).map_err(|_| failed())?;
    let mut key = Zeroizing::new([0; 64]);
    scrypt::scrypt(&password, &seeded(&user)?, &parameters, key.as_mut()).map_err(|_| failed())?;
    let message = [seeded(&site)?, counter.to_be_bytes().to_vec()].concat();
    let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), &message);
    let (first, digits) = seed.as_ref().split_first().ok_or_else(failed)?;
    let layout = layouts.get(usize::from(*first) % layouts.len()).ok_or_else(failed)?;
    let derived = layout.bytes().zip(digits).map(|(class, digit)| {
        let (_, characters) = CHARACTERS.iter().find(|(name, _)| *name == class)?;
        characters.as_bytes().get(usize::from(*digit) % characters.len()).copied()
    });
    derived.collect::<Option<Vec<u8>>>().map(Value::text).ok_or_else(failed)
}

/// The algorithm's name, the length of a name and the name.
fn seeded(name: &[u8]) -> Result<Vec<u8>, Failure> {
    let length = u32::try_from(name.len()).map_err(|_| raised("failed to derive password"))?;
    Ok([b"com.lyndir.masterpassword", &length.to_be_bytes()[..], name].concat())
}

fn rand_bytes(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let count = usize::try_from(number(arguments, 0)?).map_err(|_| raised("the count is out of range"))?;
    // The bytes, and their base64 text.
    scope.spend_bytes(count.saturating_mul(3))?;
    scope.spend_steps(count / 64)?;
    let mut bytes = Zeroizing::new(vec![0; count]);
    scope.random.fill(&mut bytes);
    Ok(Value::text(STANDARD.encode(bytes.as_slice())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::crypto::testing::{call, call_with, told};

    // Made with golang.org/x/crypto/bcrypt.
    #[test]
    fn hashes_are_those_of_go() {
        let long = "x".repeat(72);
        let known = [
            ("", "$2a$10$ikK4NUCybbyn21ICJZWNfeWdO0Nt7O29x3z9v0VcL4aFA9Nbki4ri"),
            ("a", "$2a$10$LOhB.HDBJIYwjF6UUQep9ugttdCap72p.JXxOfkjJ/cY4UB/oYD76"),
            ("a\0b", "$2a$10$D4cj6QOUW.p6eodefuZseef8y/Y4CZL4T.tOgC2BUeu3flG5fAFAm"),
            (&long, "$2a$10$XLKwv0gzIFbyI90p1/dx0.DMggKq8YsN5guvpwDCOg9ZBUPdbdu.C"),
            ("pässword", "$2a$10$SPhl12RlmipehtOe0VT62u0ZWmOMNN/ZlB1vMQcEdF/ZjqKN8W0VW"),
        ];
        for (password, hash) in known {
            assert_eq!(salted_bcrypt_hash(password.as_bytes(), salt_of(hash)), hash, "{password:?}");
        }
    }

    fn salt_of(hash: &str) -> [u8; 16] {
        // Go sets bits in a salt's last character that carry no data.
        let lenient = engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(engine::DecodePaddingMode::Indifferent);
        let base64 = engine::GeneralPurpose::new(&alphabet::BCRYPT, lenient);
        base64.decode(&hash[7..29]).unwrap().try_into().unwrap()
    }

    #[test]
    fn a_hash_fits_its_password_and_has_a_salt_of_its_own() {
        let hash = told("bcrypt", &["secret"]).unwrap();
        assert!(hash.starts_with("$2a$10$") && hash.len() == 60, "{hash}");
        assert_eq!(salted_bcrypt_hash(b"secret", salt_of(&hash)), hash);
        let user = told("htpasswd", &["admin", "secret", "bcrypt"]).unwrap();
        let user = user.strip_prefix("admin:").unwrap();
        assert_eq!(salted_bcrypt_hash(b"secret", salt_of(user)), user);
        let too_long = told("bcrypt", &[&"x".repeat(73)]).unwrap();
        assert_eq!(
            too_long,
            "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
        );
    }

    #[test]
    fn htpasswd_takes_three_arguments() {
        assert_eq!(
            told("htpasswd", &["foo1", "FZ4jR;l]ON;pHKi=_'zh79P", "sha"]).unwrap(),
            "foo1:{SHA}wtdJD6OIjUniEJkTlewnKzfFxA4="
        );
        assert_eq!(told("htpasswd", &["a:b", "x", "sha"]).unwrap(), "invalid username: a:b");
        assert_eq!(crate::funcs::function("htpasswd").unwrap().params.len(), 3);
    }

    // Made with sprig 3.3.0.
    #[test]
    fn derived_passwords_are_those_of_sprig() {
        let known = [
            (1, "long", "password", "user", "example.com", "ZedaFaxcZaso9*"),
            (2, "maximum", "correct horse", "ü", "site", "n3$)JhBk8jZj!&ERHUvT"),
            (1, "pin", "", "", "", "1578"),
            (7, "basic", "p", "u", "s", "VZk24LAy"),
            (7, "medium", "p", "u", "s", "Foj2~Kix"),
            (7, "short", "p", "u", "s", "Foj2"),
            (1, "none", "p", "u", "s", "cannot find password template none"),
        ];
        for (counter, kind, password, user, site, wanted) in known {
            let mut arguments = vec![Value::int(counter)];
            arguments.extend([kind, password, user, site].map(Value::text));
            let derived = call("derivePassword", &arguments).unwrap();
            assert_eq!(crate::funcs::crypto::testing::plain(&derived), wanted);
        }
    }

    #[test]
    fn random_bytes_are_base64_of_as_many_as_are_asked_for() {
        let bytes = |count| call("randBytes", &[Value::int(count)]);
        for count in [0, 1, 12, 1000] {
            let text = crate::funcs::crypto::testing::plain(&bytes(count).unwrap());
            assert_eq!(STANDARD.decode(text).unwrap().len(), usize::try_from(count).unwrap());
        }
        assert!(matches!(bytes(-1), Err(Failure::Raised(_))));
        assert!(matches!(bytes(1_000_000_000), Err(Failure::Limit(_))));
        assert!(matches!(bytes(i64::MAX), Err(Failure::Limit(_))));
    }

    #[test]
    fn a_hundred_hashes_are_more_than_a_rendering_may_make() {
        let mut random = crate::funcs::crypto::testing::Counted(1);
        let mut scope = Scope::new(jiff::Timestamp::UNIX_EPOCH, &mut random, 3 * 50_000, 1 << 20);
        let hashes =
            (0..100).map(|_| bcrypt(&mut scope, &[Value::text("x")])).take_while(Result::is_ok).count();
        assert_eq!(hashes, 3);
        assert!(matches!(call_with("genPrivateKey", &[Value::text("rsa")], 100), Err(Failure::Limit(_))));
    }
}
