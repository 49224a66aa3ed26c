//! Archives of the logs that proofs are made for.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Error, LogChains, TreeCheck, Trees, TreesOptions};
use crate::{
    anchor::{BatchRoots, KnownRoots},
    archive::{Archive, ArchiveError},
    files::{
        Container, InputError, InputSequence, Kind, NativeFile, ReadProgressHandle, is_in_archive,
        temporary_directory,
    },
    forest::Forest,
    ingest::{
        FileKind, FoundFile, FoundFiles, IndexError,
        event_logs::ColumnNames,
        logs::{BatchCheck, Indexer, SkippedInputs, SourceOptions, read_archive},
    },
    primitives::ChainId,
    proof::FailureCode,
};

/// How archives of logs are read.
///
/// ```
/// use slproof::{Messages, MessagesOptions, primitives::ChainId};
///
/// // Receipts do not name their chain.
/// let mut options = MessagesOptions::default();
/// options.source.chain = Some(ChainId(324));
/// let messages = Messages::open(&["fixtures/gateway-v29/receipts.json"], &options)?;
/// assert_eq!(messages.archive().header().logs, 1);
/// # Ok::<(), slproof::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MessagesOptions {
    /// Facts that the archives do not contain, and how archive files are read.
    pub source: SourceOptions,
    /// The trees that proofs are made from, of one or several settlement layers. Logs that do not name their chain belong
    /// to the chain whose batch roots they make, and of several archives the batches that fold to their roots in none of
    /// the trees are left out. The same holds for the roots in a state without trees.
    pub trees: Vec<Trees>,
    /// The batch roots that a state stores, as that of L1 does. They count for batches that are not in the trees.
    pub roots: Option<Arc<KnownRoots>>,
    /// The chain of logs that do not name it, if the trees do not show it.
    pub chain_of_others: Option<ChainId>,
}

/// An archive of L2→L1 logs. Cheap to clone: all clones share it.
///
/// ```
/// use slproof::Messages;
///
/// let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// assert!(messages.archive().header().batches > 100);
/// assert_eq!(messages.skipped().count(), 0);
/// # Ok::<(), slproof::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Messages(Arc<OpenedMessages>);

#[derive(Debug)]
struct OpenedMessages {
    archive: Archive,
    skipped: SkippedInputs,
}

