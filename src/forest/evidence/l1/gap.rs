use std::{fmt, ops::RangeInclusive};

use crate::{forest::LostBatches, primitives::SlBatch};

/// Runs of lost batches that are named.
const MOST_NAMED: usize = 8;

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
    /// Some blobs of this batch are missing, and with them messages and logs. What the batch appended to the trees is in
    /// the others, and the root of this or a later batch proves it.
    InPart {
        /// The batch.
        missing: RangeInclusive<SlBatch>,
    },
    /// What was appended in these batches is not all known, but later batches stored nodes of the trees again. With
    /// these a part is proven of what was executed after them.
    Crossed {
        /// The missing batches of the settlement layer.
        missing: RangeInclusive<SlBatch>,
        /// The batches of chains whose roots are lost with them.
        lost: Vec<LostBatches>,
        /// The number of batches of chains, executed from there to the next gap, that can be proven.
        proven: u64,
        /// The number of those that cannot.
        unproven: u64,
    },
    /// The trees end before these batches: what was appended in them is not known.
    Ends {
        /// The missing batches of the settlement layer.
        missing: RangeInclusive<SlBatch>,
        /// The last batch of the settlement layer that was given.
        last: SlBatch,
        /// The number of batches of chains, executed after them, that can be proven all the same, but not by the trees.
        proven: u64,
    },
}

impl L1Gap {
    /// The missing batches of the settlement layer.
    #[must_use]
    pub fn missing(&self) -> &RangeInclusive<SlBatch> {
        let (Self::Bridged { missing, .. }
        | Self::InPart { missing }
        | Self::Crossed { missing, .. }
        | Self::Ends { missing, .. }) = self;
        missing
    }
}

impl fmt::Display for L1Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = self.missing();
        if let Self::InPart { .. } = self {
            return write!(
                f,
                "blobs of {} are missing on L1: messages and logs there are lost, but not the trees",
                SlBatch::names(missing)
            );
        }
        let are = if missing.start() == missing.end() { "is" } else { "are" };
        write!(f, "{} {are} missing on L1", SlBatch::names(missing))?;
        match self {
            Self::InPart { .. } => Ok(()),
            Self::Bridged { leaves, .. } => write!(
                f,
                ": messages and logs there are lost, but not the trees; {leaves} batches that were executed \
                 there are known from elsewhere"
            ),
            Self::Crossed { lost, proven, unproven, .. } => {
                f.write_str(": messages and logs there are lost")?;
                let (shown, more) = lost.split_at(lost.len().min(MOST_NAMED));
                for (at, LostBatches { chain, batches, .. }) in shown.iter().enumerate() {
                    f.write_str(if at == 0 { ", and with them " } else { "; " })?;
                    match batches.start() == batches.end() {
                        true => write!(f, "batch {} of chain {chain}", batches.start())?,
                        false => write!(
                            f,
                            "batches {} to {} of chain {chain}",
                            batches.start(),
                            batches.end()
                        )?,
                    }
                }
                if !more.is_empty() {
                    write!(f, "; and {} more runs of batches", more.len())?;
                }
                if !lost.is_empty() {
                    f.write_str(", as far as these were executed there")?;
                }
                write!(
                    f,
                    ". Of the {} batches that were executed after them, {proven} can be proven, against roots of \
                     later SL batches",
                    proven + unproven
                )
            }
            Self::Ends { last, proven, .. } => {
                write!(
                    f,
                    ", and what was appended to the trees there is not known: the trees end before, without what was \
                     executed from there to SL batch {last}"
                )?;
                match proven {
                    0 => Ok(()),
                    _ => write!(
                        f,
                        "; {proven} batches of chains that were executed later can be proven with the files of L1, \
                         but not with these trees"
                    ),
                }
            }
        }
    }
}
