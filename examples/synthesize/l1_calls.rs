//! The calls that commit and execute batches of a settlement layer on L1, in the encoding of v29 to v31.

use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolValue};
use serde_json::{Value, json};
use slproof::{
    keccak::keccak256,
    primitives::{Address, Hash, hex},
};

alloy_sol_types::sol! {
    #[derive(Default)]
    struct StoredBatchInfo {
        uint64 batchNumber;
        bytes32 batchHash;
        uint64 indexRepeatedStorageChanges;
        uint256 numberOfLayer1Txs;
        bytes32 priorityOperationsHash;
        bytes32 dependencyRootsRollingHash;
        bytes32 l2LogsTreeRoot;
        uint256 timestamp;
        bytes32 commitment;
    }

    struct CommitBatchInfo {
        uint64 batchNumber;
        uint64 timestamp;
        uint64 indexRepeatedStorageChanges;
        bytes32 newStateRoot;
        uint256 numberOfLayer1Txs;
        bytes32 priorityOperationsHash;
        bytes32 bootloaderHeapInitialContentsHash;
        bytes32 eventsQueueStateHash;
        bytes systemLogs;
        bytes operatorDAInput;
    }

    #[derive(Default)]
    struct PriorityOpsBatchInfo {
        bytes32[] leftPath;
        bytes32[] rightPath;
        bytes32[] itemHashes;
    }

    struct ImportedRoot {
        uint256 chainId;
        uint256 blockOrBatchNumber;
        bytes32[] sides;
    }

    function commitBatchesSharedBridge(address diamond, uint256 from, uint256 to, bytes data);
    function executeBatchesSharedBridge(address diamond, uint256 from, uint256 to, bytes data);
}

/// The first byte of the data of both calls.
const VERSION: u8 = 1;

/// What a batch publishes, by hash.
pub(crate) struct Published {
    /// The batch root.
    pub(crate) root: Hash,
    pub(crate) pubdata_hash: Hash,
    /// The hashes of the pubdata in each blob.
    pub(crate) linear_hashes: Vec<Hash>,
    /// The source and what follows it.
    pub(crate) rest: Vec<u8>,
}

/// The call that commits a batch on top of the one before.
pub(crate) fn commit(
    diamond: Address,
    previous: &StoredBatchInfo,
    batch: &StoredBatchInfo,
    published: &Published,
) -> Vec<u8> {
    let mut data = keccak256(b"state differences").as_bytes().to_vec();
    data.extend(published.pubdata_hash.as_bytes());
    data.push(published.linear_hashes.len() as u8);
    published.linear_hashes.iter().for_each(|hash| data.extend(hash.as_bytes()));
    let output = keccak256(&data);
    data.extend(&published.rest);
    let info = CommitBatchInfo {
        batchNumber: batch.batchNumber,
        timestamp: batch.timestamp.to(),
        indexRepeatedStorageChanges: batch.indexRepeatedStorageChanges,
        newStateRoot: batch.batchHash,
        numberOfLayer1Txs: batch.numberOfLayer1Txs,
        priorityOperationsHash: batch.priorityOperationsHash,
        bootloaderHeapInitialContentsHash: B256::ZERO,
        eventsQueueStateHash: B256::ZERO,
        systemLogs: system_logs(published.root, output).into(),
        operatorDAInput: data.into(),
    };
    let data = (previous.clone(), vec![info]).abi_encode_params();
    let number = U256::from(batch.batchNumber);
    let call = commitBatchesSharedBridgeCall {
        diamond: diamond.as_bytes().into(),
        from: number,
        to: number,
        data: versioned(&data),
    };
    call.abi_encode()
}

/// The call that executes some batches.
pub(crate) fn execute(diamond: Address, batches: &[StoredBatchInfo]) -> Vec<u8> {
    let operations = vec![PriorityOpsBatchInfo::default(); batches.len()];
    let imported: Vec<Vec<ImportedRoot>> = batches.iter().map(|_| Vec::new()).collect();
    let data = (batches.to_vec(), operations, imported).abi_encode_params();
    let number = |batch: Option<&StoredBatchInfo>| U256::from(batch.map_or(0, |b| b.batchNumber));
    let call = executeBatchesSharedBridgeCall {
        diamond: diamond.as_bytes().into(),
        from: number(batches.first()),
        to: number(batches.last()),
        data: versioned(&data),
    };
    call.abi_encode()
}

fn versioned(data: &[u8]) -> Bytes {
    [&[VERSION], data].concat().into()
}

/// The logs of the system contracts, by their keys.
fn system_logs(root: Hash, output: Hash) -> Vec<u8> {
    let mut logs = Vec::new();
    for key in 0..=8u8 {
        let (sender, value) = match key {
            0 => (0x8008u16, root),
            5 => (0x8008, output),
            6 => (0x8008, Hash::ZERO),
            1 | 4 => (0x800b, keccak256(&[key])),
            _ => (0x8001, keccak256(&[key])),
        };
        let mut log = [0; 88];
        log[1] = 1;
        log[22..24].copy_from_slice(&sender.to_be_bytes());
        log[55] = key;
        log[56..].copy_from_slice(value.as_bytes());
        logs.extend(log);
    }
    logs
}

/// A transaction as `eth_getTransactionByHash` returns it.
pub(crate) fn transaction(block: u64, input: &[u8], blobs: &[Hash]) -> Value {
    json!({
        "hash": keccak256(input),
        "blockNumber": format!("{block:#x}"),
        "transactionIndex": "0x0",
        "type": if blobs.is_empty() { "0x2" } else { "0x3" },
        "from": Address::system(1),
        "to": Address::system(2),
        "nonce": format!("{block:#x}"),
        "value": "0x0",
        "input": hex::encode(input),
        "blobVersionedHashes": blobs,
    })
}
