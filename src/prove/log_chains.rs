//! The chain of logs that do not name it: the chain whose batch roots they make.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{Error, Extractor, Trees};
use crate::{
    contracts::Layout,
    files::{InputSequence, ReadProgressHandle, ShowPath, temporary_directory},
    forest::{ChainTree, Forest, chain_id_leaf},
    ingest::{
        FileKind, FoundFile, FoundFiles, IndexError,
        logs::{BatchBlocks, BatchCheck, BatchRoots, Indexer, SourceOptions, Verdict},
    },
    message::BatchView,
    primitives::{ChainId, Hash},
    proof::Target,
};

/// The number of batches that decide which chain logs belong to. Of further batches, those that fold for this
/// chain are not compared with others.
const ENOUGH: u64 = 16;

/// The chains of files that do not name theirs.
#[derive(Debug, Default)]
pub struct LogChains {
    chains: BTreeMap<PathBuf, ChainId>,
    /// All chains of the files that hold logs of several.
    mixed: BTreeMap<PathBuf, Vec<ChainId>>,
    blocks: BTreeMap<ChainId, BatchBlocks>,
    /// What is wrong with files of batches' blocks, which are not used.
    unusable: Vec<IndexError>,
}

impl LogChains {
    /// Finds the chains of the files among `found` that hold logs and do not name their chain. A file belongs to
    /// the chain for which the most of its batches fold to their roots in the trees. Files of one directory in
    /// which no batch is whole are tried together; if that does not help, they belong to the chain of the other
    /// files in the directory if all of these have the same one, or else to `otherwise`.
    ///
    /// The blocks of the batches are those in `source`, else those in the only file of blocks in the directory, unless it
    /// is damaged.
    ///
    /// # Errors
    /// [`Error`] if a file cannot be read, or a temporary file not be written. Damaged logs are no error:
    /// whoever reads them reports it.
    pub fn find(
        found: &FoundFiles,
        trees: &[&Trees],
        source: &SourceOptions,
        otherwise: Option<ChainId>,
    ) -> Result<Self, Error> {
        let mut groups: BTreeMap<&Path, Vec<&FoundFile>> = BTreeMap::new();
        let needs_chain =
            |file: &&FoundFile| file.needs_chain() || file.is_table_of(&source.columns);
        for file in found.files.iter().filter(needs_chain) {
            groups.entry(file.path.parent().unwrap_or(Path::new(""))).or_default().push(file);
        }
        let layer = |forest| Ok::<_, Error>((forest, Extractor::new(forest, Target::BatchRoot)?));
        let layers = trees.iter().filter_map(|trees| trees.forest()).map(layer);
        let layers: Vec<Layer<'_>> = layers.collect::<Result<_, _>>()?;
        let mut chains = Self::default();
        for (directory, files) in groups {
            let mut path = blocks_in(found, directory);
            let blocks = chains.blocks_of(otherwise, &mut path, source)?;
            let for_trials = SourceOptions { blocks, ..source.clone() };
            if !layers.is_empty() {
                let inputs = RefCell::default();
                let try_files = |files: &[&FoundFile]| {
                    Trial::of(files, &layers, &for_trials, &mut inputs.borrow_mut())
                };
                chains.find_in(&files, &try_files)?;
            }
            for file in files {
                let known = chains.of(&file.path).or(otherwise);
                if let Some(chain) = known {
                    chains.chains.insert(file.path.clone(), chain);
                    let blocks = chains.blocks_of(Some(chain), &mut path, source)?;
                    chains.blocks.insert(chain, blocks);
                }
            }
        }
        Ok(chains)
    }

    /// The blocks of a chain's batches: those in the file at `path`, or else in `source`. A file that is damaged is
    /// noted, and not read again.
    fn blocks_of(
        &mut self,
        chain: Option<ChainId>,
        path: &mut Option<&Path>,
        source: &SourceOptions,
    ) -> Result<BatchBlocks, Error> {
        match path.map(|path| BatchBlocks::read(path, chain)) {
            Some(Ok(blocks)) => return Ok(blocks),
            Some(Err(error)) if error.is_io() => return Err(error.into()),
            Some(Err(error)) => {
                self.unusable.push(error);
                *path = None;
            }
            None => {}
        }
        Ok(source.blocks.clone())
    }

    /// Finds the chains of the files of a directory, by trials.
    fn find_in(
        &mut self,
        files: &[&FoundFile],
        try_files: &dyn Fn(&[&FoundFile]) -> Result<Folding, Error>,
    ) -> Result<(), Error> {
        let mut undecided = Vec::new();
        let mut decided = BTreeSet::new();
        for file in files {
            let folding = try_files(&[*file])?;
            let Some(chain) = folding.most() else {
                undecided.push(*file);
                continue;
            };
            decided.insert(chain);
            self.chains.insert(file.path.clone(), chain);
            if folding.alone.len() > 1 {
                let chains = folding.alone.into_keys().collect();
                self.mixed.insert(file.path.clone(), chains);
            }
        }
        let together = if undecided.len() > 1 { try_files(&undecided)?.most() } else { None };
        let only = decided.first().copied().filter(|_| decided.len() == 1);
        if let Some(chain) = together.or(only) {
            let paths = undecided.into_iter().map(|file| file.path.clone());
            self.chains.extend(paths.map(|path| (path, chain)));
        }
        Ok(())
    }

    /// The error for a file that holds logs of several chains, which has to be split. `None` for other files.
    #[must_use]
    pub fn mixture(&self, path: &Path) -> Option<IndexError> {
        let (chains, taken) = (self.mixed.get(path)?.clone(), self.of(path)?);
        Some(IndexError::SeveralChains { name: path.shown().to_string(), chains, taken })
    }

