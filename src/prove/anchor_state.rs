//! The states against which proofs are verified.

use std::{path::Path, sync::Arc};

use super::{Error, StateOptions};
use crate::{
    files::{Input, InputError, ReadProgressHandle, ReopenableInput},
    ingest::{state::Dump, state_proofs::StateProofs},
    keccak::keccak256,
    primitives::hex,
    state::StorageReader,
};

/// A state against which proofs are verified.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnchorState {
    /// A snapshot or a dump. Whoever made it is trusted.
    Dump(Dump),
    /// Single slots with their proofs. Only the hash of their block is trusted.
    Proofs(StateProofs),
}

impl AnchorState {
    /// Opens the parts of one state: dumps, or answers of `eth_getProof` with the header of their block.
    ///
    /// # Errors
    /// [`Error`] when a part cannot be read, when a proof does not hold for the trusted block, when no block is
    /// trusted, or when one is and the state is a dump.
    pub fn open<P: AsRef<Path>>(paths: &[P], options: &StateOptions) -> Result<Self, Error> {
        let mut inputs: Vec<_> =
            paths.iter().map(|path| ReopenableInput::new(path.as_ref())).collect();
        let watcher = ReadProgressHandle::default();
        let mut are_proofs = false;
        if options.format.is_none() {
            for input in &mut inputs {
                if !input.is_directory()? {
                    let opened = input.open(&watcher)?;
                    are_proofs |= StateProofs::recognize(&opened);
                    input.put_back(opened);
                }
            }
        }
        if are_proofs {
            let opened: Result<Vec<Input>, InputError> =
                inputs.iter_mut().map(|input| input.open(&watcher)).collect();
            return Ok(Self::Proofs(StateProofs::read(opened?, options.trusted_block)?));
        }
        match options.trusted_block {
            Some(_) => Err(Error::NotStateProofs(ReopenableInput::names(&inputs))),
            None => Ok(Self::Dump(options.read(inputs, None)?)),
        }
    }

    /// A text that identifies the state.
    pub(super) fn identity(&self) -> String {
        let digest = match self {
            Self::Dump(dump) => return hex::encode(&dump.state.container().digest()),
            Self::Proofs(proofs) => {
                let mut text = proofs.block_hash.as_bytes().to_vec();
                for (contract, slot, value) in proofs.slots.iter() {
                    text.extend(contract.as_bytes());
                    text.extend(slot.as_bytes());
                    text.extend(value.as_bytes());
                }
                proofs.slots.empty_accounts().for_each(|account| text.extend(account.as_bytes()));
                keccak256(&text)
            }
        };
        hex::encode(digest.as_bytes())
    }

    /// The storage.
    #[must_use]
    pub fn into_reader(self) -> Arc<dyn StorageReader> {
        match self {
            Self::Dump(dump) => Arc::new(dump.state),
            Self::Proofs(proofs) => Arc::new(proofs.slots),
        }
    }
}
