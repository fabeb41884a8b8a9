//! `MFA`: the one-time code of the moment, from a seed in a Secret (RFC 6238).

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strongroom_provider_api::{
    Clock, Error, ErrorKind, Generated, Generator, GeneratorClient, Resolver, Result, SecretKeySelector,
    Stability, Toolbox, Violation,
};
use zeroize::Zeroizing;

use crate::text::from_base32;

/// The one-time code of the moment.
#[derive(Clone, Copy, Debug)]
pub struct Mfa;

/// `spec` of an MFA.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MfaSpec {
    /// The seed: base32, in the namespace of the ExternalSecret.
    pub secret: SecretKeySelector,
    /// Digits of a code, at most 100; from the eleventh on they are zeros in front. Absent, 0 and less mean 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<i64>,
    /// For how many seconds a code is good. Absent, 0 and less mean 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_period: Option<i64>,
    /// sha1, sha256 or sha512. Absent, and every other text, means sha1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// The moment. Absent means now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub when: Option<Timestamp>,
}

/// Digits of the longest code that is given.
const LONGEST: u32 = 100;

/// The hash below the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

struct Client {
    resolver: Arc<dyn Resolver>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Generator for Mfa {
    const KIND: &'static str = "MFA";
    const STABILITY: Stability = Stability::Beta;
    type Spec = MfaSpec;

    fn validate(spec: &MfaSpec) -> Vec<Violation> {
        let mut violations = Vec::new();
        if spec.digits().is_none() {
            violations.push(Violation::new("length", format!("must be at most {LONGEST}")));
        }
        if spec.secret.name.is_none() || spec.secret.key.is_none() {
            violations.push(Violation::new("secret", "must have a name and a key"));
        }
        violations
    }

    async fn connect(
        _spec: MfaSpec,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<MfaSpec>>> {
        Ok(Arc::new(Client { resolver, clock: toolbox.clock }))
    }
}

#[async_trait]
impl GeneratorClient<MfaSpec> for Client {
    async fn generate(&self, spec: &MfaSpec) -> Result<Generated> {
        let unusable = || Error::new(ErrorKind::InvalidConfig, "use the settings", "spec cannot be used");
        let digits = spec.digits().ok_or_else(unusable)?;
        let period = spec.period();
        let written = self.resolver.secret(&spec.secret, None).await?;
        let seed = written.expose_str().and_then(seed).ok_or_else(|| {
            let message = "spec.secret: the seed is not base32 text";
            Error::new(ErrorKind::InvalidPayload, "read the seed", message)
        })?;
        let moment = spec.when.unwrap_or_else(|| self.clock.now()).as_second();
        let step = u64::try_from(moment.div_euclid(period)).map_err(|_| unusable())?;
        let left = period - moment.rem_euclid(period);
        let token = code(spec.algorithm(), &seed, step, digits).ok_or_else(unusable)?;
        Ok(Generated::fields([("token", token), ("timeLeft", left.to_string())]))
    }
}

impl MfaSpec {
    fn digits(&self) -> Option<u32> {
        let digits = self.length.filter(|digits| *digits > 0).unwrap_or(6);
        u32::try_from(digits).ok().filter(|digits| *digits <= LONGEST)
    }

    fn period(&self) -> i64 {
        self.time_period.filter(|period| *period > 0).unwrap_or(30)
    }

    /// Upstream takes the field and computes with SHA-1 whatever it says (spec eso-core Q18), and so do we where it says
    /// something that we do not know.
    fn algorithm(&self) -> Algorithm {
        let name = self.algorithm.as_deref().unwrap_or_default();
        match name.to_ascii_lowercase().replace('-', "").as_str() {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => Algorithm::Sha1,
        }
    }
}

/// As people write seeds: in groups and in lower case. As upstream, without padding, a tab is a fault, and no text at
/// all is an empty seed.
fn seed(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let plain: Zeroizing<String> = Zeroizing::new(
        text.chars()
            .filter(|it| !matches!(it, ' ' | '\r' | '\n'))
            .map(|it| it.to_ascii_uppercase())
            .collect(),
    );
    from_base32(&plain)
}

/// The code of RFC 4226 for `step`.
fn code(algorithm: Algorithm, seed: &[u8], step: u64, digits: u32) -> Option<String> {
    let algorithm = match algorithm {
        Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Algorithm::Sha256 => hmac::HMAC_SHA256,
        Algorithm::Sha512 => hmac::HMAC_SHA512,
    };
    let tag = hmac::sign(&hmac::Key::new(algorithm, seed), &step.to_be_bytes());
    let offset = usize::from(tag.as_ref().last()? & 15);
    let four = tag.as_ref().get(offset..offset + 4)?.try_into().ok()?;
    // It has ten digits itself: nothing is taken off where as many or more are asked for.
    let number = u64::from(u32::from_be_bytes(four) & 0x7fff_ffff) % 10_u64.pow(digits.min(10));
    Some(format!("{number:0width$}", width = usize::try_from(digits).ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use strongroom_provider_api::{ErrorKind, StoreKind};
    use strongroom_provider_conformance::StubResolver;

    use super::*;

    /// The vectors of RFC 6238, appendix B: time and the codes of the three algorithms.
    const VECTORS: [(i64, &str, &str, &str); 6] = [
        (59, "94287082", "46119246", "90693936"),
        (1_111_111_109, "07081804", "68084774", "25091201"),
        (1_111_111_111, "14050471", "67062674", "99943326"),
        (1_234_567_890, "89005924", "91819424", "93441116"),
        (2_000_000_000, "69279037", "90698825", "38618901"),
        (20_000_000_000, "65353130", "77737706", "47863826"),
    ];

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let seed = |length| b"1234567890".iter().copied().cycle().take(length).collect::<Vec<u8>>();
        for (time, sha1, sha256, sha512) in VECTORS {
            let step = u64::try_from(time / 30).unwrap();
            for (algorithm, length, expected) in [
                (Algorithm::Sha1, 20, sha1),
                (Algorithm::Sha256, 32, sha256),
                (Algorithm::Sha512, 64, sha512),
            ] {
                assert_eq!(
                    code(algorithm, &seed(length), step, 8).unwrap(),
                    expected,
                    "{time} {algorithm:?}"
                );
            }
        }
    }

    async fn generated(seed: &str, spec: Value) -> Result<Vec<String>> {
        let resolver = StubResolver::new(StoreKind::Namespaced).with_secret("seed", "seed", seed);
        let mut whole = json!({ "secret": { "name": "seed", "key": "seed" } });
        for (field, value) in spec.as_object().unwrap() {
            whole[field] = value.clone();
        }
        let client = Client { resolver: Arc::new(resolver), clock: Toolbox::default().clock };
        let generated = client.generate(&serde_json::from_value(whole).unwrap()).await?;
        assert_eq!(
            generated.fields.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
            ["token", "timeLeft"]
        );
        Ok(generated.fields.iter().map(|(_, value)| value.expose_str().unwrap().to_owned()).collect())
    }

    #[tokio::test]
    async fn the_seed_is_read_as_people_write_it() {
        let when = json!({ "when": "1970-01-01T00:00:59Z", "length": 8 });
        for seed in ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "gezd gnbv gy3t qojq gezd gnbv gy3t qojq\n"] {
            assert_eq!(generated(seed, when.clone()).await.unwrap(), ["94287082", "1"]);
        }
        for bad in ["canary!", "MFRGG===", "GEZDGNBV\tGY3TQOJQ", "GEZDGNBV\u{a0}GY3TQOJQ"] {
            let error = generated(bad, when.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidPayload);
            assert!(!error.to_string().contains(bad), "{error}");
        }
    }

    #[tokio::test]
    async fn a_seed_that_is_empty_or_cut_off_gives_upstreams_code() {
        for (seed, code) in [
            ("", "30812658"),
            (" \r\n", "30812658"),
            ("MZX", "30812658"),
            ("JBSWY3DP", "80409098"),
            ("JBSWY3DPE", "80409098"),
            ("JBSWY3DPEH", "91945916"),
            ("JBSWY3DPEHP", "80409098"),
            ("JBSWY3DPEHPK", "78260682"),
            ("JBSWY3DPEHPK3", "24571916"),
            ("JBSWY3DPEHPK3P", "80409098"),
            ("JBSWY3DPEHPK3PX", "56631024"),
        ] {
            let spec = json!({ "when": "1970-01-01T00:00:59Z", "length": 8 });
            assert_eq!(generated(seed, spec).await.unwrap()[0], code, "{seed:?}");
        }
    }

    #[tokio::test]
    async fn length_period_and_algorithm_count() {
        let seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let at = |rest: Value| {
            let mut spec = json!({ "when": "1970-01-01T00:00:59Z" });
            spec.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            spec
        };
        assert_eq!(generated(seed, at(json!({}))).await.unwrap(), ["287082", "1"]);
        for unset in [json!({ "length": 0, "timePeriod": 0 }), json!({ "length": -1, "timePeriod": -30 })] {
            assert_eq!(generated(seed, at(unset)).await.unwrap(), ["287082", "1"]);
        }
        // The same step, by another period.
        assert_eq!(generated(seed, at(json!({ "timePeriod": 59 }))).await.unwrap(), ["287082", "59"]);
        for (length, zeros) in [(10, 0), (11, 1), (12, 2), (20, 10), (100, 90)] {
            let code = format!("{}1094287082", "0".repeat(zeros));
            assert_eq!(generated(seed, at(json!({ "length": length }))).await.unwrap()[0], code);
        }
        for (algorithm, code) in [
            ("SHA256", "247374"),
            ("sha-512", "342147"),
            ("SHA-1", "287082"),
            ("", "287082"),
            ("md5", "287082"),
            ("sha384", "287082"),
            ("sha512_256", "287082"),
        ] {
            let spec = at(json!({ "algorithm": algorithm }));
            assert_eq!(generated(seed, spec).await.unwrap()[0], code, "{algorithm}");
        }
    }

    #[test]
    fn what_cannot_be_computed_is_named() {
        let faults = |spec: Value| -> Vec<String> {
            let spec = serde_json::from_value(spec).unwrap();
            Mfa::validate(&spec).into_iter().map(|violation| violation.field).collect()
        };
        let spec = json!({ "secret": {}, "length": 101 });
        assert_eq!(faults(spec), ["length", "secret"]);
        assert_eq!(faults(json!({ "secret": { "name": "a", "key": "b" } })), Vec::<String>::new());
    }
}
