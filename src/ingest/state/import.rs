//! Imports dumps into a snapshot.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use super::{
    DumpMeta, Format, ImportError, Note, anvil, anvil_zksync, detect,
    era::{self, EraSnapshot, Order},
    geth, hex_text,
    slot_collector::Collector,
    slot_record::Record,
    snapshot_builder::{Build, FirstWrites, Probe},
    space::Space,
    stated_roots::StatedRoots,
    storage_range::{self, Pages},
    table,
};
use crate::{
    contracts::system::MESSAGE_ROOT,
    files::{
        Access, Input, ReadProgressHandle, ReopenableInput, ShowPath, container::is_container,
    },
    ingest::{FileKind, guess},
    primitives::{Address, ChainId, Hash, SlBatch, SlBlock},
    snapshot::{Columns, Snapshot, SnapshotHeader, SnapshotWriter, Source},
    state::keys::SlotForm,
};

/// The most slots read into memory: 400 MiB while they are sorted, 256 MiB afterwards.
pub const MOST_IN_MEMORY: usize = 1 << 22;

/// The options of an import.
#[derive(Clone, Debug)]
pub struct Import {
    /// The format of the dumps. `None` detects it from the content.
    pub format: Option<Format>,
    /// The account whose storage is in pages of `debug_storageRangeAt`, and in tables whose rows do not name
    /// it.
    pub account: Option<Address>,
    /// The block of the state. Tables with a column of blocks are read as of this block; it must be the
    /// block of every dump that names one.
    pub last_block: Option<SlBlock>,
    /// The address of MessageRoot. One of its slots is never zero; its key shows whether keys are reversed.
    pub message_root: Address,
    /// The settlement layer's chain id. `None` reads it from MessageRoot.
    pub sl_chain: Option<ChainId>,
    /// How a snapshot file is accessed.
    pub access: Access,
    /// The most slots read into memory.
    pub most_in_memory: usize,
    /// The receiver of the read progress.
    pub watcher: ReadProgressHandle,
}

impl Default for Import {
    fn default() -> Self {
        Self {
            format: None,
            account: None,
            last_block: None,
            message_root: MESSAGE_ROOT,
            sl_chain: None,
            access: Access::default(),
            most_in_memory: MOST_IN_MEMORY,
            watcher: ReadProgressHandle::default(),
        }
    }
}

/// A state that was read.
#[derive(Debug)]
pub struct Dump {
    /// Its name in messages.
    pub name: String,
    /// Its format.
    pub format: Format,
    /// Its storage.
    pub state: Snapshot,
    /// Findings that the user should know.
    pub notes: Vec<Note>,
}

/// A snapshot that was written.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Its header.
    pub header: SnapshotHeader,
    /// The format of the first dump.
    pub format: Format,
    /// Findings that the user should know.
    pub notes: Vec<Note>,
}

impl Import {
    /// Reads the state at `path` (`-` for standard input) into memory, or opens the snapshot there.
    ///
    /// # Errors
    /// As [`super::read_state`].
    pub fn read(&self, path: &Path) -> Result<Dump, ImportError> {
        self.read_opening(ReopenableInput::new(path))
    }

    /// As [`Import::read`], from an open input.
    ///
    /// # Errors
    /// As [`super::read_state`].
    pub fn read_input(&self, input: Input) -> Result<Dump, ImportError> {
        self.read_opening(ReopenableInput::of(input))
    }

    /// As [`Import::read`], from an input that may be open already.
    pub(crate) fn read_opening(&self, mut input: ReopenableInput) -> Result<Dump, ImportError> {
        if let Some(state) = self.snapshot(&mut input)? {
            let (name, format) = (state.name().to_owned(), Format::Snapshot);
            return Ok(Dump { name, format, state, notes: Vec::new() });
        }
        let name = input.name().to_owned();
        let finished = self.run(&mut [input], Space::memory(self.most_in_memory), || {
            Ok(SnapshotWriter::in_memory(&name)?)
        })?;
        let ImportOutput { writer, header, collector, format, notes } = finished;
        let state = writer.into_snapshot(header, collector.accounts.as_ref())?;
        Ok(Dump { name, format, state, notes })
    }

