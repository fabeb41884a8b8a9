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
