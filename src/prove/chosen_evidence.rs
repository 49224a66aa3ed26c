//! Chooses the evidence among the files of directories: one settlement layer's newest state, whole or in parts,
//! the events of its MessageRoot, and its batches on L1.

use std::{
    cell::Cell,
    cmp::Reverse,
    path::{Path, PathBuf},
};

use super::{
    ChainDifference, Error, ObserverHandle, StateUse, SurveyedState, TreesOptions,
    read_state::ReadState,
};
use crate::{
    contracts::{Layout, system},
    files::{ReopenableInput, TemporaryDirectory, names, temporary_directory},
    forest::{
        DifferingRoot, Forest, HistoryError, ListedRoots, RootsByBlock, StateRoots, TreeFile,
        TreeFileError, rebuild_to_file,
    },
    ingest::{
        FileKind, FoundFile, FoundFiles,
        l1::L1Files,
        logs::SourceFormat,
        state::{Dump, ImportError},
    },
    primitives::{ChainId, SlBlock},
    proof::FailureCode,
    state::StorageReader,
};

/// The evidence among some files.
#[derive(Debug, Default)]
pub struct ChosenEvidence {
    /// The state or the tree file. Several files are parts of one state.
    pub state: Vec<PathBuf>,
    /// The files of events.
    pub events: Vec<PathBuf>,
    /// The files of L1 with the batches of the settlement layer.
    pub l1: L1Files,
    /// Every file of a state or of trees, with what it is used for.
    pub seen: Vec<SurveyedState>,
    /// What was read of the state to choose it.
    pub(super) read: Option<ReadState>,
}

/// A whole state that was rebuilt.
struct Whole {
    paths: Vec<PathBuf>,
    /// Its trees and its roots by block.
    file: TreeFile,
    block: Option<SlBlock>,
    /// The state, unless it is a tree file, or older than another one.
    dump: Option<Dump>,
}

impl Whole {
    fn forest(&self) -> &Forest {
        self.file.forest()
    }

    /// By what grows with time: the batches, the chains, the block of the newest root, and the block of the state.
    fn age(&self) -> (u64, usize, Option<SlBlock>, Option<SlBlock>) {
        let forest = self.forest();
        (forest.batch_count(), forest.chains().len(), self.newest_root(), self.block)
    }

    fn newest_root(&self) -> Option<SlBlock> {
        self.forest().latest().map(|latest| latest.block)
    }

    /// A block after which nothing in the trees happened. `None` if none is known.
    fn last_change(&self) -> Option<SlBlock> {
        match self.block {
            // Before v31 a registration stores no root.
            None if self.forest().layout() < Layout::V31 => None,
            block => block.max(self.newest_root()),
        }
    }

    fn seen(self, usage: StateUse) -> SurveyedState {
        let (batches, block) = (self.forest().batch_count(), self.block);
        let sl_chain = Some(self.forest().sl_chain());
        SurveyedState { sl_chain, block, batches, usage, paths: self.paths }
    }
}

