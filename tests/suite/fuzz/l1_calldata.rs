use slproof::{
    ingest::l1::{BatchCall, Commit, DaInput, Effect, ExecutedBatch},
    keccak::keccak256,
};

/// Calldata are decoded without a panic. What is decoded holds together, and is the same inside another call.
pub(super) fn run(data: &[u8]) {
    logs(data);
    match BatchCall::decode(data) {
        None => BatchCall::nested(data).for_each(|call| check(&call)),
        Some(Err(damaged)) => super::explain(&damaged.error),
        Some(Ok(call)) => {
            check(&call);
            let outer = [&[0xac, 0x96, 0x50, 0xd8, 0], data].concat();
            assert_eq!(BatchCall::nested(&outer).next().as_ref(), Some(&call));
        }
    }
}

fn check(call: &BatchCall<'_>) {
    match &call.effect {
        Effect::Commit(commit) => {
            let Commit { previous, info, data } = &**commit;
            assert_eq!(previous.batch.0 + 1, info.batch.0);
            if let DaInput::Calldata { pubdata, pubdata_hash } = data {
                assert_eq!(keccak256(pubdata), *pubdata_hash);
            }
        }
        Effect::Execute(batches) => {
            assert!(batches.windows(2).all(|pair| pair[0].batch.0 + 1 == pair[1].batch.0));
        }
        Effect::RevertAfter(_) => {}
    }
}

/// The logs and messages of executed batches are parts of the calldata, and none of them is taken twice.
fn logs(data: &[u8]) {
    match ExecutedBatch::all_in(data) {
        Err(error) => super::explain(&error),
        Ok(batches) => {
            // At most 64 calls are found among the arguments of another one.
            let bytes = batches.iter().map(|batch| {
                192 * batch.logs.len()
                    + batch.messages.view().iter().map(<[u8]>::len).sum::<usize>()
            });
            assert!(bytes.sum::<usize>() <= 64 * data.len());
        }
    }
}
