//! Events as era-contracts declares them: `IMessageRoot.sol`, v29 to v31 (v26 to v28 emit the first three), in the
//! module `since_v33` those that v33 declares otherwise;
//! `IExecutor.sol`, v26 to v31 (the last one since v30); `IL1Messenger.sol`, v26 to v31.
#![allow(missing_docs, unreachable_pub, clippy::pedantic)]

alloy_sol_types::sol! {
    event AddedChain(uint256 indexed chainId, uint256 indexed chainIndex);

    event AppendedChainBatchRoot(
        uint256 indexed chainId,
        uint256 indexed batchNumber,
        bytes32 chainBatchRoot
    );

    event NewChainRoot(uint256 indexed chainId, bytes32 chainRoot, bytes32 chainIdLeafHash);

    event NewInteropRoot(
        uint256 indexed chainId,
        uint256 indexed blockNumber,
        uint256 indexed logId,
        bytes32[] sides
    );

    event BlockCommit(
        uint256 indexed batchNumber,
        bytes32 indexed batchHash,
        bytes32 indexed commitment
    );

    event BlockExecution(
        uint256 indexed batchNumber,
        bytes32 indexed batchHash,
        bytes32 indexed commitment
    );

    event BlocksRevert(
        uint256 totalBatchesCommitted,
        uint256 totalBatchesVerified,
        uint256 totalBatchesExecuted
    );

    event ReportCommittedBatchRangeZKsyncOS(
        uint64 indexed batchNumber,
        uint64 indexed firstBlockNumber,
        uint64 indexed lastBlockNumber
    );

    /// The fields of a log, in the order of its 88 bytes.
    struct L2ToL1LogFields {
        uint8 l2ShardId;
        bool isService;
        uint16 txNumberInBatch;
        address sender;
        bytes32 key;
        bytes32 value;
    }

    event L2ToL1LogSent(L2ToL1LogFields log);

    event L1MessageSent(address indexed sender, bytes32 indexed hash, bytes message);
}

/// The events that have a timestamp since v33, and with it another signature.
pub mod since_v33 {
    alloy_sol_types::sol! {
        event AppendedChainBatchRoot(
            uint256 indexed chainId,
            uint256 indexed batchNumber,
            bytes32 chainBatchRoot,
            uint256 l1Timestamp
        );

        event NewInteropRoot(
            uint256 indexed chainId,
            uint256 indexed blockNumber,
            uint256 indexed logId,
            uint256 timestamp,
            bytes32[] sides
        );
    }
}
