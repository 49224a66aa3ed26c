use alloy_primitives::U256;
use alloy_sol_types::{SolCall, sol};
use serde_json::{Value, json};
use slproof::{
    claims::{ClaimKind, Deposit},
    message::L2ToL1Log,
    primitives::{Address, ChainId, Hash, Word},
};

use crate::support::{
    claims_case::{BATCH, CHAIN, Case, L1_CHAIN, Log, RECEIVER, RELEASES, Release, TOKEN},
    l1::{VAULT, asset_id, nullifier, slot},
    naive,
    vectors::{hex, unhex},
};

sol! {
    function bridgeRecoverFailedTransfer(
        uint256 _chainId,
        address _depositSender,
        bytes32 _assetId,
        bytes memory _assetData,
        bytes32 _l2TxHash,
        uint256 _l2BatchNumber,
        uint256 _l2MessageIndex,
        uint16 _l2TxNumberInBatch,
        bytes32[] calldata _merkleProof
    ) public;

    struct ConfirmTransferResultData {
        uint256 _chainId;
        address _depositSender;
        uint16 _l2TxNumberInBatch;
        uint8 _txStatus;
        bytes32 _assetId;
        bytes _assetData;
        bytes32 _l2TxHash;
        uint256 _l2BatchNumber;
        uint256 _l2MessageIndex;
        bytes32[] _merkleProof;
    }

    function bridgeConfirmTransferResult(
        ConfirmTransferResultData memory _confirmTransferResultData
    ) public;
}

const L2_TX: Hash = Hash::new([0x5a; 32]);
const DEPOSITOR: Address = Address::new([0xde; 20]);

/// The bootloader's log with the status of an L1→L2 transaction.
fn status(status: u8) -> Log {
    let mut bytes = [0; L2ToL1Log::LEN];
    (bytes[1], bytes[3]) = (1, 9);
    bytes[22..24].copy_from_slice(&[0x80, 0x01]);
    bytes[24..56].copy_from_slice(L2_TX.as_bytes());
    bytes[87] = status;
    (L2ToL1Log::new(bytes), None)
}

fn words(words: &[Word]) -> Vec<u8> {
    words.iter().flat_map(|word| *word.as_bytes()).collect()
}

/// `abi.encode(amount, receiver, token)`.
fn data() -> Vec<u8> {
    words(&[Word::from(500), RECEIVER.to_word(), TOKEN.to_word()])
}

fn asset() -> Hash {
    asset_id(L1_CHAIN, TOKEN)
}

fn deposit() -> Deposit {
    Deposit { sender: DEPOSITOR, asset_id: asset(), asset_data: data() }
}

/// `keccak256(0x01 ‖ abi.encode(depositor, assetId, data))`, word by word.
fn new_hash() -> Hash {
    let head = [DEPOSITOR.to_word(), asset().into(), Word::from(96), Word::from(96)];
    naive::keccak(&[vec![1], words(&head), data()].concat())
}

/// `keccak256(abi.encode(depositor, token, amount))`.
fn legacy_hash() -> Hash {
    naive::keccak(&words(&[DEPOSITOR.to_word(), TOKEN.to_word(), Word::from(500)]))
}

/// A deposit that failed, of which L1Nullifier stores this hash.
fn failed(release: Release, stored: Hash) -> Case {
    let mut case = Case::new(release, vec![status(1), status(0)]).with(
        nullifier(),
        slot(207, &[CHAIN.into(), L2_TX.into()]),
        stored,
    );
    case.selection.kinds = vec![ClaimKind::FailedDeposit];
    case.options.deposit = Some(deposit());
    case
}

