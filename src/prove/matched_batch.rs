use thiserror::Error;

use crate::{
    forest::chain_id_leaf,
    keccak::hash_node,
    merkle::NoSuchLeaf,
    message::{BatchView, EightLeaves, ImtRoots, LOG_TREE_HEIGHT, LOG_TREE_HEIGHTS, LogTree},
    primitives::{BatchNumber, ChainId, Hash},
};

/// The source of a batch's aggregated root. The settlement layer's state does not contain this root, so
/// candidates are tried until one leads to the batch root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregatedRoot {
    /// The archive contains it.
    Archive,
    /// No other chain settles on the chain, so its own MessageRoot holds only itself: the chain-id leaf over
    /// an empty chain tree. This holds for Era chains, and for every chain since v31.
    OwnLeaf,
    /// 32 zero bytes: ZKsync OS chains up to v30.
    Zero,
}

/// How a batch root is computed from the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchRootForm {
    /// Since v26: from the local root and this aggregated root.
    Aggregated(Hash, AggregatedRoot),
    /// ZKsync OS chains since v33: a tree of eight leaves, with the source of the multichain root, leaf 1.
    EightLeaves(EightLeaves, AggregatedRoot),
    /// Before v26: the batch root is the root of the log tree, which has this height.
    Plain(u32),
}

/// The logs of a batch do not fold to the batch root that the settlement layer stored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the logs of chain {chain}, batch {batch} ({logs} in all) do not fold to its batch root {expected}: \
     their local root is {local_root}; {}; no tree of a release without aggregated roots fits; a log is \
     missing, added or altered, or the batch belongs to another settlement layer{}",
    attempts(.tried), eight_leaves(*.lacks_imt)
)]
pub struct FoldError {
    /// The chain.
    pub chain: ChainId,
    /// The batch.
    pub batch: BatchNumber,
    /// The number of logs in the archive.
    pub logs: usize,
    /// The batch root in the state.
    pub expected: Hash,
    /// The root computed from the archive's logs.
    pub local_root: Hash,
    /// The aggregated roots that were tried, each with the batch root that it leads to.
    pub tried: Vec<(AggregatedRoot, Hash, Hash)>,
    /// The batch root may have eight leaves (v33), and the archive does not have the roots of the interop commitment
    /// tree. Those of a chain without commitments were tried.
    pub lacks_imt: bool,
}

fn eight_leaves(lacks_imt: bool) -> &'static str {
    match lacks_imt {
        false => "",
        true => {
            ", or its batch root has eight leaves (v33) and the roots of the chain's interop commitment tree are needed: \
             imtBegin and imtEnd, or imtNode, in a line of a raw archive"
        }
    }
}

fn attempts(tried: &[(AggregatedRoot, Hash, Hash)]) -> String {
    let texts: Vec<String> = tried
        .iter()
        .map(|(source, root, got)| {
            let source = match source {
                AggregatedRoot::Archive => "the archive's",
                AggregatedRoot::OwnLeaf => "an Era chain's",
                AggregatedRoot::Zero => "a ZKsync OS chain's",
            };
            format!("with {source} aggregated root {root} the batch root is {got}")
        })
        .collect();
    texts.join(", ")
}

/// A batch whose logs are verified against the batch root in the state.
#[derive(Clone, Debug)]
pub struct MatchedBatch<'a> {
    logs: BatchView<'a>,
    batch_root: Hash,
    form: BatchRootForm,
    /// The siblings of the local logs root, which all proofs have: computed once.
    above: [Option<Hash>; 3],
}

impl<'a> MatchedBatch<'a> {
    fn new(logs: BatchView<'a>, batch_root: Hash, form: BatchRootForm) -> Self {
        let above = match form {
            BatchRootForm::Plain(_) => [None; 3],
            BatchRootForm::Aggregated(root, _) => [Some(root), None, None],
            BatchRootForm::EightLeaves(leaves, _) => leaves.siblings().map(Some),
        };
        Self { logs, batch_root, form, above }
    }

