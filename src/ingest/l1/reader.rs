use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use rayon::prelude::*;
use thiserror::Error;

use super::{
    Action, CalldataError, ChainName, FaultKind, PassedOver, TransactionPlace,
    digest::{Calls, Digest, FoundCommit, FoundEffect},
    rows::{Events, Fault, Found, Position, Row, is_of_l2, read_table, rows_in},
    stored_pubdata::{PubdataPlace, StoredPubdata},
};
use crate::{
    archive::Place,
    files::Input,
    ingest::{
        IndexError,
        json::{JsonValues, is_json},
    },
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

/// A transaction with calls that matter. Its position and whether it failed are in its [`Receipt`].
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) hash: Hash,
    pub(super) place: TransactionPlace,
    pub(super) calldata_hash: Hash,
    /// The called contract. Copies of the transaction may name several.
    pub(super) to: BTreeSet<Address>,
    pub(super) is_nested: bool,
    pub(super) calls: Vec<(ChainName, FoundEffect<PubdataPlace>)>,
}

/// What all copies of a transaction and of its receipt say of it.
#[derive(Debug, Default)]
pub(super) struct Receipt {
    pub(super) position: Option<Position>,
    /// Whether the transaction succeeded: not if one copy says so.
    pub(super) succeeded: Option<bool>,
    /// A copy that contradicts those before it.
    pub(super) contradiction: Option<Box<TransactionPlace>>,
    pub(super) events: Events,
}

/// What was found in a file that is read for receipts only.
#[derive(Debug, Default)]
struct ReceiptsFile {
    /// Whether it has receipts of a ZKsync chain.
    has_others: bool,
    /// Whether it has receipts of transactions that are known, or events of diamonds.
    has_known: bool,
    faults: Vec<L1Fault>,
    more_faults: u64,
}

impl ReceiptsFile {
    /// Whether damage in it may be damage to receipts of L1. Those of a ZKsync chain are read as logs, too.
    fn may_be_of_l1(&self) -> bool {
        self.has_known || !self.has_others
    }
}

