//! Shards: parts of a job that run separately.

use std::{fmt, ops::Range, str::FromStr};

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

impl Shard {
    /// The shard's part of a number of things in order.
    pub(super) fn part_of(self, total: u64) -> Range<u64> {
        let end =
            |shards: u64| (u128::from(total) * u128::from(shards) / u128::from(self.of)) as u64;
        end(self.number - 1)..end(self.number)
    }
}

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
    fn parts_follow_each_other_and_have_about_the_same_size() {
        for total in [0, 1, 6, 7, 1000, u64::MAX] {
            let parts: Vec<_> =
                (1..=7).map(|number| Shard { number, of: 7 }.part_of(total)).collect();
            assert_eq!((parts[0].start, parts[6].end), (0, total));
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(parts.iter().all(|part| (part.end - part.start).abs_diff(total / 7) <= 1));
        }
    }

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
