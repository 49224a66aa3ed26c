use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use rayon::prelude::*;
use thiserror::Error;

use super::{
    CalldataError, ChainName, FaultKind, PassedOver, TransactionPlace,
    digest::{Calls, Digest, FoundCommit, FoundEffect},
    rows::{Events, Fault, Found, Row, read_table, rows_in},
    stored_pubdata::{PubdataPlace, StoredPubdata},
};
use crate::{
    archive::Place,
    files::Input,
    ingest::{IndexError, json::JsonValues},
    primitives::{Address, Hash, SlBatch},
};

/// The bytes of calldata in rows of a table that are decoded at once.
const CHUNK: usize = 8 << 20;
/// The faults that are kept. Further ones are only counted.
const MOST_FAULTS: usize = 1000;

/// A transaction that cannot be used, although it may be one that matters.
#[derive(Debug, Error)]
#[error("{transaction} cannot be used")]
pub struct L1Fault {
    /// The transaction.
    pub transaction: TransactionPlace,
    /// The chain and the batch, if they are known.
    pub batch: Option<(ChainName, SlBatch)>,
    /// What is wrong.
    pub source: L1FaultKind,
}

/// What is wrong with a transaction.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum L1FaultKind {
    /// Its calldata do not decode.
    #[error(transparent)]
    Calldata(#[from] CalldataError),
    /// The row of the file cannot be read.
    #[error(transparent)]
    Row(#[from] FaultKind),
}

/// A transaction with calls that matter.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) place: TransactionPlace,
    pub(super) calldata_hash: Hash,
    /// The block and the index in it.
    pub(super) position: Option<(u64, u64)>,
    pub(super) to: Option<Address>,
    pub(super) succeeded: Option<bool>,
    pub(super) is_nested: bool,
    pub(super) calls: Vec<(ChainName, FoundEffect<PubdataPlace>)>,
}

/// What a receipt says.
#[derive(Debug, Default)]
pub(super) struct Receipt {
    pub(super) position: Option<(u64, u64)>,
    pub(super) succeeded: Option<bool>,
    pub(super) events: Events,
}

/// Reads transactions of L1 and their receipts from any number of files. Pubdata in calldata that do not fit into memory
/// are kept in a temporary file.
#[derive(Debug, Default)]
pub struct L1Reader {
    pub(super) transactions: Vec<Transaction>,
    /// The transactions with a hash. Damaged copies may have the same.
    by_hash: HashMap<Hash, Vec<usize>>,
    pub(super) receipts: HashMap<Hash, Receipt>,
    pub(super) passed_over: BTreeMap<PassedOver, u64>,
    pub(super) faults: Vec<L1Fault>,
    pub(super) more_faults: u64,
    pub(super) pubdata: StoredPubdata,
}

impl L1Reader {
    /// Reads a file of transactions, of blocks with them, or of receipts. What is not a call that commits, executes
    /// or reverts batches is passed over.
    ///
    /// # Errors
    /// [`IndexError`] when the file is damaged as a whole, lacks columns, or the temporary file cannot be written. A
    /// damaged transaction is a [fault](super::L1Chains::faults).
    pub fn read(&mut self, input: Input) -> Result<(), IndexError> {
        let name: Arc<str> = input.name().into();
        if matches!(input.head().trim_ascii_start().first(), Some(b'{' | b'[')) {
            return self.read_json(&name, input);
        }
        let (mut rows, mut len) = (Vec::new(), 0);
        read_table(input, |row, place| {
            let calldata = row.as_ref().ok().and_then(|row| row.calldata.as_ref());
            len += calldata.map_or(0, Vec::len);
            rows.push((row, place));
            if len < CHUNK && rows.len() < CHUNK / 64 {
                return Ok(());
            }
            len = 0;
            self.add_rows(&name, std::mem::take(&mut rows))
        })?;
        self.add_rows(&name, rows)
    }

    fn read_json(&mut self, name: &Arc<str>, input: Input) -> Result<(), IndexError> {
        JsonValues::of_lines(input).each_chunk(|piece| {
            let digests = (0..piece.len()).into_par_iter().flat_map_iter(|index| {
                let (text, place) = piece.value(index);
                let mut found = Vec::new();
                rows_in(text, &mut found);
                found.into_iter().map(move |row| (row.map(Digest::of), place))
            });
            self.add(name, digests.collect())
        })
    }

