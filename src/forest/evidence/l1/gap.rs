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
        let (Self::Bridged { missing, .. } | Self::Ends { missing, .. }) = self;
        let are = if missing.start() == missing.end() { "is" } else { "are" };
        write!(f, "{} {are} missing on L1", SlBatch::names(missing))?;
        match self {
            Self::Bridged { leaves, .. } => write!(
                f,
                ": the messages and logs there are lost, but not the trees; {leaves} batches that were executed \
                 there are known from other SL batches"
            ),
            Self::Ends { last, .. } => write!(
                f,
                ", and what was appended to the trees there is not known: nothing that was executed from there to \
                 SL batch {last} can be proven"
            ),
        }
    }
}
