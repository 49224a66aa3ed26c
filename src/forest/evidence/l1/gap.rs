use std::{fmt, ops::RangeInclusive};

use crate::primitives::SlBatch;

/// Batches of the settlement layer whose pubdata is missing on L1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum L1Gap {
    /// The trees go on after these batches. `leaves` batches of chains that were executed in them are known from
    /// messages in other batches of the settlement layer, and are proven by the next batch root.
    Bridged {
        /// The missing batches of the settlement layer.
        missing: RangeInclusive<SlBatch>,
        /// The number of batches of chains.
        leaves: u64,
    },
    /// The trees end before these batches: what was appended in them is not known.
    Ends {
        /// The missing batches of the settlement layer.
        missing: RangeInclusive<SlBatch>,
        /// The last batch of the settlement layer that was given.
        last: SlBatch,
    },
}

impl fmt::Display for L1Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |missing: &RangeInclusive<SlBatch>| match missing.start() == missing.end() {
            true => format!("SL batch {} is", missing.start()),
            false => format!("SL batches {} to {} are", missing.start(), missing.end()),
        };
        match self {
            Self::Bridged { missing, leaves } => write!(
                f,
                "{} missing on L1: the messages and logs in it are lost, but not the trees; {leaves} batches that it \
                 executed are known from other SL batches",
                range(missing)
            ),
            Self::Ends { missing, last } => write!(
                f,
                "{} missing on L1, and what it appended to the trees is not known: nothing that was executed from \
                 there to SL batch {last} can be proven",
                range(missing)
            ),
        }
    }
}
