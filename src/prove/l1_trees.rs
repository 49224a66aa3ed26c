//! Trees from the settlement layer's batches on L1, alone or beside other evidence.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::{Error, Event, Observer, TreesOptions};
use crate::{
    contracts::system,
    files::names,
    forest::{
        BridgedLeaf, DifferingRoot, Forest, HistoryError, HistoryOptions, L1Error, L1Gap,
        RebuildOptions, RebuiltFromL1, rebuild_from_l1, rebuild_l1_to_file,
    },
    ingest::{
        IndexError,
        l1::{L1Data, L1Files, L1Layer, LayerRecord},
        sl_batches::SlBatches,
    },
    primitives::{ChainId, SlBlock},
    proof::CheckedBy,
};

/// Names of files that are listed in errors.
const MOST_NAMES: usize = 3;

/// The files of L1 that were given, and what they show of the settlement layer.
#[derive(Debug)]
pub(super) struct GivenL1 {
    data: L1Data,
    layer: L1Layer,
    /// The same without state diffs that were found by their form, if the trees contradict these.
    without_found: OnceLock<L1Layer>,
    files: L1Files,
    name: String,
}

impl GivenL1 {
    /// Reads files of L1. `None` if there are none.
    pub(super) fn read(files: L1Files, options: &TreesOptions) -> Result<Option<Self>, Error> {
        if files.is_empty() {
            return Ok(None);
        }
        let data = L1Data::read(&files, options.known.watcher())?;
        let message_root = options.state.message_root.unwrap_or(system::MESSAGE_ROOT);
        let layer = data.layer(options.sl_diamond, message_root)?;
        options.observer.event(&Event::L1Read { data: &data, layer: &layer });
        let name = name_of(&files);
        let without_found = OnceLock::new();
        Ok(Some(Self { data, layer, without_found, files, name }))
    }

    /// Reads files of L1 that are given beside other evidence. `None` also if they are not of a settlement layer, which is
    /// then reported.
    pub(super) fn read_beside(
        files: L1Files,
        options: &TreesOptions,
    ) -> Result<Option<Self>, Error> {
        let name = name_of(&files);
        match Self::read(files, options) {
            Err(Error::L1(error)) if error.is_without_layer() => {
                options.observer.event(&Event::L1PassedOver { name: &name, error: &error });
                Ok(None)
            }
            read => read,
        }
    }

    /// Whether these are the files that were read.
    pub(super) fn has(&self, files: &L1Files) -> bool {
        self.files.are(files)
    }

    /// What was read.
    pub(super) fn data(&self) -> &L1Data {
        &self.data
    }

    /// The settlement layer in them.
    pub(super) fn layer(&self) -> &L1Layer {
        self.without_found.get().unwrap_or(&self.layer)
    }

    /// Rebuilds trees. Where blobs of a batch are missing, its state diffs are found by their form. If these do not fit,
    /// the trees are rebuilt without them.
    fn rebuild_with<T, E>(
        &self,
        options: &TreesOptions,
        rebuild: impl Fn(&LayerRecord) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        let record = &self.layer().record;
        let rebuilt = rebuild(record);
        if rebuilt.is_ok() || !record.has_found_diffs() {
            return Ok(rebuilt);
        }
        let message_root = options.state.message_root.unwrap_or(system::MESSAGE_ROOT);
        let layer = self.data.without_found_diffs(&self.layer, message_root)?;
        let layer = self.without_found.get_or_init(|| layer);
        Ok(rebuild(&layer.record))
    }

