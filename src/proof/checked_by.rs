use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// The evidence that trees were compared with: one source, or several that agree.
///
/// ```
/// use slproof::proof::CheckedBy;
///
/// let both = CheckedBy::EVENTS.and(CheckedBy::STATE);
/// assert_eq!(both.to_string(), "state+events");
/// assert_eq!("state+events".parse(), Ok(both));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CheckedBy(u8);

/// The sources in the order in which they are written, each with its bit.
const SOURCES: [(&str, CheckedBy); 3] =
    [("state", CheckedBy::STATE), ("events", CheckedBy::EVENTS), ("l1", CheckedBy::L1)];

impl CheckedBy {
    /// The settlement layer's state: every node that its contracts store equals the rebuilt one.
    pub const STATE: Self = Self(1);
    /// The events of MessageRoot: every root in them equals the rebuilt one.
    pub const EVENTS: Self = Self(2);
    /// L1: the roots of the settlement layer's own batches.
    pub const L1: Self = Self(4);

    /// The union of both sets of sources.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// The sources as a byte of a tree file: the sum of 1 for the state, 2 for events and 4 for L1.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self.0
    }

    /// The sources in such a byte. `None` if it has no source or an unknown one.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        if byte == 0 || byte > 7 { None } else { Some(Self(byte)) }
    }

    /// Whether all of `sources` are in this set.
    #[must_use]
    pub const fn has(self, sources: Self) -> bool {
        self.0 & sources.0 == sources.0
    }
}

impl fmt::Display for CheckedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = SOURCES.iter().filter(|(_, source)| self.has(*source)).map(|(name, _)| name);
        for (i, name) in names.enumerate() {
            write!(f, "{}{name}", if i > 0 { "+" } else { "" })?;
        }
        Ok(())
    }
}

/// A text that is not a list of sources in the right order.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "is {0:?}, not \"state\", \"events\" or \"l1\", or several of these joined by \"+\" in this order"
)]
pub struct UnknownEvidence(String);

impl FromStr for CheckedBy {
    type Err = UnknownEvidence;

    fn from_str(text: &str) -> Result<Self, UnknownEvidence> {
        let named = text.split('+').try_fold(Self(0), |all, name| {
            let (_, source) = SOURCES.iter().find(|(known, _)| *known == name)?;
            Some(all.and(*source))
        });
        let is_ordered = |named: &Self| named.to_string() == text;
        named.filter(is_ordered).ok_or_else(|| UnknownEvidence(text.into()))
    }
}

impl Serialize for CheckedBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CheckedBy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_of_sources_has_one_spelling() {
        for bits in 1..8 {
            let set = CheckedBy(bits);
            assert_eq!(set.to_string().parse(), Ok(set));
        }
        for wrong in ["", "+", "events+state", "state+state", "State", "state+", "l2"] {
            assert!(wrong.parse::<CheckedBy>().is_err(), "{wrong}");
        }
    }

    /// The byte of a tree file is the sum of its sources.
    #[test]
    fn a_byte_names_at_least_one_source_and_no_unknown_one() {
        for (text, byte) in [("state", 1), ("events", 2), ("l1", 4), ("state+events+l1", 7)] {
            let set: CheckedBy = text.parse().unwrap();
            assert_eq!((set.to_byte(), CheckedBy::from_byte(byte)), (byte, Some(set)));
        }
        for byte in [0, 8, 9, 255] {
            assert_eq!(CheckedBy::from_byte(byte), None);
        }
        assert_eq!(CheckedBy::STATE.and(CheckedBy::STATE), CheckedBy::STATE);
    }
}
