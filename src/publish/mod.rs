//! A directory of small files from which a client makes proofs by itself, served by any server of static files.
//!
//! | item | purpose |
//! | --- | --- |
//! | [`Publication`] | writes the directory from trees and an archive, or adds what is new |
//! | [`check()`] | reads a directory back: folds every proof and compares every index |
//!
//! # Layout, version 1
//!
//! ```text
//! manifest.json                              the only file that is replaced
//! index.html                                 the page that searches, makes and checks proofs
//! batches/<chain>/<batch>.json               a batch: its logs, and what its proofs share
//! batches/<chain>/<batch>.<n>.json           logs 256 n to 256 n + 255 of a batch with more than 256
//! lists/<chain>-<digest>.txt                 a line for each batch of a chain
//! index/<digest>/<kind>/<digits>.txt         where hashes and addresses occur
//! roots/<digest>.json                        at most 1,000 roots by block, for the page
//! roots/<digest>.txt                         a line for each root by block
//! publish.lock                               while a run writes, and after an interrupted one
//! ```
//!
//! A client that has a hash fetches the manifest, one file of the index, the file of the batch and, for a batch with
//! more than 256 logs, one more: at most four files. Hashes are keccak256; a digest in a name is the first 16
//! hexadecimal digits of the hash of the content. Numbers in texts are decimal.
//!
//! **A batch** is an object. `root` is the batch root, `logs` the number of logs, `height` that of the log tree (14
//! since protocol 1.5.0), `above` the siblings of every log path above it: none before v26, else the aggregated root,
//! and since v33 the three of a root with eight leaves. `targets` has what the proofs to a root share: under
//! `l1BatchRoot` for L1, under `messageRoot` for the root of the block that executed the batch. Each is `{metadata,
//! tail, l1Timestamp?, target, gatewayBlockNumber, checkedBy?, l1?}`, or `{code, message}` if there is no proof. `l1` is what
//! a state of L1 said of the proofs when they were written ([`L1Verdict`](crate::records::L1Verdict)); clients cannot check
//! it. `entries` are the logs: `{log, message?, txHash?}`; in a batch with more than 256 logs they are in the further
//! files: `nodes` has the root of each of these parts, a subtree of height 8, and `parts` the hash of its file.
//!
//! ```text
//! words of a proof = metadata, siblings of the log (height many), above, tail
//! ```
//!
//! `metadata` is left out where it is null. A leaf is keccak256 of the 88 bytes of a log; a
//! tree is padded with leaves of keccak256(88 zero bytes).
//!
//! **A list** has the lines `<batch> <hash of the file> <state>`; the state is `whole` or, if one of the targets has no
//! proof yet, `partial`. A file is written again if it is partial and there is a further proof, if the archive has got
//! messages or hashes of transactions that it lacks, if the trees know an earlier root with the batch or another root
//! at the same place, or if a state of L1 is given that says otherwise whether L1 accepts its proofs; no other file of
//! a batch ever changes. Such a file is replaced before the manifest: until then its hash is not that in the list, but
//! the proofs that it gives hold.
//!
//! **An index** of the kinds `messages`, `transactions`, `senders` and `receivers` has a file for each prefix of as
//! many hexadecimal digits as the manifest says, and the lines `<key> <chain> <batch> <first> <count>`: the first 16
//! digits of the hash or the last 16 of the address (the first ones of all system contracts are zeros), and `count`
//! logs of the batch from the leaf index `first` on. Prefixes are of the key. Lines are sorted, and files without
//! lines are left out. A receiver is who gets a withdrawal on L1. Of a key only the last [`MOST_OF_KEY`] lines are
//! kept.

mod batch;
mod check;
mod client;
mod error;
mod files;
mod index;
mod job;
mod manifest;
mod roots;
mod stored;

pub use check::{Checked, check};
pub use error::PublishError;
pub use job::{Publication, Published};
pub use manifest::MOST_OF_KEY;
pub use roots::MOST_PLOTTED;
