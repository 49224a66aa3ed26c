//! How a state is to be read, and where its contracts stand.

use std::path::{Path, PathBuf};

use super::Error;
use crate::{
    anchor::KnownRoots,
    contracts::{Bridgehub, system},
    files::{Access, OutputError},
    forest::Addresses,
    ingest::state::{Dump, Format, Import, ImportError},
    primitives::Address,
    records::TrustedRoots,
    snapshot::Snapshot,
    state::{StateError, StorageReader},
};

/// How a state is to be read, where its content does not say or the user knows better.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StateOptions {
    /// The format; found by content unless it is given.
    pub format: Option<Format>,
    /// The account whose storage pages of `debug_storageRangeAt` hold.
    pub account: Option<Address>,
    /// How native files are read.
    pub access: Access,
    /// Bridgehub's address, where it is a proxy.
    pub bridgehub: Option<Address>,
    /// MessageRoot's address, where it is a proxy; where Bridgehub says if only Bridgehub is given.
    pub message_root: Option<Address>,
}

impl StateOptions {
    /// Where the contracts stand: as given, MessageRoot where Bridgehub says when only Bridgehub is
    /// given, or at the system addresses.
    ///
    /// # Errors
    /// [`StateError`] when Bridgehub cannot be read.
    pub fn addresses<S: StorageReader + ?Sized>(&self, state: &S) -> Result<Addresses, StateError> {
        let system = Addresses::default();
        let message_root = match (self.message_root, self.bridgehub) {
            (Some(given), _) => Some(given),
            (None, Some(bridgehub)) => Bridgehub::at(state, bridgehub).message_root()?,
            (None, None) => None,
        };
        Ok(Addresses {
            bridgehub: self.bridgehub.unwrap_or(system.bridgehub),
            message_root: message_root.unwrap_or(system.message_root),
        })
    }

    /// How a dump is imported.
    #[must_use]
    pub fn import(&self) -> Import {
        Import {
            format: self.format,
            account: self.account,
            message_root: self.message_root.unwrap_or(system::MESSAGE_ROOT),
            access: self.access,
            ..Import::default()
        }
    }

    /// Reads the state at `paths`; several are parts of one state.
    pub(super) fn read(&self, paths: &[PathBuf]) -> Result<Dump, ImportError> {
        let import = self.import();
        if let [path] = paths {
            return import.read(path);
        }
        let folder = tempfile::tempdir().map_err(|source| {
            ImportError::from(OutputError { name: "a temporary directory".into(), source })
        })?;
        let target = folder.path().join("merged.slsnap");
        let imported = import.to_file(paths, &target)?;
        // The file is mapped or read, and its name is not needed afterwards.
        let state = Snapshot::open(&target, self.access)?;
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        Ok(Dump { name: names.join(", "), format: imported.format, state, notes: imported.notes })
    }
}

impl TrustedRoots {
    /// The roots that the contracts in the state at `path` accept: the state of a settlement layer, of a
    /// chain that imported its roots, or of L1 (with Bridgehub's address).
    ///
    /// ```
    /// use slproof::TrustedRoots;
    ///
    /// let known = TrustedRoots::open("fixtures/gateway-v29/dest.state.anvil.json", &Default::default())?;
    /// assert!(matches!(known, TrustedRoots::State(_)));
    /// # Ok::<(), slproof::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error`] when the state cannot be read, or its contracts hold what they cannot.
    pub fn open(path: impl AsRef<Path>, options: &StateOptions) -> Result<Self, Error> {
        Ok(Self::of_state(options.import().read(path.as_ref())?.state, options)?)
    }

    /// The roots that the contracts in a state accept.
    ///
    /// # Errors
    /// [`StateError`] when the contracts hold what they cannot.
    pub fn of_state(state: Snapshot, options: &StateOptions) -> Result<Self, StateError> {
        let addresses = options.addresses(&state)?;
        Ok(KnownRoots::new(state, addresses)?.into())
    }
}
