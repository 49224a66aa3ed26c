//! Pubdata as blobs, as a node of an Era chain writes them: each 31 bytes, little-endian, are a coefficient of a
//! polynomial, that of x^4095 first. The blob has its values at the powers of a root of unity, in bit-reversed order.

use alloy_primitives::U256;

const VALUES: usize = 4096;
const PIECE: usize = 31;
/// The order of the scalar field of BLS12-381, and −1/r modulo 2^64.
const MODULUS: U256 = U256::from_limbs([
    0xffff_ffff_0000_0001,
    0x53bd_a402_fffe_5bfe,
    0x3339_d808_09a1_d805,
    0x73ed_a753_299d_7d48,
]);
const NEGATIVE_INVERSE: u64 = 0xffff_fffe_ffff_ffff;

/// Writes blobs.
pub(crate) struct Encoder {
    /// The powers of the root of unity, times 2^256.
    powers: Vec<U256>,
}

impl Encoder {
    /// The length of the pubdata in a blob.
    pub(crate) const PUBDATA: usize = VALUES * PIECE;

    pub(crate) fn new() -> Self {
        let exponent = (MODULUS - U256::ONE) / U256::from(VALUES);
        let root = U256::from(7).pow_mod(exponent, MODULUS);
        let one = U256::MAX % MODULUS + U256::ONE;
        let powers = std::iter::successors(Some(one), |power| Some(power.mul_mod(root, MODULUS)));
        Self { powers: powers.take(VALUES / 2).collect() }
    }

    /// The blob with these pubdata, at most [`Encoder::PUBDATA`] bytes. Zeros fill the rest.
    pub(crate) fn blob(&self, pubdata: &[u8]) -> Vec<u8> {
        assert!(pubdata.len() <= Self::PUBDATA, "a blob has {} bytes of pubdata", Self::PUBDATA);
        let mut values = vec![U256::ZERO; VALUES];
        for (value, piece) in values.iter_mut().rev().zip(pubdata.chunks(PIECE)) {
            *value = U256::from_le_slice(piece);
        }
        // Gentleman's and Sande's transform: bit-reversed output of input in order.
        let mut half = VALUES / 2;
        while half > 0 {
            for pair in values.chunks_mut(2 * half) {
                let (left, right) = pair.split_at_mut(half);
                let powers = self.powers.iter().step_by(VALUES / 2 / half);
                for ((left, right), power) in left.iter_mut().zip(right).zip(powers) {
                    let difference = left.add_mod(MODULUS - *right, MODULUS);
                    *left = left.add_mod(*right, MODULUS);
                    *right = difference.mul_redc(*power, MODULUS, NEGATIVE_INVERSE);
                }
            }
            half /= 2;
        }
        values.iter().flat_map(|value| value.to_be_bytes::<32>()).collect()
    }
}
