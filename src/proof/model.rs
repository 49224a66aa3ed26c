use crate::primitives::{Hash, Word};

/// The only version of proof metadata.
pub const METADATA_VERSION: u8 = 1;

/// The parts of a proof.
///
/// ```
/// use slproof::{ProofRecord, proof::{Proof, ProofEnd}};
///
/// let text = std::fs::read("fixtures/gateway-v31/record.json")?;
/// let record: ProofRecord = serde_json::from_slice(&text)?;
///
/// let proof = Proof::decode(&record.proof)?;
/// assert!(matches!(&proof.end, ProofEnd::SettlementLayer(hop) if hop.sl_number == 214));
/// assert_eq!(proof.encode(), record.proof);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The siblings of the log's leaf, bottom first. Since v26 the aggregated root follows those in the tree of
    /// logs; in an 8-leaf batch root (v33) two more siblings follow it.
    pub log_path: Vec<Hash>,
    /// The part after the log path.
    pub end: ProofEnd,
}

/// The part of a proof after its log path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofEnd {
    /// Nothing, and no metadata: a proof from before v26.
    Plain,
    /// Nothing: the proof folds to the batch root.
    BatchRoot,
    /// The path through the trees of a settlement layer.
    SettlementLayer(SettlementHop),
}

/// The path from a batch root to a root of the settlement layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementHop {
    /// Since v33: the timestamp of the settlement layer's block that executed the batch, which is a part of the
    /// batch's leaf. `None` in a proof of an earlier release, which has one word less.
    pub l1_timestamp: Option<Word>,
    /// The batch's leaf index in the chain tree.
    pub batch_mask: Word,
    /// Siblings in the chain tree, bottom first.
    pub batch_path: Vec<Hash>,
    /// The settlement layer's block (interop form) or batch (L1 form).
    pub sl_number: u128,
    /// The chain's index in the shared tree. In the L1 form the next higher bit is set too.
    pub chain_mask: u128,
    /// The settlement layer's chain id.
    pub sl_chain: Word,
    /// Siblings in the shared tree, bottom first. In the L1 form they are followed by the local logs root of
    /// the settlement layer's batch.
    pub chain_path: Vec<Hash>,
}

impl Proof {
    /// The words of the proof, as a node returns them.
    ///
    /// # Panics
    /// If a path has more than 255 siblings. No tree of this crate and no encoded proof has such a path.
    #[must_use]
    pub fn encode(&self) -> Vec<Hash> {
        let mut words = Vec::with_capacity(self.log_path.len() + 32);
        words.extend(self.end.metadata(self.log_path.len()));
        words.extend(&self.log_path);
        words.extend(self.end.words());
        words
    }
}

impl ProofEnd {
    /// The word before a log path of this length.
    pub(crate) fn metadata(&self, log_path: usize) -> Option<Hash> {
        match self {
            Self::Plain => None,
            Self::BatchRoot => Some(metadata(log_path, 0, true)),
            Self::SettlementLayer(hop) => Some(metadata(log_path, hop.batch_path.len(), false)),
        }
    }

    /// The words after the log path.
    pub(crate) fn words(&self) -> Vec<Hash> {
        match self {
            Self::SettlementLayer(hop) => hop.words(),
            _ => Vec::new(),
        }
    }
}

impl SettlementHop {
    /// The words of a proof after its log path.
    pub(crate) fn words(&self) -> Vec<Hash> {
        let mut words = Vec::with_capacity(self.batch_path.len() + self.chain_path.len() + 5);
        words.extend(self.l1_timestamp.map(Word::to_hash));
        words.push(self.batch_mask.to_hash());
        words.extend(&self.batch_path);
        words.push(Word::join(self.sl_number, self.chain_mask).to_hash());
        words.push(self.sl_chain.to_hash());
        words.push(metadata(self.chain_path.len(), 0, true));
        words.extend(&self.chain_path);
        words
    }
}

fn metadata(path: usize, batch_path: usize, last: bool) -> Hash {
    assert!(path <= 255 && batch_path <= 255, "a path's length is one byte");
    let mut word = [0; 32];
    word[..4].copy_from_slice(&[METADATA_VERSION, path as u8, batch_path as u8, u8::from(last)]);
    Hash::new(word)
}
