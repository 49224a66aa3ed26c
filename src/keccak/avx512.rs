//! AVX-512: hashes eight inputs at once in 512-bit registers.

use std::arch::x86_64::*;

super::kernel::keccak_kernel! {
    register: __m512i,
    lanes: 8,
    features: "avx512f,avx512vl",
    // For half the lanes, 256-bit registers never take longer. Where the processor splits a 512-bit operation
    // in two, they take half as long.
    remainder: up_to 4 on avx512vl,
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(word: u64) -> __m512i {
    _mm512_set1_epi64(word.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(rows: [[u8; ROW]; LANES]) -> [__m512i; 4] {
    let rows: [__m256i; LANES] = bytemuck::cast(rows);
    transpose([
        join(rows[0], rows[4]),
        join(rows[1], rows[5]),
        join(rows[2], rows[6]),
        join(rows[3], rows[7]),
    ])
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(words: [__m512i; 4]) -> [[u8; ROW]; LANES] {
    let [a, b, c, d] = transpose(words);
    bytemuck::cast([
        _mm512_castsi512_si256(a),
        _mm512_castsi512_si256(b),
        _mm512_castsi512_si256(c),
        _mm512_castsi512_si256(d),
        _mm512_extracti64x4_epi64::<1>(a),
        _mm512_extracti64x4_epi64::<1>(b),
        _mm512_extracti64x4_epi64::<1>(c),
        _mm512_extracti64x4_epi64::<1>(d),
    ])
}

#[inline]
#[target_feature(enable = "avx512f")]
fn join(low: __m256i, high: __m256i) -> __m512i {
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
}

/// Transposes the four by four words of the lower halves, and those of the upper halves.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    let (ab_even, ab_odd) = (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let (cd_even, cd_odd) = (_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
    let first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    let second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    [
        _mm512_permutex2var_epi64(ab_even, first, cd_even),
        _mm512_permutex2var_epi64(ab_odd, first, cd_odd),
        _mm512_permutex2var_epi64(ab_even, second, cd_even),
        _mm512_permutex2var_epi64(ab_odd, second, cd_odd),
    ]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor(a: __m512i, b: __m512i) -> __m512i {
    _mm512_xor_si512(a, b)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi64::<0x96>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn chi(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi64::<0xd2>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn rol<const N: i32>(a: __m512i) -> __m512i {
    _mm512_rol_epi64::<N>(a)
}
