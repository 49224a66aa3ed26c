//! The messages with which tokens are withdrawn to L1.
//!
//! ```text
//! base token    selector of finalizeEthWithdrawal ‖ receiver 20 ‖ amount 32 [‖ data for a contract]
//! legacy ERC20  selector of finalizeWithdrawal ‖ receiver 20 ‖ L1 token 20 ‖ amount 32
//! asset router  selector of finalizeDeposit ‖ source chain id 32 ‖ asset id 32 ‖ transfer data
//! ```
//!
//! The transfer data of an asset of the native token vault are `abi.encode(address originalCaller, address
//! receiver, address originToken, uint256 amount, bytes metadata)`.
//!
//! Sources: era-contracts `L1Nullifier.sol` (`_parseL2WithdrawalMessage`, `_verifyWithdrawal`) and
//! `DataEncoding.sol` (`decodeBridgeMintData`), v29 and v31. `L1Nullifier.finalizeDeposit` parses a message
//! before it looks at the proof, and reverts for every other layout.

use std::sync::LazyLock;

use crate::{
    keccak::selector,
    primitives::{Address, Hash, Word},
};

/// L2BaseToken, the sender of withdrawals of a chain's base token.
pub const BASE_TOKEN: Address = Address::system(0x800a);

/// L2AssetRouter, the sender of all other withdrawals. Before it, each chain had a bridge at its own address.
pub const ASSET_ROUTER: Address = Address::system(0x1_0003);

const PROOF_ARGUMENTS: &str = "(uint256,uint256,uint16,bytes,bytes32[])";

static FINALIZE_ETH_WITHDRAWAL: LazyLock<[u8; 4]> =
    LazyLock::new(|| selector(&format!("finalizeEthWithdrawal{PROOF_ARGUMENTS}")));
static FINALIZE_WITHDRAWAL: LazyLock<[u8; 4]> =
    LazyLock::new(|| selector(&format!("finalizeWithdrawal{PROOF_ARGUMENTS}")));
static FINALIZE_DEPOSIT: LazyLock<[u8; 4]> =
    LazyLock::new(|| selector("finalizeDeposit(uint256,bytes32,bytes)"));

/// A message in one of the layouts of withdrawals. Everybody can send such bytes: only
/// [`Withdrawal::may_be_sent_by`] says whether L1 pays for them.
///
/// ```
/// use slproof::{message::{BASE_TOKEN, Withdrawal}, primitives::Address};
///
/// let mut message = vec![0x6c, 0x09, 0x60, 0xf9];
/// message.extend([0x11; 20]);
/// message.extend([0; 31]);
/// message.push(7);
/// let withdrawal = Withdrawal::parse(&message).ok_or("a withdrawal")?;
/// assert_eq!(withdrawal.receiver(), Some(Address::new([0x11; 20])));
/// assert_eq!(withdrawal.amount(), Some(7.into()));
/// assert!(withdrawal.may_be_sent_by(BASE_TOKEN, None));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawal {
    /// The base token of the chain.
    BaseToken {
        /// Who gets it on L1.
        receiver: Address,
        /// The amount in the token's smallest unit.
        amount: Word,
    },
    /// A token of L1, withdrawn by a bridge from before the asset router.
    LegacyErc20 {
        /// Who gets it on L1.
        receiver: Address,
        /// The token on L1.
        token: Address,
        /// The amount in the token's smallest unit.
        amount: Word,
    },
    /// An asset, withdrawn by the asset router.
    AssetRouter {
        /// The chain id in the message, which L1 does not use.
        source_chain: Word,
        /// The asset.
        asset_id: Hash,
        /// What the transfer data say if they are those of the native token vault. Other assets have handlers
        /// with transfer data of their own.
        transfer: Option<Transfer>,
    },
}

/// The layouts of withdrawals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalLayout {
    /// At least 56 bytes.
    BaseToken,
    /// 76 bytes.
    LegacyErc20,
    /// At least 68 bytes.
    AssetRouter,
}

impl WithdrawalLayout {
    /// The layout that the selector of a message names. The message may have another length. `None` if
    /// L1Nullifier does not know the selector.
    #[must_use]
    pub fn named_by(message: &[u8]) -> Option<Self> {
        let selector = message.first_chunk::<4>()?;
        if *selector == *FINALIZE_ETH_WITHDRAWAL {
            Some(Self::BaseToken)
        } else if *selector == *FINALIZE_WITHDRAWAL {
            Some(Self::LegacyErc20)
        } else if *selector == *FINALIZE_DEPOSIT {
            Some(Self::AssetRouter)
        } else {
            None
        }
    }
}

