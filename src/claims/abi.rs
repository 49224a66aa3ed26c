//! Errors and functions as era-contracts declares them: `L1ContractErrors.sol`, `L1BridgeContractErrors.sol`,
//! `L1StateTransitionErrors.sol` and `L1BridgehubErrors.sol`; `IL1Nullifier.sol` and `Messaging.sol`. Where
//! the releases differ, the newer item has the release in its module.
#![allow(missing_docs, unreachable_pub, clippy::pedantic, clippy::too_many_arguments)]

alloy_sol_types::sol! {
    error BatchNotExecuted(uint256 batchNumber);
    error BatchZeroNotAllowed();
    error InvalidProof();
    error InvalidSelector(bytes4 func);
    error InvalidSettlementLayerForBatch(
        uint256 chainId,
        uint256 batchNumber,
        uint256 claimedSettlementLayer
    );
    error L2WithdrawalMessageWrongLength(uint256 messageLen);
    error LocalRootMustBeZero();
    error NotSettlementLayer();
    error SharedBridgeValueNotSet(uint8 key);
    error TokenNotLegacy();
    error WrongL2Sender(address providedL2Sender);
    error WrongMsgLength(uint256 expected, uint256 length);

    interface Recovering {
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
        ) external;
    }
}

/// v26 to v30.
pub mod v30 {
    alloy_sol_types::sol! {
        error DepositDoesNotExist();
    }
}

/// v31.
pub mod v31 {
    alloy_sol_types::sol! {
        error DepositDoesNotExist(bytes32 stored, bytes32 computed);

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

        interface Confirming {
            function bridgeConfirmTransferResult(
                ConfirmTransferResultData memory _confirmTransferResultData
            ) external;
        }
    }
}
