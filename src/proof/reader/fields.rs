use std::fmt::Display;

use super::{Defaults, Item, RecordError};
use crate::{
    keccak::keccak256,
    message::L2ToL1Log,
    primitives::{Address, BatchNumber, ChainId, Hash, Timestamp},
    proof::{
        ProofRecord, TargetRecord,
        verify::{self, Claim, VerifyError},
    },
};

/// The content of a record in any format, before missing fields are filled in.
#[derive(Debug)]
pub(crate) struct Fields {
    pub(crate) chain: Option<ChainId>,
    pub(crate) batch: Option<BatchNumber>,
    pub(crate) id: Option<u64>,
    pub(crate) root: Option<Hash>,
    pub(crate) words: Option<Vec<Hash>>,
    pub(crate) target: Option<TargetRecord>,
    pub(crate) log: Option<L2ToL1Log>,
    pub(crate) message: Option<Vec<u8>>,
    pub(crate) log_fields: LogFields,
    pub(crate) l1_timestamp: Option<Timestamp>,
    /// Why the record cannot be judged, unless it contradicts itself.
    pub(crate) lack: Option<RecordError>,
}

/// Fields that repeat parts of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogFields {
    /// The sender of the message, or the emitter of a log that is not of a message.
    pub(crate) sender: Option<Address>,
    /// The number of the transaction: in the batch on Era chains, in the block on ZKsync OS chains.
    pub(crate) tx_number: Option<u64>,
    /// keccak256 of the message.
    pub(crate) message_hash: Option<Hash>,
}

impl LogFields {
    /// Checks the fields of a record without a log: the transaction number must have at most 16 bits, and the
    /// hash must be that of the message.
    fn agree_with_message(&self, message: Option<&[u8]>) -> Result<(), RecordError> {
        if let Some(number) = self.tx_number.filter(|number| u16::try_from(*number).is_err()) {
            return Err(RecordError::TxNumber(number));
        }
        match (self.message_hash, message.map(keccak256)) {
            (Some(expected), Some(got)) if expected != got => {
                Err(VerifyError::Message { expected, got }.into())
            }
            _ => Ok(()),
        }
    }

    /// Checks that the fields agree with the log.
    fn agree(&self, log: &L2ToL1Log) -> Result<(), RecordError> {
        let sender = log.message_sender().unwrap_or_else(|| log.sender());
        same_in_log("sender", self.sender, sender)?;
        same_in_log("txNumberInBatch", self.tx_number, log.tx_number().into())?;
        match self.message_hash {
            Some(_) if !log.is_message() => Err(VerifyError::NoMessageLog.into()),
            given => same_in_log("messageHash", given, log.value()),
        }
    }
}

impl Fields {
    /// Completes the record. Missing fields are taken from `defaults` or derived: the log from the message or
    /// its hash, the sender and the transaction number; the batch root from the log path. A record that
    /// contradicts itself is refused, even if it also lacks a field.
    ///
    /// # Errors
    /// [`RecordError`] if fields contradict each other or `defaults`, or if one is missing.
    pub(crate) fn complete(mut self, defaults: &Defaults) -> Result<Item, RecordError> {
        let chain = agreed("chainId", self.chain, defaults.chain)?;
        let batch = agreed("batchNumber", self.batch, defaults.batch)?;
        let log = agreed("log", self.log.or_else(|| self.derived_log()), defaults.log)?;
        if let Some(log) = &log {
            self.log_fields.agree(log)?;
        }
        if let Some(lack) = self.lack.take() {
            return Err(self.contradiction(log.as_ref()).unwrap_or(lack));
        }
        let missing = |field| match self.contradiction(log.as_ref()) {
            Some(error) => error,
            None => RecordError::Missing { field },
        };
        let words = self.words.as_deref().ok_or_else(|| missing("proof"))?;
        let log = log.ok_or_else(|| missing("log"))?;
        let chain = chain.ok_or_else(|| missing("chainId"))?;
        let batch = batch.ok_or_else(|| missing("batchNumber"))?;
        let id = self.id.ok_or_else(|| missing("id"))?;
        let root = match self.root {
            Some(root) => root,
            None => {
                let claim = Claim { chain, batch, index: id, log: &log };
                verify::fold_at(&claim, words, self.l1_timestamp)?.batch_root
            }
        };
        let record = ProofRecord {
            chain_id: chain,
            batch_number: batch,
            id,
            root,
            proof: self.words.unwrap_or_default(),
            target: self.target,
            log: Some(log),
            message: self.message,
            // The proof does not depend on it, nor on `checked_by`.
            tx_hash: None,
            l1_timestamp: self.l1_timestamp,
            checked_by: None,
        };
        Ok(Item::Proof(Box::new(record), log))
    }

    /// The reason to refuse the record, whatever the missing fields are.
    fn contradiction(&self, log: Option<&L2ToL1Log>) -> Option<RecordError> {
        let message = self.message.as_deref();
        if let Some(target) = self.target.filter(|target| !target.is_whole()) {
            return Some(RecordError::Target(target));
        }
        let found = match (log, message) {
            _ if self.words.as_ref().is_some_and(Vec::is_empty) => Err(VerifyError::Empty.into()),
            (Some(log), Some(message)) => verify::message(log, message).map_err(Into::into),
            (Some(_), None) => Ok(()),
            (None, message) => self.log_fields.agree_with_message(message),
        };
        found.err()
    }

    /// The log that is derived from the other fields.
    pub(crate) fn derived_log(&self) -> Option<L2ToL1Log> {
        let LogFields { sender, tx_number, message_hash } = self.log_fields;
        let tx_number = u16::try_from(tx_number?).ok()?;
        let hash = self.message.as_deref().map(keccak256).or(message_hash)?;
        Some(L2ToL1Log::of_message_hash(tx_number, sender?, hash))
    }
}

/// The value of a field: the record's or the given one. If both exist, they must be equal.
pub(super) fn agreed<T: PartialEq + Display>(
    field: &'static str,
    record: Option<T>,
    given: Option<T>,
) -> Result<Option<T>, RecordError> {
    match (record, given) {
        (Some(got), Some(expected)) if got != expected => Err(RecordError::Contradiction {
            field,
            expected: expected.to_string(),
            got: got.to_string(),
        }),
        (record, given) => Ok(record.or(given)),
    }
}

fn same_in_log<T: PartialEq + Display>(
    field: &'static str,
    given: Option<T>,
    got: T,
) -> Result<(), RecordError> {
    match given.filter(|given| *given != got) {
        None => Ok(()),
        Some(given) => {
            let (given, got) = (given.to_string(), got.to_string());
            Err(RecordError::OtherThanLog { field, given, got })
        }
    }
}
