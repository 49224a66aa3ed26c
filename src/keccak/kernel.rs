//! The Keccak permutation, padding, loading and storing, written once for every register width.
//!
//! A backend hashes as many inputs at once as its register has 64-bit lanes: register `i` holds word `i` of
//! each input. A backend defines seven operations; the macro builds the rest from them:
//!
//! | operation | what it computes |
//! |---|---|
//! | `splat(word)` | `word` in every lane |
//! | `load(rows)` | the four words of one row of every input, one register per word |
//! | `store(words)` | the inverse of `load` |
//! | `xor(a, b)` | `a ^ b` |
//! | `xor3(a, b, c)` | `a ^ b ^ c` |
//! | `chi(a, b, c)` | `a ^ (!b & c)` |
//! | `rol::<N>(a)` | the bits of every lane rotated to the left by `N` |
//!
//! Rows are loaded whole and transposed in registers. With gathers a hash takes 5 to 12 % longer on AVX-512,
//! with loads of single words 12 to 60 %.
//!
//! All are safe functions with the backend's target features. The only `unsafe` is the call from a function
//! without these features, in `backend.rs`.

/// The constants of the 24 rounds.
pub(super) const ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Defines a backend's `hash_many` from the seven operations.
///
/// Inputs that do not fill all lanes are hashed with idle lanes. When there are at most `up_to` of them, the
/// backend named by `on` is faster and hashes them.
macro_rules! keccak_kernel {
    (
        register: $register:ty,
        lanes: $lanes:literal,
        features: $features:literal,
        remainder: up_to $few:literal on $narrower:ident,
    ) => {
        use $crate::keccak::{
            inputs::{Inputs, RATE, ROW},
            kernel::ROUND_CONSTANTS,
        };

        /// How many inputs are hashed at once.
        pub(super) const LANES: usize = $lanes;

        /// Hashes the inputs from index `first` on, one for every output.
        #[target_feature(enable = $features)]
        pub(super) fn hash_many<I: Inputs>(inputs: I, mut first: usize, out: &mut [[u8; 32]]) {
            let (blocks, rest) = out.as_chunks_mut();
            for block in blocks {
                *block = hash_block(inputs, first, LANES);
                first += LANES;
            }
            if rest.len() <= $few {
                super::$narrower::hash_many(inputs, first, rest);
            } else {
                let block = hash_block(inputs, first, rest.len());
                rest.copy_from_slice(&block[..rest.len()]);
            }
        }

        /// Hashes `count` inputs from index `first` on. Unused lanes repeat the last input.
        #[inline]
        #[target_feature(enable = $features)]
        fn hash_block<I: Inputs>(inputs: I, first: usize, count: usize) -> [[u8; 32]; LANES] {
            let mut state = [[splat(0); 5]; 5];
            let words = state.as_flattened_mut();
            for (row, words) in words[..I::LEN / 8].chunks_mut(ROW / 8).enumerate() {
                let mut rows = [[0; ROW]; LANES];
                for (lane, bytes) in rows.iter_mut().enumerate() {
                    *bytes = inputs.row(first + lane.min(count - 1), row);
                }
                words.copy_from_slice(&load(rows)[..words.len()]);
            }
            if I::LEN < RATE {
                // The padding: one bit after the input, one at the end of the rate.
                words[I::LEN / 8] = splat(0x01);
                words[16] = xor(words[16], splat(0x80 << 56));
            }
            store(permute(&state))
        }

        // The first round is apart, because the compiler leaves out what is known to be zero in it, and the last one,
        // because only four words of its result are needed. For 64 bytes, that saves 3 % of the time on AVX-512
        // (Zen 4) and 6 % of the instructions on AVX2. Unrolling the other
        // rounds gains nothing.
        #[inline]
        #[target_feature(enable = $features)]
        fn permute(state: &[[$register; 5]; 5]) -> [$register; 4] {
            let [first, between @ .., last] = &ROUND_CONSTANTS;
            let mut a = round(state, *first);
            for constant in between {
                a = round(&a, *constant);
            }
            let [hash @ .., _] = first_row(&a, theta(&a), *last);
            hash
        }

        // The state is passed by reference, because AVX2 spends up to a third of its time on copies of a state
        // that is passed by value.
        #[inline]
        #[target_feature(enable = $features)]
        fn round(a: &[[$register; 5]; 5], constant: u64) -> [[$register; 5]; 5] {
            let d = theta(a);
            [
                first_row(a, d, constant),
                chi_row([
                    rol::<28>(xor(a[0][3], d[3])),
                    rol::<20>(xor(a[1][4], d[4])),
                    rol::<3>(xor(a[2][0], d[0])),
                    rol::<45>(xor(a[3][1], d[1])),
                    rol::<61>(xor(a[4][2], d[2])),
                ]),
                chi_row([
                    rol::<1>(xor(a[0][1], d[1])),
                    rol::<6>(xor(a[1][2], d[2])),
                    rol::<25>(xor(a[2][3], d[3])),
                    rol::<8>(xor(a[3][4], d[4])),
                    rol::<18>(xor(a[4][0], d[0])),
                ]),
                chi_row([
                    rol::<27>(xor(a[0][4], d[4])),
                    rol::<36>(xor(a[1][0], d[0])),
                    rol::<10>(xor(a[2][1], d[1])),
                    rol::<15>(xor(a[3][2], d[2])),
                    rol::<56>(xor(a[4][3], d[3])),
                ]),
                chi_row([
                    rol::<62>(xor(a[0][2], d[2])),
                    rol::<55>(xor(a[1][3], d[3])),
                    rol::<39>(xor(a[2][4], d[4])),
                    rol::<41>(xor(a[3][0], d[0])),
                    rol::<2>(xor(a[4][1], d[1])),
                ]),
            ]
        }

        /// The first row of the result of a round.
        #[inline]
        #[target_feature(enable = $features)]
        fn first_row(a: &[[$register; 5]; 5], d: [$register; 5], constant: u64) -> [$register; 5] {
            let mut row = chi_row([
                xor(a[0][0], d[0]),
                rol::<44>(xor(a[1][1], d[1])),
                rol::<43>(xor(a[2][2], d[2])),
                rol::<21>(xor(a[3][3], d[3])),
                rol::<14>(xor(a[4][4], d[4])),
            ]);
            row[0] = xor(row[0], splat(constant));
            row
        }

        /// What a round first adds to all words of each column.
        #[inline]
        #[target_feature(enable = $features)]
        fn theta(a: &[[$register; 5]; 5]) -> [$register; 5] {
            let c0 = column(a, 0);
            let c1 = column(a, 1);
            let c2 = column(a, 2);
            let c3 = column(a, 3);
            let c4 = column(a, 4);
            // `xor3` of every word with two columns would save these five xors, but needs five more
            // registers than there are, which costs more.
            [
                xor(c4, rol::<1>(c1)),
                xor(c0, rol::<1>(c2)),
                xor(c1, rol::<1>(c3)),
                xor(c2, rol::<1>(c4)),
                xor(c3, rol::<1>(c0)),
            ]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn column(a: &[[$register; 5]; 5], x: usize) -> $register {
            xor3(xor3(a[0][x], a[1][x], a[2][x]), a[3][x], a[4][x])
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn chi_row(b: [$register; 5]) -> [$register; 5] {
            [
                chi(b[0], b[1], b[2]),
                chi(b[1], b[2], b[3]),
                chi(b[2], b[3], b[4]),
                chi(b[3], b[4], b[0]),
                chi(b[4], b[0], b[1]),
            ]
        }
    };
}

pub(super) use keccak_kernel;
