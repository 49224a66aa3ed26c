use std::fmt;

use crate::{
    forest::{ChainTree, Forest},
    primitives::ChainId,
};

/// How two trees of one settlement layer differ that have to be those of two times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainDifference {
    /// The later trees do not have the chain at the index at which the earlier ones have it.
    Registration(ChainId),
    /// The later trees do not begin with the batches that the chain has in the earlier ones.
    Batches(ChainId),
    /// The trees with fewer chains or batches are of the later block, and lack the chain or batches of it.
    Lacking(ChainId),
}

impl ChainDifference {
    /// The first difference. `has_all` says that the older trees have everything that the newer ones have.
    pub(super) fn first(newer: &Forest, older: &Forest, has_all: bool) -> Option<Self> {
        let (mut new, mut old) = (newer.chains().iter(), older.chains().iter());
        loop {
            match (new.next(), old.next()) {
                (Some(new), Some(old)) if new.chain() == old.chain() => {
                    if !continues(new, old) {
                        return Some(Self::Batches(new.chain()));
                    }
                    if has_all && old.batches().len() < new.batches().len() {
                        return Some(Self::Lacking(new.chain()));
                    }
                }
                (_, Some(old)) => return Some(Self::Registration(old.chain())),
                (Some(new), None) if has_all => return Some(Self::Lacking(new.chain())),
                (_, None) => return None,
            }
        }
    }
}

fn continues(new: &ChainTree, old: &ChainTree) -> bool {
    let count = old.batches().len();
    new.batches().runs(0..count) == old.batches().runs(0..count)
        && new.batch_roots().starts_with(old.batch_roots())
}

impl fmt::Display for ChainDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registration(chain) => {
                write!(f, "chain {chain} is not registered in the same way in both")
            }
            Self::Batches(chain) => write!(f, "the batches of chain {chain} differ"),
            Self::Lacking(chain) => write!(
                f,
                "it is of the same block or a later one, and lacks chain {chain} or batches of it"
            ),
        }
    }
}
