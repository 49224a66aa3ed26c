//! Why a claim has its status.

use alloy_sol_types::SolError;
use serde::{Serialize, Serializer};

use crate::{
    anchor::{Lacking, Refusal},
    claims::abi,
    message::WithdrawalLayout,
    primitives::{Address, ChainId, SlBatch, hex},
    proof::FailureCode,
    prove::ExtractError,
    state::StateError,
};

/// What L1 says about a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// L1 accepts the call.
    Claimable,
    /// It was paid out.
    Finalized,
    /// Its batch, or the settlement layer's batch that holds it, is not executed on L1 yet.
    Waiting,
    /// The contracts refuse it.
    Refused,
    /// The state or the evidence lacks what decides.
    Unknown,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Claimable, Self::Finalized, Self::Waiting, Self::Refused, Self::Unknown];

    /// The name, as in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Claimable => "claimable",
            Self::Finalized => "finalized",
            Self::Waiting => "waiting",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// The reason for a status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The stable code.
    pub code: FailureCode,
    /// The message.
    pub message: String,
    /// The error with which the contract reverts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ContractError>,
    /// The settlement layer's batch that has to be executed on L1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sl_batch: Option<SlBatch>,
}

impl Reason {
    /// A reason that is no error of a contract.
    pub(super) fn new(code: FailureCode, message: String) -> Self {
        Self { code, message, error: None, sl_batch: None }
    }
}

/// An error of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ContractError {
    /// Its name.
    pub name: &'static str,
    /// The first four bytes of the revert data.
    #[serde(serialize_with = "as_hex")]
    pub selector: [u8; 4],
}

fn as_hex<S: Serializer>(selector: &[u8; 4], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(selector))
}

impl ContractError {
    /// `Error(string)` with the text of OpenZeppelin's `whenNotPaused`.
    const PAUSED: Self =
        Self { name: "Error(Pausable: paused)", selector: alloy_sol_types::Revert::SELECTOR };

    fn of<E: SolError>() -> Self {
        let name = E::SIGNATURE.split('(').next().unwrap_or(E::SIGNATURE);
        Self { name, selector: E::SELECTOR }
    }
}

/// A status and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) status: Status,
    pub(super) reason: Option<Reason>,
}

impl Judgement {
    pub(super) const CLAIMABLE: Self = Self { status: Status::Claimable, reason: None };
    pub(super) const FINALIZED: Self = Self { status: Status::Finalized, reason: None };

    fn new(status: Status, code: FailureCode, message: String) -> Self {
        Self { status, reason: Some(Reason::new(code, message)) }
    }

    fn reverts(mut self, error: ContractError) -> Self {
        if let Some(reason) = &mut self.reason {
            reason.error = Some(error);
        }
        self
    }

    pub(super) fn unknown(code: FailureCode, message: impl Into<String>) -> Self {
        Self::new(Status::Unknown, code, message.into())
    }

    /// L1 accepts the proof, with something to know about it.
    pub(super) fn claimable_but(code: FailureCode, message: impl Into<String>) -> Self {
        Self::new(Status::Claimable, code, message.into())
    }

    /// A contract in the state holds an invalid value, or the slot is not known.
    pub(super) fn unreadable(error: StateError) -> Self {
        Self::failed(&ExtractError::State(error))
    }

    /// The proof cannot be made.
    pub(super) fn failed(error: &ExtractError) -> Self {
        Self::unknown(error.code(), error.to_string())
    }

    pub(super) fn lacking(lacking: Lacking) -> Self {
        Self::unknown(lacking.code(), lacking.to_string())
    }

    pub(super) fn no_nullifier(at: Address) -> Self {
        Self::unknown(
            FailureCode::AnchorLacksL1Nullifier,
            format!("the state holds no L1Nullifier at {at}"),
        )
    }

    /// The batch itself is not executed.
    pub(super) fn batch_waits(message: impl Into<String>) -> Self {
        Self::new(Status::Waiting, FailureCode::BatchNotExecuted, message.into())
    }

