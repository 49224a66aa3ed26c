use std::{collections::BTreeMap, path::Path};

use super::{
    BatchBlocks, BatchCheck, RelayedBy, SkippedInputs, SourceFormat,
    batch_sink::{BatchSink, BatchSinkState},
    executions, jsonl, l1_pubdata,
    node_tables::NodeTables,
    postgres, pubdata,
    receipts::Receipts,
};
use crate::{
    archive::{Archive, ArchiveHeader, ArchiveWriter, Collector, Origin, Place, in_memory},
    files::{Access, Input, Spill},
    ingest::{
        IndexError,
        event_logs::ColumnNames,
        l1::{Commits, L1Data},
    },
    primitives::ChainId,
};

/// The memory for a raw archive, in bytes: once as it is read and once as it is searched, each in a buffer
/// that doubles as it grows.
const LIMIT: usize = 192 << 20;

/// Facts that sources do not contain.
#[derive(Clone, Debug, Default)]
pub struct SourceOptions {
    /// The format of all sources. `None` detects it from the content.
    pub format: Option<SourceFormat>,
    /// The chain of the logs.
    pub chain: Option<ChainId>,
    /// The blocks of the chain's batches.
    pub blocks: BatchBlocks,
    /// The messages that may hold the pubdata of other chains.
    pub relayed: Option<RelayedBy>,
    /// The columns of events that have other names than exporters give them.
    pub columns: ColumnNames,
    /// How archive files are accessed.
    pub access: Access,
}

/// Reads sources one after another, in one format or several.
struct SourceReader<'c> {
    options: SourceOptions,
    state: BatchSinkState<'c>,
    /// Where large sorted records are stored.
    spill: Spill,
    receipts: BTreeMap<ChainId, Receipts>,
    tables: BTreeMap<ChainId, NodeTables>,
    /// The blocks of the batches of further chains.
    blocks: BTreeMap<ChainId, BatchBlocks>,
}

impl<'c> SourceReader<'c> {
    fn new(options: SourceOptions, state: BatchSinkState<'c>, spill: Spill) -> Self {
        let (receipts, tables, blocks) = Default::default();
        Self { options, state, spill, receipts, tables, blocks }
    }

    fn read(
        &mut self,
        input: Input,
        chain: Option<ChainId>,
        collector: &mut Collector,
    ) -> Result<SourceFormat, IndexError> {
        let format = match self.options.format {
            Some(format) => format,
            None => SourceFormat::detect_with(&input, &self.options.columns)?,
        };
        let intake = &mut BatchSink { collector, state: &mut self.state };
        match format {
            SourceFormat::Native => {
                let archive = open_native(&input, self.options.access)?;
                archive.check()?;
                let origin = Origin { source: intake.source(archive.name()), place: Place::Whole };
                for batch in archive.batches() {
                    intake.copy(&batch?, origin)?;
                }
            }
            SourceFormat::Jsonl => jsonl::read(input, chain, intake)?,
            SourceFormat::Executions => executions::read(input, chain, intake)?,
            SourceFormat::Pubdata => pubdata::read_file(input, chain, intake)?,
            SourceFormat::PubdataList => pubdata::read_list(input, chain, intake)?,
            SourceFormat::Receipts => {
                let chain = needs_chain(chain, &input, format)?;
                let new = || Receipts::new(chain, &self.spill);
                let receipts = self.receipts.entry(chain).or_insert_with(new);
                receipts.read(input, intake)?;
            }
            SourceFormat::EventLogs => {
                let chain = needs_chain(chain, &input, format)?;
                let new = || Receipts::new(chain, &self.spill);
                let receipts = self.receipts.entry(chain).or_insert_with(new);
                receipts.read_exported(input, &self.options.columns, intake)?;
            }
            SourceFormat::Postgres => {
                let chain = needs_chain(chain, &input, format)?;
                let new = || NodeTables::new(chain, &self.spill);
                let tables = self.tables.entry(chain).or_insert_with(new);
                postgres::read(input, tables, intake)?;
            }
        }
        Ok(format)
    }

    /// Assembles what needs all sources.
    fn finish(&mut self, collector: &mut Collector) -> Result<(), IndexError> {
        let mut intake = BatchSink { collector, state: &mut self.state };
        let blocks = |chain| self.blocks.get(&chain).unwrap_or(&self.options.blocks);
        for (chain, receipts) in std::mem::take(&mut self.receipts) {
            receipts.finish(blocks(chain), &mut intake)?;
        }
        for (chain, tables) in std::mem::take(&mut self.tables) {
            tables.finish(blocks(chain), &mut intake)?;
        }
        intake.finish()
    }
}

fn needs_chain(
    chain: Option<ChainId>,
    input: &Input,
    format: SourceFormat,
) -> Result<ChainId, IndexError> {
    chain.ok_or_else(|| IndexError::NeedsChain { name: input.name().into(), format })
}

fn open_native(input: &Input, access: Access) -> Result<Archive, IndexError> {
    let path = input.path().ok_or_else(|| IndexError::Piped { name: input.name().into() })?;
    Ok(Archive::open(path, access)?)
}

/// Opens an archive in any format (`-` for standard input). An archive file is mapped, or read as `access`
/// says; a raw archive is read into memory.
///
/// # Errors
/// [`IndexError`] naming the file and the position, if the archive is damaged, a message does not match its
/// log, two parts contradict each other, or the format needs facts that only an [`Indexer`] can be given.
pub fn read_archive(path: &Path, access: Access) -> Result<Archive, IndexError> {
    read_archive_input(Input::open(path)?, None, access)
}

