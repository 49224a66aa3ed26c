//! Where the roots of a chain's executed batches are stored.

use rayon::prelude::*;

use crate::{
    contracts::{Bridgehub, Layout, MessageRoot, ZkChain},
    forest::RebuildError,
    primitives::{Address, BatchNumber, ChainId, Hash, Word, ordered::try_map},
    state::{StorageReader, slots::mapping_values},
};

/// Batch numbers that a thread reads at once.
const CHUNK: usize = 1 << 10;

/// The contracts that may store the batch roots of one chain, and their mappings: in v26 to v30 the chain's
/// diamond. Since v31 MessageRoot stores them, and the diamond those from before an upgrade in place.
pub(super) struct BatchSources<'s, S: ?Sized> {
    state: &'s S,
    chain: ChainId,
    /// The chain's diamond, if Bridgehub has it.
    pub(super) diamond: Option<Address>,
    pub(super) mappings: Vec<(Address, Word)>,
    /// In v33: MessageRoot, whose timestamps show which batches are leaves.
    timestamps: Option<MessageRoot<'s, S>>,
}

impl<'s, S: StorageReader + ?Sized> BatchSources<'s, S> {
    pub(super) fn of(
        state: &'s S,
        layout: Layout,
        message_root: &MessageRoot<'_, S>,
        bridgehub: Address,
        chain: ChainId,
    ) -> Result<Self, RebuildError> {
        let diamond = Bridgehub::at(state, bridgehub).zk_chain(chain)?;
        Ok(Self::with_diamond(state, layout, message_root, chain, diamond))
    }

    /// As [`BatchSources::of`], with the chain's diamond.
    pub(super) fn with_diamond(
        state: &'s S,
        layout: Layout,
        message_root: &MessageRoot<'_, S>,
        chain: ChainId,
        diamond: Option<Address>,
    ) -> Self {
        let mut mappings = Vec::new();
        if layout >= Layout::V31 {
            mappings.push((message_root.address(), message_root.batch_roots(chain)));
        }
        mappings.extend(diamond.map(|diamond| (diamond, ZkChain::<S>::batch_roots())));
        let timestamps =
            (layout >= Layout::V33).then(|| MessageRoot::at(state, message_root.address()));
        Self { state, chain, diamond, mappings, timestamps }
    }

    /// The roots of the batches from number `first` on; zero where no root is stored, and in v33 for a batch that is no
    /// leaf.
    pub(super) fn read(&self, first: u64, roots: &mut [Hash]) -> Result<(), RebuildError> {
        let chunks = roots.par_chunks_mut(CHUNK).enumerate();
        let read = |(i, roots): (usize, _)| self.read_chunk(first + (i * CHUNK) as u64, roots);
        try_map(chunks, read).map(drop)
    }

    fn read_chunk(&self, first: u64, roots: &mut [Hash]) -> Result<(), RebuildError> {
        let numbers = first..first + roots.len() as u64;
        roots.fill(Hash::ZERO);
        for (contract, mapping) in &self.mappings {
            let slots = mapping_values(numbers.clone().map(Word::from), *mapping);
            let here = self.state.read_many(*contract, &slots)?;
            for ((number, root), here) in numbers.clone().zip(&mut *roots).zip(here) {
                let here = here.to_hash();
                match (root.is_zero(), here.is_zero()) {
                    (true, _) => *root = here,
                    (false, false) if *root != here => {
                        return Err(RebuildError::TwoRoots {
                            chain: self.chain,
                            batch: BatchNumber(number),
                            message_root: *root,
                            diamond: here,
                        });
                    }
                    (false, _) => {}
                }
            }
        }
        if let Some(message_root) = &self.timestamps {
            let batches: Vec<BatchNumber> = numbers.map(BatchNumber).collect();
            let timestamps = message_root.batch_timestamps(self.chain, &batches)?;
            for (root, timestamp) in roots.iter_mut().zip(timestamps) {
                if timestamp.0 == 0 {
                    *root = Hash::ZERO;
                }
            }
        }
        Ok(())
    }
}
