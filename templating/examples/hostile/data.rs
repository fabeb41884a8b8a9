//! The values that hostile templates work on: long ones, and keys that are as large as keys may be.

use super::Fields;

const CHAIN: &[u8] = include_bytes!("../../oracle/cases/fixtures/chain.pem");
const RSA_8192: &[u8] = include_bytes!("rsa-8192.pem");
const EC_P521: &[u8] = include_bytes!("p521.pem");
const RSA_PFX: &[u8] = include_bytes!("../../oracle/cases/fixtures/passwordless.pfx");

/// The fields of every template.
pub(crate) fn fields() -> Fields {
    let keys = (0..60_000).map(|key| format!("k{key:06}: 1\n")).collect::<Vec<_>>().concat();
    let nested = format!("{}1{}", "{\"a\":[".repeat(100), "]}".repeat(100));
    let doubled = (1..30)
        .map(|level| format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1))
        .collect::<Vec<_>>()
        .concat();
    let merges = format!("a: &a {{{}b: 1}}\n{}", "b: 1, ".repeat(10), "c: {<<: *a}\n".repeat(20_000));
    let fields: [(&str, Vec<u8>); 20] = [
        ("a", b"x".to_vec()),
        ("big", "aB ".repeat(300_000).into_bytes()),
        ("digits", "1".repeat(900_000).into_bytes()),
        ("dots", "1.".repeat(450_000).into_bytes()),
        ("lines", "\n".repeat(900_000).into_bytes()),
        ("spaces", " ".repeat(900_000).into_bytes()),
        ("bytes", vec![0xff; 900_000]),
        ("accents", "é".repeat(450_000).into_bytes()),
        ("json", format!("{{\"a\":[{}1]}}", "1,".repeat(200_000)).into_bytes()),
        ("objects", format!("[{}1]", "{\"a\":{\"b\":1}},".repeat(60_000)).into_bytes()),
        ("nested", nested.into_bytes()),
        ("yaml", keys.into_bytes()),
        ("doubled", format!("a0: &a0 [x, x]\n{doubled}").into_bytes()),
        ("merges", merges.into_bytes()),
        ("chain", CHAIN.repeat(900_000 / CHAIN.len())),
        ("begins", b"-----BEGIN A-----\n".repeat(50_000)),
        ("ends", b"-----BEGIN A-----\n!\n-----END A-----\n".repeat(25_000)),
        ("rsa8192", RSA_8192.to_vec()),
        ("p521", EC_P521.to_vec()),
        ("pfx", RSA_PFX.to_vec()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
