//! The records that are written and read: one per proof, one per failure.

use std::{error::Error, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use crate::proof::{
    CheckedBy, FailureCode, Request, TargetKind,
    verify::{self, Claim, Folded, RootRef, VerifyError},
};
use crate::{
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId, Hash, Number, SlBlock, Timestamp, Word, hex},
};

/// A proof and everything that is needed to verify it.
///
/// As JSON it also has the fields `sender`, `txNumberInBatch` and, for a message, `messageHash`, which repeat
/// parts of the log. This type ignores them when it is read; the [`reader`](super::reader) compares them.
///
/// ```
/// use slproof::ProofRecord;
///
/// let text = std::fs::read("fixtures/gateway-v31/record.json")?;
/// let record: ProofRecord = serde_json::from_slice(&text)?;
/// let log = record.log.ok_or("the record has a log")?;
///
/// // The root that a node of the settlement layer returns for block 214.
/// let root = "0x5e8239b8d1c0dc58dfaa89da7e9847bcd442e403b1a2969e312fb407029f980e".parse()?;
/// let folded = record.verify(&log, |_| Some(root))?;
/// assert_eq!(folded.batch_root, record.root);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProofRecord {
    /// The chain that emitted the log.
    pub chain_id: ChainId,
    /// The batch.
    pub batch_number: BatchNumber,
    /// The log's leaf index in the batch.
    #[serde(deserialize_with = "Number::read")]
    pub id: u64,
    /// The batch root.
    pub root: Hash,
    /// The words of the proof.
    pub proof: Vec<Hash>,
    /// The root that the proof folds to.
    pub target: Option<TargetRecord>,
    /// The log.
    pub log: Option<L2ToL1Log>,
    /// The bytes of the message, if the log is of a message and the archive has them.
    #[serde(default, deserialize_with = "message_bytes")]
    pub message: Option<Vec<u8>>,
    /// The hash of the transaction that emitted the log, if the archive has it. The proof does not depend on
    /// it.
    #[serde(default)]
    pub tx_hash: Option<Hash>,
    /// Since v33: when the settlement layer executed the batch, in a proof through its trees. The proof then has
    /// this word. If it is `None`, the words show whether they have one.
    #[serde(default)]
    pub l1_timestamp: Option<Timestamp>,
    /// The evidence that the trees of the proof were compared with.
    #[serde(default)]
    pub checked_by: Option<CheckedBy>,
}

impl Serialize for ProofRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut record = serializer.serialize_map(None)?;
        record.serialize_entry("chainId", &self.chain_id)?;
        record.serialize_entry("batchNumber", &self.batch_number)?;
        record.serialize_entry("id", &self.id)?;
        record.serialize_entry("root", &self.root)?;
        record.serialize_entry("proof", &self.proof)?;
        if let Some(target) = &self.target {
            record.serialize_entry("target", target)?;
        }
        if let Some(log) = &self.log {
            record.serialize_entry("log", log)?;
        }
        if let Some(message) = &self.message {
            record.serialize_entry("message", &hex::encode(message))?;
        }
        if let Some(log) = &self.log {
            record
                .serialize_entry("sender", &log.message_sender().unwrap_or_else(|| log.sender()))?;
            record.serialize_entry("txNumberInBatch", &log.tx_number())?;
            if log.is_message() {
                record.serialize_entry("messageHash", &log.value())?;
            }
        }
        if let Some(transaction) = &self.tx_hash {
            record.serialize_entry("txHash", transaction)?;
        }
        if let Some(timestamp) = &self.l1_timestamp {
            record.serialize_entry("l1Timestamp", timestamp)?;
        }
        if let Some(evidence) = &self.checked_by {
            record.serialize_entry("checkedBy", evidence)?;
        }
        record.end()
    }
}

/// The root that a proof folds to.
///
/// ```
/// use slproof::proof::{TargetKind, TargetRecord};
///
/// let text = format!(r#"{{"kind":"block","slChainId":506,"number":242,"root":"0x{:064}"}}"#, 1);
/// let target: TargetRecord = serde_json::from_str(&text)?;
/// assert_eq!(target.kind, TargetKind::Block);
/// assert_eq!(target.to_string(), "block 242 of chain 506");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetRecord {
    /// The kind of root.
    pub kind: TargetKind,
    /// The settlement layer; missing for a batch root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sl_chain_id: Option<ChainId>,
    /// The settlement layer's block or batch; missing for a batch root.
    #[serde(
        default,
        deserialize_with = "Number::read_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub number: Option<u64>,
    /// The root.
    pub root: Hash,
    /// Since v33: the timestamp of the block, which chains import together with the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
}

