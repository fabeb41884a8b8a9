//! Owns the hash functions: digests as hexadecimal text.

use std::fmt::Write as _;

use aws_lc_rs::digest;

use super::arguments::{spend_reading, text};
use super::{Failure, Function, Scope};
use crate::value::{Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    of("sha1sum", |scope, arguments| hexadecimal(scope, arguments, &digest::SHA1_FOR_LEGACY_USE_ONLY)),
    of("sha256sum", |scope, arguments| hexadecimal(scope, arguments, &digest::SHA256)),
    of("sha512sum", |scope, arguments| hexadecimal(scope, arguments, &digest::SHA512)),
    of("adler32sum", adler32sum),
];

const fn of(name: &'static str, call: fn(&mut Scope<'_>, &[Value]) -> Result<Value, Failure>) -> Function {
    Function { name, params: &[Type::Text], rest: None, call }
}

fn hexadecimal(
    scope: &mut Scope<'_>,
    arguments: &[Value],
    algorithm: &'static digest::Algorithm,
) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    spend_reading(scope, text.len())?;
    let mut output = String::with_capacity(2 * algorithm.output_len());
    for byte in digest::digest(algorithm, text).as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(output, "{byte:02x}");
    }
    Ok(Value::text(output))
}

/// The checksum of RFC 1950 as a decimal number.
fn adler32sum(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    const MODULUS: u32 = 65_521;
    let text = text(arguments, 0)?;
    spend_reading(scope, text.len())?;
    let (low, high) = text.iter().fold((1, 0), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % MODULUS;
        (low, (high + low) % MODULUS)
    });
    Ok(Value::text((high << 16 | low).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{gives, run, text};

    #[test]
    fn digests_are_those_of_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(FUNCTIONS, vec![
            ("sha1sum", vec![text("")], gives("da39a3ee5e6b4b0d3255bfef95601890afd80709")),
            ("sha1sum", vec![text("alpha")], gives("be76331b95dfc399cd776d2fc68021e0db03cc4f")),
            ("sha1sum", vec![text(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")], gives("81f3dada969eb41899e0105c761b5c7f49b3514c")),
            ("sha256sum", vec![text("")], gives("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")),
            ("sha256sum", vec![text("alpha")], gives("8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223f8")),
            ("sha256sum", vec![text(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")], gives("c4612d488c8b730aecd874b92924f9b8f4ecb8f3e78689adfbd94e2f9452c7fc")),
            ("sha512sum", vec![text("")], gives("cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e")),
            ("sha512sum", vec![text("alpha")], gives("ba3ce58667ca9b12b3c0cdcc4da57f9962aeca7065c43a7d9c027332fdb9f0bbcf69004286880fe3d8f3fd8f03ddffd7485fd94c9d3a38618ea10691d8d6a7fa")),
            ("sha512sum", vec![text(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")], gives("8131af6801318ac25d7e5d5aa7f1e4b3ee4f43ec597c0c5cb6e6aa67ad74ca47b8fb71984041473f7baa716fe8930603677a3ae2e603d873c6e9d3da8088e0b6")),
            ("adler32sum", vec![text("")], gives("1")),
            ("adler32sum", vec![text("alpha")], gives("102433287")),
            ("adler32sum", vec![text(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")], gives("4134744527")),
        ]);
    }
}
