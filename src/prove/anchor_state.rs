//! The states against which proofs are verified.

use std::{path::Path, sync::Arc};

use super::{Error, L1Options, StateOptions};
use crate::{
    anchor::KnownRoots,
    files::{Input, InputError, ReadProgressHandle, ReopenableInput},
    ingest::{
        state::{Dump, refuse_empty_answer},
        state_proofs::StateProofs,
    },
    keccak::keccak256,
    primitives::hex,
    records::{L1Evidence, TrustedRoots},
    state::{StateError, StorageReader},
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
            Some(_) => {
                for input in &mut inputs {
                    if !input.is_directory()? {
                        refuse_empty_answer(&input.open(&watcher)?)?;
                    }
                }
                Err(Error::NotStateProofs(ReopenableInput::names(&inputs)))
            }
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

/// The state of L1, opened.
#[derive(Debug)]
pub(super) struct L1State {
    pub(super) roots: Arc<KnownRoots>,
    /// A text that identifies the state.
    pub(super) identity: String,
    /// What proves it, if it is made of single slots.
    pub(super) evidence: Option<Arc<L1Evidence>>,
}

impl L1Options {
    /// The roots in the state, and what proves them.
    pub(super) fn open(&self) -> Result<L1State, Error> {
        let state = AnchorState::open(&self.paths, &self.state)?;
        let identity = state.identity();
        let proofs = match &state {
            AnchorState::Dump(_) => None,
            AnchorState::Proofs(proofs) => Some((proofs.block_hash, proofs.evidence.clone())),
        };
        let roots = Arc::new(self.state.known_roots(state.into_reader())?);
        let evidence = proofs.map(|(block_hash, proofs)| {
            let (bridgehub, roots) = (roots.addresses().bridgehub, Arc::clone(&roots));
            Arc::new(L1Evidence { block_hash, bridgehub, proofs, roots })
        });
        Ok(L1State { roots, identity, evidence })
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
        match options.known_roots(state) {
            Err(error @ StateError::NotProven { .. }) => Ok(Self::Unknown(error)),
            known => Ok(known?.into()),
        }
    }
}
