use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::SolCall;
use thiserror::Error;

use super::{Call, CalldataRecord, abi};
use crate::{
    keccak::keccak256,
    message::L2ToL1Log,
    primitives::{Address, hex},
    proof::{FailureCode, ProofView, TargetKind},
};

/// `L2MessageVerification`, at the same address on every listening chain.
const L2_MESSAGE_VERIFICATION: Address = Address::system(0x1_0009);

/// The call, and the contract to call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// The call. `None` selects the call for a message if the message's bytes are known, and the call for a
    /// log otherwise.
    pub call: Option<Call>,
    /// The contract. It may be `None` only for `proveL2…` with proofs against blocks.
    pub to: Option<Address>,
}

/// Why a proof cannot be encoded as a call.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The call is for messages.
    #[error("{} is for messages, but log {id} is not of a message; proveL2LogInclusionShared takes it", call.name())]
    NoMessage {
        /// The call.
        call: Call,
        /// The log's leaf index.
        id: u64,
    },
    /// The call needs the message's bytes.
    #[error("{} takes the message itself, but the archive has only the log {id} of it", call.name())]
    NoBytes {
        /// The call.
        call: Call,
        /// The log's leaf index.
        id: u64,
    },
    /// The log does not fit the struct that the call takes.
    #[error(
        "log {id} has the isService byte {byte}, which is not a bool; proveL2LeafInclusionShared takes it"
    )]
    NoBool {
        /// The log's leaf index.
        id: u64,
        /// The byte in the log.
        byte: u8,
    },
    /// L1 does not store the root.
    #[error(
        "finalizeDeposit is called on L1, which does not store the roots of blocks; prove against sl-batch:N or batch-root"
    )]
    NotOnL1,
    /// The contract's address depends on the deployment and was not given.
    #[error("the address of the contract to call is not known; it must be given")]
    NoAddress,
}

impl CallError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::NoMessage { .. } => FailureCode::CallNeedsMessage,
            Self::NoBytes { .. } => FailureCode::CallNeedsMessageBytes,
            Self::NoBool { .. } => FailureCode::LogNotEncodable,
            Self::NotOnL1 => FailureCode::CallNeedsL1Target,
            Self::NoAddress => FailureCode::NoAddress,
        }
    }
}

impl CallOptions {
    /// The contract for proofs against a kind of root.
    ///
    /// # Errors
    /// [`CallError::NoAddress`] if the address is needed and not given, [`CallError::NotOnL1`] if the call
    /// cannot take such proofs.
    pub fn contract(&self, target: TargetKind) -> Result<Address, CallError> {
        let is_block = target == TargetKind::Block;
        match (self.call, self.to) {
            (Some(Call::FinalizeDeposit), _) if is_block => Err(CallError::NotOnL1),
            (_, Some(to)) => Ok(to),
            (Some(Call::FinalizeDeposit), None) => Err(CallError::NoAddress),
            (_, None) if is_block => Ok(L2_MESSAGE_VERIFICATION),
            _ => Err(CallError::NoAddress),
        }
    }

    /// Encodes the call for a proof.
    ///
    /// # Errors
    /// [`CallError`] if the call cannot take the proof.
    pub fn encode(&self, proof: &ProofView<'_>) -> Result<CalldataRecord, CallError> {
        let to = self.contract(proof.target.kind)?;
        let for_log = || match proof.message {
            Some(_) if proof.log.is_message() => Call::Message,
            _ => Call::Log,
        };
        let call = self.call.unwrap_or_else(for_log);
        Ok(CalldataRecord {
            chain_id: proof.chain,
            batch_number: proof.batch,
            id: proof.id,
            root: proof.root,
            target: *proof.target,
            log: (call == Call::Leaf).then_some(*proof.log),
            call,
            to,
            data: hex::encode(&calldata(call, proof)?),
        })
    }
}

/// Encodes a call of a proof.
pub(crate) fn calldata(call: Call, proof: &ProofView<'_>) -> Result<Vec<u8>, CallError> {
    let (chain, batch) = (U256::from(proof.chain.0), U256::from(proof.batch.0));
    let index = U256::from(proof.id);
    let words: Vec<B256> = proof.words().map(|word| B256::new(*word.as_bytes())).collect();
    Ok(match call {
        Call::Message => {
            let data = message(call, proof)?;
            let message = abi::L2Message {
                txNumberInBatch: proof.log.tx_number(),
                sender: address(Address::from_word(proof.log.key())),
                data,
            };
            abi::Verifying::proveL2MessageInclusionSharedCall {
                chainId: chain,
                blockOrBatchNumber: batch,
                index,
                message,
                proof: words,
            }
            .abi_encode()
        }
        Call::Log => abi::Verifying::proveL2LogInclusionSharedCall {
            chainId: chain,
            blockOrBatchNumber: batch,
            index,
            log: log(proof.id, proof.log)?,
            proof: words,
        }
        .abi_encode(),
        Call::Leaf => abi::Verifying::proveL2LeafInclusionSharedCall {
            chainId: chain,
            blockOrBatchNumber: batch,
            leafProofMask: index,
            leaf: B256::new(*keccak256(proof.log.as_bytes()).as_bytes()),
            proof: words,
        }
        .abi_encode(),
        Call::FinalizeDeposit => {
            let message = message(call, proof)?;
            let params = abi::FinalizeL1DepositParams {
                chainId: chain,
                l2BatchNumber: batch,
                l2MessageIndex: index,
                l2Sender: address(Address::from_word(proof.log.key())),
                l2TxNumberInBatch: proof.log.tx_number(),
                message,
                merkleProof: words,
            };
            abi::Verifying::finalizeDepositCall { params }.abi_encode()
        }
    })
}

fn message(call: Call, proof: &ProofView<'_>) -> Result<Bytes, CallError> {
    if !proof.log.is_message() {
        return Err(CallError::NoMessage { call, id: proof.id });
    }
    let message = proof.message.ok_or(CallError::NoBytes { call, id: proof.id })?;
    Ok(Bytes::copy_from_slice(message))
}

fn log(id: u64, log: &L2ToL1Log) -> Result<abi::L2Log, CallError> {
    let is_service = match log.as_bytes()[1] {
        0 => false,
        1 => true,
        byte => return Err(CallError::NoBool { id, byte }),
    };
    Ok(abi::L2Log {
        l2ShardId: log.shard_id(),
        isService: is_service,
        txNumberInBatch: log.tx_number(),
        sender: address(log.sender()),
        key: B256::new(*log.key().as_bytes()),
        value: B256::new(*log.value().as_bytes()),
    })
}

fn address(address: Address) -> alloy_primitives::Address {
    alloy_primitives::Address::new(*address.as_bytes())
}
