//! Shards: parts of a job that run separately.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::primitives::Number;

/// One of the shards of a job. Shards are consecutive parts of the whole job's output, with about the same
/// number of logs each.
///
/// ```
/// use slproof::Shard;
///
/// let shard: Shard = "2/3".parse()?;
/// assert_eq!((shard.number, shard.of), (2, 3));
/// assert!("0/3".parse::<Shard>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The number of the shard, from 1.
    pub number: u64,
    /// The number of shards.
    pub of: u64,
}

/// The text is not a shard.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a shard K/N with K from 1 to N")]
pub struct ShardParseError(String);

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardParseError;

    fn from_str(text: &str) -> Result<Self, ShardParseError> {
        let parse = || -> Option<Self> {
            let (number, of) = text.split_once('/')?;
            let (Number(number), Number(of)) = (number.parse().ok()?, of.parse().ok()?);
            let shard = Self { number, of };
            (1..=shard.of).contains(&shard.number).then_some(shard)
        };
        parse().ok_or_else(|| ShardParseError(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_counted_from_one() {
        assert_eq!("1/1".parse(), Ok(Shard { number: 1, of: 1 }));
        assert_eq!("3/7".parse(), Ok(Shard { number: 3, of: 7 }));
        assert_eq!("0x3/0x7".parse(), Ok(Shard { number: 3, of: 7 }));
        for text in ["", "1", "0/1", "2/1", "1/0", "a/b", "1/2/3", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
