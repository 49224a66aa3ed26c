//! The history of a synthetic settlement layer: which chain executes which batches in which block.
//! The same numbers and seed give the same history.

use slproof::{
    forest::chain_id_leaf,
    keccak::{hash_node, keccak256},
    message::{BASE_TOKEN, BatchLogs, EightLeaves, ImtRoots, L2ToL1Log},
    primitives::{Address, BatchNumber, ChainId, Hash, Word},
};

/// The shape of a history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// The number of chains that settle here.
    pub(crate) chains: u64,
    /// The number of batches of all chains.
    pub(crate) batches: u64,
    /// The number of logs per batch. If it is 0, batch roots are random.
    pub(crate) logs: u64,
    /// Whether the messages withdraw base tokens; otherwise they are random.
    pub(crate) withdrawals: bool,
    /// The maximum number of batches that a chain executes in one block.
    pub(crate) burst: u64,
    /// The maximum number of chains that execute batches in one block.
    pub(crate) together: u64,
    /// The maximum number of blocks without a batch between two blocks with one.
    pub(crate) idle: u64,
    /// Whether batch roots have eight leaves (v33).
    pub(crate) eight_leaves: bool,
    /// The seed of the random choices.
    pub(crate) seed: u64,
}

/// Batches of one chain in one block.
pub(crate) struct Step {
    pub(crate) block: u64,
    pub(crate) chain: usize,
    pub(crate) batches: Vec<BatchNumber>,
}

/// The splitmix64 random number generator: small, and the same on every platform.
#[derive(Clone)]
pub(crate) struct Draw(pub u64);

impl Draw {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn hash(&mut self) -> Hash {
        let mut bytes = [0; 32];
        bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.next().to_be_bytes()));
        Hash::new(bytes)
    }
}

impl Shape {
    /// The id of the chain at an index of the shared tree; index 0 is the settlement layer.
    pub(crate) fn chain(&self, index: u64) -> ChainId {
        match index {
            0 => ChainId(506),
            // Ids of all sizes, all different.
            _ => {
                ChainId((index * 0x1_0001) ^ (Draw(self.seed ^ index).next() >> (index % 40) << 24))
            }
        }
    }

    /// The address of a chain's diamond.
    pub(crate) fn diamond(&self, chain: ChainId) -> Address {
        Address::from_word(
            keccak256(&[self.seed.to_be_bytes(), chain.0.to_be_bytes()].concat()).into(),
        )
    }

    /// Whether the chain at an index executes its first batch here.
    pub(crate) fn starts_at_batch_1(&self, index: u64) -> bool {
        !index.is_multiple_of(3)
    }

    /// The steps in order. A block has one or more steps, each of a different chain.
    pub(crate) fn steps(self) -> impl Iterator<Item = Step> {
        let mut draw = Draw(self.seed);
        let mut next: Vec<u64> = (0..=self.chains)
            .map(|index| match self.starts_at_batch_1(index) {
                true => 1,
                false => 1 + draw.below(1 << 33),
            })
            .collect();
        let (mut block, mut rest) = (100, self.batches);
        let mut steps_in_block = 0;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            if steps_in_block == 0 {
                block += 1 + draw.below(self.idle + 1);
                steps_in_block = 1 + draw.below(self.chains.min(self.together));
            }
            steps_in_block -= 1;
            let chain = 1 + draw.below(self.chains) as usize;
            let count = rest.min(1 + draw.below(self.burst));
            rest -= count;
            // Sometimes a chain executes some batches on another settlement layer.
            if draw.below(1 << 12) == 0 {
                next[chain] += draw.below(1000);
            }
            let first = next[chain];
            next[chain] += count;
            let batches = (first..first + count).map(BatchNumber).collect();
            Some(Step { block, chain, batches })
        })
    }

    /// The logs of a batch; `None` if batches have no logs.
    pub(crate) fn logs(&self, chain: ChainId, batch: BatchNumber) -> Option<BatchLogs> {
        let mut draw =
            Draw(self.seed ^ chain.0.rotate_left(17) ^ batch.0.wrapping_mul(0x9e37_79b9));
        let mut message = || match self.withdrawals {
            true => withdrawal(&mut draw),
            false => (0..4 + draw.below(8)).flat_map(|_| draw.next().to_be_bytes()).collect(),
        };
        let messages: Vec<Vec<u8>> = (0..self.logs).map(|_| message()).collect();
        let sender = if self.withdrawals { BASE_TOKEN } else { Address::system(0xc0de) };
        let log = |(tx, message): (u16, &Vec<u8>)| L2ToL1Log::of_message(tx, sender, message);
        let logs = (0..=u16::MAX).zip(&messages).map(log).collect();
        let root = chain_id_leaf(Hash::ZERO, chain);
        let messages = messages.into_iter().collect();
        let imt = self.eight_leaves.then(|| self.imt(chain, batch));
        let logs = || BatchLogs::new(chain, batch, logs, messages, Some(root)).ok();
        (self.logs > 0).then(|| Some(logs()?.with_imt(imt)))?
    }

    /// The roots of a chain's interop commitment tree at the begin and at the end of a batch. That at the begin is that
    /// at the end of the batch before.
    fn imt(&self, chain: ChainId, batch: BatchNumber) -> ImtRoots {
        let at = |batch: u64| Draw(self.seed ^ chain.0.rotate_left(41) ^ batch).hash();
        ImtRoots::Both { begin: at(batch.0.wrapping_sub(1)), end: at(batch.0) }
    }

    /// The root of a batch.
    pub(crate) fn batch_root(&self, chain: ChainId, batch: BatchNumber) -> Hash {
        match self.logs(chain, batch) {
            Some(logs) => {
                let (local_root, multichain_root) =
                    (logs.view().tree().root(), chain_id_leaf(Hash::ZERO, chain));
                match logs.view().imt() {
                    Some(imt) => EightLeaves { local_root, multichain_root, imt }.root(),
                    None => hash_node(local_root, multichain_root),
                }
            }
            None => {
                Draw(self.seed ^ chain.0.rotate_left(29) ^ batch.0.wrapping_mul(0xd6e8_feb8)).hash()
            }
        }
    }
}

/// `abi.encodePacked(finalizeEthWithdrawal.selector, receiver, amount)`.
fn withdrawal(draw: &mut Draw) -> Vec<u8> {
    let receiver = draw.hash();
    let amount = Word::from(1 + draw.below(1 << 60));
    [&[0x6c, 0x09, 0x60, 0xf9], &receiver.as_bytes()[12..], amount.as_bytes()].concat()
}
