//! The pubdata in a blob of an Era chain.
//!
//! A blob is a polynomial of 4096 coefficients, given by its values at the powers of a root of unity of order 4096,
//! in bit-reversed order. Pubdata are its coefficients: 31 bytes each, little-endian, the coefficient of x^4095
//! first. Other rollups write bytes into the values. Sources: EIP-4844, and zksync-era's `zksync_kzg`
//! (`pubdata_to_blob`).

use std::sync::LazyLock;

use thiserror::Error;

use super::field::{Element, Factor};

/// The length of a blob, in bytes.
pub const BLOB_LEN: usize = 4096 * 32;
/// The length of the pubdata in a blob, in bytes.
pub const BLOB_PUBDATA_LEN: usize = 4096 * PIECE;
/// The bytes in a coefficient.
const PIECE: usize = 31;
const HALF: usize = 2048;

/// Why a blob holds no pubdata of an Era chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BlobError {
    /// A value is not in the field, so it is no blob at all.
    #[error("the 32 bytes from byte {offset} on are not an element of the field of BLS12-381")]
    NotInField {
        /// The offset of the value in the blob.
        offset: usize,
    },
    /// A coefficient takes more than 31 bytes: another rollup made the blob, or it is damaged.
    #[error("the coefficient for bytes {offset} to {} of the pubdata has 32 bytes", offset + PIECE - 1)]
    Coefficient {
        /// The offset of the coefficient in the pubdata.
        offset: usize,
    },
}

/// Decodes blobs, one after the other.
#[derive(Debug)]
pub struct BlobDecoder {
    values: Vec<Element>,
}

impl Default for BlobDecoder {
    fn default() -> Self {
        Self { values: vec![Element::ZERO; 2 * HALF] }
    }
}

impl BlobDecoder {
    /// Writes the pubdata in a blob to `pubdata`, in place of what is there.
    ///
    /// # Errors
    /// [`BlobError`] if it is not a blob of an Era chain. The content of `pubdata` is unspecified then.
    pub fn decode(
        &mut self,
        blob: &[u8; BLOB_LEN],
        pubdata: &mut Vec<u8>,
    ) -> Result<(), BlobError> {
        for (at, (value, bytes)) in self.values.iter_mut().zip(elements(blob)).enumerate() {
            *value = Element::of(bytes).ok_or(BlobError::NotInField { offset: 32 * at })?;
        }
        interpolate(&mut self.values);
        pubdata.clear();
        pubdata.reserve_exact(BLOB_PUBDATA_LEN);
        for coefficient in self.values.iter().rev() {
            let bytes = coefficient.to_le_bytes();
            if bytes[PIECE] != 0 {
                return Err(BlobError::Coefficient { offset: pubdata.len() });
            }
            pubdata.extend_from_slice(&bytes[..PIECE]);
        }
        Ok(())
    }
}

/// The values of a blob, as big-endian numbers.
pub(super) fn elements(blob: &[u8; BLOB_LEN]) -> &[[u8; 32]] {
    blob.as_chunks().0
}

/// The factors of the rounds of [`interpolate`]. The round that joins halves of length h uses those from h on.
static FACTORS: LazyLock<Vec<Factor>> = LazyLock::new(|| {
    let mut factors = vec![Factor::ZERO; 2 * HALF];
    let mut length = 1;
    while length <= HALF {
        let root = Factor::inverse_root_of_unity(2 * length as u64);
        // The last round also divides by the number of values.
        let mut power = if length == HALF { divisor() } else { Factor::one() };
        for factor in &mut factors[length..2 * length] {
            *factor = power;
            power = power.times(root);
        }
        length *= 2;
    }
    factors
});

fn divisor() -> Factor {
    Factor::inverse_of(2 * HALF as u64)
}

/// Replaces the values of a polynomial, in bit-reversed order, by its coefficients, that of x^0 first: the inverse
/// of the fast Fourier transform of Cooley and Tukey, in place.
fn interpolate(values: &mut [Element]) {
    let factors = &FACTORS[..];
    let mut length = 1;
    while length < HALF {
        for pair in values.chunks_exact_mut(2 * length) {
            let (even, odd) = pair.split_at_mut(length);
            // The first factor is 1.
            (even[0], odd[0]) = (even[0] + odd[0], even[0] - odd[0]);
            let factors = &factors[length..2 * length];
            for ((even, odd), factor) in even.iter_mut().zip(odd).zip(factors).skip(1) {
                let product = *odd * *factor;
                (*even, *odd) = (*even + product, *even - product);
            }
        }
        length *= 2;
    }
    let (even, odd) = values.split_at_mut(HALF);
    let divisor = factors[HALF];
    for ((even, odd), factor) in even.iter_mut().zip(odd).zip(&factors[HALF..]) {
        let (quotient, product) = (*even * divisor, *odd * *factor);
        (*even, *odd) = (quotient + product, quotient - product);
    }
}