/// The transfer data of an asset of the native token vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Who withdrew on the chain. Chains may leave it zero.
    pub original_caller: Address,
    /// Who gets the token on L1.
    pub receiver: Address,
    /// The token on the chain where it comes from.
    pub origin_token: Address,
    /// The amount in the token's smallest unit.
    pub amount: Word,
}

impl Withdrawal {
    /// Parses a message as L1Nullifier does. `None` if `finalizeDeposit` reverts for these bytes, whoever sent
    /// them.
    #[must_use]
    pub fn parse(message: &[u8]) -> Option<Self> {
        let (_, rest) = message.split_first_chunk::<4>()?;
        match WithdrawalLayout::named_by(message)? {
            WithdrawalLayout::BaseToken => {
                let (receiver, rest) = address(rest)?;
                let (amount, _) = word(rest)?;
                Some(Self::BaseToken { receiver, amount })
            }
            WithdrawalLayout::LegacyErc20 => {
                let (receiver, rest) = address(rest)?;
                let (token, rest) = address(rest)?;
                let (amount, rest) = word(rest)?;
                rest.is_empty().then_some(Self::LegacyErc20 { receiver, token, amount })
            }
            WithdrawalLayout::AssetRouter => {
                let (source_chain, rest) = word(rest)?;
                let (asset_id, rest) = word(rest)?;
                let (asset_id, transfer) = (asset_id.to_hash(), Transfer::parse(rest));
                Some(Self::AssetRouter { source_chain, asset_id, transfer })
            }
        }
    }

    /// Whether L1 can pay for the message if this address sent it. `old_bridge` is the bridge that the chain
    /// had before the asset router, where it is known.
    ///
    /// L1 of v29 also takes other pairs of layout and system contract, but proves a base token as sent by
    /// [`BASE_TOKEN`], and the system contracts send no other pairs.
    #[must_use]
    pub fn may_be_sent_by(&self, sender: Address, old_bridge: Option<Address>) -> bool {
        match self {
            Self::BaseToken { .. } => sender == BASE_TOKEN,
            _ => sender == ASSET_ROUTER || Some(sender) == old_bridge,
        }
    }

    /// Who gets the token on L1. `None` if the handler of the asset decides.
    #[must_use]
    pub fn receiver(&self) -> Option<Address> {
        match self {
            Self::BaseToken { receiver, .. } | Self::LegacyErc20 { receiver, .. } => {
                Some(*receiver)
            }
            Self::AssetRouter { transfer, .. } => transfer.map(|transfer| transfer.receiver),
        }
    }

    /// The amount in the token's smallest unit. `None` if the handler of the asset decides.
    #[must_use]
    pub fn amount(&self) -> Option<Word> {
        match self {
            Self::BaseToken { amount, .. } | Self::LegacyErc20 { amount, .. } => Some(*amount),
            Self::AssetRouter { transfer, .. } => transfer.map(|transfer| transfer.amount),
        }
    }
}

impl Transfer {
    /// Parses transfer data as `abi.decode` does. `None` if they have another layout.
    fn parse(data: &[u8]) -> Option<Self> {
        let (original_caller, rest) = abi_address(data)?;
        let (receiver, rest) = abi_address(rest)?;
        let (origin_token, rest) = abi_address(rest)?;
        let (amount, rest) = word(rest)?;
        let (metadata, _) = word(rest)?;
        let metadata = data.get(usize::try_from(metadata.to_u64().ok()?).ok()?..)?;
        let (len, metadata) = word(metadata)?;
        metadata.get(..usize::try_from(len.to_u64().ok()?).ok()?)?;
        Some(Self { original_caller, receiver, origin_token, amount })
    }
}

fn word(bytes: &[u8]) -> Option<(Word, &[u8])> {
    let (word, rest) = bytes.split_first_chunk()?;
    Some((Word::new(*word), rest))
}

fn address(bytes: &[u8]) -> Option<(Address, &[u8])> {
    let (address, rest) = bytes.split_first_chunk()?;
    Some((Address::new(*address), rest))
}

