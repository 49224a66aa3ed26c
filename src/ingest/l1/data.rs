//! All files of L1 together: transactions and blobs.

use std::{error::Error as StdError, ops::Range, path::PathBuf};

use thiserror::Error;

use super::{
    Commits, CommittedBatch, Execution, L1Batch, L1Batches, L1Chains, L1Fault, L1Files, L1Reader,
    LayerRecord, LayerRecordError, LayerRecorder, LostPubdata, PublishedBatch, StoredBatchInfo,
    TransactionPlace, batches::lost, blobs::Blobs, linear_hashes, pubdata_bytes,
    reader::MOST_UNKNOWN,
};
use crate::{
    contracts::MessageRoot,
    files::{InputSequence, OutputError, ReadProgressHandle, Scratch},
    ingest::{IndexError, logs::EraPubdata},
    message::BatchLogs,
    primitives::{Address, BatchNumber, ChainId, SlBatch},
    snapshot::Snapshot,
    state::StorageReader,
};

/// The indices of chains whose registration shows that a chain is a settlement layer. Bridgehub admits 100 chains.
const MOST_PROBED: u64 = 128;

/// Why files of L1 do not show a settlement layer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum L1DataError {
    /// A file could not be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// What the batches publish could not be put together.
    #[error(transparent)]
    Record(#[from] LayerRecordError),
    /// The files have no commits.
    #[error(
        "the files of L1 have no transaction that commits a batch of a settlement layer{unusable}"
    )]
    NoCommits {
        /// The first transaction that cannot be used, if there is one, as the end of a sentence.
        unusable: String,
    },
    /// The files have no commits of the diamond that was given.
    #[error("the files of L1 have no commits of the diamond {given}; they have those of {found}")]
    NoDiamond {
        /// The diamond.
        given: Address,
        /// The chains in the files.
        found: String,
    },
    /// No chain among several is a settlement layer.
    #[error(
        "the files of L1 have the commits of {found}; none of them publishes that a chain was registered at \
         MessageRoot {message_root}, so none is known to be a settlement layer{unusable}"
    )]
    NoLayer {
        /// The chains in the files.
        found: String,
        /// The address of MessageRoot.
        message_root: Address,
        /// The first transaction that cannot be used, if there is one, as the end of a sentence.
        unusable: String,
    },
    /// A transaction executes a batch that is too far away from the others.
    #[error(
        "{transaction} executes SL batch {batch}, which cannot be in one history with SL batch {first}; if the \
         transaction is not of the settlement layer, remove it, or give the receipts"
    )]
    TooFar {
        /// The first batch.
        first: SlBatch,
        /// The batch at fault.
        batch: SlBatch,
        /// The transaction.
        transaction: TransactionPlace,
    },
    /// Several chains are settlement layers.
    #[error(
        "the files of L1 have the commits of several settlement layers: {found}; one has to be given"
    )]
    SeveralLayers {
        /// The settlement layers in the files.
        found: String,
    },
}

impl L1DataError {
    /// Whether the files can be read, and no settlement layer is in them.
    #[must_use]
    pub fn is_without_layer(&self) -> bool {
        matches!(self, Self::NoCommits { .. } | Self::NoLayer { .. })
    }
}

impl From<OutputError> for L1DataError {
    fn from(error: OutputError) -> Self {
        Self::Index(error.into())
    }
}

/// The transactions and blobs in files of L1.
#[derive(Debug)]
pub struct L1Data {
    /// The files with transactions.
    transactions: Vec<PathBuf>,
    chains: L1Chains,
    blobs: Blobs,
}

/// A settlement layer in files of L1.
#[derive(Debug)]
pub struct L1Layer {
    /// The index of its commits.
    chain: usize,
    /// What its batches show of its trees.
    pub record: LayerRecord,
    /// The batches whose pubdata are lost.
    pub lost: Vec<LostPubdata>,
}

impl L1Data {
    /// Reads all transactions, then all blobs, each file once; files with very many receipts of others twice. The bytes read
    /// are reported to `watcher`.
    ///
    /// # Errors
    /// [`L1DataError::Index`] if a file cannot be read, or a temporary file cannot be written.
    pub fn read(files: &L1Files, watcher: &ReadProgressHandle) -> Result<Self, L1DataError> {
        let (mut reader, mut inputs) = (L1Reader::bounded(MOST_UNKNOWN), InputSequence::default());
        for path in &files.transactions {
            reader.read(inputs.open(path, watcher).map_err(IndexError::from)?)?;
        }
        for path in &files.receipts {
            match inputs.open(path, watcher).map_err(IndexError::from) {
                Ok(input) => reader.read_receipts(input)?,
                Err(error) if error.is_io() => return Err(error.into()),
                Err(error) => reader.unread.push(error),
            }
        }
        if reader.lacks_receipts() {
            for path in &files.transactions {
                reader.read_again(inputs.open(path, watcher).map_err(IndexError::from)?)?;
            }
        }
        let chains = reader.finish();
        let wanted = linear_hashes(chains.chains().iter().flat_map(Commits::batches));
        let blobs = Blobs::read(&files.blobs, &wanted, Scratch::temporary()?, watcher)?;
        Ok(Self { transactions: files.transactions.clone(), chains, blobs })
    }

