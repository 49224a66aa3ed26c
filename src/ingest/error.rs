use std::ops::RangeInclusive;

use thiserror::Error;

use super::{
    OtherAnswer,
    logs::{SourceError, SourceFormat},
    state::{Format, ImportError},
};
use crate::{
    archive::{ArchiveError, Place},
    files::{InputError, OutputError},
    message::LogsError,
    primitives::{BatchNumber, ChainId, SlBatch},
};

/// Why logs could not be read from a source.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The file could not be opened or read, or its compression is damaged.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The archive of the collected logs is damaged or cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Sorting on disk failed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A line, or a JSON value at another place, is not a batch of logs.
    #[error("{name}{place} is not a batch of logs")]
    NotBatch {
        /// The file.
        name: String,
        /// The place in it.
        place: Place,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line is longer than a batch can be.
    #[error("{name}, line {line} is longer than {limit} bytes, the limit for a batch")]
    LongLine {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The logs and messages of a batch do not match.
    #[error("{name}{place}: chain {chain}, batch {batch}")]
    Batch {
        /// The file.
        name: String,
        /// The place in it.
        place: Place,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// What is wrong.
        source: LogsError,
    },
    /// A file of exported events cannot be read.
    #[error(transparent)]
    Events(Box<ImportError>),
    /// A part of a source cannot be used.
    #[error("{name}{place}: {what}")]
    Source {
        /// The file.
        name: String,
        /// The place in it.
        place: Place,
        /// The part, as far as it is known.
        what: String,
        /// What is wrong.
        source: SourceError,
    },
    /// The pubdata of a batch are not on L1 any more, or damaged there.
    #[error("{name}{place}: chain {chain}")]
    Lost {
        /// The file with the commit.
        name: String,
        /// The place in it.
        place: Place,
        /// The chain.
        chain: ChainId,
        /// What is lost.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no commit on L1 of batches of the settlement layer. What they relay of their chains is lost.
    #[error("{} of chain {chain}", SlBatch::names(.batches))]
    NotOnL1 {
        /// The settlement layer.
        chain: ChainId,
        /// Its batches.
        batches: RangeInclusive<SlBatch>,
        /// Why there is none.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The logs of a batch do not fold to the root that the settlement layer stores.
    #[error("{name}{place}: chain {chain}, batch {batch} is incomplete")]
    Incomplete {
        /// The file.
        name: String,
        /// The place in it.
        place: Place,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The error of the check.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The kind of archive is unknown.
    #[error(
        "{name} is not an archive of a known kind: neither a message archive (*.slmsg) nor JSON, pubdata or \
         rows of a node's tables"
    )]
    Unknown {
        /// The file.
        name: String,
    },
    /// The file is an answer to a call that gives no logs.
    #[error("{name} has no logs: it is {answer}: {}", answer.instead())]
    OtherAnswer {
        /// The file.
        name: String,
        /// The answer.
        answer: OtherAnswer,
    },
    /// The file is a state.
    #[error("{name} has no logs: it is a state: {format}")]
    State {
        /// The file.
        name: String,
        /// The format of the state.
        format: Format,
    },
    /// The format does not name the chain.
    #[error("{name} is of the format {format}, which does not name the chain")]
    NeedsChain {
        /// The file.
        name: String,
        /// The format.
        format: SourceFormat,
    },
    /// The format is known but not supported.
    #[error("{name} cannot be read: {reason}")]
    Refused {
        /// The file.
        name: String,
        /// The format, and what to do instead.
        reason: String,
    },
    /// A file that does not name the chain of its logs holds those of several.
    #[error(
        "{name} holds logs of the chains {}; it does not name them, so all of it was read as logs of chain \
         {taken}: write the logs of each chain to a file of its own", list_of(.chains)
    )]
    SeveralChains {
        /// The file.
        name: String,
        /// The chains.
        chains: Vec<ChainId>,
        /// The chain with the most batches.
        taken: ChainId,
    },
    /// A message archive comes from a pipe, which cannot be mapped.
    #[error(
        "{name} is a message archive (*.slmsg) from a pipe, which cannot be mapped; give the name of the file"
    )]
    Piped {
        /// The input.
        name: String,
    },
    /// A batch of the settlement layer is invalid.
    #[error("{name}{place}: SL batch {batch} {reason}")]
    SlBatch {
        /// The file.
        name: String,
        /// The place in it.
        place: Place,
        /// The batch.
        batch: SlBatch,
        /// What is wrong.
        reason: String,
    },
    /// There are more batches of the settlement layer than the limit.
    #[error(
        "{name}{place}: more than {limit} SL batches, too many for memory; remove the batches that no proof \
         leads to"
    )]
    TooManySlBatches {
        /// The file.
        name: String,
        /// The first place beyond the limit.
        place: Place,
        /// The limit.
        limit: usize,
    },
}

fn list_of(chains: &[ChainId]) -> String {
    let chains: Vec<String> = chains.iter().map(ChainId::to_string).collect();
    chains.join(", ")
}

impl From<ImportError> for IndexError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Input(error) => error.into(),
            error => Self::Events(Box::new(error)),
        }
    }
}

impl IndexError {
    /// Whether reading or writing failed, rather than the content being invalid.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Input(error) => !error.is_damage(),
            Self::Archive(error) => error.is_io(),
            Self::Output(_) => true,
            Self::Events(error) => error.is_io(),
            _ => false,
        }
    }

    /// The number of parts that are left out because of the error.
    pub(super) fn parts(&self) -> u64 {
        match self {
            Self::NotOnL1 { batches, .. } => {
                (batches.end().0 - batches.start().0).saturating_add(1)
            }
            _ => 1,
        }
    }

    /// The batch that is left out because of the error, if it names one.
    #[must_use]
    pub fn batch(&self) -> Option<(ChainId, BatchNumber)> {
        match self {
            Self::Batch { chain, batch, .. } | Self::Incomplete { chain, batch, .. } => {
                Some((*chain, *batch))
            }
            Self::Archive(ArchiveError::Conflict { chain, batch, .. }) => Some((*chain, *batch)),
            _ => None,
        }
    }

    /// Whether the archive is damaged, at any place, so that it is left out where there are others. It is not if it is of
    /// another kind, or lacks a fact.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Input(error) => matches!(error, InputError::Read { .. }) && error.is_damage(),
            Self::Unknown { .. }
            | Self::OtherAnswer { .. }
            | Self::State { .. }
            | Self::NeedsChain { .. }
            | Self::Refused { .. }
            | Self::Piped { .. } => false,
            _ => !self.is_io() && !self.names_no_chain(),
        }
    }

    /// Whether an archive cannot be read only because it does not name its chain or its batches. The batch roots
    /// in trees show them.
    #[must_use]
    pub fn needs_roots(&self) -> bool {
        let no_batch = |source: &SourceError| matches!(source, SourceError::NoBatch { .. });
        self.names_no_chain() || matches!(self, Self::Source { source, .. } if no_batch(source))
    }

    /// Whether an archive cannot be read only because it does not name its chain.
    #[must_use]
    pub fn names_no_chain(&self) -> bool {
        matches!(self, Self::NeedsChain { .. } | Self::Source { source: SourceError::Nameless, .. })
    }
}
