//! The state trie and the storage tries of a dump of anvil, and answers of `eth_getProof` from them. alloy-trie
//! makes them.

use std::{collections::BTreeMap, fs, path::Path};

use alloy_primitives::{B256, U256, keccak256};
use alloy_trie::{
    EMPTY_ROOT_HASH, HashBuilder, KECCAK_EMPTY, Nibbles, TrieAccount, proof::ProofRetainer,
};
use serde_json::{Value, json};

use super::{
    binary::run,
    vectors::{hex, unhex},
};

/// Bridgehub in the states of L1.
pub const BRIDGEHUB: &str = "0x303a465b659cbb0ab36ee643ea362c509eeb5213";

/// What anvil 1.7.1 answered: the folder of the state, the file, and the hash of the block.
pub const RECORDED: [(&str, &str, &str); 2] = [
    (
        "gateway-v29",
        "eth-get-proof/gateway-v29.jsonl",
        "0xc452ceabd821115802eb83697ba7d8a2c4c4745a5bc65772bd62c18c34092eb9",
    ),
    (
        "gateway-v31",
        "eth-get-proof/gateway-v31.jsonl.gz",
        "0x4a1fb843433f399ecfd5f4400452a1825fde18db13bebdb7af639583e0644aeb",
    ),
];

/// A round names slots whose contract or number follows from those of the rounds before.
const MOST_ROUNDS: usize = 12;

/// The accounts of a block.
pub struct StateTries {
    /// By hashed address: the account, and its storage by hashed slot.
    accounts: BTreeMap<B256, (TrieAccount, BTreeMap<B256, Vec<u8>>)>,
}

/// A block that has the state.
pub struct Block {
    pub hash: String,
    /// The answer of `eth_getBlockByHash`.
    pub answer: Value,
    /// The answer of `debug_getRawHeader`.
    pub raw: Value,
}

fn number(text: &str) -> U256 {
    text.parse().unwrap()
}

/// The key of a slot in its trie.
fn slot_key(slot: &str) -> B256 {
    keccak256(number(slot).to_be_bytes::<32>())
}

