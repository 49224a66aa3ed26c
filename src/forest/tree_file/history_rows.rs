//! Encodes interop roots as a stream of small numbers, and decodes it.

use thiserror::Error;

use crate::{
    forest::step::Step,
    primitives::{
        SlBlock,
        varint::{self, VarintError},
    },
};

/// The fewest roots between two marks.
const FEWEST_BETWEEN_MARKS: u64 = 1 << 10;

/// Why bytes are not valid steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum StepsError {
    #[error(transparent)]
    Number(#[from] VarintError),
    #[error("the blocks do not ascend")]
    Blocks,
    #[error("a step names a chain that was not registered, or names a chain twice")]
    Chain,
    #[error("a chain advances by zero batches, or by more than it has")]
    Batches,
}

/// The number of roots from one mark to the next. It keeps marks within about half a byte per root.
pub(super) fn mark_every(chains: u64) -> u64 {
    chains.saturating_mul(16).next_power_of_two().max(FEWEST_BETWEEN_MARKS)
}

/// What the roots read so far contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) block: SlBlock,
    pub(super) chains: u64,
    pub(super) batches: Vec<u64>,
}

impl Progress {
    /// The progress before the first root, on a settlement layer with `chains` chains in the end.
    pub(super) fn start(chains: usize) -> Self {
        Self { block: SlBlock(0), chains: 0, batches: vec![0; chains] }
    }

