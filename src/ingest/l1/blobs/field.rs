//! The scalar field of BLS12-381, in which blobs are polynomials. Elements are multiplied by Montgomery's method,
//! with the arithmetic of `ruint`.

use std::ops::{Add, Mul, Sub};

use alloy_primitives::U256;

/// The number of elements of the field, r.
const MODULUS: U256 = U256::from_limbs([
    0xffff_ffff_0000_0001,
    0x53bd_a402_fffe_5bfe,
    0x3339_d808_09a1_d805,
    0x73ed_a753_299d_7d48,
]);
/// −1/r modulo 2^64.
const NEGATIVE_INVERSE: u64 = 0xffff_fffe_ffff_ffff;
/// Generates the multiplicative group.
const GENERATOR: U256 = U256::from_limbs([7, 0, 0, 0]);

/// An element of the field: a number below r.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element(U256);

impl Element {
    pub(super) const ZERO: Self = Self(U256::ZERO);

    /// Reads a big-endian number. `None` if it is not below r.
    pub(super) fn of(bytes: &[u8; 32]) -> Option<Self> {
        let number = U256::from_be_bytes(*bytes);
        (number < MODULUS).then_some(Self(number))
    }

    /// The little-endian number.
    pub(super) fn to_le_bytes(self) -> [u8; 32] {
        self.0.to_le_bytes()
    }
}

impl Add for Element {
    type Output = Self;

    /// r has 255 bits, so the sum fits 256.
    #[inline]
    fn add(self, other: Self) -> Self {
        let sum = self.0.wrapping_add(other.0);
        let (reduced, is_below) = sum.overflowing_sub(MODULUS);
        Self(if is_below { sum } else { reduced })
    }
}

impl Sub for Element {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        let (difference, is_negative) = self.0.overflowing_sub(other.0);
        Self(if is_negative { difference.wrapping_add(MODULUS) } else { difference })
    }
}

/// A constant factor. It is stored times 2^256, so that Montgomery's multiplication of it with an element gives the
/// product itself: elements need not be converted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factor(U256);

impl Factor {
    pub(super) const ZERO: Self = Self(U256::ZERO);

    /// 1.
    pub(super) fn one() -> Self {
        Self((U256::MAX % MODULUS) + U256::ONE)
    }

    /// 1 / `number`, which is below r and not 0.
    pub(super) fn inverse_of(number: u64) -> Self {
        Self::one().times_number(U256::from(number).pow_mod(MODULUS - U256::from(2), MODULUS))
    }

    /// 1 / ω, where ω = 7^((r − 1) / `order`) has this order, a power of two up to 2^32.
    pub(super) fn inverse_root_of_unity(order: u64) -> Self {
        let root = GENERATOR.pow_mod((MODULUS - U256::ONE) / U256::from(order), MODULUS);
        Self::one().times_number(root.pow_mod(U256::from(order - 1), MODULUS))
    }

    pub(super) fn times(self, other: Self) -> Self {
        Self(self.0.mul_redc(other.0, MODULUS, NEGATIVE_INVERSE))
    }

    fn times_number(self, number: U256) -> Self {
        Self(self.0.mul_mod(number, MODULUS))
    }
}

impl Mul<Factor> for Element {
    type Output = Self;

    #[inline]
    fn mul(self, factor: Factor) -> Self {
        Self(self.0.mul_redc(factor.0, MODULUS, NEGATIVE_INVERSE))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn constants_are_those_of_the_field() {
        let text = "52435875175126190479447740508185965837690552500527637822603658699938581184513";
        assert_eq!(MODULUS.to_string(), text);
        let low = MODULUS.as_limbs()[0];
        assert_eq!(NEGATIVE_INVERSE.wrapping_mul(low), u64::MAX);
        // EIP-4844's powers of the root of unity: ω^4096 = 1, ω^2048 = −1.
        let root = Factor::inverse_root_of_unity(4096);
        let half = (0..11).fold(root, |power, _| power.times(power));
        assert_eq!((Element(U256::ONE) * half).0, MODULUS - U256::ONE);
        assert_eq!((Element(U256::from(4096)) * Factor::inverse_of(4096)).0, U256::ONE);
    }

    #[test]
    fn numbers_are_below_the_modulus() {
        let largest = MODULUS - U256::ONE;
        assert_eq!(Element::of(&largest.to_be_bytes()), Some(Element(largest)));
        assert_eq!(Element::of(&MODULUS.to_be_bytes()), None);
        assert_eq!(Element::of(&[0xff; 32]), None);
    }

    proptest! {
        #[test]
        fn arithmetic_is_modulo_r(a in any::<[u64; 4]>(), b in any::<[u64; 4]>()) {
            let [a, b] = [a, b].map(|limbs| U256::from_limbs(limbs) % MODULUS);
            prop_assert_eq!((Element(a) + Element(b)).0, a.add_mod(b, MODULUS));
            prop_assert_eq!((Element(a) - Element(b)).0, a.add_mod(MODULUS - b, MODULUS));
            let factor = Factor::one().times_number(b);
            prop_assert_eq!((Element(a) * factor).0, a.mul_mod(b, MODULUS));
            let squared = factor.times(factor);
            prop_assert_eq!((Element(a) * squared).0, a.mul_mod(b, MODULUS).mul_mod(b, MODULUS));
        }
    }
}
