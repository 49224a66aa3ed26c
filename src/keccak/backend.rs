//! The backends, the detection of those that this processor can run, and their dispatch.

use std::sync::OnceLock;

use bytemuck::TransparentWrapper;

#[cfg(target_arch = "aarch64")]
use super::neon;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512, avx512vl};
use super::{
    inputs::{Inputs, Leaves, RATE, Texts},
    portable,
};
use crate::primitives::Hash;

/// One implementation that hashes many inputs at once. A value of this type proves that this processor can
/// run it, because only [`Backend::supported`] and [`Backend::best`] create one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx512Vl,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

impl Kind {
    /// Every kind in this build, the fastest first.
    const ALL: &[Self] = &[
        #[cfg(target_arch = "x86_64")]
        Self::Avx512,
        #[cfg(target_arch = "x86_64")]
        Self::Avx512Vl,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        #[cfg(target_arch = "aarch64")]
        Self::Neon,
        Self::Portable,
    ];

    /// Whether this processor has the features that the kind needs. Under Miri none is available, so that it
    /// interprets the portable code.
    fn is_available(self) -> bool {
        if cfg!(miri) {
            return self == Self::Portable;
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 | Self::Avx512Vl => {
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => {
                std::arch::is_aarch64_feature_detected!("neon")
                    && std::arch::is_aarch64_feature_detected!("sha3")
            }
            Self::Portable => true,
        }
    }
}

impl Backend {
    /// Every backend that this processor can run, the fastest first. The last is always the portable one.
    #[must_use]
    pub fn supported() -> Vec<Self> {
        Self::iter_supported().collect()
    }

    /// The fastest backend that this processor can run. [`hash_many`](super::hash_many) and the other
    /// functions of the module use it.
    #[must_use]
    pub fn best() -> Self {
        static BEST: OnceLock<Backend> = OnceLock::new();
        *BEST.get_or_init(|| Self::iter_supported().next().unwrap_or(Self(Kind::Portable)))
    }

    fn iter_supported() -> impl Iterator<Item = Self> {
        let available = Kind::ALL.iter().filter(|kind| kind.is_available());
        available.copied().map(Self)
    }

    /// Its name, for reports and benchmarks.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Vl => "avx512vl",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            Kind::Portable => "portable",
        }
    }

    /// How many inputs it hashes at once.
    #[must_use]
    pub fn lanes(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => avx512::LANES,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Vl => avx512vl::LANES,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => avx2::LANES,
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => neon::LANES,
            Kind::Portable => 1,
        }
    }

    /// [`hash_many`](super::hash_many) on this backend.
    ///
    /// # Panics
    /// When `inputs` and `out` differ in length.
    pub fn hash_many<const LEN: usize>(self, inputs: &[[u8; LEN]], out: &mut [Hash]) {
        assert_eq!(inputs.len(), out.len(), "an output for every input");
        self.run(inputs, out);
    }

    /// [`hash_leaves`](super::hash_leaves) on this backend.
    ///
    /// # Panics
    /// When `roots`, `numbers` and `out` differ in length.
    pub fn hash_leaves(self, prefix: &Hash, roots: &[Hash], numbers: &[u64], out: &mut [Hash]) {
        assert_eq!(roots.len(), numbers.len(), "a number for every root");
        assert_eq!(roots.len(), out.len(), "an output for every root");
        let inputs = Leaves { prefix: prefix.as_bytes(), roots: Hash::peel_slice(roots), numbers };
        self.run(inputs, out);
    }

    /// [`hash_texts`](super::hash_texts) on this backend.
    ///
    /// # Panics
    /// When `texts` and `out` differ in length.
    pub fn hash_texts(self, texts: &[&[u8]], out: &mut [Hash]) {
        assert_eq!(texts.len(), out.len(), "an output for every text");
        let (mut short, mut places) = (Vec::new(), Vec::new());
        for (place, text) in texts.iter().enumerate() {
            if text.len() < RATE {
                short.push(*text);
                places.push(place);
            } else {
                out[place] = super::keccak256(text);
            }
        }
        let mut hashes = vec![Hash::ZERO; short.len()];
        self.run(Texts(&short), &mut hashes);
        for (place, hash) in places.into_iter().zip(hashes) {
            out[place] = hash;
        }
    }

    #[allow(
        unsafe_code,
        reason = "a backend is entered from code that is compiled for any processor"
    )]
    fn run<I: Inputs>(self, inputs: I, out: &mut [Hash]) {
        const { assert!(I::LEN <= RATE && I::LEN.is_multiple_of(8)) };
        let out = Hash::peel_slice_mut(out);
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => {
                // SAFETY: A backend of this kind exists only where `is_available` found AVX-512F
                // and AVX-512VL.
                unsafe { avx512::hash_many(inputs, 0, out) }
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Vl => {
                // SAFETY: A backend of this kind exists only where `is_available` found AVX-512F
                // and AVX-512VL.
                unsafe { avx512vl::hash_many(inputs, 0, out) }
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => {
                // SAFETY: A backend of this kind exists only where `is_available` found AVX2.
                unsafe { avx2::hash_many(inputs, 0, out) }
            }
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => {
                // SAFETY: A backend of this kind exists only where `is_available` found NEON and
                // SHA3.
                unsafe { neon::hash_many(inputs, 0, out) }
            }
            Kind::Portable => portable::hash_many(inputs, 0, out),
        }
    }
}
