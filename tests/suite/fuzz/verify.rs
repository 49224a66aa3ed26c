use std::sync::LazyLock;

use slproof::{
    LeafRecord, TrustedRoots, Verdict,
    files::Input,
    ingest::state::Import,
    message::L2ToL1Log,
    proof::{
        ProofRecord,
        reader::{Defaults, Item, parse},
    },
    prove::StateOptions,
    verify, verify_leaf,
};

/// The state of a settlement layer, and that of a chain that imported its roots.
static STATES: LazyLock<[TrustedRoots; 2]> = LazyLock::new(|| {
    [
        &include_bytes!("../../../fixtures/gateway-v31/state.anvil.json")[..],
        include_bytes!("../../../fixtures/gateway-v31/dest.state.anvil.json"),
    ]
    .map(|dump| {
        let input = Input::from_reader("state", dump).unwrap();
        let state = Import::default().read_input(input).unwrap().state;
        TrustedRoots::of_state(state, &StateOptions::default()).unwrap()
    })
});

/// A record of any form is judged without a panic, is the same after it is written and read, and is not valid both
/// with its log and with another.
pub(super) fn run(data: &[u8]) {
    let (record, log) = match parse(data, &Defaults::default()) {
        Ok(Item::Proof(record, log)) => (*record, log),
        Ok(Item::Leaf(record)) => return of_leaf(*record),
        Ok(Item::Failure) => return,
        Err(error) => {
            return super::explain_coded(error.code(), &error);
        }
    };
    let text = serde_json::to_vec(&record).unwrap();
    match parse(&text, &Defaults::default()) {
        Ok(Item::Proof(again, _)) => assert_eq!(*again, record),
        other => panic!("{other:?}"),
    }
    let own = record.target.map_or(record.root, |target| target.root);
    judge(&record, &TrustedRoots::Root(own));
    STATES.iter().for_each(|roots| judge(&record, roots));
    let mut bytes = *log.as_bytes();
    bytes[87] ^= 1;
    let valid = |log| {
        let record = ProofRecord { log: Some(log), message: None, ..record.clone() };
        matches!(verify(&record, &TrustedRoots::Root(own)), Verdict::Valid(_))
    };
    assert!(!(valid(log) && valid(L2ToL1Log::new(bytes))));
}

/// The record of a leaf is judged and written in the same way.
fn of_leaf(record: LeafRecord) {
    let text = serde_json::to_vec(&record).unwrap();
    match parse(&text, &Defaults::default()) {
        Ok(Item::Leaf(again)) => assert_eq!(*again, record),
        other => panic!("{other:?}"),
    }
    let own = record.target.map_or(record.value, |target| target.root);
    for roots in [&TrustedRoots::Root(own), &STATES[0], &STATES[1]] {
        match verify_leaf(&record, roots) {
            Verdict::Valid(folded) => {
                assert!(record.target.is_none_or(|target| target.root == folded.root));
            }
            Verdict::Invalid(reason) | Verdict::CannotJudge(reason) => {
                super::explain_coded(reason.code(), &reason);
            }
        }
    }
}

fn judge(record: &ProofRecord, roots: &TrustedRoots) {
    match verify(record, roots) {
        Verdict::Valid(folded) => {
            assert_eq!(folded.batch_root, record.root);
            if let Some(target) = record.target {
                assert_eq!(folded.root, target.root);
            }
        }
        Verdict::Invalid(reason) | Verdict::CannotJudge(reason) => {
            super::explain_coded(reason.code(), &reason);
        }
    }
}
