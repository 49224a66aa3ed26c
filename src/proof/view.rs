use crate::{
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Timestamp},
    proof::{CheckedBy, ProofRecord, RpcAnswer, TargetRecord},
};

/// One verified proof, borrowed from its batch. Writers of every format take it.
///
/// All proofs of a batch end in the same words. These are computed once per batch and borrowed by each proof.
#[derive(Clone, Copy, Debug)]
pub struct ProofView<'a> {
    /// The chain that emitted the log.
    pub chain: ChainId,
    /// The batch.
    pub batch: BatchNumber,
    /// The log's leaf index in the batch.
    pub id: u64,
    /// The batch root.
    pub root: Hash,
    /// The words of this log alone: metadata and log path.
    pub head: &'a [Hash],
    /// The words after them, which all logs of the batch share.
    pub tail: &'a [Hash],
    /// Since v33: when the settlement layer executed the batch. `None` for a proof without this word.
    pub l1_timestamp: Option<Timestamp>,
    /// The root that the proof folds to.
    pub target: &'a TargetRecord,
    /// The block of the settlement layer that a node's answer names beside the proof: that of the root, or for
    /// a root on L1 the one in which the batch was executed. `None` if it is not known, or if the proof ends at
    /// the batch root. Trees from L1 are searched for it only where the answers of a node are written.
    pub sl_block: Option<SlBlock>,
    /// The log.
    pub log: &'a L2ToL1Log,
    /// The bytes of the message, if the log is of a message and the archive has them.
    pub message: Option<&'a [u8]>,
    /// The hash of the transaction that emitted the log, if the archive has it.
    pub transaction: Option<&'a Hash>,
    /// The evidence that the trees were compared with. `None` if the proof was compared with nothing.
    pub checked_by: Option<CheckedBy>,
}

impl ProofView<'_> {
    /// The words of the proof in order.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &Hash> {
        let (head, tail) = (self.head, self.tail);
        (0..head.len() + tail.len())
            .map(move |i| head.get(i).unwrap_or_else(|| &tail[i - head.len()]))
    }

    /// Copies the proof into a record.
    #[must_use]
    pub fn to_record(&self) -> ProofRecord {
        ProofRecord {
            chain_id: self.chain,
            batch_number: self.batch,
            id: self.id,
            root: self.root,
            proof: self.words().copied().collect(),
            target: Some(*self.target),
            log: Some(*self.log),
            message: self.message.map(<[u8]>::to_vec),
            tx_hash: self.transaction.copied(),
            l1_timestamp: self.l1_timestamp,
            checked_by: self.checked_by,
        }
    }

    /// Copies the proof into the answer of a node.
    #[must_use]
    pub fn to_rpc_answer(&self) -> RpcAnswer {
        RpcAnswer {
            proof: self.words().copied().collect(),
            id: self.id,
            root: self.root,
            batch_number: self.batch,
            gateway_block_number: self.sl_block,
        }
    }
}