/// As [`read_archive`], from an open input. Without a format, it is detected from the content.
///
/// # Errors
/// As [`read_archive`].
pub fn read_archive_input(
    input: Input,
    format: Option<SourceFormat>,
    access: Access,
) -> Result<Archive, IndexError> {
    let format = format.map_or_else(|| SourceFormat::detect(&input), Ok)?;
    if format == SourceFormat::Native {
        return open_native(&input, access);
    }
    let name = input.name().to_owned();
    let mut collector = Collector::new(&Spill::Memory, LIMIT);
    let options = SourceOptions { format: Some(format), access, ..SourceOptions::default() };
    let state = BatchSinkState::default();
    let mut reading = SourceReader::new(options, state, Spill::Memory);
    reading.read(input, None, &mut collector)?;
    reading.finish(&mut collector)?;
    Ok(in_memory(collector, &name)?)
}

/// Makes an archive file from sources in any format. A damaged batch excludes only itself.
pub struct Indexer<'c> {
    writer: ArchiveWriter,
    reading: SourceReader<'c>,
}

/// The result of indexing sources.
#[derive(Debug)]
pub struct Indexed {
    /// The header of the archive.
    pub header: ArchiveHeader,
    /// The number of batches that occurred again and were merged.
    pub merged: u64,
    /// The parts that were left out.
    pub faults: SkippedInputs,
    /// The number of batches whose root the check does not have.
    pub unknown: u64,
    /// The number of batches that were left out: they were in messages that anyone may have sent, and the check has
    /// no root of them.
    pub unproven: u64,
    /// The number of batches without messages, because the bytes of some are missing.
    pub without_messages: u64,
    /// The number of logs that were in no batch yet when their source was written.
    pub in_no_batch_yet: u64,
    /// The number of messages that held the pubdata of another batch.
    pub relayed: u64,
}

impl<'c> Indexer<'c> {
    /// Begins an archive. [`Indexer::finish`] puts it at `path`. Batches that `check` finds incomplete are
    /// left out.
    ///
    /// # Errors
    /// [`IndexError::Output`] if the directory is not writable.
    pub fn create(
        path: &Path,
        options: SourceOptions,
        check: Option<&'c dyn BatchCheck>,
    ) -> Result<Self, IndexError> {
        let writer = ArchiveWriter::create(path)?;
        let state = BatchSinkState {
            goes_on: true,
            check,
            relayed: options.relayed,
            ..BatchSinkState::default()
        };
        let spill = Spill::beside(path);
        Ok(Self { writer, reading: SourceReader::new(options, state, spill) })
    }

    /// Reads a source, in the given or detected format. An archive file is checked first, so that damage is
    /// not copied into the new one.
    ///
    /// # Errors
    /// [`IndexError`] if the source as a whole cannot be read.
    pub fn read(&mut self, input: Input) -> Result<SourceFormat, IndexError> {
        self.read_of(self.reading.options.chain, input)
    }

    /// As [`Indexer::read`], for a source of this chain. One archive can take sources of several chains that
    /// do not name them.
    ///
    /// # Errors
    /// As [`Indexer::read`].
    pub fn read_of(
        &mut self,
        chain: Option<ChainId>,
        input: Input,
    ) -> Result<SourceFormat, IndexError> {
        self.reading.read(input, chain, &mut self.writer.collector)
    }

    /// Reads the logs in files of L1: what the settlement layer with this chain id relays in its messages, and what
    /// the `others` committed on L1 themselves. Messages of anyone are read, unless a sender was given: the check
    /// refuses what does not fold.
    ///
    /// # Errors
    /// [`IndexError::Output`] if a temporary file cannot be read or written.
    pub fn read_l1(
        &mut self,
        data: &L1Data,
        (sl_chain, layer): (ChainId, &Commits),
        others: &[(ChainId, &Commits)],
    ) -> Result<(), IndexError> {
        let by = self.reading.options.relayed.unwrap_or(RelayedBy::Anyone);
        let collector = &mut self.writer.collector;
        let mut sink = BatchSink { collector, state: &mut self.reading.state };
        l1_pubdata::relayed(data, layer, sl_chain, by, &mut sink)?;
        for (chain, commits) in others {
            l1_pubdata::committed(data, commits, *chain, &mut sink)?;
        }
        Ok(())
    }

    /// Sets the blocks of a chain's batches, for sources of this chain.
    pub fn set_blocks(&mut self, chain: ChainId, blocks: BatchBlocks) {
        self.reading.blocks.insert(chain, blocks);
    }

    /// The number of batches taken so far, before duplicates are merged. Those of receipts and of a node's
    /// tables are taken by [`Indexer::finish`].
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.writer.collector.added().batches + self.reading.state.queue.len() as u64
    }

    /// Notes a source that is left out.
    pub fn leave_out(&mut self, error: IndexError) {
        self.reading.state.faults.add(error);
    }

    /// The parts left out so far.
    #[must_use]
    pub fn faults(&self) -> &SkippedInputs {
        &self.reading.state.faults
    }

    /// Writes the archive to disk and gives it its name, unless it would be empty.
    ///
    /// # Errors
    /// [`IndexError::Output`] if writing fails. A file of that name is then unchanged.
    pub fn finish(mut self) -> Result<Indexed, IndexError> {
        self.reading.finish(&mut self.writer.collector)?;
        let mut state = self.reading.state;
        let (header, merged) = self.writer.commit_without(|conflict| {
            state.faults.add(conflict.into());
            Ok(())
        })?;
        Ok(Indexed {
            header,
            merged,
            faults: state.faults,
            unknown: state.unknown,
            unproven: state.unproven,
            without_messages: state.without_messages,
            in_no_batch_yet: state.in_no_batch_yet,
            relayed: state.relayed_found,
        })
    }
}