    /// Verifies a batch's logs, given as their tree, against the batch root in the state. Finds the
    /// aggregated root for which keccak256(local root ‖ aggregated root) is the batch root, or the root of a tree of
    /// eight leaves has it, or, for older batches, the height of the log tree. `is_since_v33` says whether the state
    /// may have roots of eight leaves; they are found in any state.
    ///
    /// # Errors
    /// [`FoldError`] when no candidate leads to the batch root.
    pub(super) fn match_root(
        logs: BatchView<'a>,
        tree: &LogTree,
        batch_root: Hash,
        is_since_v33: bool,
    ) -> Result<Self, FoldError> {
        let local_root = tree.root();
        let mut candidates = Vec::with_capacity(3);
        candidates.extend(logs.aggregated_root().map(|root| (AggregatedRoot::Archive, root)));
        candidates.push((AggregatedRoot::OwnLeaf, chain_id_leaf(Hash::ZERO, logs.chain())));
        // Since v31 every chain has the form above, but an upgraded layer keeps older batches.
        candidates.push((AggregatedRoot::Zero, Hash::ZERO));

        let mut tried = Vec::with_capacity(3);
        for (source, aggregated_root) in candidates {
            if tried.iter().any(|(_, root, _)| *root == aggregated_root) {
                continue;
            }
            let got = hash_node(local_root, aggregated_root);
            if got == batch_root {
                let form = BatchRootForm::Aggregated(aggregated_root, source);
                return Ok(Self::new(logs, batch_root, form));
            }
            tried.push((source, aggregated_root, got));
        }
        let eight = eight_leaf_form(&logs, &tried, local_root, batch_root);
        if let Some(form) = eight {
            return Ok(Self::new(logs, batch_root, form));
        }
        let plain = LOG_TREE_HEIGHTS.iter().find(|h| tree.root_at(**h) == Some(batch_root));
        if let Some(&height) = plain {
            return Ok(Self::new(logs, batch_root, BatchRootForm::Plain(height)));
        }
        Err(FoldError {
            chain: logs.chain(),
            batch: logs.batch(),
            logs: logs.logs().len(),
            expected: batch_root,
            local_root,
            tried,
            lacks_imt: is_since_v33 && logs.imt().is_none(),
        })
    }

    /// The batch's logs.
    #[must_use]
    pub fn logs(&self) -> BatchView<'a> {
        self.logs
    }

    /// The batch root in the state.
    #[must_use]
    pub fn batch_root(&self) -> Hash {
        self.batch_root
    }

    /// How the batch root is computed, as verified.
    #[must_use]
    pub fn form(&self) -> BatchRootForm {
        self.form
    }

    /// The number of siblings that [`MatchedBatch::path`] returns.
    pub(super) fn path_len(&self) -> usize {
        match self.form {
            BatchRootForm::Plain(height) => height as usize,
            BatchRootForm::Aggregated(..) => LOG_TREE_HEIGHT as usize + 1,
            BatchRootForm::EightLeaves(..) => LOG_TREE_HEIGHT as usize + 3,
        }
    }

    /// Returns the siblings from a log's leaf to the batch root. `tree` is that of the logs.
    pub(super) fn path(
        &self,
        tree: &LogTree,
        index: u64,
    ) -> Result<impl Iterator<Item = Hash>, NoSuchLeaf> {
        let height = match self.form {
            BatchRootForm::Plain(height) => height,
            _ => LOG_TREE_HEIGHT,
        };
        Ok(tree.path(index, height)?.chain(self.above.into_iter().flatten()))
    }

    /// Whether the batch is from before v26.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.form, BatchRootForm::Plain(_))
    }
}

/// The leaves of the batch root, if it has eight. `tried` has the candidates for the multichain root.
fn eight_leaf_form(
    logs: &BatchView<'_>,
    tried: &[(AggregatedRoot, Hash, Hash)],
    local_root: Hash,
    batch_root: Hash,
) -> Option<BatchRootForm> {
    // Batch 0 of a chain that was created under v33 has no logs, and zero in place of the root of an empty tree.
    if logs.logs().is_empty() && batch_root == EightLeaves::GENESIS.root() {
        return Some(BatchRootForm::EightLeaves(EightLeaves::GENESIS, AggregatedRoot::Zero));
    }
    let candidates = || logs.imt().into_iter().chain(ImtRoots::WITHOUT_COMMITMENTS);
    let forms = tried.iter().flat_map(|&(source, multichain_root, _)| {
        candidates().map(move |imt| (EightLeaves { local_root, multichain_root, imt }, source))
    });
    let found = forms.into_iter().find(|(leaves, _)| leaves.root() == batch_root);
    found.map(|(leaves, source)| BatchRootForm::EightLeaves(leaves, source))
}
