//! What a log claims: a withdrawal, a failed deposit, or nothing that L1Nullifier pays for.

use serde::Serialize;

use crate::{
    message::{ASSET_ROUTER, BASE_TOKEN, BOOTLOADER, L2ToL1Log, Withdrawal},
    primitives::{Address, Hash, Word},
};

/// The kinds of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimKind {
    /// A withdrawal of a chain's base token.
    BaseToken,
    /// A withdrawal by the asset router.
    AssetRouter,
    /// A withdrawal of a token of L1 by a bridge from before the asset router.
    LegacyErc20,
    /// A deposit that failed on the chain.
    FailedDeposit,
    /// A message that is no withdrawal, or whose bytes are missing.
    Other,
}

impl ClaimKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::BaseToken, Self::AssetRouter, Self::LegacyErc20, Self::FailedDeposit, Self::Other];

    /// The kinds of withdrawals.
    pub const WITHDRAWALS: [Self; 3] = [Self::BaseToken, Self::AssetRouter, Self::LegacyErc20];

    /// The name, as in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BaseToken => "base-token",
            Self::AssetRouter => "asset-router",
            Self::LegacyErc20 => "legacy-erc20",
            Self::FailedDeposit => "failed-deposit",
            Self::Other => "other",
        }
    }
}

/// The content of a log of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A message in a layout of withdrawals, and its sender.
    Withdrawal(Withdrawal, Address),
    /// A deposit that failed; the hash is that of the L1→L2 transaction on the chain.
    FailedDeposit(Hash),
    /// A message of the sender that is no withdrawal.
    Message(Address),
    /// A message of the sender whose bytes the archive lacks.
    Missing(Address),
}

impl Subject {
    /// Reads a log; `None` if it is neither of a message nor of a failed deposit.
    pub(super) fn of(log: &L2ToL1Log, message: Option<&[u8]>) -> Option<Self> {
        if let Some(sender) = log.message_sender() {
            let Some(message) = message else { return Some(Self::Missing(sender)) };
            return Some(match Withdrawal::parse(message) {
                Some(withdrawal) => Self::Withdrawal(withdrawal, sender),
                None => Self::Message(sender),
            });
        }
        // Exactly the log that `proveL1ToL2TransactionStatus` computes for `TxStatus.Failure`.
        let is_failure = log.as_bytes()[..2] == [0, 1]
            && log.sender() == BOOTLOADER
            && log.value() == Hash::ZERO;
        is_failure.then(|| Self::FailedDeposit(log.key().to_hash()))
    }

    pub(super) fn kind(&self) -> ClaimKind {
        match self {
            Self::Withdrawal(Withdrawal::BaseToken { .. }, _) => ClaimKind::BaseToken,
            Self::Withdrawal(Withdrawal::AssetRouter { .. }, _) => ClaimKind::AssetRouter,
            Self::Withdrawal(Withdrawal::LegacyErc20 { .. }, _) => ClaimKind::LegacyErc20,
            Self::FailedDeposit(_) => ClaimKind::FailedDeposit,
            Self::Message(_) | Self::Missing(_) => ClaimKind::Other,
        }
    }

    /// Whether the missing message may be a withdrawal. `old_bridge` is asked for the bridge that the chain had before the
    /// asset router.
    pub(super) fn may_be_withdrawal(&self, old_bridge: impl FnOnce() -> Option<Address>) -> bool {
        match self {
            Self::Missing(BASE_TOKEN | ASSET_ROUTER) => true,
            Self::Missing(sender) => old_bridge() == Some(*sender),
            _ => false,
        }
    }

    pub(super) fn receiver(&self) -> Option<Address> {
        self.withdrawal()?.receiver()
    }

    pub(super) fn amount(&self) -> Option<Word> {
        self.withdrawal()?.amount()
    }

    /// The sender of the message.
    pub(super) fn sender(&self) -> Option<Address> {
        match self {
            Self::Withdrawal(_, sender) | Self::Message(sender) | Self::Missing(sender) => {
                Some(*sender)
            }
            Self::FailedDeposit(_) => None,
        }
    }

    /// Whether the address sent the message, or is the one that withdrew according to the message.
    pub(super) fn is_from(&self, address: Address) -> bool {
        let caller = match self.withdrawal() {
            Some(Withdrawal::AssetRouter { transfer, .. }) => transfer.map(|t| t.original_caller),
            _ => None,
        };
        self.sender() == Some(address) || caller == Some(address)
    }

    pub(super) fn withdrawal(&self) -> Option<&Withdrawal> {
        match self {
            Self::Withdrawal(withdrawal, _) => Some(withdrawal),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `getL2LogFromL1ToL2Transaction`, field by field.
    #[test]
    fn a_failed_deposit_is_the_log_that_the_contract_computes() {
        let hash = Hash::new([7; 32]);
        let log = |shard: u8, service: u8, sender: u8, status: u8| {
            let mut bytes = [0; L2ToL1Log::LEN];
            (bytes[0], bytes[1], bytes[3]) = (shard, service, 9);
            bytes[22..24].copy_from_slice(&[0x80, sender]);
            bytes[24..56].copy_from_slice(hash.as_bytes());
            bytes[87] = status;
            Subject::of(&L2ToL1Log::new(bytes), None)
        };
        assert_eq!(log(0, 1, 1, 0), Some(Subject::FailedDeposit(hash)));
        for other in [log(1, 1, 1, 0), log(0, 0, 1, 0), log(0, 1, 2, 0), log(0, 1, 1, 1)] {
            assert_eq!(other, None);
        }
    }
}
