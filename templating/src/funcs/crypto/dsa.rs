//! Makes DSA keys of 2048 and 256 bits. Nothing else is done with them.

use num_bigint::BigUint;
use zeroize::Zeroizing;

use super::der::{self, Der};
use crate::funcs::Random;

const P_BITS: u32 = 2048;
const Q_BITS: u32 = 256;
/// Far more than the size asks for (FIPS 186-4, table C.1).
const ROUNDS: usize = 40;
/// One of 89 numbers is prime.
const DIVISORS_TRIED: usize = 5_000;
/// One of 710 numbers is prime.
const PRIMES_TRIED: usize = 40_000;
const SMALL_PRIMES: [u32; 53] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223,
    227, 229, 233, 239, 241, 251,
];

/// A new key in OpenSSL's format: version, p, q, g, public and private number. All of it comes from `random`;
/// the numbers that the arithmetic leaves behind in memory are not wiped. Nothing if `random` is not random.
pub(super) fn new_key(random: &mut dyn Random) -> Option<Der> {
    let (prime, divisor) = primes(random)?;
    let one = BigUint::from(1_u8);
    let exponent = (&prime - &one) / &divisor;
    let mut base = BigUint::from(2_u8);
    let mut generator = base.modpow(&exponent, &prime);
    while generator <= one {
        base += 1_u8;
        generator = base.modpow(&exponent, &prime);
    }
    // 64 bits more than the divisor has, so that no private number is likelier than another.
    let private = number(random, Q_BITS + 64) % (&divisor - &one) + &one;
    let public = generator.modpow(&private, &prime);
    let digits = |number: &BigUint| der::unsigned(&Zeroizing::new(number.to_bytes_be()));
    let numbers = [&prime, &divisor, &generator, &public, &private].map(digits);
    let [prime, divisor, generator, public, private] = numbers;
    Some(der::sequence(&[der::unsigned(&[]), prime, divisor, generator, public, private]))
}

/// Two primes of which the second divides the first less one.
fn primes(random: &mut dyn Random) -> Option<(BigUint, BigUint)> {
    let divisor = (0..DIVISORS_TRIED).find_map(|_| {
        let mut divisor = number(random, Q_BITS);
        divisor.set_bit(0, true);
        divisor.set_bit(u64::from(Q_BITS - 1), true);
        is_prime(random, &divisor).then_some(divisor)
    })?;
    let step = &divisor << 1_u8;
    (0..PRIMES_TRIED).find_map(|_| {
        let mut prime = number(random, P_BITS);
        prime.set_bit(u64::from(P_BITS - 1), true);
        let excess = &prime % &step;
        prime = prime - excess + 1_u8;
        let fits = prime.bits() == u64::from(P_BITS) && is_prime(random, &prime);
        fits.then(|| (prime, divisor.clone()))
    })
}

fn number(random: &mut dyn Random, bits: u32) -> BigUint {
    let mut bytes = Zeroizing::new(vec![0; bits as usize / 8]);
    random.fill(&mut bytes);
    BigUint::from_bytes_be(&bytes)
}

/// Miller's and Rabin's test on an odd number.
fn is_prime(random: &mut dyn Random, candidate: &BigUint) -> bool {
    if SMALL_PRIMES.iter().any(|prime| (candidate % prime).bits() == 0) {
        return false;
    }
    let one = BigUint::from(1_u8);
    let last = candidate - &one;
    let twos = last.trailing_zeros().unwrap_or_default();
    let odd = &last >> twos;
    (0..ROUNDS).all(|_| {
        let base = number(random, Q_BITS) % (&last - 2_u8) + 2_u8;
        let mut power = base.modpow(&odd, candidate);
        for _ in 1..twos {
            if power == one || power == last {
                break;
            }
            power = power.modpow(&BigUint::from(2_u8), candidate);
            if power == one {
                return false;
            }
        }
        power == one || power == last
    })
}
