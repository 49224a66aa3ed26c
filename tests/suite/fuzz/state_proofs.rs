use serde_json::{Map, Value};
use slproof::{
    ingest::state_proofs::{StateProofs, StateProofsError},
    keccak::keccak256,
    primitives::{Hash, hex},
};

/// Answers of `eth_getProof` and headers of any form are refused, or prove slots. That is so as well if the
/// header has the root to which the first answer belongs, so that more than the first node is read.
pub(super) fn run(data: &[u8]) {
    let Some(input) = super::input("answers", data) else { return };
    let _ = StateProofs::recognize(&input);
    prove(data);
    let values: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_slice(data).into_iter().collect();
    let Ok(mut values) = values else { return };
    let root = values.iter().find_map(first_node).map(|node| keccak256(&node));
    let headers = values.iter_mut().filter_map(Value::as_object_mut);
    for header in headers.filter(|header| header.contains_key("stateRoot")) {
        mend(header, root);
    }
    prove(Value::Array(values).to_string().as_bytes());
}

/// The root of the state of an answer.
fn first_node(answer: &Value) -> Option<Vec<u8>> {
    hex::bytes(answer["accountProof"][0].as_str()?).ok()
}

fn mend(header: &mut Map<String, Value>, root: Option<Hash>) {
    header.remove("hash");
    if let Some(root) = root {
        header.insert("stateRoot".into(), root.to_string().into());
    }
}

/// Trusts the block whose header is there.
fn prove(data: &[u8]) {
    let read = |trusted| {
        let input = super::input("answers", data)?;
        let read = StateProofs::read(vec![input], trusted);
        Some(read.inspect_err(|error| super::explain(error)))
    };
    let Some(Err(StateProofsError::NotTrusted { hash, block })) = read(None) else { return };
    if let Some(Ok(proofs)) = read(Some(hash)) {
        assert_eq!((proofs.block_hash, proofs.block), (hash, block));
    }
}