    fn add_rows(&mut self, name: &Arc<str>, rows: Vec<(Found, Place)>) -> Result<(), IndexError> {
        let rows = rows.into_par_iter().map(|(row, place)| (row.map(Digest::of), place));
        self.add(name, rows.collect())
    }

    fn add(
        &mut self,
        name: &Arc<str>,
        digests: Vec<(Result<Digest, Fault>, Place)>,
    ) -> Result<(), IndexError> {
        for (digest, place) in digests {
            let at = |hash| TransactionPlace { hash, name: name.clone(), place };
            match digest {
                Ok(digest) => self.add_digest(digest, at)?,
                Err(Fault { hash, kind }) => {
                    self.pass_over(PassedOver::Damaged);
                    self.fault(L1Fault { transaction: at(hash), batch: None, source: kind.into() });
                }
            }
        }
        Ok(())
    }

    fn add_digest(
        &mut self,
        Digest { row, calls }: Digest,
        at: impl FnOnce(Option<Hash>) -> TransactionPlace,
    ) -> Result<(), IndexError> {
        let Row { hash, position, to, succeeded, events, .. } = row;
        match calls {
            Calls::None => self.add_receipt(hash, Receipt { position, succeeded, events }),
            Calls::NoCalldata => {
                self.pass_over(PassedOver::NoCalldata);
                self.add_receipt(hash, Receipt { position, succeeded, events });
            }
            Calls::Other => self.pass_over(PassedOver::OtherFunction),
            Calls::Damaged(_) if succeeded == Some(false) => self.pass_over(PassedOver::Failed),
            Calls::Damaged(damaged) => {
                self.pass_over(PassedOver::Damaged);
                let (transaction, source) = (at(Some(hash)), damaged.error.into());
                self.fault(L1Fault { transaction, batch: damaged.batch, source });
            }
            Calls::Found { calldata_hash, is_nested, calls } => {
                let known = self.by_hash.entry(hash).or_default();
                let is_same = |at: &&usize| self.transactions[**at].calldata_hash == calldata_hash;
                if let Some(found) = known.iter().find(is_same) {
                    let transaction = &mut self.transactions[*found];
                    transaction.position = transaction.position.or(position);
                    transaction.succeeded = transaction.succeeded.or(succeeded);
                    self.pass_over(PassedOver::Repeated);
                    return Ok(());
                }
                known.push(self.transactions.len());
                let store = |(chain, effect)| Ok((chain, self.pubdata.keep(effect)?));
                let calls = calls.into_iter().map(store).collect::<Result<_, IndexError>>()?;
                self.transactions.push(Transaction {
                    place: at(Some(hash)),
                    calldata_hash,
                    position,
                    to,
                    succeeded,
                    is_nested,
                    calls,
                });
            }
        }
        Ok(())
    }

    fn add_receipt(&mut self, hash: Hash, receipt: Receipt) {
        let known = self.receipts.entry(hash).or_default();
        known.position = known.position.or(receipt.position);
        known.succeeded = known.succeeded.or(receipt.succeeded);
        known.events.are_all |= receipt.events.are_all;
        known.events.list.extend(receipt.events.list);
    }

    pub(super) fn pass_over(&mut self, reason: PassedOver) {
        *self.passed_over.entry(reason).or_default() += 1;
    }

    fn fault(&mut self, fault: L1Fault) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        } else {
            self.more_faults += 1;
        }
    }
}

impl StoredPubdata {
    /// Moves the pubdata of a commit here.
    fn keep(
        &mut self,
        effect: FoundEffect<Vec<u8>>,
    ) -> Result<FoundEffect<PubdataPlace>, IndexError> {
        Ok(match effect {
            FoundEffect::Commit(commit) => {
                let FoundCommit { previous, info, data } = *commit;
                let mut place = PubdataPlace::default();
                if let super::DaInput::Calldata { pubdata, .. } = &data {
                    place = self.put(pubdata)?;
                }
                let data = data.map(|_| place);
                FoundEffect::Commit(Box::new(FoundCommit { previous, info, data }))
            }
            FoundEffect::Execute(batches) => FoundEffect::Execute(batches),
            FoundEffect::RevertAfter(batch) => FoundEffect::RevertAfter(batch),
        })
    }
}
