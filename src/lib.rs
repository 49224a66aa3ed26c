//! Offline proofs for L2→L1 messages.

pub mod primitives;

pub mod keccak;

pub mod files;

pub mod merkle;

pub mod state;

pub mod contracts;

pub mod import;

pub mod forest;

pub mod messages;

pub mod proofs;

pub mod cli;
