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
//! | 9 | [`anchor`] | which roots the contracts in a state accept |
//! | 10 | [`records`] | files of proofs: NDJSON, JSON, Parquet; verdicts on their records |
//! | 11 | [`prove`] | proofs made from trees and archives: single ones and bulk jobs |
//! | 12 | [`cli`] | the commands |
//!
//! # Example
//!
//! The front door is at the root of the crate: [`Trees`] and [`Messages`] open what is left of the chains,
//! [`Prover`] proves single requests and runs bulk jobs, [`verify`] judges records by [`TrustedRoots`]. One
//! message proven and verified, from the files of `fixtures/`:
//!
//! ```
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

#[cfg(not(unix))]
compile_error!("slproof is for unix, whose files and memory it relies on");

pub mod primitives;

pub mod keccak;

pub mod merkle;

pub mod message;

pub mod proof;

pub mod files;
pub mod state;

pub mod contracts;

pub mod archive;
pub mod snapshot;

pub mod ingest;

pub mod forest;

pub mod anchor;

pub mod records;

pub mod prove;

pub mod cli;

pub use proof::{FailureCode, ProofRecord, Request, Target, Verdict};
pub use prove::{
    Batches, CheckedBy, Error, Event, Job, JobPart, L1Options, Merged, Messages, MessagesOptions,
    Observer, ObserverHandle, ProofOutput, Prover, Selection, Shard, Sink, StateOptions, Summary,
    Trees, TreesOptions, merge,
};
pub use records::{Answer, Count, ProofFormat, TrustedRoots, verify};
