//! JSON-RPC over HTTP: the methods of nodes that clients need for proofs, answered from trees and archives.
//!
//! ```text
//!  connection ──▶ HTTP ──▶ JSON-RPC ──▶ method ──▶ Data: trees, archive
//!  limits        routes    arrays,      parameters   │
//!                          errors                    └─ replaced as a whole when the files are
//! ```
//!
//! | item | purpose |
//! | --- | --- |
//! | [`Server`] | listens, answers, and stops when it is told to |
//! | [`ServeOptions`] | what is served, and the limits |
//! | [`Sources`] | the files, which are opened again when they are replaced |
//! | [`ServeConfig`] | the file of a server with several settlement layers |
//! | [`Served`] | the archive that is served, with what was left out of it |
//! | [`ServeObserver`] | receives the access log and what happens to the files |
//!
//! Every proof in an answer was accepted by the verifier. A request that a node answers with null is answered
//! with null here too; the reason is in a header, in the access log, and in the answer of `slproof_explain`.
//! Nothing is written, and no key is needed.
//!
//! What clients send, and what they make of answers and errors, was seen with zksync-ethers 5.11.2 and 6.21.1,
//! viem 2.57.20, zksync-js 0.0.19 and zksync2 2.0.0.

mod access;
mod addressed;
mod addresses;
mod batches;
mod calls;
mod claims;
mod config;
mod connections;
mod data;
mod deciding;
mod error;
mod explain;
mod held_body;
mod http;
mod limits;
mod method;
mod metrics;
mod options;
mod overview;
mod params;
mod proofs;
mod receipt;
mod reload;
mod rpc;
mod server;
mod service;
mod shared;
mod slow_stream;
mod stamp;
mod verdict;

pub use access::{AccessLine, CallLine, Outcome};
pub use addresses::{BridgeAddresses, ChainAddresses};
pub use config::{ConfigError, ServeConfig};
pub use data::{Served, ServedTrees, Sources};
pub use error::ServeError;
pub use limits::{LimitError, Limits};
pub use options::ServeOptions;
pub use server::Server;
pub use shared::{ServeEvent, ServeObserver};
