use std::{fmt, num::ParseIntError, str::FromStr};

use bytemuck::TransparentWrapper;
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    Number, Word, WordTooLarge,
    spelled::{Scalar, Spelled, SpellingError},
};

/// Defines a type for a 64-bit number.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
            TransparentWrapper,
        )]
        #[serde(transparent)]
        #[repr(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The number as a storage word.
            #[must_use]
            pub fn to_word(self) -> Word {
                Word::from(self.0)
            }
        }

        impl TryFrom<Word> for $name {
            type Error = WordTooLarge;

            fn try_from(word: Word) -> Result<Self, WordTooLarge> {
                word.to_u64().map(Self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, ParseIntError> {
                text.parse().map(|Number(number)| Self(number))
            }
        }

        impl Spelled for $name {
            const EXPECTED: &'static str = u64::EXPECTED;

            fn read(scalar: Scalar<'_>) -> Result<Self, SpellingError> {
                u64::read(scalar).map(Self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Number::read(deserializer).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// The EIP-155 id of a chain. The contracts store 256 bits. All ids in use fit 64 bits; a larger one is
    /// refused when it is read.
    ChainId
}

id! {
    /// The number of a batch, counted by its own chain. Batch numbers in one chain tree increase, but they
    /// may have gaps and need not start at 1.
    BatchNumber
}

id! {
    /// The number of a block of the settlement layer. Interop roots are stored under it.
    SlBlock
}

id! {
    /// The number of a batch of the settlement layer itself. L1 stores the layer's batch roots under it.
    SlBatch
}

id! {
    /// A point in time as the settlement layer's blocks have it (`block.timestamp`), in seconds since 1970.
    Timestamp
}

impl BatchNumber {
    /// Whether this is the number after another.
    #[must_use]
    pub fn follows(self, before: Self) -> bool {
        before.0.checked_add(1) == Some(self.0)
    }
}

impl SlBatch {
    /// Consecutive batches, as messages name them: `SL batch 5`, or `SL batches 5 to 7`.
    #[cfg(feature = "archive")]
    pub(crate) fn names(batches: &std::ops::RangeInclusive<Self>) -> String {
        let (first, last) = (batches.start(), batches.end());
        match first == last {
            true => format!("SL batch {first}"),
            false => format!("SL batches {first} to {last}"),
        }
    }
}
