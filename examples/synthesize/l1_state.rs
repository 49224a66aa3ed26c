//! What turns the state of a synthetic layer into that of L1, on which its chains pay withdrawals out:
//! L1Nullifier, and what it asks the chains' diamonds and Bridgehub for (era-contracts, v26 to v31).

use slproof::{
    keccak::keccak256,
    message::BatchView,
    primitives::{Address, ChainId, Word},
    state::slots::mapping_value,
};

use super::layer::{MESSAGE_ROOT, Slots};

/// Bridgehub on L1. The contracts of L1 have no system addresses.
const L1_BRIDGEHUB: Address = Address::system(0xb1d6_0000);

/// L1Nullifier. It has paid out every other withdrawal of a batch, from the first one on.
pub(crate) struct Nullifier(pub(crate) Address);

impl Nullifier {
    /// `l1AssetRouter` and `l1NativeTokenVault`, and `messageRoot` of Bridgehub.
    pub(crate) fn set_up(&self, slots: &mut dyn Slots) {
        slots.set(self.0, 213.into(), Address::system(0xa3).to_word());
        slots.set(self.0, 214.into(), Address::system(0xa4).to_word());
        slots.set(L1_BRIDGEHUB, 211.into(), MESSAGE_ROOT.to_word());
    }

    /// `chainId` of a chain's diamond, and `zkChainMap` and `baseTokenAssetId` of Bridgehub.
    pub(crate) fn registered(&self, chain: ChainId, diamond: Address, slots: &mut dyn Slots) {
        let id = chain.to_word();
        slots.set(diamond, 40.into(), id);
        slots.set(L1_BRIDGEHUB, mapping_value(id, 210.into()), diamond.to_word());
        slots.set(L1_BRIDGEHUB, mapping_value(id, 212.into()), keccak256(id.as_bytes()).into());
    }

    /// `isWithdrawalFinalized` of the logs of a batch.
    pub(crate) fn pay(&self, logs: BatchView<'_>, slots: &mut dyn Slots) {
        let of_chain = mapping_value(logs.chain().to_word(), 208.into());
        let of_batch = mapping_value(logs.batch().to_word(), of_chain);
        for index in (0..logs.logs().len() as u64).step_by(2) {
            slots.set(self.0, mapping_value(Word::from(index), of_batch), 1.into());
        }
    }
}
