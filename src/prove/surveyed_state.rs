//! What the states among some files are used for.

use std::path::PathBuf;

use super::Error;
use crate::primitives::{ChainId, SlBlock};

/// A state or a tree file, and what it is used for.
#[derive(Debug)]
pub struct SurveyedState {
    /// The file. Several files are parts of one state.
    pub paths: Vec<PathBuf>,
    /// The settlement layer, if it is the state of one.
    pub sl_chain: Option<ChainId>,
    /// The block of the state, if it is known.
    pub block: Option<SlBlock>,
    /// The number of batches in its trees.
    pub batches: u64,
    /// What it is used for.
    pub usage: StateUse,
}

/// What a state or a tree file among others is used for.
#[derive(Debug)]
pub enum StateUse {
    /// Proofs are made from it.
    Evidence,
    /// It is the past of the state that is used, or the same.
    Past,
    /// It is the state of another settlement layer.
    OtherLayer,
    /// It is the state of a chain that imported interop roots, so that it can be an anchor for them.
    Importer,
    /// It is the state of L1 or of another chain, or a part of a state that is not whole.
    Part(Error),
    /// It cannot be used.
    Unusable(Error),
    /// It is of the same settlement layer and contradicts the state that is used.
    Contradicts(Error),
}