    /// Merges the dumps at `paths` into one snapshot at `target`. Dumps must agree on slots that several of
    /// them have. Memory stays below a gibibyte; data that does not fit goes to temporary files next to the
    /// target.
    ///
    /// # Errors
    /// [`ImportError`] as for reading, and if the snapshot cannot be written. A file at `target` is then
    /// unchanged.
    pub fn to_file(&self, paths: &[PathBuf], target: &Path) -> Result<Imported, ImportError> {
        self.inputs_to_file(paths.iter().map(|path| ReopenableInput::new(path)).collect(), target)
    }

    /// As [`Import::to_file`], from inputs that may be open already.
    pub(crate) fn inputs_to_file(
        &self,
        mut inputs: Vec<ReopenableInput>,
        target: &Path,
    ) -> Result<Imported, ImportError> {
        let finished =
            self.run(&mut inputs, Space::beside(target), || Ok(SnapshotWriter::create(target)?))?;
        let ImportOutput { writer, header, collector, format, notes } = finished;
        let header = writer.commit(header, collector.accounts.as_ref())?;
        Ok(Imported { header, format, notes })
    }

    /// Opens the input as a snapshot, if it is one.
    fn snapshot(&self, input: &mut ReopenableInput) -> Result<Option<Snapshot>, ImportError> {
        if input.is_directory()? {
            return Ok(None);
        }
        let opened = input.open(&self.watcher)?;
        let is_snapshot = match self.format {
            Some(format) => format == Format::Snapshot,
            None => is_container(opened.head()),
        };
        if is_snapshot {
            return Ok(Some(Snapshot::open(input.file()?, self.access)?));
        }
        input.put_back(opened);
        Ok(None)
    }

    /// Reads all inputs, and once more if the first pass finds that they must be read in another way.
    fn run<W: Write + Send>(
        &self,
        inputs: &mut [ReopenableInput],
        space: Space,
        writer: impl Fn() -> Result<SnapshotWriter<W>, ImportError>,
    ) -> Result<ImportOutput<W>, ImportError> {
        let mut how = ReadMode { order: Order::Ascending, reversed: false };
        loop {
            let attempt = ImportPass {
                import: self,
                how,
                collector: Collector::new(space.clone(), how.reversed, self.last_block),
                pages: Pages::default(),
                source: Source::default(),
                dated: None,
                format: None,
            };
            match attempt.run(inputs, writer()?)? {
                Ended::ImportOutput(finished) => return Ok(*finished),
                Ended::Retry(next) => how = next,
            }
        }
    }
}

/// The assumptions of a pass.
#[derive(Clone, Copy, Debug)]
struct ReadMode {
    order: Order,
    reversed: bool,
}

enum Ended<W> {
    ImportOutput(Box<ImportOutput<W>>),
    /// An assumption was wrong. The next pass uses this mode.
    Retry(ReadMode),
}

/// A snapshot whose entries are written.
struct ImportOutput<W> {
    writer: SnapshotWriter<W>,
    header: SnapshotHeader,
    collector: Collector,
    format: Format,
    notes: Vec<Note>,
}

/// Detects the format of a dump. The error for a file of another kind names its kind.
fn detect_format(input: &Input) -> Result<Format, ImportError> {
    detect::detect(input).map_err(|error| match (error, guess(input)) {
        (ImportError::Unknown { name, .. }, Some(kind)) if kind != FileKind::OtherTable => {
            ImportError::Unknown { name, found: format!("it is {kind}") }
        }
        (error, _) => error,
    })
}

/// One pass over all inputs.
struct ImportPass<'i> {
    import: &'i Import,
    how: ReadMode,
    collector: Collector,
    pages: Pages,
    source: Source,
    /// The first input that names its block.
    dated: Option<String>,
    format: Option<Format>,
}

