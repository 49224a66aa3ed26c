use slproof::{
    CheckedBy, ProofRecord,
    message::L2ToL1Log,
    primitives::{Address, hex},
    proof::{
        ProofView, TargetRecord,
        calldata::{Call, CallChoice, CallOptions},
        reader::{Defaults, Item, parse},
    },
};

/// Calldata are decoded without a panic, and a decoded proof is the same after each call that it can be encoded as.
pub(super) fn run(data: &[u8]) {
    let text = format!("{{\"data\":\"{}\"}}", hex::encode(data));
    // One of the calls has only the hash of the log.
    let log = L2ToL1Log::of_message(0, Address::system(7), b"message");
    for log in [None, Some(log)] {
        match parse(text.as_bytes(), &Defaults { log, ..Defaults::default() }) {
            Ok(Item::Proof(record, log)) => is_read_back(&record, &log),
            Ok(Item::Leaf(_) | Item::Failure) => unreachable!("calldata are of a log"),
            Err(error) => {
                super::explain_coded(error.code(), &error);
            }
        }
    }
}

fn is_read_back(record: &ProofRecord, log: &L2ToL1Log) {
    let proof = ProofView {
        chain: record.chain_id,
        batch: record.batch_number,
        id: record.id,
        root: record.root,
        head: &record.proof,
        tail: &[],
        target: &TargetRecord::batch_root(record.root),
        l1_timestamp: None,
        sl_block: None,
        log,
        message: record.message.as_deref(),
        transaction: None,
        checked_by: Some(CheckedBy::STATE),
    };
    for call in Call::ALL {
        let (choice, to) = (CallChoice::Only(call), Some(Address::default()));
        let options = CallOptions { call: choice, to, ..CallOptions::default() };
        let encoded = match options.encode(&proof) {
            Ok(encoded) => encoded,
            Err(error) => {
                super::explain(&error);
                continue;
            }
        };
        let text = serde_json::to_vec(&encoded).unwrap();
        let Ok(Item::Proof(again, _)) = parse(&text, &Defaults::default()) else {
            panic!("{} is not read back", call.name())
        };
        assert_eq!(again.proof, record.proof);
        assert_eq!((again.chain_id, again.batch_number), (record.chain_id, record.batch_number));
        assert_eq!((again.id, again.log, again.root), (record.id, Some(*log), record.root));
    }
}