    /// Encodes the mark at this offset of the steps.
    pub(super) fn mark(&self, offset: u64) -> Vec<u8> {
        let fixed = [self.block.0, offset, self.chains];
        fixed.iter().chain(&self.batches).flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Decodes a mark into its progress and its offset. `None` if it has more chains than numbers of batches.
    pub(super) fn from_mark(mark: &[[u8; 8]]) -> Option<(Self, u64)> {
        let mut numbers = mark.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let (block, offset, chains) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let batches: Vec<u64> = numbers.collect();
        let progress = Self { block: SlBlock(block), chains, batches };
        (chains <= progress.batches.len() as u64).then_some((progress, offset))
    }

    /// All changes so far, as one step.
    pub(super) fn step(&self) -> Step {
        let advances = (0..).zip(&self.batches).filter(|(_, batches)| **batches > 0);
        Step {
            // The number of chains fits in u32: each has a row in the file.
            chains: self.chains as u32,
            advances: advances.map(|(chain, batches)| (chain, *batches)).collect(),
        }
    }

    fn add(&mut self, step: &Step) {
        self.chains = self.chains.max(step.chains.into());
        for (chain, batches) in &step.advances {
            self.batches[*chain as usize] += batches;
        }
    }

    /// Appends the next root to a stream.
    pub(super) fn write(&mut self, block: SlBlock, step: Option<&Step>, out: &mut Vec<u8>) {
        varint::write(block.0 - self.block.0, out);
        self.block = block;
        let Some(step) = step else { return out.push(0) };
        let registered = u64::from(step.chains) - self.chains;
        match step.advances[..] {
            [(chain, 1)] if registered == 0 => varint::write(2 + u64::from(chain), out),
            _ => {
                out.push(1);
                varint::write(registered, out);
                varint::write(step.advances.len() as u64, out);
                for (chain, batches) in &step.advances {
                    varint::write((*chain).into(), out);
                    varint::write(*batches, out);
                }
            }
        }
        self.add(step);
    }

    /// Reads the next root from a stream. `None` if its content is unknown.
    pub(super) fn read(&mut self, stream: &mut &[u8]) -> Result<Option<Step>, StepsError> {
        let mut advances = Vec::new();
        let is_known = self.next(stream, |chain, batches| advances.push((chain, batches)))?;
        // The number of chains fits in u32: each has a row in the file.
        Ok(is_known.then_some(Step { chains: self.chains as u32, advances }))
    }

    /// Passes over the next root in a stream. Returns whether its content is known.
    pub(super) fn pass(&mut self, stream: &mut &[u8]) -> Result<bool, StepsError> {
        self.next(stream, |_, _| ())
    }

    /// Reads the next root, and passes each of its advances to `see`: the index of the chain, and the batches appended.
    fn next(
        &mut self,
        stream: &mut &[u8],
        mut see: impl FnMut(u32, u64),
    ) -> Result<bool, StepsError> {
        let since = varint::read(stream)?;
        let block = self.block.0.checked_add(since).ok_or(StepsError::Blocks)?;
        self.block = SlBlock(block);
        let (registered, advances) = match varint::read(stream)? {
            0 => return Ok(false),
            1 => (varint::read(stream)?, varint::read(stream)?),
            chain => {
                see(self.advance(chain - 2, 1)?, 1);
                return Ok(true);
            }
        };
        let chains = self.chains.checked_add(registered);
        let chains = chains.filter(|chains| *chains <= self.batches.len() as u64);
        self.chains = chains.ok_or(StepsError::Chain)?;
        let mut last = None;
        // The chains ascend, so a large count in damaged bytes ends at the last of them.
        for _ in 0..advances {
            let (chain, batches) = (varint::read(stream)?, varint::read(stream)?);
            if last.is_some_and(|last| last >= chain) {
                return Err(StepsError::Chain);
            }
            last = Some(chain);
            see(self.advance(chain, batches)?, batches);
        }
        Ok(true)
    }

    /// Appends batches to the chain at an index, which is returned.
    fn advance(&mut self, chain: u64, batches: u64) -> Result<u32, StepsError> {
        if chain >= self.chains {
            return Err(StepsError::Chain);
        }
        let count = &mut self.batches[chain as usize];
        *count = count.checked_add(batches).filter(|_| batches > 0).ok_or(StepsError::Batches)?;
        // Less than the number of chains, which fits in u32: each has a row in the file.
        Ok(chain as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHAINS: usize = 5;

    /// The blocks since the last root, and what changed: new chains and advances.
    type Drawn = (u64, Option<(u32, Vec<(u32, u64)>)>);

    fn steps() -> impl Strategy<Value = Vec<Drawn>> {
        let advance = (0..CHAINS as u32, 1..300u64);
        let step = (0..2u32, prop::collection::vec(advance, 0..3));
        prop::collection::vec((1..1000u64, prop::option::of(step)), 0..40)
    }

    #[test]
    fn marks_take_little_more_than_half_a_byte_per_root() {
        for chains in 0..300 {
            let mark = Progress::start(chains).mark(0).len() as f64;
            assert!(mark / mark_every(chains as u64) as f64 <= 0.53, "{chains} chains");
        }
    }

    proptest! {
        #[test]
        fn decoded_steps_equal_the_encoded_ones(drawn in steps()) {
            let (mut block, mut chains) = (0, 1);
            let mut wanted = Vec::new();
            for (since, step) in drawn {
                block += since;
                let step = step.map(|(registered, mut advances)| {
                    chains = (chains + registered).min(CHAINS as u32);
                    advances.retain(|(chain, _)| *chain < chains);
                    advances.sort_unstable();
                    advances.dedup_by_key(|(chain, _)| *chain);
                    Step { chains, advances }
                });
                wanted.push((SlBlock(block), step));
            }
            let mut writing = Progress::start(CHAINS);
            let mut stream = Vec::new();
            for (block, step) in &wanted {
                writing.write(*block, step.as_ref(), &mut stream);
            }
            let mut reading = Progress::start(CHAINS);
            let mut rest = &stream[..];
            for (block, step) in &wanted {
                prop_assert_eq!(&reading.read(&mut rest).unwrap(), step);
                prop_assert_eq!(reading.block, *block);
            }
            prop_assert!(rest.is_empty());
            prop_assert_eq!(&reading, &writing);
            let mark = writing.mark(77);
            prop_assert_eq!(Progress::from_mark(mark.as_chunks().0), Some((writing, 77)));
        }

        #[test]
        fn any_bytes_are_steps_or_an_error(bytes: Vec<u8>) {
            let mut progress = Progress::start(CHAINS);
            let mut rest = &bytes[..];
            while !rest.is_empty() && progress.read(&mut rest).is_ok() {}
        }
    }
}