impl fmt::Display for TargetRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |f: &mut fmt::Formatter<'_>, what| match (self.sl_chain_id, self.number) {
            (Some(chain), Some(number)) => write!(f, "{what} {number} of chain {chain}"),
            _ => write!(f, "a {what} without number or chain"),
        };
        match self.kind {
            TargetKind::Block => number(f, "block"),
            TargetKind::SlBatch => number(f, "batch"),
            TargetKind::BatchRoot => f.write_str("the batch root"),
        }
    }
}

impl TargetRecord {
    /// A chain's own batch root.
    #[must_use]
    pub fn batch_root(root: Hash) -> Self {
        Self { kind: TargetKind::BatchRoot, sl_chain_id: None, number: None, root, timestamp: None }
    }

    /// Whether the target names everything that its kind of root needs, and nothing else.
    pub(super) fn is_whole(&self) -> bool {
        let named = [self.sl_chain_id.is_some(), self.number.is_some()];
        let is_timed = self.timestamp.is_some();
        named == [self.kind != TargetKind::BatchRoot; 2]
            && (!is_timed || self.kind == TargetKind::Block)
    }

    pub(super) fn is(&self, anchor: &RootRef) -> bool {
        match (self.kind, anchor) {
            (TargetKind::BatchRoot, RootRef::Batch(..)) => {
                self.sl_chain_id.is_none() && self.number.is_none() && self.timestamp.is_none()
            }
            (TargetKind::Block | TargetKind::SlBatch, RootRef::SettlementLayer(chain, number)) => {
                let may_be_timed = self.kind == TargetKind::Block;
                (may_be_timed || self.timestamp.is_none())
                    && self.sl_chain_id.is_some_and(|id| id.to_word() == *chain)
                    && self.number.is_some_and(|n| u128::from(n) == *number)
            }
            _ => false,
        }
    }

    /// Checks the timestamp of the target, if it has one, against that of the batch in the words: only roots that v33
    /// stored have timestamps, and no block executed a batch after itself.
    pub(super) fn agrees_in_time(&self, l1_timestamp: Option<Word>) -> Result<(), VerifyError> {
        match self.timestamp {
            Some(given) if l1_timestamp.is_none_or(|executed| executed > given.to_word()) => {
                Err(VerifyError::TargetTimestamp { given, executed: l1_timestamp })
            }
            _ => Ok(()),
        }
    }

    /// Adds to the root that the words lead to what only the target contains: whether the number is that of a
    /// block or of a batch.
    pub(super) fn known(&self, anchor: RootRef) -> RootRef {
        match (self.kind, anchor) {
            (TargetKind::Block, RootRef::SettlementLayer(chain, number)) => {
                RootRef::SlBlock(chain, number)
            }
            (TargetKind::SlBatch, RootRef::SettlementLayer(chain, number)) => {
                RootRef::SlBatch(chain, number)
            }
            (_, anchor) => anchor,
        }
    }
}

/// What the answer of a source of roots depends on, of a record of any kind.
#[derive(Clone, Copy, Debug)]
pub struct RootQuery<'a> {
    /// The chain.
    pub chain: ChainId,
    /// The batch.
    pub batch: BatchNumber,
    /// The words of the proof.
    pub proof: &'a [Hash],
    /// The root that the proof folds to, as the record names it.
    pub target: Option<TargetRecord>,
    /// The timestamp of the batch, as the record names it.
    pub l1_timestamp: Option<Timestamp>,
}

impl<'a> From<&'a ProofRecord> for RootQuery<'a> {
    fn from(record: &'a ProofRecord) -> Self {
        Self {
            chain: record.chain_id,
            batch: record.batch_number,
            proof: &record.proof,
            target: record.target,
            l1_timestamp: record.l1_timestamp,
        }
    }
}

impl ProofRecord {
    /// Verifies everything in the record, and that the proof folds to the root that `known_root` returns. If
    /// the record has a target, the argument of `known_root` says whether a number is a block's or a batch's.
    ///
    /// # Errors
    /// [`VerifyError`] for the first check that fails.
    pub fn verify(
        &self,
        log: &L2ToL1Log,
        known_root: impl FnOnce(&RootRef) -> Option<Hash>,
    ) -> Result<Folded, VerifyError> {
        if let Some(message) = &self.message {
            verify::message(log, message)?;
        }
        let claim = Claim { chain: self.chain_id, batch: self.batch_number, index: self.id, log };
        let folded = verify::fold_at(&claim, &self.proof, self.l1_timestamp)?;
        if folded.batch_root != self.root {
            return Err(VerifyError::BatchRoot { expected: self.root, got: folded.batch_root });
        }
        led_to(folded, self.target, known_root)
    }
}

