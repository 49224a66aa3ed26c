use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use rayon::prelude::*;
use thiserror::Error;

use super::{
    Action, CalldataError, ChainName, FaultKind, PassedOver, TransactionPlace,
    digest::{Calls, Digest, FoundCommit, FoundEffect},
    rows::{Events, Fault, Found, Position, Row, read_table, rows_in},
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
/// The receipts of transactions that are not known yet, without events of diamonds, that are kept if the files can be
/// read again.
pub(super) const MOST_UNKNOWN: usize = 1 << 18;

/// A transaction that cannot be used, although it may be one that matters.
#[derive(Debug, Error)]
#[error("{transaction} cannot be used")]
pub struct L1Fault {
    /// The transaction.
    pub transaction: TransactionPlace,
    /// The chain and the batch that it commits, if they are known.
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
    pub(super) position: Option<Position>,
    pub(super) to: Option<Address>,
    pub(super) succeeded: Option<bool>,
    pub(super) is_nested: bool,
    pub(super) calls: Vec<(ChainName, FoundEffect<PubdataPlace>)>,
}

/// What a receipt says.
#[derive(Debug, Default)]
pub(super) struct Receipt {
    pub(super) position: Option<Position>,
    pub(super) succeeded: Option<bool>,
    pub(super) events: Events,
}

/// Reads transactions of L1 and their receipts from any number of files. Pubdata in calldata that do not fit into memory
/// are kept in a temporary file.
#[derive(Debug, Default)]
pub struct L1Reader {
    pub(super) transactions: Vec<Transaction>,
    /// The transactions with a hash. Damaged copies may have the same, and are not listed.
    by_hash: HashMap<Hash, Vec<usize>>,
    pub(super) receipts: HashMap<Hash, Receipt>,
    /// Whether only receipts of known transactions are taken.
    is_for_receipts: bool,
    /// The most receipts that are kept of transactions that are not known, if there is a limit.
    most_unknown: Option<usize>,
    /// At least the number of these.
    unknown: usize,
    has_dropped: bool,
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

    /// A reader that drops receipts of transactions that are not known if there are more than `most_unknown`.
    pub(super) fn bounded(most_unknown: usize) -> Self {
        Self { most_unknown: Some(most_unknown), ..Self::default() }
    }

    /// Reads a file for the receipts of the transactions that were read before. Nothing else in it counts.
    ///
    /// # Errors
    /// As [`L1Reader::read`].
    pub(super) fn read_receipts(&mut self, input: Input) -> Result<(), IndexError> {
        self.is_for_receipts = true;
        let read = self.read(input);
        self.is_for_receipts = false;
        read
    }

    /// Whether receipts were dropped, so that the files have to be [read again for them](Self::read_receipts).
    pub(super) fn lacks_receipts(&self) -> bool {
        self.has_dropped
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
                Ok(digest) if digest.row.is_of_l2 => {}
                Ok(digest) => self.add_digest(digest, at)?,
                Err(_) if self.is_for_receipts => {}
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
        // A transaction may have the logs of its receipt beside it.
        let has_receipt = match calls {
            Calls::None | Calls::NoCalldata => true,
            Calls::Other => !events.list.is_empty(),
            Calls::Damaged(_) | Calls::Found { .. } => events != Events::default(),
        };
        if matches!(calls, Calls::Damaged(_)) && !self.is_for_receipts {
            self.by_hash.entry(hash).or_default();
        }
        if has_receipt {
            self.add_receipt(hash, Receipt { position, succeeded, events });
        }
        if self.is_for_receipts {
            return Ok(());
        }
        match calls {
            Calls::None => {}
            Calls::NoCalldata => self.pass_over(PassedOver::NoCalldata),
            Calls::Other => self.pass_over(PassedOver::OtherFunction),
            Calls::Damaged(_) if succeeded == Some(false) => self.pass_over(PassedOver::Failed),
            Calls::Damaged(damaged) => {
                self.pass_over(PassedOver::Damaged);
                let (transaction, source) = (at(Some(hash)), damaged.error.into());
                let batch = damaged.batch.filter(|_| damaged.action == Action::Commit);
                self.fault(L1Fault { transaction, batch, source });
            }
            Calls::Found { calldata_hash, is_nested, calls } => {
                let known = self.by_hash.entry(hash).or_default();
                let is_same = |at: &&usize| self.transactions[**at].calldata_hash == calldata_hash;
                if let Some(found) = known.iter().find(is_same) {
                    let transaction = &mut self.transactions[*found];
                    transaction.position = Position::best(transaction.position, position);
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
        let is_stray = receipt.events.list.is_empty() && !self.by_hash.contains_key(&hash);
        if is_stray && !self.receipts.contains_key(&hash) {
            if self.is_for_receipts {
                return;
            }
            if self.most_unknown == Some(self.unknown) {
                self.unknown = 0;
                self.has_dropped = true;
                let by_hash = &self.by_hash;
                self.receipts.retain(|hash, receipt| {
                    !receipt.events.list.is_empty() || by_hash.contains_key(hash)
                });
            }
            self.unknown += 1;
        }
        let known = self.receipts.entry(hash).or_default();
        known.position = Position::best(known.position, receipt.position);
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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn input(text: &str) -> Input {
        Input::from_reader("test", Cursor::new(text.to_owned())).unwrap()
    }

    /// Revert calls of a diamond, the second of which failed; it is told by the receipts behind many of others.
    #[test]
    fn receipts_of_others_are_dropped_and_those_that_matter_read_again() {
        let hash = |number: u64| format!("0x{number:064x}");
        let call = format!("0x7ca4eff7{:064x}{:064x}", 0xd1, 3);
        let transactions = format!("hash,input\n{},{call}\n{},{call}\n", hash(1), hash(2));
        let header = "transaction_hash,gas_used,status\n";
        let rows = [3, 2, 4, 5, 1, 6]
            .map(|number| format!("{},1,{}\n", hash(number), if number == 2 { 0 } else { 1 }));
        let receipts = format!("{header}{}", rows.concat());
        let mut reader = L1Reader::bounded(2);
        reader.read(input(&receipts)).unwrap();
        reader.read(input(&transactions)).unwrap();
        assert!(reader.lacks_receipts() && reader.receipts.len() <= 2);
        reader.read_receipts(input(&receipts)).unwrap();
        reader.read_receipts(input(&transactions)).unwrap();
        assert!(reader.receipts.len() <= 4);
        let of = |number: u8| {
            let mut hash = [0; 32];
            hash[31] = number;
            reader.receipts[&Hash::new(hash)].succeeded
        };
        assert_eq!((of(1), of(2)), (Some(true), Some(false)));
        assert_eq!((reader.transactions.len(), &reader.passed_over), (2, &BTreeMap::new()));
        // All transactions are known at once.
        let mut reader = L1Reader::bounded(2);
        reader.read(input(&transactions)).unwrap();
        reader.read(input(&receipts)).unwrap();
        assert!(
            reader.receipts.len() <= 4
                && reader.receipts.contains_key(&Hash::new({
                    let mut hash = [0; 32];
                    hash[31] = 2;
                    hash
                }))
        );
    }
}
