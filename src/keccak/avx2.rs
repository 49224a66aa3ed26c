//! AVX2: hashes four inputs at once in 256-bit registers.

use std::arch::x86_64::*;

super::kernel::keccak_kernel! {
    register: __m256i,
    lanes: 4,
    features: "avx2",
    remainder: up_to 1 on portable,
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn splat(word: u64) -> __m256i {
    _mm256_set1_epi64x(word.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(rows: [[u8; ROW]; LANES]) -> [__m256i; 4] {
    transpose(bytemuck::cast(rows))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(words: [__m256i; 4]) -> [[u8; ROW]; LANES] {
    bytemuck::cast(transpose(words))
}

#[inline]
#[target_feature(enable = "avx2")]
fn transpose([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    let (ab_even, ab_odd) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let (cd_even, cd_odd) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
    [
        _mm256_permute2x128_si256::<0x20>(ab_even, cd_even),
        _mm256_permute2x128_si256::<0x20>(ab_odd, cd_odd),
        _mm256_permute2x128_si256::<0x31>(ab_even, cd_even),
        _mm256_permute2x128_si256::<0x31>(ab_odd, cd_odd),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn xor(a: __m256i, b: __m256i) -> __m256i {
    _mm256_xor_si256(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor3(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    xor(xor(a, b), c)
}

#[inline]
#[target_feature(enable = "avx2")]
fn chi(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    xor(a, _mm256_andnot_si256(b, c))
}

// The counts are constants, so the compiler makes shifts by an immediate of these, and a byte shuffle where
// `N` is a multiple of 8.
#[inline]
#[target_feature(enable = "avx2")]
fn rol<const N: i64>(a: __m256i) -> __m256i {
    let left = _mm256_sllv_epi64(a, _mm256_set1_epi64x(N));
    let right = _mm256_srlv_epi64(a, _mm256_set1_epi64x(64 - N));
    _mm256_or_si256(left, right)
}
