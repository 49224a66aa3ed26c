//! How a state is read, and the addresses of its contracts.

use crate::{
    anchor::KnownRoots,
    contracts::{Bridgehub, system},
    files::{Access, ReopenableInput, temporary_directory},
    forest::Addresses,
    ingest::state::{Dump, Format, Import, ImportError},
    primitives::{Address, Hash, SlBlock},
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
    /// The address of Bridgehub on L1. It is that of Bridgehub if no address is given and the state is of L1: it
    /// holds a contract there, or has proofs of its slots, which only L1 has.
    pub l1_bridgehub: Option<Address>,
    /// The hash of the block that is trusted, for a state of single slots with their proofs.
    pub trusted_block: Option<Hash>,
}

impl StateOptions {
    /// Returns the addresses of the contracts: the given ones; MessageRoot as Bridgehub names it when only
    /// Bridgehub is given, or found on L1; otherwise the system addresses.
    ///
    /// # Errors
    /// [`StateError`] when Bridgehub cannot be read.
    pub fn addresses<S: StorageReader + ?Sized>(&self, state: &S) -> Result<Addresses, StateError> {
        let is_held = |at: &Address| {
            state.slot_count(*at).map_or(self.trusted_block.is_some(), |slots| slots > 0)
        };
        let is_given = self.bridgehub.is_some() || self.message_root.is_some();
        let on_l1 = self.l1_bridgehub.filter(|at| !is_given && is_held(at));
        let bridgehub = self.bridgehub.or(on_l1);
        let named = match (self.message_root, bridgehub) {
            (None, Some(bridgehub)) => Bridgehub::at(state, bridgehub).message_root()?,
            _ => None,
        };
        let given = self.given_addresses();
        Ok(Addresses {
            bridgehub: bridgehub.unwrap_or(given.bridgehub),
            message_root: named.unwrap_or(given.message_root),
        })
    }

    /// The roots that the contracts at these [`addresses`](Self::addresses) in a state accept.
    ///
    /// # Errors
    /// [`StateError`] when the contracts hold invalid values.
    pub fn known_roots<S: StorageReader>(&self, state: S) -> Result<KnownRoots<S>, StateError> {
        let addresses = self.addresses(&state)?;
        KnownRoots::new(state, addresses)
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
