//! Sources of logs: one file per format. The format is detected from the content.
//!
//! | format | contains | needs | module |
//! | --- | --- | --- | --- |
//! | archive file `*.slmsg` | everything | | [`archive`](crate::archive) |
//! | one JSON object a batch | logs, messages, aggregated root | | `jsonl` |
//! | receipts and events of a node | logs, transactions, messages | the chain; on ZKsync OS the batches' blocks | `receipts` |
//! | events in tables of exporters | logs, transactions, messages | the chain | `exported_events` |
//! | Era pubdata | logs, messages | chain and batch, in the file's name or a list | `era_pubdata`, `era_part`, `pubdata` |
//! | ZKsync OS pubdata | logs, messages | the same | `zksync_os_pubdata`, `pubdata` |
//! | pubdata inside messages | logs, messages | a settlement layer's messages | `relayed` |
//! | transactions and blobs of L1 | logs, messages | | `l1_pubdata` |
//! | transactions that execute batches on a settlement layer of v31 | logs, messages, aggregated root | the chains of the trees, or one chain | `executions` |
//! | tables of a zksync-era node | logs, transactions, messages, aggregated root | the chain | `postgres`, `node_tables` |
//!
//! An [`Indexer`] reads any number of them into one archive. A damaged part excludes the batch that it names,
//! and is recorded in [`SkippedInputs`]; where a file cannot be read on, the others still can. No source shows whether the
//! logs of a batch are complete. A [`BatchCheck`] does, with the batch's root.

mod assembly;
mod batch_blocks;
mod batch_by_root;
mod batch_pubdata;
mod batch_roots;
mod batch_rows;
mod batch_sink;
mod block_rows;
mod blocks_file;
mod bytes;
mod detect;
mod era_part;
mod era_pubdata;
mod error;
mod executions;
mod exported_events;
mod format;
mod found_batches;
mod indexer;
mod jsonl;
mod l1_pubdata;
mod message_event;
mod needed_members;
mod node_tables;
mod postgres;
mod postgres_text;
mod pubdata;
mod receipt;
mod receipts;
mod relayed;
mod row;
mod rpc_objects;
mod sent_log;
mod skipped_inputs;
mod state_diffs;
mod stored_paths;
mod zksync_os_pubdata;

pub use batch_blocks::BatchBlocks;
pub use batch_roots::BatchRoots;
pub use batch_sink::{BatchCheck, Verdict};
pub(super) use detect::has_topic;
pub use era_part::{EraPart, MessagePart};
pub use era_pubdata::EraPubdata;
pub use error::SourceError;
pub use format::SourceFormat;
pub use indexer::{Indexed, Indexer, SourceOptions, read_archive, read_archive_input};
pub(super) use message_event::MESSENGER_SIGNATURES;
pub use pubdata::files_of_list;
pub(super) use pubdata::{names_batch, names_chain};
pub use relayed::RelayedBy;
pub(super) use relayed::relayed_batch;
pub use skipped_inputs::SkippedInputs;
pub use state_diffs::{Change, StateDiffs};
pub use stored_paths::{StoredBatch, StoredPath, StoredPaths};
