//! How a state is read, and the addresses of its contracts.

use std::{path::Path, sync::Arc};

use super::{AnchorState, Error};
use crate::{
    anchor::KnownRoots,
    contracts::{Bridgehub, system},
    files::{Access, ReopenableInput, temporary_directory},
    forest::Addresses,
    ingest::state::{Dump, Format, Import, ImportError},
    primitives::{Address, Hash, SlBlock},
    records::TrustedRoots,
    snapshot::Snapshot,
    state::{StateError, StorageReader},
};

/// How a state is read. Values given here replace detected ones.
///
/// ```
/// use slproof::{StateOptions, TrustedRoots, ingest::state::Format};
///
/// // L1's contracts have no system addresses, so Bridgehub's has to be given.
/// let mut options = StateOptions::default();
/// options.format = Some(Format::Anvil);
/// options.bridgehub = Some("0x303a465b659cbb0ab36ee643ea362c509eeb5213".parse()?);
/// TrustedRoots::open("fixtures/gateway-v29/l1.state.anvil.json", &options)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StateOptions {
    /// The format; detected from the content by default.
    pub format: Option<Format>,
    /// The account of pages of `debug_storageRangeAt`, and of tables that do not name it.
    pub account: Option<Address>,
    /// How native files are read.
    pub access: Access,
    /// The address of Bridgehub's proxy.
    pub bridgehub: Option<Address>,
    /// The address of MessageRoot's proxy. If only Bridgehub is given, Bridgehub's storage names it.
    pub message_root: Option<Address>,
    /// The hash of the block that is trusted, for a state of single slots with their proofs.
    pub trusted_block: Option<Hash>,
}

impl StateOptions {
    /// Returns the addresses of the contracts: the given ones; MessageRoot as Bridgehub names it when only
    /// Bridgehub is given; otherwise the system addresses.
    ///
    /// # Errors
    /// [`StateError`] when Bridgehub cannot be read.
    pub fn addresses<S: StorageReader + ?Sized>(&self, state: &S) -> Result<Addresses, StateError> {
        let given = self.given_addresses();
        let named = match (self.message_root, self.bridgehub) {
            (None, Some(bridgehub)) => Bridgehub::at(state, bridgehub).message_root()?,
            _ => None,
        };
        Ok(Addresses { message_root: named.unwrap_or(given.message_root), ..given })
    }

    /// The given addresses, otherwise the system addresses.
    pub(super) fn given_addresses(&self) -> Addresses {
        let system = Addresses::default();
        Addresses {
            bridgehub: self.bridgehub.unwrap_or(system.bridgehub),
            message_root: self.message_root.unwrap_or(system.message_root),
        }
    }

    /// The options with which a dump is imported.
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

    /// Reads a state, as of `last_block` if the inputs have several. Several inputs are parts of one state.
    pub(super) fn read(
        &self,
        mut inputs: Vec<ReopenableInput>,
        last_block: Option<SlBlock>,
    ) -> Result<Dump, ImportError> {
        let import = Import { last_block, ..self.import() };
        if inputs.len() == 1
            && let Some(input) = inputs.pop()
        {
            return import.read_opening(input);
        }
        let dir = temporary_directory()?;
        let name = ReopenableInput::names(&inputs);
        let target = dir.path().join("merged.slsnap");
        let imported = import.inputs_to_file(inputs, &target)?;
        // The file is mapped or read now, so its name is no longer needed.
        let state = Snapshot::open(&target, self.access)?;
        Ok(Dump { name, format: imported.format, state, notes: imported.notes })
    }
}

impl TrustedRoots {
    /// Returns the roots that the contracts in the state at `path` accept. It is the state of a settlement
    /// layer, of a chain that imported interop roots, or of L1 (which needs Bridgehub's address).
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
    /// [`Error`] when the state cannot be read, or when its contracts hold invalid values.
    pub fn open(path: impl AsRef<Path>, options: &StateOptions) -> Result<Self, Error> {
        Self::open_all(&[path], options)
    }

    /// As [`TrustedRoots::open`], from several parts of one state: dumps, or answers of `eth_getProof` and the
    /// header of their block.
    ///
    /// ```
    /// use slproof::{StateOptions, TrustedRoots};
    ///
    /// let mut options = StateOptions::default();
    /// options.bridgehub = Some("0x303a465b659cbb0ab36ee643ea362c509eeb5213".parse()?);
    /// let trusted = "0xc452ceabd821115802eb83697ba7d8a2c4c4745a5bc65772bd62c18c34092eb9";
    /// options.trusted_block = Some(trusted.parse()?);
    /// TrustedRoots::open_all(&["fixtures/eth-get-proof/gateway-v29.jsonl"], &options)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TrustedRoots::open`].
    pub fn open_all<P: AsRef<Path>>(paths: &[P], options: &StateOptions) -> Result<Self, Error> {
        Ok(Self::of_state(AnchorState::open(paths, options)?.into_reader(), options)?)
    }

    /// Returns the roots that the contracts in a state accept.
    ///
    /// # Errors
    /// [`StateError`] when the contracts hold invalid values.
    pub fn of_state(
        state: impl StorageReader + 'static,
        options: &StateOptions,
    ) -> Result<Self, StateError> {
        let state: Arc<dyn StorageReader> = Arc::new(state);
        let known =
            options.addresses(&state).and_then(|addresses| KnownRoots::new(state, addresses));
        match known {
            Err(error @ StateError::NotProven { .. }) => Ok(Self::Unknown(error)),
            known => Ok(known?.into()),
        }
    }
}
