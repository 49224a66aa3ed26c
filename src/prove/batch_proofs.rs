//! The proofs of one batch.

use std::sync::Arc;

use crate::{
    message::{EMPTY_LOG_LEAF, L2ToL1Log, LogTree},
    primitives::{Hash, SlBlock, Timestamp},
    proof::{CheckedBy, ProofRecord, ProofView, TargetRecord, verify},
    prove::{ExtractError, MatchedBatch},
};

/// The proofs of one batch: the part that all of them have in common, and the tree of the logs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BatchProofs<'a> {
    pub(super) common: Arc<CommonPart<'a>>,
    pub(super) tree: Arc<LogTree>,
}

/// The part that all proofs of a batch have in common. It outlives the tree of the logs, which is much larger.
#[derive(Debug)]
pub(super) struct CommonPart<'a> {
    pub(super) settled: MatchedBatch<'a>,
    /// The metadata word before every log path; `None` for batches from before v26.
    pub(super) metadata: Option<Hash>,
    /// The words after every log path.
    pub(super) tail: Vec<Hash>,
    /// The first of them, if it is a timestamp (since v33).
    pub(super) l1_timestamp: Option<Timestamp>,
    pub(super) target: TargetRecord,
    /// The block that a node's answer names; see [`ProofView::sl_block`].
    pub(super) sl_block: Option<SlBlock>,
    pub(super) checked_by: Option<CheckedBy>,
}

impl<'a> BatchProofs<'a> {
    /// Returns the batch, with its verified aggregated root.
    #[must_use]
    pub fn settled(&self) -> &MatchedBatch<'a> {
        &self.common.settled
    }

    /// The word before every log path; `None` for batches from before v26.
    #[must_use]
    pub fn metadata(&self) -> Option<Hash> {
        self.common.metadata
    }

    /// The words after every log path.
    #[must_use]
    pub fn tail(&self) -> &[Hash] {
        &self.common.tail
    }

    /// The first of them, if it is a timestamp (since v33).
    #[must_use]
    pub fn l1_timestamp(&self) -> Option<Timestamp> {
        self.common.l1_timestamp
    }

    /// The nodes of the log tree at this height above the leaves, as far as there are logs below them.
    #[must_use]
    pub fn nodes(&self, height: u32) -> Vec<Hash> {
        self.tree.nodes(height, self.common.settled.logs().logs().len())
    }

    /// The root to which the proofs fold.
    #[must_use]
    pub fn target(&self) -> &TargetRecord {
        &self.common.target
    }

    /// The block of the settlement layer that a node's answer names; see [`ProofView::sl_block`].
    #[must_use]
    pub fn sl_block(&self) -> Option<SlBlock> {
        self.common.sl_block
    }

    /// What the trees were compared with; `None` if the proofs were compared with nothing.
    #[must_use]
    pub fn checked_by(&self) -> Option<CheckedBy> {
        self.common.checked_by
    }

    /// Makes the proof of one log. The verifier has accepted it.
    ///
    /// # Errors
    /// [`ExtractError`] when there is no such log, or when it is the padding leaf of log trees.
    pub fn prove(&self, index: u64) -> Result<ProofRecord, ExtractError> {
        let logs = self.settled().logs();
        let found = usize::try_from(index).ok().and_then(|i| logs.with_messages().nth(i));
        let (log, message) = found.ok_or_else(|| self.no_such_log(index))?;
        self.record(index, log, message)
    }

    /// Makes the proofs of all logs, in order.
    pub fn prove_all(&self) -> impl Iterator<Item = Result<ProofRecord, ExtractError>> {
        let logs = (0..).zip(self.settled().logs().with_messages());
        logs.map(|(index, (log, message))| self.record(index, log, message))
    }

    pub(super) fn no_such_log(&self, index: u64) -> ExtractError {
        let logs = self.settled().logs();
        let (chain, batch) = (logs.chain(), logs.batch());
        ExtractError::NoSuchLog { chain, batch, index, logs: logs.logs().len() as u64 }
    }

    /// Appends the words of a log's own part of its proof. The log must be provable.
    pub(super) fn head(&self, index: u64, words: &mut Vec<Hash>) -> Result<(), ExtractError> {
        let settled = self.settled();
        if self.tree.leaf(index) == EMPTY_LOG_LEAF {
            let (chain, batch) = settled.logs().key();
            return Err(ExtractError::DefaultLeaf { chain, batch, index });
        }
        let path = settled.path(&self.tree, index).map_err(|_| self.no_such_log(index))?;
        words.extend(self.common.metadata);
        words.extend(path);
        Ok(())
    }

    fn record(
        &self,
        index: u64,
        log: &L2ToL1Log,
        message: Option<&[u8]>,
    ) -> Result<ProofRecord, ExtractError> {
        // The contents of a mapped file may change, so the copies are verified and returned.
        let log = *log;
        let mut head = Vec::with_capacity(1 + self.settled().path_len());
        self.head(index, &mut head)?;
        message.map_or(Ok(()), |message| self.common.check_message(index, &log, message))?;
        let record = self.common.view(index, &log, message, &head).to_record();
        self.common.verify(&record, &log)?;
        Ok(record)
    }
}

impl CommonPart<'_> {
    pub(super) fn view<'b>(
        &'b self,
        id: u64,
        log: &'b L2ToL1Log,
        message: Option<&'b [u8]>,
        head: &'b [Hash],
    ) -> ProofView<'b> {
        let logs = self.settled.logs();
        let (chain, batch) = logs.key();
        ProofView {
            chain,
            batch,
            id,
            root: self.settled.batch_root(),
            head,
            tail: &self.tail,
            l1_timestamp: self.l1_timestamp,
            target: &self.target,
            sl_block: self.sl_block,
            log,
            message,
            transaction: usize::try_from(id).ok().and_then(|id| logs.transactions.get(id)),
            checked_by: self.checked_by,
        }
    }

    /// Compares a message with its log. The bytes of an archive file are first read here.
    pub(super) fn check_message(
        &self,
        index: u64,
        log: &L2ToL1Log,
        message: &[u8],
    ) -> Result<(), ExtractError> {
        verify::message(log, message).map_err(|error| {
            let (chain, batch) = self.settled.logs().key();
            ExtractError::ArchiveDamaged { chain, batch, reason: format!("log {index}: {error}") }
        })
    }

    /// Verifies a record as a reader will see it: words, roots, target and message.
    pub(super) fn verify(&self, record: &ProofRecord, log: &L2ToL1Log) -> Result<(), ExtractError> {
        let (chain, batch, index) = (record.chain_id, record.batch_number, record.id);
        let verdict = record.verify(log, |_| Some(self.target.root));
        verdict.map_err(|source| ExtractError::Refused { chain, batch, index, source })?;
        Ok(())
    }
}