    /// The chain of a file that does not name it, if it is known.
    #[must_use]
    pub fn of(&self, path: &Path) -> Option<ChainId> {
        self.chains.get(path).copied()
    }

    /// Gives an indexer the blocks of the chains' batches, and what is wrong with files of them.
    pub fn set_blocks(&mut self, indexer: &mut Indexer<'_>) {
        for (chain, blocks) in &self.blocks {
            indexer.set_blocks(*chain, blocks.clone());
        }
        self.unusable.drain(..).for_each(|error| indexer.leave_out(error));
    }
}

/// The only file of batches' blocks in a directory.
fn blocks_in<'f>(found: &'f FoundFiles, directory: &Path) -> Option<&'f Path> {
    let mut files = found
        .of(|kind| kind == FileKind::BatchBlocks)
        .map(|file| file.path.as_path())
        .filter(|path| path.parent() == Some(directory));
    files.next().filter(|_| files.next().is_none())
}

/// How many batches fold to their roots.
#[derive(Debug, Default)]
struct Folding {
    /// As batches of each chain. Batches with the same logs fold for several chains.
    batches: BTreeMap<ChainId, u64>,
    /// As batches of this chain and of no other.
    alone: BTreeMap<ChainId, u64>,
}

impl Folding {
    /// The chain for which the most batches fold. `None` if there is none, or more than one.
    fn most(&self) -> Option<ChainId> {
        let most = self.batches.values().max().copied();
        let mut best = self.batches.iter().filter(|(_, batches)| Some(**batches) == most);
        best.next().filter(|_| best.next().is_none()).map(|(chain, _)| *chain)
    }

    /// The chain that is decided already.
    fn decided(&self) -> Option<ChainId> {
        self.most().filter(|chain| self.batches.len() == 1 && self.batches[chain] >= ENOUGH)
    }
}

/// The trees of a settlement layer, and what compares batches with their roots.
type Layer<'f> = (&'f Forest, Extractor<'f>);

/// Counts for each chain of the trees how many batches fold to their roots as batches of this chain. Nothing
/// gets into the archive.
#[derive(Debug)]
struct Trial<'f> {
    layers: &'f [Layer<'f>],
    folding: RefCell<Folding>,
}

impl<'f> Trial<'f> {
    /// Reads all logs of some files.
    fn of(
        files: &[&FoundFile],
        layers: &'f [Layer<'f>],
        source: &SourceOptions,
        inputs: &mut InputSequence,
    ) -> Result<Folding, Error> {
        let dir = temporary_directory()?;
        let trial = Self { layers, folding: RefCell::default() };
        // No chain has this id. The trial replaces it by those of the trees.
        let nobody = Some(ChainId(0));
        let source = SourceOptions { relayed: None, ..source.clone() };
        let mut indexer = Indexer::create(&dir.path().join("none.slmsg"), source, Some(&trial))?;
        for file in files {
            let input = inputs.open(&file.path, &ReadProgressHandle::default());
            let read = input.map_err(IndexError::from);
            match read.and_then(|input| indexer.read_of(nobody, input)) {
                Err(error) if error.is_io() => return Err(error.into()),
                _ => {}
            }
        }
        match indexer.finish() {
            Err(error) if error.is_io() => return Err(error.into()),
            _ => {}
        }
        Ok(trial.folding.into_inner())
    }

    /// The chains for which a batch folds; of these only `only`, if it is given.
    fn folds_for(&self, batch: &BatchView<'_>, only: Option<ChainId>) -> Vec<ChainId> {
        let mut found = Vec::new();
        for (forest, extractor) in self.layers {
            let is_asked = |tree: &&ChainTree| only.is_none_or(|only| tree.chain() == only);
            let has_batch = |tree: &&ChainTree| tree.find(batch.batch()).is_some();
            let chains = forest.chains().iter().filter(is_asked).filter(has_batch);
            let views: Vec<BatchView<'_>> =
                chains.map(|tree| BatchView { chain: tree.chain(), ..*batch }).collect();
            let proofs = extractor.batches(&views);
            let folding = views.iter().zip(proofs).filter(|(_, proofs)| proofs.is_ok());
            found.extend(folding.map(|(view, _)| view.chain()));
        }
        // A chain may be on several layers.
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl BatchCheck for Trial<'_> {
    fn check(&self, batches: &[BatchView<'_>]) -> Vec<Verdict> {
        let mut folding = self.folding.borrow_mut();
        for batch in batches {
            let decided = folding.decided();
            if decided.is_some() && !self.folds_for(batch, decided).is_empty() {
                continue;
            }
            let found = self.folds_for(batch, None);
            if let [only] = found[..] {
                *folding.alone.entry(only).or_default() += 1;
            }
            for chain in found {
                *folding.batches.entry(chain).or_default() += 1;
            }
        }
        batches.iter().map(|_| Verdict::Incomplete("this is a trial".into())).collect()
    }

    /// Those of all chains: the root of a batch without a number shows its number and its chain.
    fn batch_roots(&self, _nobody: ChainId) -> Option<BatchRoots> {
        let trees = || self.layers.iter().flat_map(|(forest, _)| forest.chains());
        let batches =
            trees().flat_map(|tree| tree.batches().iter().zip(tree.batch_roots().iter().copied()));
        // As in `TreeCheck::batch_roots`.
        let aggregated = trees().map(|tree| chain_id_leaf(Hash::ZERO, tree.chain()));
        let aggregated = aggregated.chain([Hash::ZERO]).collect();
        let mut layouts = self.layers.iter().map(|(forest, _)| forest.layout());
        Some(BatchRoots::new(batches, aggregated, layouts.any(|layout| layout >= Layout::V33)))
    }
}