    /// The batch was executed on the settlement layer, whose own batch is not executed on L1.
    pub(super) fn sl_batch_waits(sl_batch: SlBatch) -> Self {
        let message = format!(
            "the settlement layer's batch {sl_batch}, which holds it, is not executed on L1 yet"
        );
        let mut waits = Self::new(Status::Waiting, FailureCode::SlBatchNotOnL1, message);
        if let Some(reason) = &mut waits.reason {
            reason.sl_batch = Some(sl_batch);
        }
        waits
    }

    /// L1 refuses every proof of the batch.
    pub(super) fn refused(refusal: &Refusal) -> Self {
        let error = match refusal {
            Refusal::BatchNotExecuted { .. } => ContractError::of::<abi::BatchNotExecuted>(),
            Refusal::BatchZero(_) => ContractError::of::<abi::BatchZeroNotAllowed>(),
            Refusal::ExecutedHere { .. } => ContractError::of::<abi::LocalRootMustBeZero>(),
            Refusal::NotSettlementLayer(_) => ContractError::of::<abi::NotSettlementLayer>(),
            Refusal::InvalidSettlementLayer { .. } => {
                ContractError::of::<abi::InvalidSettlementLayerForBatch>()
            }
            // The verifying contract returns false, and L1Nullifier reverts.
            _ => ContractError::of::<abi::InvalidProof>(),
        };
        Self::new(Status::Refused, refusal.code(), refusal.to_string()).reverts(error)
    }

    pub(super) fn paused() -> Self {
        let message = "L1Nullifier is paused, and refuses every claim".into();
        Self::new(Status::Refused, FailureCode::NullifierPaused, message)
            .reverts(ContractError::PAUSED)
    }

    /// The message has the layout of a withdrawal, but another sender. If `is_proven_otherwise`, the contract
    /// goes on and finds that the proof is of another message.
    pub(super) fn wrong_sender(sender: Address, is_proven_otherwise: bool) -> Self {
        let message = format!(
            "{sender} sent the message, and L1 pays only for withdrawals that the chain's own bridge \
             contracts send"
        );
        let error = match is_proven_otherwise {
            true => ContractError::of::<abi::InvalidProof>(),
            false => ContractError::of::<abi::WrongL2Sender>(),
        };
        Self::new(Status::Refused, FailureCode::WrongSender, message).reverts(error)
    }

    pub(super) fn token_not_legacy(token: Address) -> Self {
        let message =
            format!("{token} is a token of another chain, which old withdrawals cannot name");
        Self::new(Status::Refused, FailureCode::TokenNotLegacy, message)
            .reverts(ContractError::of::<abi::TokenNotLegacy>())
    }

    /// The chain id of L1 is not known, and decides about a token.
    pub(super) fn l1_unknown(token: Address) -> Self {
        Self::unknown(
            FailureCode::L1ChainUnknown,
            format!(
                "whose withdrawals of {token} L1 pays depends on whether it is the base token of the chain, and on its \
                 asset id. Both follow from the chain id of L1, which the state does not show; give it"
            ),
        )
    }

    /// A variable about the old bridges of Era is not set, and this chain may be Era.
    pub(super) fn era_unknown(chain: ChainId, variable: &str) -> Self {
        Self::unknown(
            FailureCode::OldBridgeUnknown,
            format!(
                "L1 accepts the proof, but {variable} of L1Nullifier is not set, so it refuses claims of Era, and \
                 whether chain {chain} is Era is not known; give the chain id of Era, or that of L1 if it is Ethereum \
                 or Sepolia"
            ),
        )
    }

    /// A variable about the old bridges of Era is not set.
    pub(super) fn value_not_set(variable: &str) -> Self {
        let message = format!("{variable} of L1Nullifier is not set, so it refuses claims of Era");
        Self::new(Status::Refused, FailureCode::BridgeValueNotSet, message)
            .reverts(ContractError::of::<abi::SharedBridgeValueNotSet>())
    }