impl ChosenEvidence {
    /// Chooses the evidence among `found`. Each state is rebuilt to see what it is. Of several whole states the
    /// newest is used, and the others have to be its past. States that are not whole are joined, those of one
    /// directory first, and used if that makes a whole one. `with_tree_files` also considers tree files.
    ///
    /// # Errors
    /// [`Error`] if a file cannot be read, or a temporary file not be written. What is wrong with a file is in
    /// [`ChosenEvidence::seen`].
    pub fn among(
        found: &FoundFiles,
        options: &TreesOptions,
        with_tree_files: bool,
    ) -> Result<Self, Error> {
        let is_state = |kind: FileKind| {
            kind.is_evidence()
                && !kind.has_events()
                && !kind.is_of_l1()
                && (with_tree_files || kind != FileKind::TreeFile)
        };
        let events = found.of(FileKind::has_events).map(|file| file.path.clone()).collect();
        // Blobs alone show nothing: without the commits, it is not known whose they are.
        let l1 = Some(found.of_l1()).filter(|l1| !l1.transactions.is_empty()).unwrap_or_default();
        let mut chosen = Self { events, l1, ..Self::default() };
        let states: Vec<&FoundFile> = found.of(is_state).collect();
        if let ([only], true) = (&states[..], options.batch_roots_only) {
            chosen.state = vec![only.path.clone()];
            return Ok(chosen);
        }
        let rebuilder = Rebuilder::new(options)?;
        let (mut whole, mut partial) = (Vec::new(), Vec::new());
        for FoundFile { path, .. } in states {
            match rebuilder.rebuild(std::slice::from_ref(path)) {
                Ok(next) => keep(&mut whole, next, options.sl_chain),
                Err(failed) if is_partial(&failed.error) => {
                    partial.push(PartialState { path: path.clone(), failed });
                }
                Err(Failed { error, .. }) if is_io(&error) => return Err(error),
                Err(Failed { error, .. }) => {
                    chosen.note(vec![path.clone()], StateUse::Unusable(error));
                }
            }
        }
        // A dump of a whole database has the state behind the tables by which its kind is detected.
        if whole.is_empty() && partial.is_empty() && chosen.is_nothing() {
            let is_database = |kind| kind == FileKind::Logs(SourceFormat::Postgres);
            for FoundFile { path, .. } in found.of(is_database) {
                match rebuilder.rebuild(std::slice::from_ref(path)) {
                    Ok(next) => keep(&mut whole, next, options.sl_chain),
                    // It has no such table.
                    Err(Failed { error: Error::Import(ImportError::Unknown { .. }), .. }) => {}
                    Err(Failed { error, .. }) if is_io(&error) => return Err(error),
                    Err(Failed { error, .. }) => {
                        chosen.note(vec![path.clone()], StateUse::Unusable(error));
                    }
                }
            }
        }
        for joined in rebuilder.join(&mut partial)? {
            keep(&mut whole, joined, options.sl_chain);
        }
        for PartialState { path, failed: Failed { error, imports_roots, .. } } in partial {
            let usage = match imports_roots {
                true => StateUse::Importer,
                false if error.code() == FailureCode::TreeDiffers => StateUse::Unusable(error),
                false => StateUse::Part(error),
            };
            chosen.note(vec![path], usage);
        }
        chosen.choose(whole, &rebuilder.options, options.sl_chain);
        chosen.seen.sort_by(|one, other| one.paths.cmp(&other.paths));
        Ok(chosen)
    }

    /// Whether there is neither evidence nor anything that was taken for it.
    fn is_nothing(&self) -> bool {
        self.state.is_empty()
            && self.events.is_empty()
            && self.l1.is_empty()
            && self.seen.is_empty()
    }

    fn note(&mut self, paths: Vec<PathBuf>, usage: StateUse) {
        let state = SurveyedState { paths, sl_chain: None, block: None, batches: 0, usage };
        self.seen.push(state);
    }

    /// Uses the newest of the whole states.
    fn choose(&mut self, mut whole: Vec<Whole>, options: &TreesOptions, sl_chain: Option<ChainId>) {
        // The sort is stable: of equal states the first one is used.
        whole.sort_by_key(|whole| Reverse(whole.age()));
        let Some(newest) = whole.iter().position(|whole| is_of(whole, sl_chain)) else {
            self.seen.extend(whole.into_iter().map(|whole| whole.seen(StateUse::OtherLayer)));
            return;
        };
        let mut newest = whole.remove(newest);
        for other in whole {
            let usage = match newest.forest().sl_chain() == other.forest().sl_chain() {
                true => match contradiction(&newest, &other, options) {
                    Ok(None) => StateUse::Past,
                    Ok(Some(error)) => StateUse::Contradicts(error),
                    Err(error) => StateUse::Unusable(error),
                },
                false => StateUse::OtherLayer,
            };
            self.seen.push(other.seen(usage));
        }
        let forest = newest.forest().clone();
        self.read = newest.dump.take().map(|dump| ReadState { dump, forest });
        self.state = newest.paths.clone();
        self.seen.push(newest.seen(StateUse::Evidence));
    }

