//! NEON with the SHA-3 instructions of aarch64: hashes two inputs at once in 128-bit registers.

use std::arch::aarch64::*;

super::kernel::keccak_kernel! {
    register: uint64x2_t,
    lanes: 2,
    features: "neon,sha3",
    remainder: up_to 1 on portable,
}

#[inline]
#[target_feature(enable = "neon")]
fn splat(word: u64) -> uint64x2_t {
    vdupq_n_u64(word)
}

#[inline]
#[target_feature(enable = "neon")]
fn load([a, b]: [[u8; ROW]; LANES]) -> [uint64x2_t; 4] {
    let (a, b): ([u64; 4], [u64; 4]) = (bytemuck::cast(a), bytemuck::cast(b));
    [pair(a[0], b[0]), pair(a[1], b[1]), pair(a[2], b[2]), pair(a[3], b[3])]
}

#[inline]
#[target_feature(enable = "neon")]
fn pair(a: u64, b: u64) -> uint64x2_t {
    vcombine_u64(vcreate_u64(a.to_le()), vcreate_u64(b.to_le()))
}

#[inline]
#[target_feature(enable = "neon")]
fn store(words: [uint64x2_t; 4]) -> [[u8; ROW]; LANES] {
    let [a, b, c, d] = words;
    bytemuck::cast([
        vgetq_lane_u64::<0>(a).to_le(),
        vgetq_lane_u64::<0>(b).to_le(),
        vgetq_lane_u64::<0>(c).to_le(),
        vgetq_lane_u64::<0>(d).to_le(),
        vgetq_lane_u64::<1>(a).to_le(),
        vgetq_lane_u64::<1>(b).to_le(),
        vgetq_lane_u64::<1>(c).to_le(),
        vgetq_lane_u64::<1>(d).to_le(),
    ])
}

#[inline]
#[target_feature(enable = "neon")]
fn xor(a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
    veorq_u64(a, b)
}

#[inline]
#[target_feature(enable = "neon,sha3")]
fn xor3(a: uint64x2_t, b: uint64x2_t, c: uint64x2_t) -> uint64x2_t {
    veor3q_u64(a, b, c)
}

#[inline]
#[target_feature(enable = "neon,sha3")]
fn chi(a: uint64x2_t, b: uint64x2_t, c: uint64x2_t) -> uint64x2_t {
    vbcaxq_u64(a, c, b)
}

// The compiler joins this and the `xor` before or after it into one `xar` or `rax1`.
#[inline]
#[target_feature(enable = "neon")]
fn rol<const N: i64>(a: uint64x2_t) -> uint64x2_t {
    let left = vshlq_u64(a, vdupq_n_s64(N));
    let right = vshlq_u64(a, vdupq_n_s64(N - 64));
    vorrq_u64(left, right)
}
