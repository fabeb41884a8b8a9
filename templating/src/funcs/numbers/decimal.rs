//! `Decimal`: owns exact decimal arithmetic, so that 0.1 + 0.2 is 0.3, with sixteen digits after the point of a
//! quotient.

use num_bigint::{BigInt, Sign};

use crate::funcs::Failure;

const QUOTIENT_PLACES: i64 = 16;

/// A whole number times a power of ten.
pub(super) struct Decimal {
    value: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The shortest decimal number that names the float.
    pub(super) fn of(number: f64) -> Result<Self, Failure> {
        if !number.is_finite() {
            return Err(Failure::Raised(
                "Cannot create a Decimal from a number that is not finite".to_owned(),
            ));
        }
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let value = format!("{whole}{fraction}").parse().unwrap_or_default();
        let places = i64::try_from(fraction.len()).unwrap_or(0);
        Ok(Self { value, exponent: exponent.parse::<i64>().unwrap_or(0) - places })
    }

    /// About how many digits it has: what working with it costs.
    pub(super) fn digits(&self) -> usize {
        usize::try_from(self.value.bits() / 3 + self.exponent.unsigned_abs()).unwrap_or(usize::MAX)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the four operations have one type")]
    pub(super) fn plus(&self, other: &Self) -> Result<Self, Failure> {
        let exponent = self.exponent.min(other.exponent);
        Ok(Self { value: self.at(exponent) + other.at(exponent), exponent })
    }

    #[expect(clippy::unnecessary_wraps, reason = "the four operations have one type")]
    pub(super) fn minus(&self, other: &Self) -> Result<Self, Failure> {
        let exponent = self.exponent.min(other.exponent);
        Ok(Self { value: self.at(exponent) - other.at(exponent), exponent })
    }

    #[expect(clippy::unnecessary_wraps, reason = "the four operations have one type")]
    pub(super) fn times(&self, other: &Self) -> Result<Self, Failure> {
        Ok(Self { value: &self.value * &other.value, exponent: self.exponent + other.exponent })
    }

    /// Rounded to sixteen places, halves away from zero.
    pub(super) fn over(&self, other: &Self) -> Result<Self, Failure> {
        if other.value.sign() == Sign::NoSign {
            return Err(Failure::Raised("decimal division by 0".to_owned()));
        }
        let shift = self.exponent - other.exponent + QUOTIENT_PLACES;
        let (dividend, divisor) = if shift < 0 {
            (self.value.clone(), &other.value * power_of_ten(shift.unsigned_abs()))
        } else {
            (&self.value * power_of_ten(shift.unsigned_abs()), other.value.clone())
        };
        let (mut quotient, rest) = (&dividend / &divisor, &dividend % &divisor);
        if rest.magnitude() * 2_u8 >= *divisor.magnitude() {
            quotient += if dividend.sign() == divisor.sign() { 1 } else { -1 };
        }
        Ok(Self { value: quotient, exponent: -QUOTIENT_PLACES })
    }

    pub(super) fn nearest_float(&self) -> f64 {
        format!("{}e{}", self.value, self.exponent).parse().unwrap_or(0.0)
    }

    /// The value in units of ten to a smaller power.
    fn at(&self, exponent: i64) -> BigInt {
        &self.value * power_of_ten((self.exponent - exponent).unsigned_abs())
    }
}

fn power_of_ten(exponent: u64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).unwrap_or(u32::MAX))
}