    /// Checks that the choice is certain: that there is evidence, that no state contradicts it, and that all
    /// states are of one settlement layer unless `sl_chain` names it.
    ///
    /// # Errors
    /// [`Error`] naming the files.
    pub fn check(&mut self, sl_chain: Option<ChainId>) -> Result<(), Error> {
        let used = self.seen.iter().find(|state| matches!(state.usage, StateUse::Evidence));
        let used = used.map(|state| (names(&state.paths), state.sl_chain));
        let nothing = self.state.is_empty() && self.events.is_empty() && self.l1.is_empty();
        for state in std::mem::take(&mut self.seen) {
            match state.usage {
                StateUse::Contradicts(error) => return Err(error),
                StateUse::Unusable(error) | StateUse::Part(error) if nothing => return Err(error),
                StateUse::OtherLayer if sl_chain.is_none() => {
                    let (first, first_chain) = used.unwrap_or_default();
                    return Err(Error::TwoSettlementLayers {
                        first,
                        first_chain: first_chain.unwrap_or_default(),
                        second: names(&state.paths),
                        second_chain: state.sl_chain.unwrap_or_default(),
                    });
                }
                _ => self.seen.push(state),
            }
        }
        if nothing {
            let what =
                "there is no state of a settlement layer, no tree file, no events and no commits on L1".to_owned();
            return Err(Error::NothingFound { code: FailureCode::NothingFound, what });
        }
        Ok(())
    }
}

fn is_of(whole: &Whole, sl_chain: Option<ChainId>) -> bool {
    sl_chain.is_none_or(|sl_chain| whole.forest().sl_chain() == sl_chain)
}

/// Adds a state. Only the one that would be used stays in memory.
fn keep(whole: &mut Vec<Whole>, mut next: Whole, sl_chain: Option<ChainId>) {
    let older = |one: &Whole| is_of(one, sl_chain) && one.age() >= next.age();
    if !is_of(&next, sl_chain) || whole.iter().any(older) {
        next.dump = None;
    } else {
        whole.iter_mut().for_each(|one| one.dump = None);
    }
    whole.push(next);
}

/// Why one state is not the past of a newer one: they differ in a registration, in a batch, or in the root of a block
/// that both have to have.
fn contradiction(
    newer: &Whole,
    older: &Whole,
    options: &TreesOptions,
) -> Result<Option<Error>, Error> {
    let (new, old) = (newer.forest(), older.forest());
    let named = || (names(&newer.paths), names(&older.paths));
    let (new_roots, old_roots) = (newer.file.history()?, older.file.history()?);
    let new_roots = ListedRoots::of(&new_roots, new, newer.block);
    let old_roots = ListedRoots::of(&old_roots, old, older.block);
    let last = newer.last_change();
    let has_all = last.is_some() && last <= old_roots.end();
    if let Some(difference) = ChainDifference::first(new, old, has_all) {
        let (newer, older) = named();
        return Ok(Some(Error::NotItsPast { newer, older, difference }));
    }
    let lost = match &newer.dump {
        // The state has the root of every block, the list only of those that were tried.
        Some(dump) => {
            let message_root = options.state.addresses(&dump.state)?.message_root;
            StateRoots::of(&dump.state, message_root, new).first_differing(old_roots.iter())
        }
        None => new_roots.first_differing(old_roots.iter()),
    };
    let lost = lost.map_err(HistoryError::from)?;
    let not_in_older = old_roots.first_differing(new_roots.iter()).map_err(HistoryError::from)?;
    let swapped =
        not_in_older.map(|of| DifferingRoot { own: of.other, other: of.own, block: of.block });
    Ok(lost.or(swapped).map(|differing| {
        let (newer, older) = named();
        Error::OtherRoots { newer, older, differing }
    }))
}

/// Rebuilds states to see what they are. The trees are kept in files.
struct Rebuilder {
    options: TreesOptions,
    scratch: TemporaryDirectory,
    count: Cell<u32>,
}

/// A file of a state that is not that of a settlement layer, or not whole.
struct PartialState {
    path: PathBuf,
    failed: Failed,
}

/// Why a state was not rebuilt, and what was read of it.
struct Failed {
    error: Error,
    block: Option<SlBlock>,
    imports_roots: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, block: None, imports_roots: false }
    }
}

