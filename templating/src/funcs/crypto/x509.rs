//! What the functions read out of a certificate.

use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

/// Bytes of a certificate that are read for one step.
const BYTES_PER_STEP: usize = 16;

/// What reading a certificate, or a text with one, costs in steps: every name in it takes memory of its own.
pub(super) fn steps(bytes: &[u8]) -> usize {
    8 + bytes.len() / BYTES_PER_STEP
}

/// The certificate that these bytes are exactly.
pub(super) fn certificate(bytes: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = X509Certificate::from_der(bytes).ok()?;
    rest.is_empty().then_some(certificate)
}

/// The identifier of the key that signed the certificate, if it names one.
pub(super) fn authority_key_id<'a>(certificate: &X509Certificate<'a>) -> Option<&'a [u8]> {
    extensions(certificate).find_map(|extension| match extension {
        ParsedExtension::AuthorityKeyIdentifier(authority) => {
            authority.key_identifier.as_ref().map(|id| id.0)
        }
        _ => None,
    })
}

/// The identifier of the certificate's own key; empty if it names none.
pub(super) fn subject_key_id<'a>(certificate: &X509Certificate<'a>) -> &'a [u8] {
    let found = extensions(certificate).find_map(|extension| match extension {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    });
    found.unwrap_or_default()
}

/// The alternative names; nothing if the extension cannot be read.
pub(super) fn alternative_names<'a, 'b>(
    certificate: &'b X509Certificate<'a>,
) -> Option<&'b [GeneralName<'a>]> {
    let found = certificate.subject_alternative_name().ok()?;
    Some(found.map_or(&[], |extension| extension.value.general_names.as_slice()))
}

fn extensions<'a, 'b>(certificate: &'b X509Certificate<'a>) -> impl Iterator<Item = &'b ParsedExtension<'a>> {
    certificate.extensions().iter().map(x509_parser::prelude::X509Extension::parsed_extension)
}
