use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::SolCall;

use super::{Call, CallChoice, CallError, CallOptions, CalldataRecord, abi};
use crate::{
    keccak::keccak256,
    message::{ASSET_ROUTER, BASE_TOKEN, L2ToL1Log, Withdrawal},
    primitives::{Address, hex},
    proof::{ProofView, TargetKind},
};

/// `L2MessageVerification`, at the same address on every listening chain.
const L2_MESSAGE_VERIFICATION: Address = Address::system(0x1_0009);

impl CallOptions {
    /// Checks that these calls can take proofs against a kind of root. Whether the contract for each chain is
    /// known, is found out when a proof is encoded.
    ///
    /// # Errors
    /// [`CallError::NoAddress`] if no contract is known, [`CallError::NotOnL1`] if a call cannot take such
    /// proofs, [`CallError::NoFinalizeDeposit`] if L1 no longer has it, [`CallError::OneContract`] if there are several
    /// calls, but one contract.
    pub fn check(&self, target: TargetKind) -> Result<(), CallError> {
        let is_block = target == TargetKind::Block;
        match self.call {
            CallChoice::BySender if self.to.is_some() => Err(CallError::OneContract),
            CallChoice::BySender | CallChoice::Only(Call::FinalizeDeposit) if is_block => {
                Err(CallError::NotOnL1)
            }
            CallChoice::Only(Call::FinalizeDeposit) if self.l1.are_since_v33 => {
                Err(CallError::NoFinalizeDeposit)
            }
            // No log gets the call that the address is for.
            CallChoice::BySender if self.l1.are_since_v33 => Ok(()),
            CallChoice::BySender | CallChoice::Only(Call::FinalizeDeposit) => {
                self.to.or(self.l1.nullifier).map(drop).ok_or(CallError::NoAddress)
            }
            _ if is_block || self.to.is_some() || !self.l1.chains.is_empty() => Ok(()),
            _ => Err(CallError::NoAddress),
        }
    }

    /// Encodes the call for a proof.
    ///
    /// # Errors
    /// [`CallError`] if the call cannot take the proof.
    pub fn encode(&self, proof: &ProofView<'_>) -> Result<CalldataRecord, CallError> {
        let call = self.choose(proof)?;
        Ok(CalldataRecord {
            chain_id: proof.chain,
            batch_number: proof.batch,
            id: proof.id,
            root: proof.root,
            target: *proof.target,
            log: (call == Call::Leaf).then_some(*proof.log),
            call,
            to: self.contract(call, proof)?,
            data: hex::encode(&calldata(call, proof)?),
        })
    }

    /// The call for a proof.
    fn choose(&self, proof: &ProofView<'_>) -> Result<Call, CallError> {
        let for_log = match proof.message {
            Some(_) if proof.log.is_message() => Call::Message,
            _ => Call::Log,
        };
        match self.call {
            CallChoice::ByLog => Ok(for_log),
            CallChoice::BySender if !self.is_withdrawal(proof)? => Ok(for_log),
            CallChoice::Only(Call::FinalizeDeposit) if !self.is_withdrawal(proof)? => {
                Err(CallError::NoWithdrawal { id: proof.id })
            }
            CallChoice::BySender | CallChoice::Only(Call::FinalizeDeposit)
                if self.l1.are_since_v33 =>
            {
                Err(CallError::NoFinalizeDeposit)
            }
            CallChoice::BySender => Ok(Call::FinalizeDeposit),
            CallChoice::Only(call) => Ok(call),
        }
    }

    /// Whether L1Nullifier takes the message.
    fn is_withdrawal(&self, proof: &ProofView<'_>) -> Result<bool, CallError> {
        let id = proof.id;
        let Some(sender) = proof.log.message_sender() else { return Ok(false) };
        let old_bridge = self.l1.chains.get(&proof.chain).and_then(|chain| chain.old_bridge);
        let may_be_bridge = sender == BASE_TOKEN
            || sender == ASSET_ROUTER
            || old_bridge.is_none_or(|bridge| bridge == sender);
        if !may_be_bridge {
            return Ok(false);
        }
        let call = Call::FinalizeDeposit;
        let message = proof.message.ok_or(CallError::NoBytes { call, id })?;
        match Withdrawal::parse(message) {
            None => Ok(false),
            Some(withdrawal) if withdrawal.may_be_sent_by(sender, old_bridge) => Ok(true),
            Some(Withdrawal::BaseToken { .. }) => Ok(false),
            Some(_) if sender == BASE_TOKEN => Ok(false),
            Some(_) => Err(CallError::UnknownBridge { id, sender }),
        }
    }

    /// The contract to call.
    fn contract(&self, call: Call, proof: &ProofView<'_>) -> Result<Address, CallError> {
        let is_block = proof.target.kind == TargetKind::Block;
        let known = match call {
            Call::FinalizeDeposit if is_block => return Err(CallError::NotOnL1),
            _ if self.to.is_some() => self.to,
            Call::FinalizeDeposit => self.l1.nullifier,
            _ if is_block => Some(L2_MESSAGE_VERIFICATION),
            _ => self.l1.chains.get(&proof.chain).and_then(|chain| chain.verifier),
        };
        known.ok_or(CallError::NoAddress)
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
                sender: abi::encodable(Address::from_word(proof.log.key())),
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
                l2Sender: abi::encodable(Address::from_word(proof.log.key())),
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
        sender: abi::encodable(log.sender()),
        key: B256::new(*log.key().as_bytes()),
        value: B256::new(*log.value().as_bytes()),
    })
}

#[cfg(test)]
mod tests;
