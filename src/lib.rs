//! Offline proofs for L2→L1 messages of ZKsync chains.
//!
//! An account on a ZKsync chain can send a message to L1. A Merkle proof shows on another chain that the
//! message was sent, and the contracts accept the proof at any time. slproof computes it from files
//! alone: a state dump of the settlement layer (SL: ZKsync Gateway, or L1) or the events of its MessageRoot, and
//! the L2→L1 logs of the batches.
//!
//! ```text
//!  SL state dumps ──import──▶ snapshot ──rebuild──▶ tree file ─┐
//!  (Era, geth, anvil, …)      *.slsnap              *.sltree    ├──prove──▶ proofs ──verify──▶ verdicts
//!  L2→L1 logs ─────────────────index──────────────▶ archive ────┘  JSON, NDJSON, Parquet, calldata
//!  (JSONL, receipts, pubdata, …)                    *.slmsg
//! ```
//!
//! Every step is checked. A rebuilt forest is refused unless it equals what the contract stored or emitted. The logs of
//! a batch are refused unless they fold to the batch root in the forest. A second implementation folds each
//! proof again before it is returned.
//!
//! # Features
//!
//! | feature | adds | needs |
//! | --- | --- | --- |
//! | none | the model of a proof, its records, the verifier, Keccak-256, Merkle trees | nothing: no files, no threads, no C; it builds for `wasm32-unknown-unknown` |
//! | `archive` | files, state dumps, archives, the rebuilt trees, making proofs | Linux or another unix, a C compiler |
//! | `parquet` | proofs as rows of Parquet files | `archive` |
//! | `calldata` | writing and reading proofs as contract calls | |
//! | `serve` | a server of JSON-RPC | `archive`, `calldata` |
//! | `cli` (default) | the commands | all of the above |
//!
//! With `archive`, trees are hashed on all threads of the current rayon pool; without it, on the calling
//! thread. The nodes are the same. `archive` needs unix because it identifies files by their inodes and reads
//! and writes them at offsets.
//!
//! Modules are layered; each imports only from lower layers.
//!
//! | layer | module | contents | feature |
//! | --- | --- | --- | --- |
//! | 0 | [`primitives`] | hashes, words, addresses, chain ids, batch and block numbers | |
//! | 1 | [`keccak`] | Keccak-256 of one or many inputs | |
//! | 2 | [`merkle`] | trees, paths, prefixes, push trees | |
//! | 3 | [`message`] | L2→L1 logs, messages, the log tree of a batch | |
//! | 4 | [`proof`] | the model of a proof, its encoding, records, the independent verifier | |
//! | 4 | [`files`], [`state`] | reading and writing files, compression, Parquet; (contract, slot) → word | `archive` |
//! | 5 | [`contracts`] | storage layouts of the contracts, by release | `archive` |
//! | 6 | [`snapshot`], [`archive`] | the memory-mapped state; the memory-mapped archive of logs | `archive` |
//! | 7 | [`ingest`] | readers of state dumps, events and logs, as nodes, databases and data exporters write them | `archive` |
//! | 8 | [`forest`] | the rebuilt trees of the settlement layer, and their history | `archive` |
//! | 9 | [`anchor`] | which roots the contracts in a state accept | `archive` |
//! | 10 | [`records`] | files of proofs: NDJSON, JSON, Parquet; verdicts on their records | `archive` |
//! | 11 | [`prove`] | making proofs from trees and archives: single requests and bulk jobs | `archive` |
//! | 12 | [`survey`] | what some files are, what can be proven with them, what is missing | `archive` |
//! | 12 | `claims` | what a state of L1 says about withdrawals, and the calls that pay them out | `archive`, `calldata` |
//! | 12 | [`publish`] | a directory of small files from which clients make proofs | `archive` |
//! | 13 | `serve` | JSON-RPC over HTTP, answered from trees and archives | `serve` |
//! | 14 | [`cli`] | the commands | `cli` |
//!
//! # Examples
//!
//! Verify the record of a proof. This needs no feature:
//!
//! ```
//! use slproof::proof::{Known, Verdict, reader, verify::RootRef};
//!
//! let text = std::fs::read("fixtures/gateway-v31/record.json")?;
//! let reader::Item::Proof(record, log) = reader::parse(&text, &reader::Defaults::default())? else {
//!     return Err("the record has no proof".into());
//! };
//! // The root that a node of the settlement layer returns for this block.
//! let root = "0x5e8239b8d1c0dc58dfaa89da7e9847bcd442e403b1a2969e312fb407029f980e".parse()?;
//! let verdict = Verdict::of(&record, &log, |at| match at {
//!     RootRef::SlBlock(_, 214) => Known::Root(root),
//!     _ => Known::Unknown,
//! });
//! assert!(matches!(verdict, Verdict::Valid(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The main types are at the root of the crate. [`Trees`] opens states and [`Messages`] opens archives of
//! logs, [`Prover`] proves single requests and runs bulk jobs, and [`verify`] checks records against
//! [`TrustedRoots`]. Prove and verify one message with the files of `fixtures/`:
//!
#![cfg_attr(feature = "archive", doc = "```")]
#![cfg_attr(not(feature = "archive"), doc = "```ignore")]
//! use slproof::{Messages, Prover, Request, Target, Trees, TrustedRoots, Verdict, verify};
//!
//! let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
//! let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
//! let prover = Prover::new(trees, messages);
//!
//! let request: Request = serde_json::from_str(r#"{"chainId":324,"batchNumber":501234,"id":0}"#)?;
//! let records = prover.prove(&request, Target::Latest)?;
//!
//! // Verifying needs only a trusted state that stores the root.
//! let known = TrustedRoots::open("fixtures/gateway-v29/state.anvil.json", &Default::default())?;
//! assert!(matches!(verify(&records[0], &known), Verdict::Valid(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(feature = "archive", not(unix)))]
compile_error!(
    "the feature `archive` needs a unix system: it uses inodes, positioned I/O and mmap"
);