/// Successful deposits are no claims, and the call is the one of the release.
#[test]
fn the_call_of_a_failed_deposit_has_the_deposit_of_the_user() {
    for release in RELEASES {
        let claim = failed(release, new_hash()).claim();
        assert_eq!(
            [&claim["kind"], &claim["status"], &claim["id"], &claim["txHash"]],
            [&json!("failed-deposit"), &json!("claimable"), &json!(1), &json!(L2_TX.to_string())]
        );
        let (call, bytes) = (&claim["call"], unhex(&claim["call"]["data"]));
        let number = |number: u64| U256::from(number);
        let proof = |words: &[alloy_primitives::B256]| -> Vec<String> {
            words.iter().map(|word| hex(&word[..])).collect()
        };
        let (fields, merkle_proof) = match release {
            Release::V29 => {
                assert_eq!(call["function"], "bridgeRecoverFailedTransfer");
                let call = bridgeRecoverFailedTransferCall::abi_decode_validate(&bytes).unwrap();
                let numbers = (call._chainId, call._l2BatchNumber, call._l2MessageIndex);
                let deposit = (call._depositSender, call._assetId, call._assetData, call._l2TxHash);
                ((numbers, deposit, call._l2TxNumberInBatch), proof(&call._merkleProof))
            }
            Release::V31 => {
                assert_eq!(call["function"], "bridgeConfirmTransferResult");
                let call = bridgeConfirmTransferResultCall::abi_decode_validate(&bytes).unwrap();
                let call = call._confirmTransferResultData;
                assert_eq!(call._txStatus, 0);
                let numbers = (call._chainId, call._l2BatchNumber, call._l2MessageIndex);
                let deposit = (call._depositSender, call._assetId, call._assetData, call._l2TxHash);
                ((numbers, deposit, call._l2TxNumberInBatch), proof(&call._merkleProof))
            }
        };
        let (numbers, (sender, asset_id, asset_data, l2_tx), tx_number) = fields;
        assert_eq!(numbers, (number(CHAIN), number(BATCH), number(1)));
        assert_eq!(
            (sender.as_slice(), &asset_id[..]),
            (&DEPOSITOR.as_bytes()[..], &asset().as_bytes()[..])
        );
        assert_eq!((&asset_data[..], &l2_tx[..]), (&data()[..], &L2_TX.as_bytes()[..]));
        assert_eq!(tx_number, 9);
        let mut arguments = json!({
            "_chainId": CHAIN,
            "_depositSender": DEPOSITOR.to_string(),
            "_l2TxNumberInBatch": 9,
            "_assetId": asset().to_string(),
            "_assetData": hex(&data()),
            "_l2TxHash": L2_TX.to_string(),
            "_l2BatchNumber": BATCH,
            "_l2MessageIndex": 1,
            "_merkleProof": merkle_proof,
        });
        if release == Release::V31 {
            arguments["_txStatus"] = json!(0);
        }
        assert_eq!(call["arguments"], arguments);
        assert_eq!(call["to"], nullifier().to_string());
    }
}

#[test]
fn a_deposit_is_compared_with_the_stored_hash() {
    for release in RELEASES {
        failed(release, new_hash()).is_claimable();
        let differs = |case: Case| {
            let claim = case.has("claimable", "deposit-differs");
            assert_eq!(claim["call"], Value::Null);
        };
        differs(failed(release, Hash::new([1; 32])));
        let mut other = failed(release, new_hash());
        other.options.deposit.as_mut().unwrap().sender = RECEIVER;
        differs(other);
        let mut none = failed(release, new_hash());
        none.options.deposit = None;
        assert_eq!(none.has("claimable", "deposit-needed")["call"], Value::Null);

        // A deposit from before v26, whose token the vault knows by its asset id.
        let known = || {
            failed(release, legacy_hash()).with(
                VAULT,
                slot(202, &[asset().into()]),
                TOKEN.to_word(),
            )
        };
        known().is_claimable();
        differs(failed(release, legacy_hash()));
        let mut short = known();
        short.options.deposit.as_mut().unwrap().asset_data.truncate(64);
        differs(short);
        // `IncorrectTokenAddressFromNTV`: the legacy encoding is for tokens of L1 only.
        let mut foreign = known();
        foreign.options.l1_chain = Some(ChainId(CHAIN));
        differs(foreign);
    }
}

#[test]
fn deposits_that_are_not_recorded_are_refused() {
    for (release, selector) in [(Release::V29, "0xc7c9660f"), (Release::V31, "0x42bce528")] {
        failed(release, Hash::ZERO).is_refused("DepositDoesNotExist", selector);
        let mut paused = failed(release, new_hash()).with(nullifier(), Word::from(151), 1);
        paused.is_refused("Error(Pausable: paused)", "0x08c379a0");
        // `_isPreSharedBridgeDepositOnEra`.
        paused.state.set(nullifier(), Word::from(151), 0);
        paused.state.set(nullifier(), Word::from(203), 0);
        paused.options.era_chain = Some(ChainId(CHAIN));
        paused.is_refused("SharedBridgeValueNotSet", "0x7774d2f9");
        // On a network that is not public, the chain may be Era.
        let mut private = paused.with(nullifier(), Word::from(203), 0);
        (private.options.era_chain, private.options.l1_chain) = (None, Some(ChainId(31_337)));
        assert_eq!(private.has("unknown", "old-bridge-unknown")["call"], Value::Null);
        private.options.era_chain = Some(ChainId(CHAIN + 1));
        private.is_claimable();
        private.options.era_chain = Some(ChainId(CHAIN));
        private.with(nullifier(), Word::from(203), 1).is_claimable();
    }
}
