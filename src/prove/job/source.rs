use super::Shard;
use crate::{
    archive::Archive,
    proof::{Hints, Target},
    prove::{SlBlocks, Trees},
};

/// The inputs from which a job's steps are made.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) archive: &'a Archive,
    pub(super) trees: &'a Trees,
    pub(super) target: Target,
    pub(super) blocks: SlBlocks,
    pub(super) shard: Option<Shard>,
    pub(super) hints: Hints,
}