pub mod primitives;

pub mod keccak;

pub mod merkle;

pub mod message;

pub mod proof;

#[cfg(feature = "archive")]
pub mod files;
#[cfg(feature = "archive")]
pub mod state;

#[cfg(feature = "archive")]
pub mod contracts;

#[cfg(feature = "archive")]
pub mod archive;
#[cfg(feature = "archive")]
pub mod snapshot;

#[cfg(feature = "archive")]
pub mod ingest;

#[cfg(feature = "archive")]
pub mod forest;

#[cfg(feature = "archive")]
pub mod anchor;

#[cfg(feature = "archive")]
pub mod records;

#[cfg(feature = "archive")]
pub mod prove;

#[cfg(all(feature = "archive", feature = "calldata"))]
pub mod claims;
#[cfg(feature = "archive")]
pub mod publish;
#[cfg(feature = "archive")]
pub mod survey;

#[cfg(feature = "serve")]
pub mod serve;

#[cfg(feature = "cli")]
pub mod cli;

/// Compiles and runs the examples of this page of the manual.
#[cfg(all(doctest, feature = "archive"))]
#[doc = include_str!("../docs/src/situations/library.md")]
mod page_of_the_manual {}

pub use proof::{CheckedBy, FailureCode, LeafRecord, ProofRecord, Request, Target, Verdict};
#[cfg(feature = "archive")]
pub use prove::{
    Batches, Error, Event, HashOf, Job, JobPart, L1Options, Merged, Messages, MessagesOptions,
    Observer, ObserverHandle, ProofOutput, Prover, Selection, Shard, Sink, StateOptions, Summary,
    Trees, TreesOptions, merge,
};
#[cfg(feature = "archive")]
pub use records::{Answer, Count, Integers, ProofFormat, TrustedRoots, verify, verify_leaf};
