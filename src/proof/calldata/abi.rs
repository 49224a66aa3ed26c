//! The functions as era-contracts declares them (`IMessageVerification.sol` and `Messaging.sol`, v29 to
//! v31; `IL1Nullifier.sol`, v26 to v31).
#![allow(missing_docs, unreachable_pub, clippy::pedantic)]

alloy_sol_types::sol! {
    struct L2Log {
        uint8 l2ShardId;
        bool isService;
        uint16 txNumberInBatch;
        address sender;
        bytes32 key;
        bytes32 value;
    }

    struct L2Message {
        uint16 txNumberInBatch;
        address sender;
        bytes data;
    }

    struct FinalizeL1DepositParams {
        uint256 chainId;
        uint256 l2BatchNumber;
        uint256 l2MessageIndex;
        address l2Sender;
        uint16 l2TxNumberInBatch;
        bytes message;
        bytes32[] merkleProof;
    }

    interface Verifying {
        function proveL2MessageInclusionShared(
            uint256 chainId,
            uint256 blockOrBatchNumber,
            uint256 index,
            L2Message calldata message,
            bytes32[] calldata proof
        ) external view returns (bool);

        function proveL2LogInclusionShared(
            uint256 chainId,
            uint256 blockOrBatchNumber,
            uint256 index,
            L2Log calldata log,
            bytes32[] calldata proof
        ) external view returns (bool);

        function proveL2LeafInclusionShared(
            uint256 chainId,
            uint256 blockOrBatchNumber,
            uint256 leafProofMask,
            bytes32 leaf,
            bytes32[] calldata proof
        ) external view returns (bool);

        function finalizeDeposit(FinalizeL1DepositParams calldata params) external;
    }
}

/// An address in the type of the encoder.
pub(crate) fn encodable(address: crate::primitives::Address) -> alloy_primitives::Address {
    alloy_primitives::Address::new(*address.as_bytes())
}