impl ImportPass<'_> {
    fn run<W: Write + Send>(
        mut self,
        inputs: &mut [ReopenableInput],
        writer: SnapshotWriter<W>,
    ) -> Result<Ended<W>, ImportError> {
        let count = inputs.len();
        let lens = inputs.iter().filter_map(ReopenableInput::len);
        self.import.watcher.expect(lens.sum());
        if count > 1 {
            self.collector.stated = Some(StatedRoots::new(&self.collector.space));
        }
        for input in inputs {
            match self.input(input)? {
                None => {}
                Some(_) if count > 1 => {
                    let format = Format::EraSnapshot;
                    return Err(ImportError::NotAlone { name: input.name().to_owned(), format });
                }
                Some(snapshot) => return self.era(&snapshot, writer),
            }
        }
        self.pages.check()?;
        if let Some(stated) = self.collector.stated.take() {
            stated.check(&self.collector.inputs)?;
        }
        let first_writes = self.collector.are_dated().then_some(FirstWrites::Blocks);
        let build = Build::new(writer, self.import.message_root, first_writes);
        self.build(build, Vec::new(), None)
    }

    /// Reads an input into the sort. A snapshot of a zksync-era node is only located.
    fn input(&mut self, input: &mut ReopenableInput) -> Result<Option<EraSnapshot>, ImportError> {
        self.collector.begin(input.name());
        let given = self.import.format;
        if input.is_directory()? && given.is_none_or(|format| format == Format::EraSnapshot) {
            return self.find_era(input).map(Some);
        }
        let opened = hex_text::unwrap(input.open(&self.import.watcher)?)?;
        let format = match given {
            Some(format) => format,
            None => detect_format(&opened)?,
        };
        let sink = &mut self.collector;
        let facts = match format {
            Format::Anvil => anvil::read(opened, sink),
            Format::AnvilZksync => anvil_zksync::read(opened, sink),
            Format::Geth => geth::read(opened, sink, SlotForm::Plain),
            Format::GethSnapshot => geth::read(opened, sink, SlotForm::Keccak),
            Format::StorageRange => {
                storage_range::read(opened, self.import.account, sink, &mut self.pages)
            }
            Format::Table => table::read(opened, self.import.account, sink),
            Format::Snapshot => Err(ImportError::SnapshotAlready { name: input.name().to_owned() }),
            Format::EraSnapshot => return self.find_era(input).map(Some),
        }?;
        self.found(format, facts, input.name())?;
        Ok(None)
    }

    fn find_era(&mut self, input: &ReopenableInput) -> Result<EraSnapshot, ImportError> {
        self.found(Format::EraSnapshot, DumpMeta { block: None }, input.name())?;
        Ok(EraSnapshot::find(input.file()?)?)
    }

    /// Records the format and block of an input. All inputs that name a block must name the same one.
    fn found(&mut self, format: Format, facts: DumpMeta, name: &str) -> Result<(), ImportError> {
        let text = format.to_string();
        if !self.source.format.split(", ").any(|known| known == text) {
            let separator = if self.source.format.is_empty() { "" } else { ", " };
            self.source.format = format!("{}{separator}{text}", self.source.format);
        }
        self.format = self.format.or(Some(format));
        let Some(block) = facts.block else { return Ok(()) };
        match (self.source.block.replace(block), &self.dated) {
            (Some(before), Some(dated)) if before != block => Err(ImportError::TwoBlocks {
                first: dated.clone(),
                first_block: before,
                second: name.into(),
                second_block: block,
            }),
            _ => {
                self.dated.get_or_insert(name.into());
                Ok(())
            }
        }
    }

    fn era<W: Write + Send>(
        mut self,
        snapshot: &EraSnapshot,
        writer: SnapshotWriter<W>,
    ) -> Result<Ended<W>, ImportError> {
        let ReadMode { order, reversed } = self.how;
        self.source.batch = Some(SlBatch(snapshot.batch.into()));
        self.source.block = snapshot.block;
        self.collector.accounts = None;
        self.collector.era_keys = true;
        self.collector.inputs =
            snapshot.chunks.iter().map(|chunk| chunk.shown().to_string()).collect();
        let batches = Some(FirstWrites::Batches);
        let mut build = Build::new(writer, self.import.message_root, batches);
        let mut last: Option<Hash> = None;
        let learned =
            era::read(snapshot, order, reversed, &self.import.watcher, |chunk, piece| {
                let Some((first, end)) = piece.range else { return Ok(true) };
                let (batches, indexes) = (&piece.batches, &piece.indexes);
                match order {
                    Order::Ascending => {
                        let follows = piece.ascending && last.is_none_or(|last| last < first);
                        last = Some(end);
                        let slots = build.written() + piece.entries.len() as u64;
                        self.collector.space.check(slots, &self.collector.inputs[chunk])?;
                        let columns = Columns::Batches { batches, indexes };
                        Ok(follows && build.take_sorted(&piece.entries, columns)?)
                    }
                    Order::Unknown => {
                        let input = (chunk as u32).to_le_bytes();
                        let record = |at: usize| {
                            let (entry, index, batch) =
                                (piece.entries[at], indexes[at], batches[at]);
                            Record { entry, index, batch, input }
                        };
                        self.collector.records((0..piece.entries.len()).map(record))?;
                        Ok(true)
                    }
                }
            })?;
        let Some(learned) = learned else {
            return Ok(Ended::Retry(ReadMode { order: Order::Unknown, ..self.how }));
        };
        let mut notes = Vec::new();
        if let Some(first) = learned.first_missing {
            notes.push(Note::MissingIndexes { missing: learned.enumeration.missing, first });
        }
        self.collector.hashed = learned.hashed;
        self.build(build, notes, Some(learned.enumeration))
    }

    /// Sorts the collected slots, writes them, and evaluates what was found on the way.
    fn build<W: Write + Send>(
        mut self,
        mut build: Build<W>,
        mut notes: Vec<Note>,
        enumeration: Option<crate::snapshot::Enumeration>,
    ) -> Result<Ended<W>, ImportError> {
        self.import.watcher.all_read();
        self.date(&mut notes)?;
        let are_too_new = self.collector.versions.are_too_new();
        let has_versions = self.collector.versions.newest().is_some();
        let (slots, newest) = self.collector.take_all()?;
        if has_versions {
            build.take_dated(slots, newest, &self.collector.inputs)?;
        } else {
            build.take_all(slots, &self.collector.inputs)?;
        }
        let Collector { era_keys, trie_keys, .. } = self.collector;
        if era_keys && trie_keys && self.collector.inputs.len() > 1 {
            // A slot of two inputs may have been counted twice.
            self.collector.accounts = None;
            notes.push(Note::TwoForms);
        }
        if build.merged > 0 {
            // A slot in both forms was counted twice.
            self.collector.accounts = None;
            notes.push(Note::Merged { slots: build.merged });
        }
        let (writer, seen) = build.finish();
        if writer.entries() == 0 {
            let name = self.collector.inputs.first().cloned().unwrap_or_default();
            return Err(match self.import.last_block {
                Some(wanted) if are_too_new => ImportError::NoRowUpTo { name, wanted },
                _ => ImportError::NoSlots { name },
            });
        }
        if self.is_reversed(seen) {
            return Ok(Ended::Retry(ReadMode { order: Order::Unknown, reversed: true }));
        }
        if self.how.reversed {
            notes.push(Note::ReversedKeys);
        }
        let header = SnapshotHeader {
            entries: 0,
            era_keys: self.collector.era_keys,
            trie_keys: self.collector.trie_keys,
            sl_chain: self.import.sl_chain.or_else(|| seen.sl_chain()),
            enumeration,
            source: self.source,
        };
        let format = self.format.unwrap_or(Format::Table);
        let collector = self.collector;
        Ok(Ended::ImportOutput(Box::new(ImportOutput { writer, header, collector, format, notes })))
    }

    /// Finds the block of the state, which is the wanted one, or that of the newest version of a slot.
    fn date(&mut self, notes: &mut Vec<Note>) -> Result<(), ImportError> {
        let wanted = self.import.last_block;
        if let Some((newest, input)) = self.collector.versions.newest() {
            let name = self.collector.inputs.get(input as usize).cloned().unwrap_or_default();
            let block = wanted.unwrap_or(newest);
            if newest < block {
                notes.push(Note::EndsBefore { newest, wanted: block });
            }
            self.found(Format::Table, DumpMeta { block: Some(block) }, &name)?;
        }
        if let (Some(wanted), Some(stated)) = (wanted, self.source.block)
            && wanted != stated
        {
            let name = self.dated.take().or_else(|| self.collector.inputs.first().cloned());
            return Err(ImportError::OtherBlock { name: name.unwrap_or_default(), stated, wanted });
        }
        self.source.block = self.source.block.or(wanted);
        Ok(())
    }

    fn is_reversed(&self, seen: Probe) -> bool {
        self.collector.hashed && !self.how.reversed && !seen.written && seen.reversed
    }
}
