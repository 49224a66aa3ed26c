//! The call of a claim, with its arguments as the calldata decode.

use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolInterface};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    abi::{
        Recovering::bridgeRecoverFailedTransferCall,
        v31::{ConfirmTransferResultData, Confirming::bridgeConfirmTransferResultCall},
    },
    deposit::Deposit,
};
use crate::{
    primitives::{Address, hex},
    proof::{
        ProofView,
        calldata::{
            Call, CallError,
            abi::{
                FinalizeL1DepositParams, L2Message, Verifying, Verifying::VerifyingCalls, encodable,
            },
            calldata,
        },
    },
};

/// `TxStatus.Failure`.
const FAILURE: u8 = 0;

/// A transaction that a claim needs, or for other messages the call that verifies them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClaimCall {
    /// The contract.
    pub to: Address,
    /// The calldata: `0x`, the selector and the ABI-encoded arguments.
    pub data: String,
    /// The name of the function.
    pub function: &'static str,
    /// The name and the types of the arguments.
    pub signature: &'static str,
    /// The arguments in the calldata, under the names of the contract's source.
    pub arguments: Value,
    /// The command of Foundry's `cast` that sends it.
    pub cast: String,
}

impl ClaimCall {
    fn new(to: Address, data: &[u8], signature: &'static str, arguments: Value) -> Self {
        let data = hex::encode(data);
        let function = signature.split('(').next().unwrap_or(signature);
        let cast = format!("cast send {to} {data}");
        Self { to, data, function, signature, arguments, cast }
    }

    /// The call that pays a withdrawal out.
    pub(super) fn finalize(nullifier: Address, proof: &ProofView<'_>) -> Result<Self, CallError> {
        Self::with_proof(Call::FinalizeDeposit, nullifier, proof)
    }

    /// The call that verifies that a message was sent. It changes nothing, so it needs no transaction.
    pub(super) fn verify(verifier: Address, proof: &ProofView<'_>) -> Result<Self, CallError> {
        let mut call = Self::with_proof(Call::Message, verifier, proof)?;
        call.cast = format!("cast call {} {}", call.to, call.data);
        Ok(call)
    }

    fn with_proof(call: Call, to: Address, proof: &ProofView<'_>) -> Result<Self, CallError> {
        let data = calldata(call, proof)?;
        let (signature, arguments) = match VerifyingCalls::abi_decode_validate(&data) {
            Ok(VerifyingCalls::finalizeDeposit(call)) => {
                (Verifying::finalizeDepositCall::SIGNATURE, of_finalize(&call.params))
            }
            Ok(VerifyingCalls::proveL2MessageInclusionShared(call)) => {
                let L2Message { txNumberInBatch, sender, data } = &call.message;
                let message = json!({
                    "txNumberInBatch": txNumberInBatch,
                    "sender": address(sender),
                    "data": bytes(data),
                });
                let arguments = json!({
                    "chainId": number(call.chainId),
                    "blockOrBatchNumber": number(call.blockOrBatchNumber),
                    "index": number(call.index),
                    "message": message,
                    "proof": words(&call.proof),
                });
                (Verifying::proveL2MessageInclusionSharedCall::SIGNATURE, arguments)
            }
            _ => unreachable!("the calldata were encoded as one of these two"),
        };
        Ok(Self::new(to, &data, signature, arguments))
    }

    /// The call that returns a failed deposit.
    pub(super) fn recover(
        is_v31: bool,
        nullifier: Address,
        deposit: &Deposit,
        proof: &ProofView<'_>,
    ) -> Self {
        let merkle_proof = proof.words().map(|word| B256::new(*word.as_bytes())).collect();
        let data = ConfirmTransferResultData {
            _chainId: U256::from(proof.chain.0),
            _depositSender: encodable(deposit.sender),
            _l2TxNumberInBatch: proof.log.tx_number(),
            _txStatus: FAILURE,
            _assetId: B256::new(*deposit.asset_id.as_bytes()),
            _assetData: Bytes::copy_from_slice(&deposit.asset_data),
            _l2TxHash: B256::new(*proof.log.key().as_bytes()),
            _l2BatchNumber: U256::from(proof.batch.0),
            _l2MessageIndex: U256::from(proof.id),
            _merkleProof: merkle_proof,
        };
        let mut arguments = of_recovery(&data);
        if is_v31 {
            let call = bridgeConfirmTransferResultCall { _confirmTransferResultData: data };
            let signature = bridgeConfirmTransferResultCall::SIGNATURE;
            return Self::new(nullifier, &call.abi_encode(), signature, arguments);
        }
        if let Some(fields) = arguments.as_object_mut() {
            fields.remove("_txStatus");
        }
        let call = bridgeRecoverFailedTransferCall {
            _chainId: data._chainId,
            _depositSender: data._depositSender,
            _assetId: data._assetId,
            _assetData: data._assetData,
            _l2TxHash: data._l2TxHash,
            _l2BatchNumber: data._l2BatchNumber,
            _l2MessageIndex: data._l2MessageIndex,
            _l2TxNumberInBatch: data._l2TxNumberInBatch,
            _merkleProof: data._merkleProof,
        };
        let signature = bridgeRecoverFailedTransferCall::SIGNATURE;
        Self::new(nullifier, &call.abi_encode(), signature, arguments)
    }
}

fn of_finalize(params: &FinalizeL1DepositParams) -> Value {
    json!({
        "chainId": number(params.chainId),
        "l2BatchNumber": number(params.l2BatchNumber),
        "l2MessageIndex": number(params.l2MessageIndex),
        "l2Sender": address(&params.l2Sender),
        "l2TxNumberInBatch": params.l2TxNumberInBatch,
        "message": bytes(&params.message),
        "merkleProof": words(&params.merkleProof),
    })
}

fn of_recovery(data: &ConfirmTransferResultData) -> Value {
    json!({
        "_chainId": number(data._chainId),
        "_depositSender": address(&data._depositSender),
        "_l2TxNumberInBatch": data._l2TxNumberInBatch,
        "_txStatus": data._txStatus,
        "_assetId": word(&data._assetId),
        "_assetData": bytes(&data._assetData),
        "_l2TxHash": word(&data._l2TxHash),
        "_l2BatchNumber": number(data._l2BatchNumber),
        "_l2MessageIndex": number(data._l2MessageIndex),
        "_merkleProof": words(&data._merkleProof),
    })
}

/// A number that was encoded from 64 bits.
fn number(number: U256) -> Value {
    u64::try_from(number).map_or_else(|_| json!(number.to_string()), Value::from)
}

fn address(address: &alloy_primitives::Address) -> String {
    hex::encode(address.as_slice())
}

fn bytes(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

fn word(word: &B256) -> String {
    hex::encode(word.as_slice())
}

fn words(words: &[B256]) -> Vec<String> {
    words.iter().map(word).collect()
}
