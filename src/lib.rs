//! Offline proofs for L2→L1 messages of ZKsync chains.
//!
//! Anyone on a ZKsync chain can send a message, and anyone can verify elsewhere that it was sent, for
//! ever, as long as somebody can produce the Merkle proof. slproof produces it from archives alone: a
//! state dump of the settlement layer (SL: ZKsync Gateway, or L1) and the L2→L1 logs of the batches.
//!
//! ```text
//!  SL state dumps ──import──▶ snapshot ──rebuild──▶ tree file ─┐
//!  (Era, geth, anvil, …)      *.slsnap              *.sltree    ├──prove──▶ proofs ──verify──▶ verdicts
//!  L2→L1 log archives ─────────index──────────────▶ messages ───┘  JSON, NDJSON, Parquet, calldata
//!  (JSONL, receipts, pubdata, …)                    *.slmsg
//! ```
//!
//! Everything is checked on the way: a rebuilt forest equals what the contract stored, or is refused;
//! an archive's logs fold to the batch root in the forest, or are refused; a proof is folded again by a
//! second implementation before it leaves.
//!
//! # Features
//!
//! | feature | adds | needs |
//! | --- | --- | --- |
//! | none | the model of a proof, its records, the verifier, Keccak-256, Merkle trees | no file, no thread, no C: it builds for `wasm32-unknown-unknown` |
//! | `archive` | files, state dumps, archives, the rebuilt trees, the making of proofs | Linux or another unix, a C compiler |
//! | `parquet` | proofs as rows of Parquet files | `archive` |
//! | `calldata` | proofs as calls of contracts, written and read | |
//! | `cli` (default) | the commands | all of the above |
//!
//! Trees are hashed on all threads of the current rayon pool with `archive`, and on the calling thread without
//! it, to the same nodes. `archive` is for unix: files are known by their inodes, and are read and written at
//! places.
//!
//! Modules are layered; each imports only from lower layers.
//!
//! | layer | module | what it holds | feature |
//! | --- | --- | --- | --- |
//! | 0 | [`primitives`] | hashes, words, addresses, chain ids, batch and block numbers | |
//! | 1 | [`keccak`] | Keccak-256 of one input and of many | |
//! | 2 | [`merkle`] | trees, paths, prefixes, push trees | |
//! | 3 | [`message`] | L2→L1 logs, messages, the tree of the logs of a batch | |
//! | 4 | [`proof`] | the model of a proof, its encoding, records, the independent verifier | |
//! | 4 | [`files`], [`state`] | reading and writing files; (contract, slot) → word | `archive` |
//! | 5 | [`contracts`] | which variable is in which slot, by release | `archive` |
//! | 6 | [`snapshot`], [`archive`] | the mapped state; the mapped archive of logs | `archive` |
//! | 7 | [`ingest`] | state dumps, events, logs, as nodes write them | `archive` |
//! | 8 | [`forest`] | the settlement layer's trees, rebuilt, and their history | `archive` |
//! | 9 | [`anchor`] | which roots the contracts in a state accept | `archive` |
//! | 10 | [`records`] | files of proofs: NDJSON, JSON, Parquet; verdicts on their records | `archive` |
//! | 11 | [`prove`] | proofs made from trees and archives: single ones and bulk jobs | `archive` |
//! | 12 | [`cli`] | the commands | `cli` |
//!
//! # Examples
//!
//! A record of a proof verified, without any feature:
//!
//! ```
//! use slproof::proof::{Known, Verdict, reader, verify::RootRef};
//!
//! let text = std::fs::read("fixtures/gateway-v31/record.json")?;
//! let reader::Item::Proof(record, log) = reader::parse(&text, &reader::Defaults::default())? else {
//!     return Err("the record has no proof".into());
//! };
//! // The root that a node of the settlement layer answers for this block.
//! let root = "0x5e8239b8d1c0dc58dfaa89da7e9847bcd442e403b1a2969e312fb407029f980e".parse()?;
//! let verdict = Verdict::of(&record, &log, |at| match at {
//!     RootRef::SlBlock(_, 214) => Known::Root(root),
//!     _ => Known::Unknown,
//! });
//! assert!(matches!(verdict, Verdict::Valid(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The front door is at the root of the crate: [`Trees`] and [`Messages`] open what is left of the chains,
//! [`Prover`] proves single requests and runs bulk jobs, [`verify`] judges records by [`TrustedRoots`]. One
//! message proven and verified, from the files of `fixtures/`:
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
//! // Verifying needs only a state that is trusted to know the root.
//! let known = TrustedRoots::open("fixtures/gateway-v29/state.anvil.json", &Default::default())?;
//! assert!(matches!(verify(&records[0], &known), Verdict::Valid(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(feature = "archive", not(unix)))]
compile_error!("the feature `archive` is for unix, whose files and memory it relies on");

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

#[cfg(feature = "cli")]
pub mod cli;

pub use proof::{FailureCode, ProofRecord, Request, Target, Verdict};
#[cfg(feature = "archive")]
pub use prove::{
    Batches, CheckedBy, Error, Event, HashOf, Job, JobPart, L1Options, Merged, Messages,
    MessagesOptions, Observer, ObserverHandle, ProofOutput, Prover, Selection, Shard, Sink,
    StateOptions, Summary, Trees, TreesOptions, merge,
};
#[cfg(feature = "archive")]
pub use records::{Answer, Count, ProofFormat, TrustedRoots, verify};
