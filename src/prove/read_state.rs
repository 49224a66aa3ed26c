use crate::{forest::Forest, ingest::state::Dump};

/// A state that was read to choose it among others, and its trees.
#[derive(Debug)]
pub(super) struct ReadState {
    pub(super) dump: Dump,
    pub(super) forest: Forest,
}
