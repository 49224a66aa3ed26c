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
        /// Whether only state diffs are missing: the logs of all these batches are there.
        has_logs: bool,
    },
    /// Some blobs of this batch are missing, and with them messages or logs. What the batch appended to the trees is in
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
        /// As in [`L1Gap::Bridged`].
        has_logs: bool,
    },
    /// The trees end before these batches: what was appended in them is not known.
    Ends {
        /// The missing batches of the settlement layer.
        missing: RangeInclusive<SlBatch>,
        /// The last batch of the settlement layer that was given.
        last: SlBatch,
        /// The number of batches of chains, executed after them, that can be proven all the same, but not by the trees.
        proven: u64,
        /// As in [`L1Gap::Bridged`].
        has_logs: bool,
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

    /// Notes whether the logs of all missing batches are there.
    pub(super) fn note_logs(&mut self, are_there: impl Fn(&RangeInclusive<SlBatch>) -> bool) {
        let are_there = are_there(self.missing());
        match self {
            Self::InPart { .. } => {}
            Self::Bridged { has_logs, .. }
            | Self::Crossed { has_logs, .. }
            | Self::Ends { has_logs, .. } => *has_logs = are_there,
        }
    }
}

impl fmt::Display for L1Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = SlBatch::names(self.missing());
        let has_logs = match self {
            Self::InPart { .. } => {
                return write!(
                    f,
                    "blobs of {names} are missing on L1, and with them messages or logs, but not the trees"
                );
            }
            Self::Bridged { has_logs, .. }
            | Self::Crossed { has_logs, .. }
            | Self::Ends { has_logs, .. } => *has_logs,
        };
        let is_one = self.missing().start() == self.missing().end();
        match (has_logs, is_one) {
            (true, _) => write!(f, "the state diffs of {names} are missing on L1")?,
            (false, true) => write!(f, "{names} is missing on L1")?,
            (false, false) => write!(f, "{names} are missing on L1")?,
        }
        match self {
            Self::InPart { .. } => Ok(()),
            Self::Bridged { leaves, .. } => {
                let logs = match has_logs {
                    true => "the trees go on",
                    false => "messages and logs there are lost, but not the trees",
                };
                write!(
                    f,
                    ": {logs}; {leaves} batches that were executed there are known from elsewhere"
                )
            }
            Self::Crossed { lost, proven, unproven, .. } => {
                if !has_logs {
                    f.write_str(": messages and logs there are lost")?;
                }
                let (shown, more) = lost.split_at(lost.len().min(MOST_NAMED));
                for (at, LostBatches { chain, batches, .. }) in shown.iter().enumerate() {
                    f.write_str(match (at, has_logs) {
                        (0, true) => ": lost with them are ",
                        (0, false) => ", and with them ",
                        _ => "; ",
                    })?;
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