    pub(super) fn no_deposit(is_v31: bool) -> Self {
        let message =
            "L1Nullifier stores no deposit of this transaction: it was claimed already, or \
                       was no deposit of a token"
                .into();
        let error = match is_v31 {
            true => ContractError::of::<abi::v31::DepositDoesNotExist>(),
            false => ContractError::of::<abi::v30::DepositDoesNotExist>(),
        };
        Self::new(Status::Refused, FailureCode::DepositNotRecorded, message).reverts(error)
    }

    /// The message is a withdrawal of a release before v33, and L1Nullifier is of v33.
    pub(super) fn no_finalize_deposit() -> Self {
        Self::unknown(
            FailureCode::NoFinalizeDeposit,
            "L1 accepts the proof, but L1Nullifier is of v33 and has no finalizeDeposit: since then a withdrawal is a \
             bundle of InteropCenter, which L1InteropHandler executes. Whether it is still paid out is not known",
        )
    }

    /// Any message, where L1Nullifier is of v33.
    pub(super) fn may_be_bundle() -> Self {
        let text = "the call verifies that the message was sent, and changes nothing; if it is a bundle of InteropCenter, \
                    L1InteropHandler executes it, and whether it did is not known";
        Self::claimable_but(FailureCode::NoFinalizeDeposit, text)
    }

    /// `finalizeDeposit` does not take the message; other contracts may.
    /// `message` are the bytes that `_parseL2WithdrawalMessage` refuses.
    pub(super) fn not_a_withdrawal(message: &[u8]) -> Self {
        let error = match WithdrawalLayout::named_by(message) {
            None => ContractError::of::<abi::InvalidSelector>(),
            Some(WithdrawalLayout::AssetRouter) => ContractError::of::<abi::WrongMsgLength>(),
            Some(_) => ContractError::of::<abi::L2WithdrawalMessageWrongLength>(),
        };
        let text = "the message is no withdrawal, and finalizeDeposit refuses it; the call verifies that it \
                    was sent, and changes nothing";
        Self::claimable_but(FailureCode::NotAWithdrawal, text).reverts(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The selectors in the comments of the contracts' sources.
    #[test]
    fn selectors_are_those_of_the_contracts() {
        let published = [
            (ContractError::of::<abi::InvalidProof>(), "0x09bde339"),
            (ContractError::of::<abi::InvalidSelector>(), "0x12ba286f"),
            (ContractError::of::<abi::L2WithdrawalMessageWrongLength>(), "0x97e1359e"),
            (ContractError::of::<abi::WrongL2Sender>(), "0x636c90db"),
            (ContractError::of::<abi::WrongMsgLength>(), "0x61cdb17e"),
            (ContractError::of::<abi::NotSettlementLayer>(), "0xd0266e26"),
            (ContractError::of::<abi::BatchZeroNotAllowed>(), "0xa695b1ef"),
            (ContractError::of::<abi::InvalidSettlementLayerForBatch>(), "0x896555dc"),
            (ContractError::of::<abi::BatchNotExecuted>(), "0x2078a6a0"),
            (ContractError::of::<abi::LocalRootMustBeZero>(), "0xbdaf7d42"),
            (ContractError::of::<abi::SharedBridgeValueNotSet>(), "0x7774d2f9"),
            (ContractError::of::<abi::TokenNotLegacy>(), "0x1850b46b"),
            (ContractError::of::<abi::v30::DepositDoesNotExist>(), "0xc7c9660f"),
            (ContractError::of::<abi::v31::DepositDoesNotExist>(), "0x42bce528"),
            (ContractError::PAUSED, "0x08c379a0"),
        ];
        for (error, selector) in published {
            assert_eq!(hex::encode(&error.selector), selector, "{}", error.name);
        }
        assert_eq!(ContractError::of::<abi::WrongL2Sender>().name, "WrongL2Sender");
    }
}