/// An address in a word of its own; the bytes before it have to be zero.
fn abi_address(bytes: &[u8]) -> Option<(Address, &[u8])> {
    let (word, rest) = word(bytes)?;
    let address = Address::from_word(word);
    (address.to_word() == word).then_some((address, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVER: Address = Address::new([0x11; 20]);
    const TOKEN: Address = Address::new([0x22; 20]);

    fn message(selector: [u8; 4], parts: &[&[u8]]) -> Vec<u8> {
        [&selector[..], &parts.concat()].concat()
    }

    fn amount() -> Word {
        Word::from(1_000)
    }

    /// The published selectors of era-contracts.
    #[test]
    fn selectors_are_those_of_the_contracts() {
        assert_eq!(*FINALIZE_ETH_WITHDRAWAL, [0x6c, 0x09, 0x60, 0xf9]);
        assert_eq!(*FINALIZE_WITHDRAWAL, [0x11, 0xa2, 0xcc, 0xc1]);
        assert_eq!(*FINALIZE_DEPOSIT, [0x9c, 0x88, 0x4f, 0xd1]);
    }

    #[test]
    fn a_base_token_may_have_data_behind_the_amount() {
        let mut bytes =
            message(*FINALIZE_ETH_WITHDRAWAL, &[RECEIVER.as_bytes(), amount().as_bytes()]);
        let expected = Withdrawal::BaseToken { receiver: RECEIVER, amount: amount() };
        assert_eq!(Withdrawal::parse(&bytes), Some(expected));
        assert_eq!(Withdrawal::parse(&bytes[..55]), None);
        bytes.push(1);
        assert_eq!(Withdrawal::parse(&bytes), Some(expected));
        assert!(expected.may_be_sent_by(BASE_TOKEN, Some(TOKEN)));
        assert!(!expected.may_be_sent_by(ASSET_ROUTER, Some(TOKEN)));
        assert!(!expected.may_be_sent_by(TOKEN, Some(TOKEN)));
    }

    #[test]
    fn a_legacy_token_has_exactly_its_length() {
        let mut bytes = message(
            *FINALIZE_WITHDRAWAL,
            &[RECEIVER.as_bytes(), TOKEN.as_bytes(), amount().as_bytes()],
        );
        let expected =
            Withdrawal::LegacyErc20 { receiver: RECEIVER, token: TOKEN, amount: amount() };
        assert_eq!(Withdrawal::parse(&bytes), Some(expected));
        assert!(expected.may_be_sent_by(ASSET_ROUTER, None));
        assert!(expected.may_be_sent_by(TOKEN, Some(TOKEN)));
        assert!(!expected.may_be_sent_by(TOKEN, None));
        assert!(!expected.may_be_sent_by(BASE_TOKEN, None));
        bytes.push(0);
        assert_eq!(Withdrawal::parse(&bytes), None);
        assert_eq!(Withdrawal::parse(&bytes[..75]), None);
    }

    #[test]
    fn transfer_data_are_read_where_they_are_those_of_the_vault() {
        let (chain, asset) = (Word::from(324), Word::new([7; 32]));
        let numbers = [amount(), Word::from(160), Word::from(3)];
        let mut words = [RECEIVER, RECEIVER, TOKEN].map(Address::to_word).to_vec();
        words.extend(numbers);
        let mut transfer: Vec<u8> = words.iter().flat_map(|word| *word.as_bytes()).collect();
        transfer.extend([0xab; 3]);
        let parsed = |transfer: &[u8]| {
            let bytes = message(*FINALIZE_DEPOSIT, &[chain.as_bytes(), asset.as_bytes(), transfer]);
            match Withdrawal::parse(&bytes) {
                Some(Withdrawal::AssetRouter { source_chain, asset_id, transfer }) => {
                    assert_eq!((source_chain, asset_id), (chain, asset.to_hash()));
                    transfer
                }
                other => panic!("{other:?}"),
            }
        };
        let (original_caller, origin_token) = (RECEIVER, TOKEN);
        let expected =
            Transfer { original_caller, receiver: RECEIVER, origin_token, amount: amount() };
        assert_eq!(parsed(&transfer), Some(expected));
        // Metadata that are cut off, an address with more than 20 bytes, no data at all.
        assert_eq!(parsed(&transfer[..transfer.len() - 1]), None);
        transfer[32] = 1;
        assert_eq!(parsed(&transfer), None);
        assert_eq!(parsed(&[]), None);
        let short = message(*FINALIZE_DEPOSIT, &[chain.as_bytes(), &asset.as_bytes()[1..]]);
        assert_eq!(Withdrawal::parse(&short), None);
    }
}
