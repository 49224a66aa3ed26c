//! AVX-512VL: hashes four inputs at once in 256-bit registers. It has the rotation and the three-operand
//! logic of AVX-512, and 32 registers, which hold the whole state.

use std::arch::x86_64::*;

use super::avx2::{load, splat, store, xor};

super::kernel::keccak_kernel! {
    register: __m256i,
    lanes: 4,
    features: "avx512f,avx512vl",
    remainder: up_to 0 on portable,
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn xor3(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    _mm256_ternarylogic_epi64::<0x96>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn chi(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    _mm256_ternarylogic_epi64::<0xd2>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn rol<const N: i32>(a: __m256i) -> __m256i {
    _mm256_rol_epi64::<N>(a)
}
