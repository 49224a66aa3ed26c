//! The chain of logs that do not name it: the chain whose batch roots they make.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{Error, Extractor, Trees};
use crate::{
    files::{Input, temporary_directory},
    forest::{Forest, chain_id_leaf},
    ingest::{
        FileKind, FoundFile, FoundFiles, IndexError,
        logs::{BatchBlocks, BatchCheck, BatchRoots, Indexer, SourceOptions, Verdict},
    },
    message::BatchView,
    primitives::{ChainId, Hash},
    proof::Target,
};

/// The number of batches that decide which chain logs belong to, if all of them fold for the same one.
const ENOUGH: u64 = 16;

/// The chains of files that do not name theirs.
#[derive(Clone, Debug, Default)]
pub struct LogChains {
    chains: BTreeMap<PathBuf, ChainId>,
    blocks: BTreeMap<ChainId, BatchBlocks>,
}

impl LogChains {
    /// Finds the chains of the files among `found` that hold logs and do not name their chain. All of them in
    /// one directory, or else each alone, belong to the chain for which the most of their batches fold to
    /// their roots in the trees. Files for which there is no such chain belong to `otherwise`.
    ///
    /// The blocks of the batches are those in `source`, else those in the only file of blocks in the directory.
    ///
    /// # Errors
    /// [`Error`] if a file cannot be read, or a temporary file not be written. Damaged logs are no error:
    /// whoever reads them reports it.
    pub fn find(
        found: &FoundFiles,
        trees: Option<&Trees>,
        source: &SourceOptions,
        otherwise: Option<ChainId>,
    ) -> Result<Self, Error> {
        let mut groups: BTreeMap<&Path, Vec<&FoundFile>> = BTreeMap::new();
        for file in found.files.iter().filter(|file| file.needs_chain()) {
            groups.entry(file.path.parent().unwrap_or(Path::new(""))).or_default().push(file);
        }
        let mut chains = Self::default();
        for (directory, files) in groups {
            let path = blocks_in(found, directory);
            let read = |chain| match path {
                Some(path) => BatchBlocks::read(path, chain),
                None => Ok(source.blocks.clone()),
            };
            let source = SourceOptions { blocks: read(otherwise)?, ..source.clone() };
            let of = |files: &[&FoundFile]| match trees.and_then(Trees::forest) {
                Some(forest) => chain_of(files, forest, &source),
                None => Ok(None),
            };
            let together = of(&files)?;
            for file in &files {
                let alone =
                    if together.is_none() && files.len() > 1 { of(&[*file])? } else { None };
                if let Some(chain) = together.or(alone).or(otherwise) {
                    chains.chains.insert(file.path.clone(), chain);
                    chains.blocks.insert(chain, read(Some(chain))?);
                }
            }
        }
        Ok(chains)
    }

    /// The chain of a file that does not name it, if it is known.
    #[must_use]
    pub fn of(&self, path: &Path) -> Option<ChainId> {
        self.chains.get(path).copied()
    }

    /// Gives an indexer the blocks of the chains' batches.
    pub fn set_blocks(&self, indexer: &mut Indexer<'_>) {
        for (chain, blocks) in &self.blocks {
            indexer.set_blocks(*chain, blocks.clone());
        }
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

/// The chain for which the most batches in these files fold. `None` if there is none, or more than one.
fn chain_of(
    files: &[&FoundFile],
    forest: &Forest,
    source: &SourceOptions,
) -> Result<Option<ChainId>, Error> {
    let dir = temporary_directory()?;
    let extractor = Extractor::new(forest, Target::BatchRoot)?;
    let trial = Trial { forest, extractor, folding: RefCell::default() };
    // No chain has this id. The trial replaces it by those of the trees.
    let nobody = Some(ChainId(0));
    let source = SourceOptions { relayed: None, ..source.clone() };
    let mut indexer = Indexer::create(&dir.path().join("none.slmsg"), source, Some(&trial))?;
    for file in files {
        let read = Input::open(&file.path).map_err(IndexError::from);
        match read.and_then(|input| indexer.read_of(nobody, input)) {
            Err(error) if error.is_io() => return Err(error.into()),
            _ => {}
        }
    }
    match indexer.finish() {
        Err(error) if error.is_io() => return Err(error.into()),
        _ => {}
    }
    let folding = trial.folding.into_inner();
    let most = folding.values().max().copied();
    let mut best = folding.iter().filter(|(_, batches)| Some(**batches) == most);
    Ok(best.next().filter(|_| best.next().is_none()).map(|(chain, _)| *chain))
}

/// Counts for each chain of the trees how many batches fold to their roots as batches of this chain. Nothing
/// gets into the archive.
#[derive(Debug)]
struct Trial<'f> {
    forest: &'f Forest,
    extractor: Extractor<'f>,
    folding: RefCell<BTreeMap<ChainId, u64>>,
}

impl BatchCheck for Trial<'_> {
    fn check(&self, batches: &[BatchView<'_>]) -> Vec<Verdict> {
        let mut folding = self.folding.borrow_mut();
        for batch in batches {
            if folding.len() == 1 && folding.values().all(|batches| *batches >= ENOUGH) {
                break;
            }
            let trees = self.forest.chains().iter();
            let chains = trees.filter(|tree| tree.find(batch.batch()).is_some());
            let views: Vec<BatchView<'_>> =
                chains.map(|tree| BatchView { chain: tree.chain(), ..*batch }).collect();
            for (view, proofs) in views.iter().zip(self.extractor.batches(&views)) {
                if proofs.is_ok() {
                    *folding.entry(view.chain()).or_default() += 1;
                }
            }
        }
        batches.iter().map(|_| Verdict::Incomplete("this is a trial".into())).collect()
    }

    /// Those of all chains: the root of a batch without a number shows its number and its chain.
    fn batch_roots(&self, _nobody: ChainId) -> Option<BatchRoots> {
        let trees = self.forest.chains();
        let batches = trees
            .iter()
            .flat_map(|tree| tree.batches().iter().zip(tree.batch_roots().iter().copied()));
        // As in `TreeCheck::batch_roots`.
        let aggregated = trees.iter().map(|tree| chain_id_leaf(Hash::ZERO, tree.chain()));
        Some(BatchRoots::new(batches, aggregated.chain([Hash::ZERO]).collect()))
    }
}
