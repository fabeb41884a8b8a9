//! Derives the keys of PKCS#12 stores: with PKCS#12's own function (RFC 7292, appendix B) and with PBKDF2.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use zeroize::Zeroizing;

use super::unreadable;
use crate::funcs::{Failure, Scope};
use crate::limits::{KDF_ROUNDS_PER_STEP, MAX_KDF_ROUNDS};

/// Bytes that are hashed before the rounds for one step.
const BYTES_PER_STEP: usize = 64;

/// A hash that stores are protected with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

/// A password as the three ways of deriving take it.
pub(super) struct Password {
    pub(super) utf8: Zeroizing<Vec<u8>>,
    /// UTF-16, big-endian, with a terminator; or nothing at all, which some tools mean by an empty password.
    pub(super) utf16: Zeroizing<Vec<u8>>,
}

/// What a derived key is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Encryption = 1,
    InitialVector = 2,
    Mac = 3,
}

impl Password {
    /// # Errors
    /// The password has a character that does not fit into two bytes.
    pub(super) fn new(password: &[u8]) -> Result<Self, Failure> {
        let utf8 = Zeroizing::new(String::from_utf8_lossy(password).into_owned());
        let mut utf16 = Zeroizing::new(Vec::with_capacity(2 * utf8.len() + 2));
        for character in utf8.chars() {
            let unit = u16::try_from(u32::from(character));
            let unit =
                unit.map_err(|_| unreadable("the password has a character that PKCS#12 has no room for"))?;
            utf16.extend_from_slice(&unit.to_be_bytes());
        }
        utf16.extend_from_slice(&[0, 0]);
        Ok(Self { utf8: Zeroizing::new(utf8.as_bytes().to_vec()), utf16 })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.utf8.is_empty()
    }

    /// The other way to write an empty password.
    pub(super) fn without_terminator() -> Self {
        Self { utf8: Zeroizing::default(), utf16: Zeroizing::default() }
    }
}

impl Hash {
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    /// The hash's block, in bytes.
    fn block_bytes(self) -> usize {
        if self == Self::Sha512 { 128 } else { 64 }
    }

    /// The hash's result, in bytes.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    pub(super) fn mac_key(self, key: &[u8]) -> hmac::Key {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::Key::new(algorithm, key)
    }
}

/// PKCS#12's own derivation.
pub(super) fn pkcs12(
    scope: &mut Scope<'_>,
    hash: Hash,
    purpose: Purpose,
    password: &Password,
    (salt, rounds): (&[u8], u32),
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let block = hash.block_bytes();
    let mut input = filled(&[salt, &password.utf16], block);
    let mut key = Zeroizing::new(Vec::with_capacity(length + hash.bytes()));
    while key.len() < length {
        charge(scope, rounds, input.len())?;
        let mut context = digest::Context::new(hash.digest());
        context.update(&vec![purpose as u8; block]);
        context.update(&input);
        let mut sum = Zeroizing::new(context.finish().as_ref().to_vec());
        for _ in 1..rounds {
            let next = digest::digest(hash.digest(), &sum);
            sum.copy_from_slice(next.as_ref());
        }
        key.extend_from_slice(&sum);
        let addend: Zeroizing<Vec<u8>> = Zeroizing::new(sum.iter().copied().cycle().take(block).collect());
        for piece in input.chunks_mut(block) {
            add_with_one(piece, &addend);
        }
    }
    key.truncate(length);
    Ok(key)
}

/// PBKDF2 with the hash's HMAC.
pub(super) fn pbkdf2(
    scope: &mut Scope<'_>,
    hash: Hash,
    password: &[u8],
    (salt, rounds): (&[u8], u32),
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    for _ in 0..length.div_ceil(hash.bytes()) {
        charge(scope, rounds, salt.len().saturating_add(password.len()))?;
    }
    let rounds = NonZeroU32::new(rounds).ok_or_else(|| unreadable("no rounds of key derivation"))?;
    let mut key = Zeroizing::new(vec![0; length]);
    pbkdf2::derive(hash.pbkdf2(), rounds, salt, password, &mut key);
    Ok(key)
}

fn charge(scope: &mut Scope<'_>, rounds: u32, bytes: usize) -> Result<(), Failure> {
    if rounds > MAX_KDF_ROUNDS {
        return Err(Failure::Limit("rounds of key derivation"));
    }
    // Passwords and salts can be as long as a value, and are hashed for every piece of a key.
    scope.spend_steps(rounds as usize / KDF_ROUNDS_PER_STEP + bytes / BYTES_PER_STEP + 1)
}

/// Each part over and over until it fills blocks.
fn filled(parts: &[&[u8]], block: usize) -> Zeroizing<Vec<u8>> {
    let lengths: Vec<usize> = parts.iter().map(|part| part.len().div_ceil(block) * block).collect();
    let mut filled = Zeroizing::new(Vec::with_capacity(lengths.iter().sum()));
    for (part, length) in parts.iter().zip(lengths) {
        filled.extend(part.iter().copied().cycle().take(length));
    }
    filled
}

/// `piece + addend + 1` as numbers, without the carry out of the first byte.
fn add_with_one(piece: &mut [u8], addend: &[u8]) {
    let mut carry = 1_u16;
    for (digit, other) in piece.iter_mut().zip(addend).rev() {
        let sum = u16::from(*digit) + u16::from(*other) + carry;
        let [high, low] = sum.to_be_bytes();
        *digit = low;
        carry = u16::from(high);
    }
}
