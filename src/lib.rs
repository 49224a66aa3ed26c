//! Offline proofs for L2→L1 messages.

pub mod primitives;

pub mod keccak;

pub mod merkle;