/// The root of a trie, and the nodes of a path in it.
fn trie(entries: impl Iterator<Item = (B256, Vec<u8>)>, of: B256) -> (B256, Vec<String>) {
    let retainer = ProofRetainer::new(vec![Nibbles::unpack(of)]);
    let mut builder = HashBuilder::default().with_proof_retainer(retainer);
    for (key, value) in entries {
        builder.add_leaf(Nibbles::unpack(key), &value);
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes().matching_nodes_sorted(&Nibbles::unpack(of));
    (root, nodes.iter().map(|(_, node)| hex(node)).collect())
}

impl StateTries {
    /// The state in a dump of anvil.
    pub fn of_dump(dump: &Value) -> Self {
        let mut accounts = BTreeMap::new();
        for (address, account) in dump["accounts"].as_object().unwrap() {
            let slots = account["storage"].as_object().unwrap().iter();
            let storage: BTreeMap<B256, Vec<u8>> = slots
                .map(|(slot, value)| (slot, number(value.as_str().unwrap())))
                .filter(|(_, value)| !value.is_zero())
                .map(|(slot, value)| (slot_key(slot), alloy_rlp::encode(value)))
                .collect();
            let (storage_root, _) = trie(storage.clone().into_iter(), B256::ZERO);
            let balance = number(account["balance"].as_str().unwrap());
            let nonce = account["nonce"].as_u64().unwrap();
            let account = TrieAccount { nonce, balance, storage_root, code_hash: KECCAK_EMPTY };
            accounts.insert(keccak256(unhex(&json!(address))), (account, storage));
        }
        Self { accounts }
    }

    fn state(&self, of: B256) -> (B256, Vec<String>) {
        let rlp =
            self.accounts.iter().map(|(key, (account, _))| (*key, alloy_rlp::encode(account)));
        trie(rlp, of)
    }

    /// A block after Prague with this state.
    pub fn block(&self, number: u64) -> Block {
        let zeros = |bytes: usize| vec![0; bytes];
        let fields: [(&str, Vec<u8>); 21] = [
            ("parentHash", zeros(32)),
            ("sha3Uncles", zeros(32)),
            ("miner", zeros(20)),
            ("stateRoot", self.state(B256::ZERO).0.to_vec()),
            ("transactionsRoot", EMPTY_ROOT_HASH.to_vec()),
            ("receiptsRoot", EMPTY_ROOT_HASH.to_vec()),
            ("logsBloom", zeros(256)),
            ("difficulty", vec![]),
            ("number", U256::from(number).to_be_bytes_trimmed_vec()),
            ("gasLimit", vec![2, 0]),
            ("gasUsed", vec![]),
            ("timestamp", vec![0x68, 1, 2, 3]),
            ("extraData", b"extra".to_vec()),
            ("mixHash", zeros(32)),
            ("nonce", zeros(8)),
            ("baseFeePerGas", vec![7]),
            ("withdrawalsRoot", zeros(32)),
            ("blobGasUsed", vec![]),
            ("excessBlobGas", vec![]),
            ("parentBeaconBlockRoot", zeros(32)),
            ("requestsHash", zeros(32)),
        ];
        let strings: Vec<_> = fields
            .iter()
            .map(|(_, bytes)| alloy_primitives::Bytes::copy_from_slice(bytes))
            .collect();
        let rlp = alloy_rlp::encode(&strings);
        let hash = keccak256(&rlp).to_string();
        let mut block: serde_json::Map<_, _> =
            fields.iter().map(|(name, bytes)| ((*name).to_owned(), json!(hex(bytes)))).collect();
        block.insert("hash".into(), json!(hash));
        Block {
            answer: json!({ "jsonrpc": "2.0", "id": 1, "result": block }),
            raw: json!({ "jsonrpc": "2.0", "id": 1, "result": hex(&rlp) }),
            hash,
        }
    }

    /// The answer of `eth_getProof` for these slots of an account.
    pub fn answer(&self, address: &str, slots: &[Value]) -> Value {
        let key = keccak256(unhex(&json!(address)));
        let absent = || (TrieAccount::default(), BTreeMap::new());
        let (account, storage) = self.accounts.get(&key).cloned().unwrap_or_else(absent);
        let proofs: Vec<Value> = slots
            .iter()
            .map(|slot| {
                let key = slot_key(slot.as_str().unwrap());
                let value = storage
                    .get(&key)
                    .map_or(U256::ZERO, |rlp| alloy_rlp::decode_exact(rlp).unwrap());
                let nodes = trie(storage.clone().into_iter(), key).1;
                json!({ "key": slot, "value": format!("{value:#x}"), "proof": nodes })
            })
            .collect();
        json!({ "jsonrpc": "2.0", "id": 1, "result": {
            "address": address,
            "balance": format!("{:#x}", account.balance),
            "nonce": format!("{:#x}", account.nonce),
            "storageHash": account.storage_root.to_string(),
            "codeHash": account.code_hash.to_string(),
            "accountProof": self.state(key).1,
            "storageProof": proofs,
        } })
    }

    /// Asks what `needs` names for proofs until nothing is needed, and returns the files with the answers.
    pub fn answers(
        &self,
        block: &Block,
        proofs: &str,
        folder: &Path,
        flags: &[&str],
    ) -> Vec<String> {
        let mut files = Vec::<String>::new();
        for round in 0..=MOST_ROUNDS {
            let mut args = vec!["needs", proofs, "--trust-block", &block.hash];
            args.extend(flags);
            args.extend(files.iter().flat_map(|file| ["--anchor", file]));
            let asked = run(args);
            assert_eq!(asked.code, Some(0), "{}", asked.stderr);
            if asked.stdout.is_empty() {
                return files;
            }
            let lines = asked.stdout.lines().map(|line| {
                let request: Value = serde_json::from_str(line).unwrap();
                let answer = match request["method"] == "eth_getProof" {
                    true => self.respond(&request),
                    false => block.answer.clone(),
                };
                format!("{answer}\n")
            });
            let file = folder.join(format!("answers-{round}.jsonl"));
            fs::write(&file, lines.collect::<String>()).unwrap();
            files.push(file.to_str().unwrap().to_owned());
        }
        panic!("more than {MOST_ROUNDS} rounds");
    }

    /// The answer to a request.
    pub fn respond(&self, request: &Value) -> Value {
        assert_eq!(request["method"], "eth_getProof");
        let params = &request["params"];
        self.answer(params[0].as_str().unwrap(), params[1].as_array().unwrap())
    }
}
