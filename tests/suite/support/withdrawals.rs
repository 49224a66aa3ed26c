//! A batch with withdrawals and other messages, and states of L1 on which it was executed.

use serde_json::{Value, json};
use slproof::{
    keccak::keccak256,
    message::{BatchLogs, L2ToL1Log, MessageList},
    primitives::{Address, BatchNumber, ChainId, Hash, Word, hex},
    state::slots::mapping_value,
};

use super::{
    binary::{Run, run},
    json as fixture_json, naive,
};

pub const BRIDGEHUB: &str = "0x303a465b659cbb0ab36ee643ea362c509eeb5213";
pub const MESSAGE_ROOT: &str = "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
/// The diamond of chain 506 in the states of L1.
pub const DIAMOND: &str = "0xb09a7ca208ba80c00022a67536c40f31f3cb557d";
pub const NULLIFIER: &str = "0x7777777777777777777777777777777777777777";
pub const CHAIN: ChainId = ChainId(506);
/// A batch that the states of L1 do not have.
pub const BATCH: BatchNumber = BatchNumber(3000);
pub const BASE_TOKEN: Address = Address::system(0x800a);
const ASSET_ROUTER: Address = Address::system(0x1_0003);
pub const ANYBODY: Address = Address::new([0xbb; 20]);

/// The messages of withdrawals, with the selectors of the contracts.
fn base_token() -> Vec<u8> {
    [&[0x6c, 0x09, 0x60, 0xf9][..], &[0x11; 20], Word::from(5).as_bytes()].concat()
}

fn legacy_token() -> Vec<u8> {
    [&[0x11, 0xa2, 0xcc, 0xc1][..], &[0x11; 20], &[0x22; 20], Word::from(5).as_bytes()].concat()
}

fn asset() -> Vec<u8> {
    [&[0x9c, 0x88, 0x4f, 0xd1][..], CHAIN.to_word().as_bytes(), &[0x33; 32]].concat()
}

/// The logs of the batch: the sender and the message, if the log is of one.
fn logs() -> Vec<(Address, Option<Vec<u8>>)> {
    vec![
        (BASE_TOKEN, Some(base_token())),
        (ASSET_ROUTER, Some(asset())),
        (ASSET_ROUTER, Some(legacy_token())),
        // Anybody can send these bytes. Whether it is the old bridge of the chain is not known.
        (ANYBODY, Some(legacy_token())),
        (ANYBODY, Some(base_token())),
        (ANYBODY, Some(b"hello".to_vec())),
        (BASE_TOKEN, Some(b"hello".to_vec())),
        (Address::system(0x8001), None),
    ]
}

/// An archive with one batch, and states of L1 on which it was executed.
pub struct Withdrawals {
    folder: tempfile::TempDir,
}

impl Withdrawals {
    pub fn new(layout: &'static str) -> Self {
        Self::with_old_bridge(layout, None)
    }

    /// The same with the storage of L1Nullifier, which has this bridge for the chain.
    pub fn with_old_bridge(layout: &'static str, old_bridge: Option<Address>) -> Self {
        let transaction = |at: usize| keccak256(&[u8::from(at != 5)]);
        let logs: Vec<(L2ToL1Log, Option<Vec<u8>>)> = (0..)
            .zip(logs())
            .map(|(tx, (sender, message))| match message {
                Some(message) => (L2ToL1Log::of_message(tx, sender, &message), Some(message)),
                None => {
                    let mut log = [0; 88];
                    log[1] = 1;
                    log[4..24].copy_from_slice(sender.as_bytes());
                    log[24..].fill(9);
                    (L2ToL1Log::new(log), None)
                }
            })
            .collect();
        let list = logs.iter().map(|(log, _)| *log).collect();
        let messages: Vec<Vec<u8>> = logs.iter().filter_map(|(_, bytes)| bytes.clone()).collect();
        let of_batch = MessageList::default();
        let batch = BatchLogs::new(CHAIN, BATCH, list, of_batch, Some(Hash::ZERO)).unwrap();
        let root = naive::node(batch.view().tree().root(), Hash::ZERO);
        let line = json!({
            "chainId": CHAIN.0,
            "batchNumber": BATCH.0,
            "logs": logs.iter().map(|(log, _)| log.to_string()).collect::<Vec<_>>(),
            "messages": messages.iter().map(|bytes| hex::encode(bytes)).collect::<Vec<_>>(),
            "transactions": (0..logs.len()).map(|at| transaction(at).to_string()).collect::<Vec<_>>(),
            "aggregatedRoot": Hash::ZERO.to_string(),
        });

        let mut l1 = fixture_json(&format!("gateway-{layout}/l1.state.anvil.json"));
        let mut set = |contract: &str, slot: Word, value: Word| {
            l1["accounts"][contract]["storage"][slot.to_string()] = json!(value.to_string());
        };
        // `totalBatchesExecuted` and `l2LogsRootHashes`; since v31 `chainBatchRoots` of MessageRoot.
        match layout {
            "v29" => {
                set(DIAMOND, 11.into(), BATCH.to_word());
                set(DIAMOND, mapping_value(BATCH.to_word(), 15.into()), root.into());
            }
            _ => {
                let of_chain = mapping_value(CHAIN.to_word(), 12.into());
                set(MESSAGE_ROOT, mapping_value(BATCH.to_word(), of_chain), root.into());
            }
        }
        // `l1AssetRouter`, the variables about Era's old bridges, and `__DEPRECATED_l2BridgeAddress`.
        if let Some(old_bridge) = old_bridge {
            set(NULLIFIER, 213.into(), Word::from(1));
            (201..=203).for_each(|variable| set(NULLIFIER, variable.into(), Word::from(1)));
            set(NULLIFIER, mapping_value(CHAIN.to_word(), 206.into()), old_bridge.to_word());
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("logs.jsonl"), line.to_string()).unwrap();
        std::fs::write(folder.path().join("l1.json"), l1.to_string()).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes the state of L1 with other values in some slots, and returns its path.
    pub fn l1_with(&self, slots: &[(&str, Word, Word)]) -> String {
        let text = std::fs::read(self.path("l1.json")).unwrap();
        let mut l1: Value = serde_json::from_slice(&text).unwrap();
        for (contract, slot, value) in slots {
            let value = json!(value.to_string());
            l1["accounts"][*contract]["storage"][slot.to_string()] = value;
        }
        let path = self.path("today.json");
        std::fs::write(&path, l1.to_string()).unwrap();
        path
    }

    /// Runs `prove` against the roots of batches on L1, without the state of L1 as anchor. The default format
    /// is calldata.
    pub fn prove(&self, args: &[&str]) -> (Run, Vec<Value>) {
        let (l1, logs, output) = (self.path("l1.json"), self.path("logs.jsonl"), self.path("out"));
        let mut all = vec!["prove", "--tree", &l1, "--bridgehub", BRIDGEHUB, "--messages", &logs];
        all.extend(["--target", "batch-root", "-o", &output]);
        if !args.contains(&"--format") {
            all.extend(["--format", "calldata"]);
        }
        all.extend(args);
        let run = run(all);
        let text = std::fs::read_to_string(&output).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let _ = std::fs::remove_file(output);
        (run, lines)
    }

    /// The same with the state of L1 as anchor.
    pub fn prove_to_l1(&self, args: &[&str]) -> (Run, Vec<Value>) {
        let l1 = self.path("l1.json");
        let anchor = ["--anchor", &l1, "--anchor-bridgehub", BRIDGEHUB];
        self.prove(&[args, &anchor[..]].concat())
    }
}
