//! Reads the numbers of an RSA key out of PKCS#8.

use zeroize::Zeroizing;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The numbers of an `RSAPrivateKey`, big-endian, without leading zeros.
pub(super) struct RsaNumbers {
    pub(super) modulus: Vec<u8>,
    pub(super) public_exponent: Vec<u8>,
    pub(super) private_exponent: Zeroizing<Vec<u8>>,
    pub(super) primes: [Zeroizing<Vec<u8>>; 2],
    /// The inverse of the second prime modulo the first.
    pub(super) coefficient: Zeroizing<Vec<u8>>,
}

impl RsaNumbers {
    /// From a `PrivateKeyInfo`; `None` if it is not one of an RSA key with two primes.
    pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        let mut info = Reader(pkcs8).enter(SEQUENCE)?;
        info.next(INTEGER)?;
        info.next(SEQUENCE)?;
        let mut key = Reader(info.next(OCTET_STRING)?).enter(SEQUENCE)?;
        key.next(INTEGER)?;
        let modulus = key.number()?.to_vec();
        let public_exponent = key.number()?.to_vec();
        let private_exponent = key.secret()?;
        let primes = [key.secret()?, key.secret()?];
        // The two exponents for the primes.
        key.number()?;
        key.number()?;
        Some(Self { modulus, public_exponent, private_exponent, primes, coefficient: key.secret()? })
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn enter(mut self, tag: u8) -> Option<Self> {
        self.next(tag).map(Reader)
    }

    /// The content of the next element, which must bear this tag.
    fn next(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, rest) = self.0.split_first()?;
        let (first, mut rest) = rest.split_first()?;
        let length = if *first < 0x80 {
            usize::from(*first)
        } else {
            let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
            rest = after;
            digits
                .iter()
                .try_fold(0_usize, |length, digit| length.checked_mul(256)?.checked_add((*digit).into()))?
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (*found == tag).then_some(content)
    }

    fn number(&mut self) -> Option<&'a [u8]> {
        let digits = self.next(INTEGER)?;
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        digits.get(zeros..)
    }

    fn secret(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        self.number().map(|digits| Zeroizing::new(digits.to_vec()))
    }
}
