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
//! The modules stand in floors; each imports only from floors below it.
//!
//! | floor | module | what it holds |
//! | --- | --- | --- |
//! | 0 | [`primitives`] | hashes, words, addresses, numbers that mean something |
//! | 1 | [`keccak`], [`files`] | Keccak-256 of many inputs; reading and writing files |
//! | 2 | [`merkle`] | trees, paths, prefixes, frontiers |
//! | 3 | [`state`] | (contract, slot) → word |
//! | 4 | [`contracts`] | what lies in which slot, by release |
//! | 5 | [`snapshot`] | the mapped state |
//! | 6 | [`import`] | state dumps as nodes write them |
//! | 7 | [`forest`], [`messages`] | the settlement layer's trees; logs of batches |
//! | 8 | [`anchor`] | which roots the contracts in a state accept |
//! | 9 | [`proofs`] | proofs made, encoded, verified |
//! | 10 | [`cli`] | the commands |
//!
//! # Example
//!
//! One message proven and verified, from the files of `fixtures/`:
//!
//! ```
//! use std::path::Path;
//! use slproof::{anchor::KnownRoots, files::Access, forest::{Addresses, RebuildOptions, self}, ingest::state, message, primitives::{BatchNumber, ChainId}, proof::Target, prove::Extractor};
//!
//! let dump = import::read_state(Path::new("fixtures/gateway-v29/state.anvil.json"), None)?;
//! let forest = forest::rebuild(&dump.state, &RebuildOptions::default())?;
//! let logs = Path::new("fixtures/gateway-v29/logs.jsonl.gz");
//! let archive = messages::read_archive(logs, Access::Map)?;
//!
//! let extractor = Extractor::new(&forest, Target::Latest)?;
//! let record = extractor.batch_of(&archive, ChainId(324), BatchNumber(501_234))?.prove(0)?;
//!
//! // Whoever verifies needs only a state that he trusts to know the root.
//! let known = KnownRoots::new(&dump.state, Addresses::default())?;
//! let log = record.log.ok_or("a record made here has its log")?;
//! record.verify(&log, |anchor| Some(record.known_root(&known, anchor).ok()?.root()?.root))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(not(unix))]
compile_error!("slproof is for unix, whose files and memory it relies on");

pub mod primitives;

pub mod files;
pub mod keccak;

pub mod merkle;

pub mod message;

pub mod proof;

pub mod state;

pub mod contracts;

pub mod snapshot;

pub mod archive;

pub mod ingest;

pub mod forest;

pub mod anchor;

pub mod records;

pub mod prove;

pub mod cli;