/// Reads transactions of L1 and their receipts from any number of files. Pubdata in calldata that do not fit into memory
/// are kept in a temporary file.
#[derive(Debug, Default)]
pub struct L1Reader {
    pub(super) transactions: Vec<Transaction>,
    /// The transactions with a hash. Damaged copies may have the same, and are not listed.
    by_hash: HashMap<Hash, Vec<usize>>,
    pub(super) receipts: HashMap<Hash, Receipt>,
    /// What the file that is read has, if only receipts of known transactions are taken.
    only_receipts: Option<ReceiptsFile>,
    /// The most receipts that are kept of transactions that are not known, if there is a limit.
    most_unknown: Option<usize>,
    /// At least the number of these.
    unknown: usize,
    has_dropped: bool,
    pub(super) passed_over: BTreeMap<PassedOver, u64>,
    pub(super) faults: Vec<L1Fault>,
    pub(super) more_faults: u64,
    /// Why files of receipts were not read, or not to their end.
    pub(super) unread: Vec<IndexError>,
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
        if is_json(input.head()) {
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

    /// Reads a file for the receipts of the transactions that were read before. Nothing else in it counts. Damage in it
    /// is noted.
    ///
    /// # Errors
    /// [`IndexError`] when the system cannot read the file.
    pub(super) fn read_receipts(&mut self, input: Input) -> Result<(), IndexError> {
        let (file, read) = self.read_only_receipts(input);
        let may_be_of_l1 = file.may_be_of_l1();
        if may_be_of_l1 {
            self.more_faults += file.more_faults;
            file.faults.into_iter().for_each(|fault| self.fault(fault));
        }
        match read {
            Err(error) if error.is_io() => return Err(error),
            Err(error) if may_be_of_l1 => self.unread.push(error),
            _ => {}
        }
        Ok(())
    }

    /// Reads a file again for receipts that were dropped.
    ///
    /// # Errors
    /// As [`L1Reader::read`].
    pub(super) fn read_again(&mut self, input: Input) -> Result<(), IndexError> {
        self.read_only_receipts(input).1
    }

    fn read_only_receipts(&mut self, input: Input) -> (ReceiptsFile, Result<(), IndexError>) {
        self.only_receipts = Some(ReceiptsFile::default());
        let read = self.read(input);
        (self.only_receipts.take().unwrap_or_default(), read)
    }

    /// Whether receipts were dropped, so that the files have to be [read again for them](Self::read_receipts).
    pub(super) fn lacks_receipts(&self) -> bool {
        self.has_dropped
    }

    fn read_json(&mut self, name: &Arc<str>, input: Input) -> Result<(), IndexError> {
        JsonValues::of_lines(input).each_chunk(|piece| {
            let only_receipts = self.only_receipts.is_some();
            let digests = (0..piece.len()).into_par_iter().flat_map_iter(|index| {
                let (text, place) = piece.value(index);
                let mut found = Vec::new();
                // There may be very many of them, and they need not be parsed.
                match only_receipts && is_of_l2(text) {
                    true => found.push(Ok(Row::of_l2())),
                    false => rows_in(text, &mut found),
                }
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
                Ok(digest) if digest.row.is_of_l2 => {
                    self.only_receipts.iter_mut().for_each(|file| file.has_others = true);
                }
                Ok(digest) => self.add_digest(digest, at)?,
                Err(Fault { hash, kind }) => {
                    let fault = L1Fault { transaction: at(hash), batch: None, source: kind.into() };
                    match &mut self.only_receipts {
                        Some(file) if file.faults.len() < MOST_FAULTS => file.faults.push(fault),
                        Some(file) => file.more_faults += 1,
                        None => {
                            self.pass_over(PassedOver::Damaged);
                            self.fault(fault);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn add_digest(
        &mut self,
        Digest { row, calls }: Digest,
        at: impl Fn(Option<Hash>) -> TransactionPlace,
    ) -> Result<(), IndexError> {
        let Row { hash, position, to, succeeded, events, .. } = row;
        let has_call = matches!(calls, Calls::Damaged(_) | Calls::Found { .. });
        if has_call && self.only_receipts.is_none() {
            self.by_hash.entry(hash).or_default();
        }
        // A transaction may have what its receipt says beside it.
        if !matches!(calls, Calls::Other) || !events.list.is_empty() {
            let receipt = Receipt { position, succeeded, contradiction: None, events };
            self.add_receipt(hash, receipt, || at(Some(hash)));
        }
        if self.only_receipts.is_some() {
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
                    self.transactions[*found].to.extend(to);
                    self.pass_over(PassedOver::Repeated);
                    return Ok(());
                }
                known.push(self.transactions.len());
                let store = |(chain, effect)| Ok((chain, self.pubdata.keep(effect)?));
                let calls = calls.into_iter().map(store).collect::<Result<_, IndexError>>()?;
                let (place, to) = (at(Some(hash)), to.into_iter().collect());
                self.transactions.push(Transaction {
                    hash,
                    place,
                    calldata_hash,
                    to,
                    is_nested,
                    calls,
                });
            }
        }
        Ok(())
    }

    fn add_receipt(
        &mut self,
        hash: Hash,
        receipt: Receipt,
        place: impl FnOnce() -> TransactionPlace,
    ) {
        let is_stray = receipt.events.list.is_empty() && !self.by_hash.contains_key(&hash);
        if let Some(file) = &mut self.only_receipts {
            file.has_known |= !is_stray;
        }
        if is_stray && !self.receipts.contains_key(&hash) {
            if self.only_receipts.is_some() {
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
        known.position = Position::joined(known.position, receipt.position);
        match (known.succeeded, receipt.succeeded) {
            (Some(before), Some(now)) if before != now => {
                known.succeeded = Some(false);
                known.contradiction.get_or_insert_with(|| Box::new(place()));
            }
            (before, now) => known.succeeded = before.or(now),
        }
        known.events.are_all |= receipt.events.are_all;
        known.events.list.extend(receipt.events.list);
    }

    pub(super) fn pass_over(&mut self, reason: PassedOver) {
        *self.passed_over.entry(reason).or_default() += 1;
    }

    /// Names the transactions that copies contradict, in the order of their places.
    pub(super) fn name_contradictions(&mut self) {
        let matters = |hash, receipt: &Receipt| {
            self.by_hash.contains_key(hash) || !receipt.events.list.is_empty()
        };
        let contradicted = self.receipts.iter().filter(|(hash, receipt)| matters(hash, receipt));
        let mut places: Vec<TransactionPlace> = contradicted
            .filter_map(|(_, receipt)| receipt.contradiction.as_deref().cloned())
            .collect();
        places.sort_unstable_by(|one, other| {
            (&one.name, one.place, one.hash).cmp(&(&other.name, other.place, other.hash))
        });
        for transaction in places {
            let known = transaction.hash.and_then(|hash| self.by_hash.get(&hash));
            let mut calls =
                known.into_iter().flatten().flat_map(|at| &self.transactions[*at].calls);
            let batch = calls.find_map(|(chain, effect)| match effect {
                FoundEffect::Commit(commit) => Some((*chain, commit.info.batch)),
                _ => None,
            });
            self.fault(L1Fault { transaction, batch, source: FaultKind::Contradicted.into() });
        }
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
        // Those of the two transactions, and two others.
        assert!(reader.lacks_receipts() && reader.receipts.len() <= 4);
        reader.read_again(input(&receipts)).unwrap();
        reader.read_again(input(&transactions)).unwrap();
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
