//! Proofs from trees and archives.
//!
//! | item | purpose |
//! | --- | --- |
//! | [`Trees`], [`Messages`] | open the evidence of a settlement layer, and the logs of its chains |
//! | [`Prover`] | proves single requests and starts bulk jobs |
//! | [`Job`], [`merge`] | bulk jobs: selection, checkpoints, shards, outputs and sinks |
//! | [`Observer`] | receives events and progress, and cancels jobs |
//! | [`Extractor`], [`VerifiedProofs`] | make the proofs of batches against one target |
//! | [`TreeCheck`] | compares the logs of an archive with the trees |
//!
//! [`Trees`], [`Messages`] and [`Prover`] own their data, can be shared between threads, and are cheap to
//! clone. Only proofs that the verifier accepted are returned. Nothing is printed.

mod anchor_state;
mod batch_proofs;
mod batch_root_rules;
mod beside_l1;
mod block_root;
mod bridged;
mod bridged_target;
mod chain_difference;
mod chain_path;
mod chosen_evidence;
mod coverage;
mod error;
pub(crate) mod error_text;
mod event_trees;
mod extract;
mod extract_error;
mod job;
mod l1_comparison;
#[cfg(feature = "calldata")]
mod l1_contracts;
mod l1_difference;
mod l1_form;
mod l1_logs;
mod l1_trees;
mod leaf_proof;
mod log_chains;
mod matched_batch;
mod messages;
mod observer;
mod prover;
mod read_state;
mod rebuilt_file;
mod resolved;
mod root_counts;
mod sl_batch;
mod source_files;
mod state_options;
mod stored_ends;
mod surveyed_state;
mod target_error;
mod targets;
mod trees;
mod trees_options;
mod verified_proofs;

pub use anchor_state::AnchorState;
pub use batch_proofs::BatchProofs;
pub use chain_difference::ChainDifference;
pub use chain_path::ChainPath;
pub use chosen_evidence::ChosenEvidence;
pub use coverage::{Coverage, MissingBatches, TreeCheck};
pub use error::{Error, HashOf};
pub(crate) use error_text::with_causes;
pub use extract::{Extractor, prepare};
pub use extract_error::ExtractError;
#[cfg(feature = "serve")]
pub(crate) use job::no_transaction;
pub use job::{
    Batches, BatchesParseError, Job, JobPart, Merged, ProofOutput, SchedulerError, Selection,
    Shard, ShardParseError, Sink, Summary, merge,
};
pub use l1_difference::L1Difference;
pub use log_chains::LogChains;
pub use matched_batch::{AggregatedRoot, BatchRootForm, FoldError, MatchedBatch};
pub use messages::{Messages, MessagesOptions};
pub use observer::{Event, Observer, ObserverHandle};
pub use prover::Prover;
pub use root_counts::{L1Comparison, RootCounts};
pub use sl_batch::{SlBatchError, SlBatchTree};
pub use state_options::StateOptions;
pub use surveyed_state::{StateUse, SurveyedState};
pub use target_error::TargetError;
use targets::SlBlocks;
pub use trees::Trees;
pub use trees_options::{L1Options, TreesOptions};
pub use verified_proofs::{LogFilter, VerifiedProofs};