impl Rebuilder {
    fn new(options: &TreesOptions) -> Result<Self, Error> {
        let scratch = temporary_directory()?;
        let options = TreesOptions {
            events: Vec::new(),
            from_l1: Vec::new(),
            sl_chain: None,
            l1: None,
            batch_roots_only: false,
            observer: ObserverHandle::default(),
            ..options.clone()
        };
        Ok(Self { options, scratch, count: Cell::new(0) })
    }

    fn rebuild(&self, paths: &[PathBuf]) -> Result<Whole, Failed> {
        if let [path] = paths
            && let Some(file) = self.options.tree_file(path)?
        {
            self.options.expect(&file)?;
            let block = file.block();
            return Ok(Whole { paths: paths.to_vec(), file, block, dump: None });
        }
        let dump =
            self.options.read(paths.iter().map(|path| ReopenableInput::new(path)).collect())?;
        let file = self.trees_of(&dump).map_err(|error| {
            let imported = dump.state.slot_count(system::INTEROP_ROOT_STORAGE);
            let imports_roots = imported.is_some_and(|imported| imported > 0);
            Failed { error, block: dump.state.block(), imports_roots }
        })?;
        let block = file.block();
        Ok(Whole { paths: paths.to_vec(), file, block, dump: Some(dump) })
    }

    /// The trees of a state, in a temporary file.
    fn trees_of(&self, dump: &Dump) -> Result<TreeFile, Error> {
        let number = self.count.replace(self.count.get() + 1);
        let target = self.scratch.path().join(format!("{number}.sltree"));
        let rebuilt = rebuild_to_file(&dump.state, &self.options.rebuild(dump)?, None, &target);
        rebuilt.map_err(|error| {
            let name = dump.name.clone();
            match error {
                // The file is only for this choice.
                TreeFileError::Rebuild(source) => Error::Rebuild { name, source },
                source => Error::TreeFile { name, source },
            }
        })?;
        Ok(TreeFile::open(&target, self.options.state.access)?)
    }

    /// Joins the parts of each state and removes them from `partial`.
    fn join(&self, partial: &mut Vec<PartialState>) -> Result<Vec<Whole>, Error> {
        let (mut whole, mut tried) = (Vec::new(), Vec::new());
        // What is left may be the parts of another state, once those of one are known.
        while let Some(joined) =
            possible_states(partial).into_iter().find(|joined| !tried.contains(joined))
        {
            match self.rebuild(&joined) {
                Ok(next) => {
                    partial.retain(|part| !joined.contains(&part.path));
                    whole.push(next);
                }
                Err(Failed { error, .. }) if is_io(&error) => return Err(error),
                Err(_) => {}
            }
            tried.push(joined);
        }
        Ok(whole)
    }
}

/// The files that may be all parts of one state: those of each directory, then all. Files that name a block are
/// parts only of the state of this block.
fn possible_states(partial: &[PartialState]) -> Vec<Vec<PathBuf>> {
    let parts = || partial.iter().filter(|part| !part.failed.imports_roots);
    let mut directories: Vec<Option<&Path>> = parts().map(|part| part.path.parent()).collect();
    directories.dedup();
    let mut blocks: Vec<Option<SlBlock>> = parts().map(|part| part.failed.block).collect();
    blocks.push(None);
    blocks.sort_unstable();
    blocks.dedup();
    let mut possible = Vec::new();
    for directory in directories.into_iter().map(Some).chain([None]) {
        for &block in &blocks {
            let joined: Vec<PathBuf> = parts()
                .filter(|part| directory.is_none_or(|directory| part.path.parent() == directory))
                .filter(|part| part.failed.block.is_none() || part.failed.block == block)
                .map(|part| part.path.clone())
                .collect();
            if joined.len() > 1 && !possible.contains(&joined) {
                possible.push(joined);
            }
        }
    }
    possible
}

/// Whether a state may be a part of one, or of another chain. Where slots are missing, the trees differ too.
fn is_partial(error: &Error) -> bool {
    match error {
        Error::Rebuild { .. } => true,
        Error::Import(error) => matches!(error, ImportError::Pages { .. }),
        _ => false,
    }
}

fn is_io(error: &Error) -> bool {
    matches!(error.code(), FailureCode::ReadFailed | FailureCode::WriteFailed)
}