    /// The files with transactions.
    #[must_use]
    pub fn transactions(&self) -> &[PathBuf] {
        &self.transactions
    }

    /// The chains whose batches L1 commits.
    #[must_use]
    pub fn chains(&self) -> &L1Chains {
        &self.chains
    }

    /// The blobs.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The commits of a settlement layer.
    #[must_use]
    pub fn commits(&self, layer: &L1Layer) -> &Commits {
        &self.chains.chains()[layer.chain]
    }

    /// What cannot be used: files of receipts, and transactions, but for those of other chains.
    pub fn unusable<'d>(
        &'d self,
        layer: &L1Layer,
    ) -> impl Iterator<Item = &'d (dyn StdError + 'static)> {
        let names = self.commits(layer).names();
        let may_matter =
            |fault: &&L1Fault| fault.batch.is_none_or(|(chain, _)| names.contains(&chain));
        let faults = self.chains.faults().iter().filter(may_matter);
        let files = self.chains.unread().iter().map(|error| error as &dyn StdError);
        files.chain(faults.map(|fault| fault as &dyn StdError))
    }

    fn first_unusable(&self) -> String {
        let faults = self.chains.faults();
        let count = faults.len() as u64 + self.chains.more_faults();
        faults.first().map_or_else(String::new, |first| match count {
            1 => format!("; {first}: {}", first.source),
            count => format!("; {first}, nor can {} more: {}", count - 1, first.source),
        })
    }

    /// The commits of all chains but the settlement layer, each with the chain id: the one in the commits, else the
    /// one that `find` returns for a committed batch. Those whose id is not known are left out.
    pub fn others<'d>(
        &'d self,
        layer: &L1Layer,
        find: impl Fn(&CommittedBatch) -> Option<ChainId>,
    ) -> Vec<(ChainId, &'d Commits)> {
        let others = self.chains.chains().iter().enumerate().filter(|(at, _)| *at != layer.chain);
        let with_ids = others.filter_map(|(_, commits)| {
            let chain = commits.chain().or_else(|| commits.batches().iter().find_map(&find))?;
            Some((chain, commits))
        });
        with_ids.collect()
    }

    /// What the batches of the settlement layer publish: the one with this diamond, or the only one that publishes
    /// the registration of a chain at MessageRoot.
    ///
    /// # Errors
    /// [`L1DataError`] if there is none, or there are several.
    pub fn layer(
        &self,
        diamond: Option<Address>,
        message_root: Address,
    ) -> Result<L1Layer, L1DataError> {
        let all = self.chains.chains();
        let found = || names(all.iter());
        if let Some(given) = diamond {
            let chain = all.iter().position(|commits| commits.is_of_diamond(given));
            let chain = chain.ok_or_else(|| match all.is_empty() {
                true => L1DataError::NoCommits { unusable: self.first_unusable() },
                false => L1DataError::NoDiamond { given, found: found() },
            })?;
            return self.layer_of(chain, message_root, true);
        }
        let slots: Vec<_> = (1..=MOST_PROBED).map(MessageRoot::<Snapshot>::chain_at_slot).collect();
        let (mut layers, mut unusual) = (Vec::new(), None);
        for (chain, commits) in all.iter().enumerate() {
            if commits.batches().iter().all(|batch| batch.data.pubdata_hash().is_none()) {
                continue;
            }
            let layer = match self.layer_of(chain, message_root, true) {
                // Another chain may have numbers that no settlement layer has.
                Err(
                    error @ (L1DataError::TooFar { .. }
                    | L1DataError::Record(LayerRecordError::TooFar { .. })),
                ) => {
                    unusual = unusual.or(Some(error));
                    continue;
                }
                layer => layer?,
            };
            let since = layer.record.first_values.first_writes(message_root, &slots);
            if since.is_some_and(|since| since.iter().any(Option::is_some)) {
                layers.push(layer);
            }
        }
        match (layers.pop(), &layers[..]) {
            (Some(only), []) => Ok(only),
            (Some(last), _) => {
                let layers = layers.iter().chain([&last]).map(|layer| self.commits(layer));
                Err(L1DataError::SeveralLayers { found: names(layers) })
            }
            (None, _) if all.is_empty() => {
                Err(L1DataError::NoCommits { unusable: self.first_unusable() })
            }
            (None, _) => {
                let unusable = self.first_unusable();
                let none = || L1DataError::NoLayer { found: found(), message_root, unusable };
                Err(unusual.unwrap_or_else(none))
            }
        }
    }

    /// As [`L1Data::layer`], without the state diffs that were [found](LayerRecord::has_found_diffs).
    pub(crate) fn without_found_diffs(
        &self,
        layer: &L1Layer,
        message_root: Address,
    ) -> Result<L1Layer, L1DataError> {
        self.layer_of(layer.chain, message_root, false)
    }

    fn layer_of(
        &self,
        chain: usize,
        message_root: Address,
        with_found: bool,
    ) -> Result<L1Layer, L1DataError> {
        let commits = &self.chains.chains()[chain];
        let mut recorder = LayerRecorder::new(commits.chain())?;
        let mut losses = Vec::new();
        let range = commits.range().map_or(0..=0, |range| range.start().0..=range.end().0);
        let mut next = *range.start();
        for batch in L1Batches::new(commits, &self.blobs) {
            let L1Batch { committed, pubdata } = batch?;
            without_commits(&mut recorder, commits, next..committed.batch.0)?;
            add(&mut recorder, committed, (pubdata, with_found), &mut losses)?;
            // The recorder takes no number of more than 32 bits.
            next = committed.batch.0 + 1;
        }
        let end = *range.end();
        without_commits(&mut recorder, commits, next..end)?;
        if next <= end {
            let executed = commits.executed(SlBatch(end));
            add_missing(&mut recorder, SlBatch(end), executed)?;
        }
        let has_found = recorder.has_found_diffs();
        let mut record = match recorder.finish() {
            Err(LayerRecordError::WrittenTwice { .. }) if has_found => {
                return self.layer_of(chain, message_root, false);
            }
            record => record?,
        };
        record.is_before_v29 = commits.batches().iter().all(|batch| batch.info.version == 0);
        record.read_stored_nodes((commits, &self.blobs), message_root)?;
        Ok(L1Layer { chain, record, lost: losses })
    }

    /// Passes the batches of one chain with their bytes to `take`, in their order.
    ///
    /// # Errors
    /// Those of `take`, and [`OutputError`] if a temporary file cannot be read.
    pub(in crate::ingest) fn each_pubdata<E: From<OutputError>>(
        &self,
        commits: &Commits,
        mut take: impl FnMut(&CommittedBatch, Result<&[u8], LostPubdata>) -> Result<(), E>,
    ) -> Result<(), E> {
        for batch in commits.batches() {
            match pubdata_bytes(commits, &self.blobs, batch)? {
                Ok(bytes) => take(batch, Ok(&bytes))?,
                Err(lost) => take(batch, Err(lost))?,
            }
        }
        Ok(())
    }
}

