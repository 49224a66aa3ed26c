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
//! The crate is for unix: files are known by their inodes, are read and written at places, and memory and
//! disk space are set aside in ways that other systems do not have.
//!
//! Modules are layered; each imports only from lower layers.
//!
//! | layer | module | what it holds |
//! | --- | --- | --- |
//! | 0 | [`primitives`] | hashes, words, addresses, chain ids, batch and block numbers |
//! | 1 | [`keccak`] | Keccak-256 of one input and of many |
//! | 2 | [`merkle`] | trees, paths, prefixes, push trees |
//! | 3 | [`message`] | L2→L1 logs, messages, the tree of the logs of a batch |
//! | 4 | [`proof`] | the model of a proof, its encoding, records, the independent verifier |
//! | 4 | [`files`], [`state`] | reading and writing files; (contract, slot) → word |
//! | 5 | [`contracts`] | which variable is in which slot, by release |
//! | 6 | [`snapshot`], [`archive`] | the mapped state; the mapped archive of logs |
//! | 7 | [`ingest`] | state dumps, events, logs, as nodes write them |
//! | 8 | [`forest`] | the settlement layer's trees, rebuilt, and their history |
//! | 8 | [`records`] | files of proofs: NDJSON, JSON, Parquet |
//! | 9 | [`anchor`] | which roots the contracts in a state accept |
//! | 10 | [`prove`] | proofs made from trees and archives |
//! | 11 | [`cli`] | the commands |
//!
//! # Example
//!
//! One message proven and verified, from the files of `fixtures/`:
//!
//! ```
//! use std::path::Path;
//! use slproof::{
//!     anchor::KnownRoots,
//!     files::Access,
//!     forest::{self, Addresses, RebuildOptions},
//!     ingest::{logs, state},
//!     primitives::{BatchNumber, ChainId},
//!     proof::Target,
//!     prove::Extractor,
//! };
//!
//! let dump = state::read_state(Path::new("fixtures/gateway-v29/state.anvil.json"), None)?;
//! let forest = forest::rebuild(&dump.state, &RebuildOptions::default())?;
//! let path = Path::new("fixtures/gateway-v29/logs.jsonl.gz");
//! let archive = logs::read_archive(path, Access::Map)?;
//!
//! let extractor = Extractor::new(&forest, Target::Latest)?;
//! let record = extractor.batch_of(&archive, ChainId(324), BatchNumber(501_234))?.prove(0)?;
//!
//! // Verifying needs only a state that is trusted to know the root.
//! let known = KnownRoots::new(&dump.state, Addresses::default())?;
//! let log = record.log.ok_or("a record made here has its log")?;
//! record.verify(&log, |anchor| Some(known.of_record(&record, anchor).ok()?.root()?.root))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
pub mod records;

#[cfg(feature = "archive")]
pub mod anchor;

#[cfg(feature = "archive")]
pub mod prove;

#[cfg(feature = "cli")]
pub mod cli;