/// Compares the root that a proof folds to with its record's target, and with the root that `known_root` returns.
pub(super) fn led_to(
    mut folded: Folded,
    target: Option<TargetRecord>,
    known_root: impl FnOnce(&RootRef) -> Option<Hash>,
) -> Result<Folded, VerifyError> {
    if let Some(target) = target {
        if !target.is(&folded.root_ref) {
            let (expected, got) = (target.to_string(), folded.root_ref);
            return Err(VerifyError::Target { expected, got });
        }
        same_root(target.root, folded.root)?;
        target.agrees_in_time(folded.l1_timestamp)?;
        folded.root_ref = target.known(folded.root_ref);
    }
    let known = known_root(&folded.root_ref).ok_or(VerifyError::UnknownRoot(folded.root_ref))?;
    same_root(known, folded.root)?;
    Ok(folded)
}

fn same_root(expected: Hash, got: Hash) -> Result<(), VerifyError> {
    if expected == got { Ok(()) } else { Err(VerifyError::Root { expected, got }) }
}

/// A proof with the fields that `zks_getL2ToL1LogProof` returns: those of Era nodes and those of ZKsync OS nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RpcAnswer {
    /// The words of the proof.
    pub proof: Vec<Hash>,
    /// The log's leaf index in the batch.
    pub id: u64,
    /// The batch root.
    pub root: Hash,
    /// The batch.
    pub batch_number: BatchNumber,
    /// The block of the settlement layer; see [`ProofView::sl_block`](crate::proof::ProofView::sl_block).
    pub gateway_block_number: Option<SlBlock>,
}

/// A request that could not be fulfilled. `R` is a [`Request`], or the text of the requesting line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRecord<R = Request> {
    /// The request.
    pub request: R,
    /// Why there is no proof.
    pub error: Failure,
}

/// Why something failed: a stable code and a message for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable code.
    pub code: FailureCode,
    /// The message.
    pub message: String,
}

/// Returns advice for an error in the terms of a front end. The library does not know the flags of a command
/// line, so the command line adds them in this way.
pub type Hints = fn(&(dyn Error + 'static)) -> Option<&'static str>;

/// [`Hints`] that never return advice.
#[must_use]
pub fn no_hints(_: &(dyn Error + 'static)) -> Option<&'static str> {
    None
}

impl Failure {
    /// The failure for an error: its text, and the hint in parentheses after it.
    #[must_use]
    pub fn of(code: FailureCode, error: &(dyn Error + 'static), hints: Hints) -> Self {
        Self { code, message: error.to_string() }.hinted(error, hints)
    }

    /// The failure with the hint for this error appended to its message.
    #[must_use]
    pub fn hinted(mut self, error: &(dyn Error + 'static), hints: Hints) -> Self {
        if let Some(hint) = hints(error) {
            self.message = format!("{} ({hint})", self.message);
        }
        self
    }
}

fn message_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| hex::bytes(&text).map_err(de::Error::custom)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_described_by_its_kind_number_and_chain() {
        let target = |kind, sl_chain_id, number| {
            let target = TargetRecord { kind, ..TargetRecord::batch_root(Hash::ZERO) };
            TargetRecord { sl_chain_id, number, ..target }.to_string()
        };
        let (chain, number) = (Some(ChainId(506)), Some(214));
        assert_eq!(target(TargetKind::Block, chain, number), "block 214 of chain 506");
        assert_eq!(target(TargetKind::SlBatch, chain, number), "batch 214 of chain 506");
        assert_eq!(target(TargetKind::BatchRoot, None, None), "the batch root");
        for (chain, number) in [(None, number), (chain, None), (None, None)] {
            let text = target(TargetKind::Block, chain, number);
            assert_eq!(text, "a block without number or chain");
        }
    }

    /// A block and a batch have a chain and a number. Only a block has a timestamp.
    #[test]
    fn a_whole_target_has_what_its_kind_needs_and_nothing_else() {
        for bits in 0..8 {
            let sl_chain_id = (bits & 1 != 0).then_some(ChainId(506));
            let number = (bits & 2 != 0).then_some(214);
            let timestamp = (bits & 4 != 0).then_some(Timestamp(1_790_000_000));
            let root = Hash::ZERO;
            let is_whole =
                |kind| TargetRecord { kind, sl_chain_id, number, root, timestamp }.is_whole();
            assert_eq!(is_whole(TargetKind::Block), bits == 3 || bits == 7, "{bits}");
            assert_eq!(is_whole(TargetKind::SlBatch), bits == 3, "{bits}");
            assert_eq!(is_whole(TargetKind::BatchRoot), bits == 0, "{bits}");
        }
    }

    #[test]
    fn a_hint_follows_the_text_of_the_error() {
        let error = VerifyError::Empty;
        let failure = |hints| Failure::of(error.code(), &error, hints);
        assert_eq!(failure(no_hints).message, "the proof has no words");
        assert_eq!(failure(no_hints).code, FailureCode::EmptyProof);
        assert_eq!(failure(|_| Some("a hint")).message, "the proof has no words (a hint)");
    }
}
