//! How files are surveyed.

use crate::{ingest::logs::SourceOptions, primitives::ChainId, prove::TreesOptions};

/// How the files are read.
#[derive(Clone, Debug, Default)]
pub struct SurveyOptions {
    /// How states are read and trees are rebuilt.
    pub trees: TreesOptions,
    /// How logs are read.
    pub source: SourceOptions,
    /// The chain of logs that do not name it, if the trees do not show it.
    pub chain_of_others: Option<ChainId>,
}
