use std::{fmt, num::ParseIntError, str::FromStr};

use bytemuck::TransparentWrapper;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Number, Word, WordTooLarge};

/// Defines a 64-bit number with a meaning of its own.
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
    /// The EIP-155 id of a chain. The contracts keep 256 bits; ids in use fit 64, and a larger one
    /// is refused where it is read.
    ChainId
}

id! {
    /// The number of a batch of a chain, counted by that chain. Batch numbers in one chain tree
    /// increase, but need be neither contiguous nor start at 1.
    BatchNumber
}

id! {
    /// The number of a block of the settlement layer: what an interop root is filed under.
    SlBlock
}

id! {
    /// The number of a batch of the settlement layer itself: what L1 files its batch roots under.
    SlBatch
}
