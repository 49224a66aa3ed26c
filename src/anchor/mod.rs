//! Roots in a state of a layer where proofs are verified: whether its contracts accept a proof.
//!
//! A proof folds to a root. A contract accepts it if that root is stored, and if the batch may be proven in
//! this way. [`KnownRoots`] answers both questions from a state, by the rules of the release that the state
//! shows:
//!
//! | state | proof of a batch by its own root | proof through a batch of a settlement layer |
//! | --- | --- | --- |
//! | v26 to v30 | diamond: batch ≤ `totalBatchesExecuted`, `l2LogsRootHashes` | the chain's own `l2LogsRootHashes` of the batch is zero, Bridgehub lists the layer in `whitelistedSettlementLayers`, then the layer's batch as in the column before |
//! | v31, L1 | MessageRoot: batch > 0, `chainBatchRoots`; before `v31UpgradeChainBatchNumber` the diamond's `l2LogsRootHashes` | L1ChainAssetHandler: `isValidSettlementLayer`, then the layer's batch as in the column before |
//! | v33, L1 | as v31 | as v31; the proof has the timestamp of the batch |
//! | v31, settlement layer | MessageRoot: batch > 0, `chainBatchRoots` | never: only L1 accepts it |
//!
//! Roots of blocks are stored in the settlement layer's own MessageRoot (`historicalRoot`), and in listening
//! chains that imported them (`interopRoots`). For these, the contracts check only the root. L1 reads neither. Since
//! v33 the words of a proof through a settlement layer have one more, so contracts of one release refuse those of the
//! other.
//!
//! A state whose layout of MessageRoot is newer than this program knows, or that of a draft, answers nothing.
//!
//! The state is a dump, or consists of single slots that are proven for one block. A slot that is not proven is
//! unknown: [`StateError::NotProven`](crate::state::StateError::NotProven) names it.
//!
//! Sources: era-contracts `Mailbox.sol` (v26 to v30); `MessageRootBase.sol`, `L1MessageRoot.sol`,
//! `L2MessageRoot.sol`, `L1ChainAssetHandler.sol` (v31); `MessageHashing.sol` (v33).

mod answer;
mod batch_roots;
mod known_roots;
mod not_of_l1;
mod release;
mod rules;

pub use answer::{Answer, KnownRoot, Lacking, Refusal, RootLocation, state_error_code};
pub use batch_roots::BatchRoots;
pub use known_roots::{KnownRoots, SettlementCheck};
pub use not_of_l1::NotOfL1;

#[cfg(test)]
mod tests;