    /// Their names.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn options(options: &TreesOptions, sl_chain: Option<ChainId>) -> RebuildOptions {
        let rebuild = options.rebuild_with(options.state.given_addresses());
        RebuildOptions { sl_chain: rebuild.sl_chain.or(sl_chain), ..rebuild }
    }

    /// Rebuilds the trees from L1, alone or with trees of other evidence, which may have what is missing on L1.
    pub(super) fn rebuild(
        &self,
        options: &TreesOptions,
        beside: Option<&Forest>,
    ) -> Result<RebuiltFromL1, Error> {
        let sl_chain = beside.map(Forest::sl_chain).or(self.layer.record.chain());
        let rebuild = Self::options(options, sl_chain);
        let found =
            self.rebuild_with(options, |record| rebuild_from_l1(record, beside, &rebuild))?;
        let found = found.map_err(|error| self.error(error))?;
        let observer = &options.observer;
        observer.event(&Event::L1Gaps(&found.gaps));
        let (layout, is_given) = (found.forest.layout(), options.release.is_some());
        observer.event(&Event::Rebuilt { layout, is_given });
        Ok(found)
    }

    /// As [`GivenL1::rebuild`], into a tree file, with the contents of the past roots that `past` shows.
    pub(super) fn rebuild_to_file(
        &self,
        options: &TreesOptions,
        past: Option<HistoryOptions<'_>>,
        target: &Path,
    ) -> Result<Vec<L1Gap>, Error> {
        let rebuild = Self::options(options, self.layer.record.chain());
        let gaps = self
            .rebuild_with(options, |record| rebuild_l1_to_file(record, &rebuild, past, target))?;
        let gaps = gaps.map_err(|source| Error::TreeFile { name: self.name.clone(), source })?;
        options.observer.event(&Event::L1Gaps(&gaps));
        Ok(gaps)
    }

    /// Compares the trees of other evidence, of the files `others`, with those from L1, and its roots by block: `differing`
    /// returns the first that differs from those of L1. Returns the trees from L1 if they go on after the others.
    /// The batches on L1 may be too few for trees; then nothing is compared.
    pub(super) fn beside(
        &self,
        forest: &mut Forest,
        others: &str,
        options: &TreesOptions,
        differing: impl FnOnce(&RebuiltFromL1) -> Result<Option<DifferingRoot>, Error>,
    ) -> Result<Option<RebuiltFromL1>, Error> {
        let found = match self.rebuild(options, Some(forest)) {
            Ok(found) => found,
            Err(error) => {
                options.observer.event(&Event::L1Unused(&error));
                return Ok(None);
            }
        };
        let error = |error: L1Error| Error::Contradiction {
            one: others.into(),
            other: self.name.clone(),
            source: error.into(),
        };
        let is_after = forest.compare_with_l1(&found.forest).map_err(error)?;
        if let Some(differing) = differing(&found)? {
            return Err(error(L1Error::OtherRoot(differing)));
        }
        if !is_after {
            let is_later = |leaf: &BridgedLeaf| {
                forest.chain(leaf.chain).is_none_or(|tree| tree.find(leaf.batch).is_none())
            };
            let trees = found.forest.bridged();
            let later = trees.map_or(0, |trees| trees.leaves().filter(is_later).count());
            let has_all = forest.checked_by().has(CheckedBy::L1);
            options.observer.event(&Event::L1Within { has_all, later: later as u64 });
        }
        Ok(is_after.then_some(found))
    }

    /// The settlement layer's own batches, besides those in files. `blocks` are those with interop roots.
    pub(super) fn sl_batches(
        &self,
        files: SlBatches,
        options: &TreesOptions,
        blocks: &[SlBlock],
    ) -> Result<SlBatches, IndexError> {
        let message_root = options.state.message_root.unwrap_or(system::MESSAGE_ROOT);
        self.layer().record.sl_batches(files, message_root, blocks)
    }

    fn error(&self, error: HistoryError) -> Error {
        match error {
            HistoryError::Evidence(source) => Error::Rebuild { name: self.name.clone(), source },
            error => error.into(),
        }
    }
}

/// The first files, those with transactions before blobs, and how many more there are.
fn name_of(files: &L1Files) -> String {
    let named: Vec<PathBuf> = files.paths().take(MOST_NAMES).map(Path::to_owned).collect();
    let shown = names(&named);
    match files.len() - named.len() {
        0 => shown,
        more => format!("{shown} and {more} more files"),
    }
}