/// Adds the batches whose commits are missing and whose roots executions name.
fn without_commits(
    recorder: &mut LayerRecorder,
    commits: &Commits,
    numbers: Range<u64>,
) -> Result<(), L1DataError> {
    let mut executed = commits.executed_in(SlBatch(numbers.start)..SlBatch(numbers.end));
    executed.try_for_each(|(batch, executed)| add_missing(recorder, *batch, Some(executed)))
}

/// Adds a batch whose commit is missing. An execution may name its root.
fn add_missing(
    recorder: &mut LayerRecorder,
    batch: SlBatch,
    executed: Option<&(StoredBatchInfo, TransactionPlace)>,
) -> Result<(), L1DataError> {
    let root = executed.map(|(info, _)| info.logs_root);
    recorder.missing(batch, root, root.map(|_| true)).map_err(|error| match (error, executed) {
        (LayerRecordError::TooFar { first, .. }, Some((_, transaction))) => {
            L1DataError::TooFar { first, batch, transaction: transaction.clone() }
        }
        (error, _) => error.into(),
    })
}

fn add(
    recorder: &mut LayerRecorder,
    batch: &CommittedBatch,
    (pubdata, with_found): (Result<EraPubdata, LostPubdata>, bool),
    losses: &mut Vec<LostPubdata>,
) -> Result<(), L1DataError> {
    let (number, root) = (batch.batch, batch.info.logs_root);
    let executed = match batch.execution {
        Execution::Executed => Some(true),
        Execution::NotExecuted => Some(false),
        Execution::Unknown => None,
    };
    let read = pubdata.and_then(|EraPubdata { logs, messages, diffs }| {
        let logs = BatchLogs::new(ChainId::default(), BatchNumber(number.0), logs, messages, None);
        let logs = logs.map_err(|error| lost(batch, error.into()))?;
        Ok((logs, diffs))
    });
    let (logs, diffs) = match read {
        Ok(read) => read,
        Err(mut error) => {
            let left = error.left.take();
            losses.push(error);
            let first_index = batch.previous.next_index;
            match left {
                Some(mut left) => {
                    left.diffs = left.diffs.filter(|_| with_found);
                    recorder.add_part((number, root, executed), first_index, &left)?;
                }
                None => recorder.missing(number, Some(root), executed)?,
            }
            return Ok(());
        }
    };
    Ok(recorder.add(&PublishedBatch {
        batch: number,
        root,
        executed,
        logs: logs.view(),
        first_index: batch.previous.next_index,
        first_values: &diffs.initial,
    })?)
}

fn names<'c>(chains: impl Iterator<Item = &'c Commits>) -> String {
    let names = chains.map(|commits| {
        let names: Vec<String> = commits.names().iter().map(ToString::to_string).collect();
        names.join(", also ")
    });
    names.collect::<Vec<_>>().join("; ")
}
