//! Archives of the logs that proofs are made for.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::Error;
use crate::{
    archive::Archive,
    files::{Input, OutputError},
    ingest::{
        IndexError,
        logs::{Indexer, SkippedInputs, SourceOptions, read_archive},
    },
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
    /// Opens the archive at `paths`. An archive file is mapped. One raw archive that names its chain is read
    /// into memory. Several archives, and those that need [`MessagesOptions::source`], are merged into a
    /// temporary archive file, without the batches that have damaged parts ([`Messages::skipped`]).
    ///
    /// # Errors
    /// [`Error`] naming the file and the position in it.
    pub fn open<P: AsRef<Path>>(paths: &[P], options: &MessagesOptions) -> Result<Self, Error> {
        if paths.is_empty() {
            return Err(Error::NoInput);
        }
        let source = &options.source;
        let is_plain =
            source.format.is_none() && source.chain.is_none() && source.relayed.is_none();
        if let ([path], true) = (paths, is_plain) {
            return Ok(read_archive(path.as_ref(), source.access)?.into());
        }
        let dir = tempfile::tempdir().map_err(|source| {
            IndexError::from(OutputError { name: "a temporary directory".into(), source })
        })?;
        let target: PathBuf = dir.path().join("merged.slmsg");
        let mut indexer = Indexer::create(&target, source.clone(), None)?;
        for path in paths {
            indexer.read(Input::open(path.as_ref())?)?;
        }
        let skipped = indexer.finish()?.faults;
        // The file is mapped or read now, so its name is no longer needed.
        let archive = Archive::open(&target, source.access)?;
        Ok(Self(Arc::new(OpenedMessages { archive, skipped })))
    }

    /// The archive.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.0.archive
    }

    /// The batches that were left out because they are damaged.
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
