//! The alias of a certificate in a trust store: its subject, written as Go's pkix.Name writes it.

use std::fmt::Write;

use x509_parser::der_parser::asn1_rs::ToDer;
use x509_parser::x509::AttributeTypeAndValue;
use zeroize::Zeroizing;

use crate::funcs::crypto::{der, x509};

/// The attributes that Go knows, in the order in which it lists them, and their short names.
const KNOWN: [(&str, &str); 9] = [
    ("2.5.4.6", "C"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.17", "POSTALCODE"),
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "SERIALNUMBER"),
];

/// The subject: attributes that Go does not know last, one by one, the others by type in the reverse of its order.
/// Of several common names or serial numbers only the last counts.
pub(super) fn of(certificate: &[u8]) -> Option<String> {
    let certificate = x509::certificate(certificate)?;
    let attributes: Vec<_> = certificate
        .subject()
        .iter_attributes()
        .map(|attribute| (attribute.attr_type().to_id_string(), attribute))
        .collect();
    let mut groups = Vec::new();
    for (oid, attribute) in &attributes {
        if !KNOWN.iter().any(|(known, _)| known == oid) {
            groups.push(format!("{oid}={}", unknown_value(attribute)?));
        }
    }
    for (oid, name) in KNOWN {
        let values = attributes.iter().filter(|(other, _)| other == oid);
        let mut values: Vec<String> = values
            .filter_map(|(_, attribute)| text(attribute))
            .map(|value| format!("{name}={}", escaped(&value)))
            .collect();
        if matches!(name, "CN" | "SERIALNUMBER") {
            values = values.pop().into_iter().collect();
        }
        if !values.is_empty() {
            groups.push(values.join("+"));
        }
    }
    groups.reverse();
    Some(groups.join(","))
}

fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    attribute.as_str().map(str::to_owned).ok()
}

/// `#` and the encoded value in hexadecimal. Go reads texts first, and forgets of which type they were.
fn unknown_value(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let value = attribute.attr_value();
    let encoded = match attribute.as_str() {
        Ok(text) => der::text(text),
        Err(_) => Zeroizing::new(value.to_der_vec().ok()?),
    };
    let mut hex = String::with_capacity(2 * encoded.len() + 1);
    hex.push('#');
    for byte in encoded.iter() {
        write!(hex, "{byte:02x}").ok()?;
    }
    Some(hex)
}

fn escaped(value: &str) -> String {
    let last = value.len().saturating_sub(1);
    let mut escaped = String::with_capacity(value.len());
    for (place, character) in value.char_indices() {
        let special = match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            ' ' => place == 0 || place == last,
            '#' => place == 0,
            _ => false,
        };
        if special {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
