use std::path::Path;

use super::{
    BatchBlocks, BatchCheck, RelayedBy, SkippedInputs, SourceFormat,
    batch_sink::{BatchSink, BatchSinkState},
    jsonl,
    node_tables::NodeTables,
    postgres, pubdata,
    receipts::Receipts,
};
use crate::{
    archive::{Archive, ArchiveHeader, ArchiveWriter, Collector, Origin, Place, in_memory},
    files::{Access, Input, Spill},
    ingest::IndexError,
    primitives::ChainId,
};

/// What a raw archive may take in memory: once as it was read and once as it is searched, each in a
/// buffer that doubles as it grows.
const LIMIT: usize = 192 << 20;

/// What sources do not say themselves.
#[derive(Clone, Debug, Default)]
pub struct SourceOptions {
    /// The form of all of them; told by content where it is not given.
    pub format: Option<SourceFormat>,
    /// The chain whose logs they hold.
    pub chain: Option<ChainId>,
    /// Which blocks the chain's batches have.
    pub blocks: BatchBlocks,
    /// Whose messages carry the pubdata of other chains.
    pub relayed: Option<RelayedBy>,
    /// How archive files are read.
    pub access: Access,
}

/// Reads sources one after another, of one form or several.
struct SourceReader<'c> {
    options: SourceOptions,
    state: BatchSinkState<'c>,
    /// Where sorted records go that take much memory.
    spill: Spill,
    receipts: Option<Receipts>,
    tables: Option<NodeTables>,
}

impl<'c> SourceReader<'c> {
    fn read(
        &mut self,
        input: Input,
        collector: &mut Collector,
    ) -> Result<SourceFormat, IndexError> {
        let format = self.options.format.map_or_else(|| SourceFormat::detect(&input), Ok)?;
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
            SourceFormat::Jsonl => jsonl::read(input, self.options.chain, intake)?,
            SourceFormat::Pubdata => pubdata::read_file(input, &self.options, intake)?,
            SourceFormat::PubdataList => {
                let output = match &self.spill {
                    Spill::Memory => None,
                    Spill::Beside(target) => Some(&**target),
                };
                pubdata::read_list(input, &self.options, output, intake)?;
            }
            SourceFormat::Receipts => {
                let receipts = match &mut self.receipts {
                    Some(receipts) => receipts,
                    none => {
                        let chain = needs_chain(&self.options, &input, format)?;
                        none.insert(Receipts::new(chain, &self.spill))
                    }
                };
                receipts.read(input, intake)?;
            }
            SourceFormat::Postgres => {
                let tables = match &mut self.tables {
                    Some(tables) => tables,
                    none => {
                        let chain = needs_chain(&self.options, &input, format)?;
                        none.insert(NodeTables::new(chain, &self.spill))
                    }
                };
                postgres::read(input, tables, intake)?;
            }
        }
        Ok(format)
    }

    /// Puts together what could not be before everything was read.
    fn finish(&mut self, collector: &mut Collector) -> Result<(), IndexError> {
        let mut intake = BatchSink { collector, state: &mut self.state };
        if let Some(receipts) = self.receipts.take() {
            receipts.finish(&self.options.blocks, &mut intake)?;
        }
        if let Some(tables) = self.tables.take() {
            tables.finish(&self.options.blocks, &mut intake)?;
        }
        intake.flush()
    }
}

fn needs_chain(
    options: &SourceOptions,
    input: &Input,
    format: SourceFormat,
) -> Result<ChainId, IndexError> {
    let needs = || IndexError::NeedsChain { name: input.name().into(), format };
    options.chain.ok_or_else(needs)
}

fn open_native(input: &Input, access: Access) -> Result<Archive, IndexError> {
    let path = input.path().ok_or_else(|| IndexError::Piped { name: input.name().into() })?;
    Ok(Archive::open(path, access)?)
}

/// Opens an archive of any form (`-` for standard input): an archive file is mapped, or read as
/// `access` says; a raw archive is read into memory.
///
/// # Errors
/// [`IndexError`] naming the file, and the place in it: when it is damaged, a message is not its log's,
/// two parts contradict each other, or the form needs what only an [`Indexer`] can be told.
pub fn read_archive(path: &Path, access: Access) -> Result<Archive, IndexError> {
    read_archive_input(Input::open(path)?, access)
}

/// Opens an archive of which the first bytes were read already.
///
/// # Errors
/// As [`read_archive`].
pub fn read_archive_input(input: Input, access: Access) -> Result<Archive, IndexError> {
    if SourceFormat::detect(&input)? == SourceFormat::Native {
        return open_native(&input, access);
    }
    let name = input.name().to_owned();
    let mut collector = Collector::new(&Spill::Memory, LIMIT);
    let options = SourceOptions { access, ..SourceOptions::default() };
    let state = BatchSinkState::default();
    let spill = Spill::Memory;
    let mut reading = SourceReader { options, state, spill, receipts: None, tables: None };
    reading.read(input, &mut collector)?;
    reading.finish(&mut collector)?;
    Ok(in_memory(collector, &name)?)
}

/// Makes an archive file of sources of any form: what is wrong with a batch costs that batch.
pub struct Indexer<'c> {
    writer: ArchiveWriter,
    reading: SourceReader<'c>,
}

/// What became of the sources.
#[derive(Debug)]
pub struct Indexed {
    /// What the archive holds.
    pub header: ArchiveHeader,
    /// How many batches were given again, and merged.
    pub merged: u64,
    /// What was left out.
    pub faults: SkippedInputs,
    /// How many batches the check knew no root of.
    pub unknown: u64,
    /// How many batches lack the bytes of some of their messages, and so have none.
    pub without_messages: u64,
    /// How many logs were in no batch yet when their source was written.
    pub in_no_batch_yet: u64,
    /// How many messages carried the pubdata of another batch.
    pub relayed: u64,
}

impl<'c> Indexer<'c> {
    /// Begins an archive, which takes the place of `path` in [`Indexer::finish`]. Batches that `check`
    /// finds incomplete are left out.
    ///
    /// # Errors
    /// [`IndexError::Output`] when the folder cannot be written to.
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
        Ok(Self {
            writer,
            reading: SourceReader { options, state, spill, receipts: None, tables: None },
        })
    }

    /// Reads a source, in the form that it has or that was given. An archive file is checked first, so
    /// that damage in it does not become part of a new one.
    ///
    /// # Errors
    /// [`IndexError`] when the source as a whole cannot be read.
    pub fn read(&mut self, input: Input) -> Result<SourceFormat, IndexError> {
        self.reading.read(input, &mut self.writer.collector)
    }

    /// Notes a source that is none, as those of a folder may be.
    pub fn pass_over(&mut self, error: IndexError) {
        self.reading.state.faults.add(error);
    }

    /// What was left out so far.
    #[must_use]
    pub fn faults(&self) -> &SkippedInputs {
        &self.reading.state.faults
    }

    /// Puts the archive on disk and under its name, unless it would be empty.
    ///
    /// # Errors
    /// [`IndexError::Output`] when writing fails; what stood under the name is then as it was.
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
            without_messages: state.without_messages,
            in_no_batch_yet: state.in_no_batch_yet,
            relayed: state.relayed_found,
        })
    }
}