impl Messages {
    /// Opens the archives at `paths`: files, or directories, of which all archives are read. An archive file is
    /// mapped. One raw archive that names its chain is read into memory. Several archives, and those that need
    /// [`MessagesOptions`] or are damaged, are merged into a temporary archive file, without what is damaged: batches that
    /// have damaged parts, and the rest of a file that cannot be read on. Files of directories whose chain is not known are
    /// left out, too ([`Messages::skipped`]).
    ///
    /// # Errors
    /// [`Error`] naming the file and the position in it, or if there is no batch.
    pub fn open<P: AsRef<Path>>(paths: &[P], options: &MessagesOptions) -> Result<Self, Error> {
        if paths.is_empty() {
            return Err(Error::NoInput);
        }
        let source = &options.source;
        let is_plain = source.format.is_none()
            && source.chain.is_none()
            && source.relayed.is_none()
            && source.columns == ColumnNames::default();
        if let ([path], true) = (paths, is_plain)
            && let Some(file) = NativeFile::at(path.as_ref())?
            && file.kind() == Kind::MESSAGE_ARCHIVE
        {
            return Self::of(
                file.open(source.access).map_err(|e| IndexError::from(ArchiveError::from(e)))?,
            );
        }
        let known = options.trees.first().map(|trees| trees.options().known.clone());
        let known = known.unwrap_or_default();
        let found = FoundFiles::knowing(paths, &known)?;
        let of_l1 = found.of_l1();
        if let ([path], [file], true) = (paths, &found.files[..], is_plain && of_l1.is_empty())
            && file.path == path.as_ref()
        {
            match read_archive(path.as_ref(), source.access) {
                Err(error) if error.names_no_chain() && options.names_chains() => {}
                // The rest of it is used. A pipe cannot be read again.
                Err(error) if error.is_damage() && is_again(path.as_ref()) => {}
                read => return Ok(read?.into()),
            }
        }
        // Anyone can send messages with pubdata of any chain. The trees show which of them are right.
        let from_l1 = match options.trees.is_empty() && !of_l1.is_empty() {
            false => None,
            true => {
                let files: Vec<&Path> = of_l1.paths().collect();
                Some(Trees::open(&files, &TreesOptions { known, ..TreesOptions::default() })?)
            }
        };
        let trees: Vec<&Trees> = options.trees.iter().chain(&from_l1).collect();
        let mut chains = match source.chain {
            Some(_) => LogChains::default(),
            None => LogChains::find(&found, &trees, source, options.chain_of_others)?,
        };
        let forests: Vec<&Forest> = trees.iter().filter_map(|trees| trees.forest()).collect();
        let states = trees.iter().filter_map(|trees| trees.stored_roots());
        let of_l1_state = options.roots.as_deref().map(|roots| roots as &dyn BatchRoots);
        let roots: Vec<&dyn BatchRoots> = states.chain(of_l1_state).collect();
        let has_check = !forests.is_empty() || !roots.is_empty();
        let check = TreeCheck::of_layers(forests)?;
        let check = roots.into_iter().fold(check, TreeCheck::or_roots);
        let check = has_check.then_some(&check as &dyn BatchCheck);
        let dir = temporary_directory()?;
        let target: PathBuf = dir.path().join("merged.slmsg");
        let mut indexer = Indexer::create(&target, source.clone(), check)?;
        chains.set_blocks(&mut indexer);
        // Of several settlement layers, those from L1 have their data there.
        let (with_l1, others): (Vec<&Trees>, Vec<&Trees>) =
            trees.iter().copied().partition(|trees| trees.from_l1().is_some());
        let with_l1 =
            if with_l1.is_empty() { others.into_iter().take(1).collect() } else { with_l1 };
        with_l1.iter().try_for_each(|trees| trees.index_l1(&of_l1, &mut indexer))?;
        let mut inputs = InputSequence::default();
        for file in found.files {
            if file.kind.is_some_and(FileKind::is_of_l1) {
                continue;
            }
            if has_logs(&file) {
                let chain = source.chain.or(chains.of(&file.path));
                let input = inputs.open(&file.path, &ReadProgressHandle::default());
                let input = input.map_err(IndexError::from);
                match input.and_then(|input| indexer.read_of(chain, input)) {
                    Err(error) if error.names_no_chain() && file.may_lack_chain(&of_l1) => {}
                    Err(error) if error.is_damage() || (file.from_directory && !error.is_io()) => {
                        indexer.leave_out(error);
                    }
                    read => _ = read?,
                }
                chains.mixture(&file.path).into_iter().for_each(|error| indexer.leave_out(error));
            } else if let Some(damage @ InputError::Read { .. }) = file.damage {
                // It may be an archive of logs.
                indexer.leave_out(damage.into());
            }
        }
        let indexed = indexer.finish()?;
        let skipped = indexed.faults;
        if indexed.header.batches == 0 {
            let what = "there is no batch of logs".to_owned();
            let nothing = Error::NothingFound { code: FailureCode::NothingFound, what };
            return Err(skipped.into_first().into_iter().next().map_or(nothing, Error::from));
        }
        // The file is mapped or read now, so its name is no longer needed.
        let archive = Archive::open(&target, source.access)?;
        Ok(Self(Arc::new(OpenedMessages { archive, skipped })))
    }

    /// The messages in an open archive file.
    ///
    /// # Errors
    /// [`Error`] naming the file, if it is not an archive or damaged.
    pub(crate) fn of(file: Container) -> Result<Self, Error> {
        Ok(Archive::of(file).map_err(IndexError::from)?.into())
    }

    /// The archive.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.0.archive
    }

    /// The batches and files that were left out because they are damaged, or their chain is not known. The results of
    /// everything that is made from the messages have their number.
    #[must_use]
    pub fn skipped(&self) -> &SkippedInputs {
        &self.0.skipped
    }
}

impl From<Archive> for Messages {
    fn from(archive: Archive) -> Self {
        Self(Arc::new(OpenedMessages { archive, skipped: SkippedInputs::default() }))
    }
}

impl MessagesOptions {
    /// Whether logs that do not name their chain may have one.
    fn names_chains(&self) -> bool {
        !self.trees.is_empty() || self.chain_of_others.is_some()
    }
}

/// Whether a path can be read again: it is that of a file, or of one in an archive.
fn is_again(path: &Path) -> bool {
    path.is_file() || is_in_archive(path)
}

/// Whether a file is read as an archive of logs: every file that was given by name, and of a directory those
/// that are recognized.
fn has_logs(file: &FoundFile) -> bool {
    !file.from_directory || file.kind.is_some_and(FileKind::has_logs)
}
