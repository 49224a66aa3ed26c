//! The contracts that pay, and what the user knows beside the archive.

use super::Deposit;
use crate::{
    primitives::{Address, ChainId},
    prove::ObserverHandle,
};

/// The contracts that pay, and what the user knows beside the archive.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClaimsOptions {
    /// The address of L1Nullifier.
    pub l1_nullifier: Address,
    /// The chain id of L1, if its state does not show it.
    pub l1_chain: Option<ChainId>,
    /// The chain whose withdrawals old bridges paid out too. By default 324 on Ethereum, and 300 on Sepolia.
    pub era_chain: Option<ChainId>,
    /// The deposit of a failed L1→L2 transaction.
    pub deposit: Option<Deposit>,
    /// The observer, which receives progress and may cancel the job.
    pub observer: ObserverHandle,
}

impl ClaimsOptions {
    /// The options for L1Nullifier at this address.
    #[must_use]
    pub fn new(l1_nullifier: Address) -> Self {
        let observer = ObserverHandle::default();
        Self { l1_nullifier, l1_chain: None, era_chain: None, deposit: None, observer }
    }
}
