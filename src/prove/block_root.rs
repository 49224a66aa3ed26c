//! Refuses blocks without an interop root before the contents of all roots are searched.

use super::{Error, TargetError, Trees, resolved::no_root, trees::Source};
use crate::{contracts::MessageRoot, primitives::SlBlock, proof::Target};

/// The blocks before and after the target that are looked at to name those with a root.
const NEARBY: u64 = 1 << 12;

impl Trees {
    /// Checks that a block has a root, if that is known without a search.
    ///
    /// # Errors
    /// [`TargetError::NoRootOfBlock`].
    pub(super) fn expect_root(&self, target: Target) -> Result<(), Error> {
        let Target::Block(block) = target else { return Ok(()) };
        if self.0.history.get().is_some() {
            return Ok(());
        }
        let found = match &self.0.source {
            Source::Dump(forest, dump) if forest.latest().is_some() => {
                let address = self.0.options.state.addresses(&dump.state)?.message_root;
                let message_root = MessageRoot::at(&dump.state, address);
                let nearby = block.0.saturating_sub(NEARBY)..block.0.saturating_add(NEARBY);
                let found = message_root.historical_roots(nearby).map_err(Error::State)?;
                found.into_iter().map(|(block, _)| block).collect::<Vec<SlBlock>>()
            }
            Source::L1(..) | Source::File(_) => match self.partial_history()? {
                Some(known) => known.blocks.clone(),
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        match no_root(&found, block) {
            error @ TargetError::NoRootOfBlock { .. } => Err(error.into()),
            _ => Ok(()),
        }
    }
}
