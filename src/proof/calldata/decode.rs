use alloy_primitives::{B256, U256};
use alloy_sol_types::SolInterface;
use thiserror::Error;

use super::{
    Call,
    abi::{
        L2Log,
        Verifying::{self, VerifyingCalls},
    },
};
use crate::{
    keccak::keccak256,
    message::{ASSET_ROUTER, BASE_TOKEN, L2ToL1Log, Withdrawal},
    primitives::{Address, BatchNumber, ChainId, Hash, hex, spelled},
};

/// Why calldata are not a valid proof.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum CalldataError {
    /// The calldata are not hexadecimal.
    #[error("the calldata are damaged: {0}")]
    Hex(#[from] hex::HexError),
    /// The calldata are not ABI-encoded arguments of a known function.
    #[error("the calldata are not a call that takes a proof: {0}")]
    Abi(#[from] alloy_sol_types::Error),
    /// A number does not fit 64 bits.
    #[error("the {argument} in the calldata is {value}, which does not fit 64 bits")]
    TooLarge {
        /// The argument.
        argument: &'static str,
        /// Its value.
        value: U256,
    },
    /// The calldata call another function than the record.
    #[error("the calldata call {}, but the record has the call {}", got.name(), expected.name())]
    OtherCall {
        /// The function in the calldata.
        got: Call,
        /// The function in the record.
        expected: Call,
    },
    /// A field of the record differs from the calldata.
    #[error("the {field} in the calldata is {got}, but in the record it is {expected}")]
    Contradiction {
        /// The field.
        field: &'static str,
        /// The value in the calldata.
        got: String,
        /// The value in the record.
        expected: String,
    },
    /// The calldata have only the hash of a log, and the given log has another hash.
    #[error("the leaf in the calldata is {leaf}, but the log hashes to {got}")]
    OtherLeaf {
        /// The leaf in the calldata.
        leaf: Hash,
        /// The hash of the log.
        got: Hash,
    },
}

/// The content of calldata.
pub(in crate::proof) struct Decoded {
    pub(in crate::proof) chain: ChainId,
    pub(in crate::proof) batch: BatchNumber,
    pub(in crate::proof) id: u64,
    pub(in crate::proof) subject: Subject,
    pub(in crate::proof) words: Vec<Hash>,
}

/// The log or message that is proven.
pub(in crate::proof) enum Subject {
    Message(L2ToL1Log, Vec<u8>),
    Log(L2ToL1Log),
    Leaf(Hash),
}

impl Subject {
    /// The log that is proven: the one in the calldata, or `known` if its hash is the leaf.
    pub(in crate::proof) fn log(
        &self,
        known: Option<L2ToL1Log>,
    ) -> Result<Option<L2ToL1Log>, CalldataError> {
        match (self, known) {
            (Self::Message(log, _) | Self::Log(log), _) => Ok(Some(*log)),
            (Self::Leaf(_), None) => Ok(None),
            (Self::Leaf(leaf), Some(log)) => match keccak256(log.as_bytes()) {
                got if got == *leaf => Ok(Some(log)),
                got => Err(CalldataError::OtherLeaf { leaf: *leaf, got }),
            },
        }
    }
}

/// Decodes calldata. If `expected` is given, the calldata must be this call.
pub(in crate::proof) fn decode(
    data: &str,
    expected: Option<Call>,
) -> Result<Decoded, CalldataError> {
    use Verifying::{
        finalizeDepositCall, proveL2LeafInclusionSharedCall, proveL2LogInclusionSharedCall,
        proveL2MessageInclusionSharedCall,
    };

    let mut bytes = Vec::new();
    spelled::append(data, &mut bytes)?;
    let (got, (chain, batch, index), subject, words) =
        match VerifyingCalls::abi_decode_validate(&bytes)? {
            VerifyingCalls::proveL2MessageInclusionShared(call) => {
                let proveL2MessageInclusionSharedCall { message, proof, .. } = call;
                let sender = Address::new(message.sender.into_array());
                let log = L2ToL1Log::of_message(message.txNumberInBatch, sender, &message.data);
                let at = (call.chainId, call.blockOrBatchNumber, call.index);
                (Call::Message, at, Subject::Message(log, message.data.to_vec()), proof)
            }
            VerifyingCalls::proveL2LogInclusionShared(call) => {
                let proveL2LogInclusionSharedCall { log, proof, .. } = call;
                let at = (call.chainId, call.blockOrBatchNumber, call.index);
                (Call::Log, at, Subject::Log(log_of(&log)), proof)
            }
            VerifyingCalls::proveL2LeafInclusionShared(call) => {
                let proveL2LeafInclusionSharedCall { leaf, proof, .. } = call;
                let at = (call.chainId, call.blockOrBatchNumber, call.leafProofMask);
                (Call::Leaf, at, Subject::Leaf(Hash::new(leaf.0)), proof)
            }
            VerifyingCalls::finalizeDeposit(finalizeDepositCall { params }) => {
                let sender =
                    proven_sender(Address::new(params.l2Sender.into_array()), &params.message);
                let log = L2ToL1Log::of_message(params.l2TxNumberInBatch, sender, &params.message);
                let at = (params.chainId, params.l2BatchNumber, params.l2MessageIndex);
                let subject = Subject::Message(log, params.message.to_vec());
                (Call::FinalizeDeposit, at, subject, params.merkleProof)
            }
        };
    if let Some(expected) = expected.filter(|expected| *expected != got) {
        return Err(CalldataError::OtherCall { got, expected });
    }
    let narrow = |argument, value: U256| {
        u64::try_from(value).map_err(|_| CalldataError::TooLarge { argument, value })
    };
    Ok(Decoded {
        chain: ChainId(narrow("chain id", chain)?),
        batch: BatchNumber(narrow("batch number", batch)?),
        id: narrow("index", index)?,
        subject,
        words: words.into_iter().map(|B256 { 0: word }| Hash::new(word)).collect(),
    })
}

/// The sender of the message that `finalizeDeposit` proves. A withdrawal in the layout of base tokens was sent by the base
/// token: L1Nullifier before v31 proves it so if the caller names the asset router (`_verifyWithdrawal`), and since
/// v31 it refuses that name.
fn proven_sender(named: Address, message: &[u8]) -> Address {
    match Withdrawal::parse(message) {
        Some(Withdrawal::BaseToken { .. }) if named == ASSET_ROUTER => BASE_TOKEN,
        _ => named,
    }
}

/// Whether a function with this selector takes a proof.
pub(in crate::proof) fn takes_proof(selector: [u8; 4]) -> bool {
    VerifyingCalls::valid_selector(selector)
}

fn log_of(log: &L2Log) -> L2ToL1Log {
    let mut bytes = [0; L2ToL1Log::LEN];
    bytes[0] = log.l2ShardId;
    bytes[1] = u8::from(log.isService);
    bytes[2..4].copy_from_slice(&log.txNumberInBatch.to_be_bytes());
    bytes[4..24].copy_from_slice(log.sender.as_slice());
    bytes[24..56].copy_from_slice(log.key.as_slice());
    bytes[56..].copy_from_slice(log.value.as_slice());
    L2ToL1Log::new(bytes)
}
