//! Encodings for which there are no transactions of a node, and every check of the decoder.

use slproof::{
    ingest::l1::{
        BatchCall, CalldataProblem, ChainName, Commit, DaInput, Effect, StoredBatchInfo, UnknownDa,
    },
    keccak::keccak256,
    primitives::{ChainId, Hash, SlBatch, SlBlock, Word},
};

use super::calldata::inputs;

/// Where the data of a commit begin: after the selector, four arguments and the length.
const DATA: usize = 4 + 4 * 32 + 32;

fn word(number: u64) -> Vec<u8> {
    Word::from(number).as_bytes().to_vec()
}

fn bytes(content: &[u8]) -> Vec<u8> {
    let mut encoded = word(content.len() as u64);
    encoded.extend(content);
    encoded.resize(encoded.len().next_multiple_of(32), 0);
    encoded
}

/// A call with these first arguments and data.
fn call(selector: [u8; 4], chain: u64, batch: u64, data: &[u8]) -> Vec<u8> {
    let arguments = [word(chain), word(batch), word(batch), word(0x80), bytes(data)].concat();
    [&selector[..], &arguments].concat()
}

fn commit(calldata: &[u8]) -> Commit<'_> {
    match BatchCall::decode(calldata).unwrap().unwrap().effect {
        Effect::Commit(commit) => *commit,
        other => panic!("{other:?}"),
    }
}

fn problem(calldata: &[u8]) -> CalldataProblem {
    BatchCall::decode(calldata).unwrap().unwrap_err().error.problem
}

/// The input for data availability of a rollup with pubdata in calldata, and the hash of its first part.
fn pubdata_input(pubdata: &[u8]) -> (Vec<u8>, Hash) {
    let first = [&[0; 32][..], keccak256(pubdata).as_bytes(), &[1], &[0; 32]].concat();
    let hash = keccak256(&first);
    ([&first[..], &[0], pubdata, &[0; 32]].concat(), hash)
}

/// A commit of a ZKsync OS chain in the version 2, 3 or 4.
fn zksync_os(version: u8) -> Vec<u8> {
    let previous: Vec<_> =
        (0..9).map(|at| if at == 0 { 6 } else { 100 + at }).flat_map(word).collect();
    let (input, commitment) = pubdata_input(b"pubdata");
    let mut fields = vec![word(7), word(201), word(202)];
    if version == 4 {
        fields.push(word(299));
    }
    fields.extend([word(203), word(204), word(205), word(3), commitment.as_bytes().to_vec()]);
    fields.extend(match version {
        2 => vec![word(1000), word(1001)],
        _ => vec![word(1000), word(40), word(1001), word(45)],
    });
    fields.push(word(8022833));
    let len = fields.len() as u64 + 1 + u64::from(version == 4);
    fields.push(word(32 * len));
    if version == 4 {
        fields.push(word(9075));
    }
    let batch = [fields.concat(), bytes(&input)].concat();
    let list = [word(1), word(32), batch].concat();
    let data = [&[version][..], &previous, &word(320), &list].concat();
    call([0x0d, 0xb9, 0xeb, 0x87], 0xd1a, 7, &data)
}

#[test]
fn commits_of_zksync_os_chains_have_their_fields() {
    for version in 2..=4 {
        let calldata = zksync_os(version);
        let commit = commit(&calldata);
        assert_eq!((commit.previous.batch, commit.info.batch), (SlBatch(6), SlBatch(7)));
        let hash = |number: u64| Word::from(number).to_hash();
        assert_eq!(commit.info.state_root, hash(201), "{version}");
        assert_eq!(commit.info.l1_transactions, Word::from(202));
        assert_eq!(commit.info.priority_hash, hash(203));
        assert_eq!(commit.info.logs_root, hash(205));
        assert_eq!(commit.info.timestamp, 1000);
        let blocks = (version > 2).then_some(SlBlock(40)..=SlBlock(45));
        assert_eq!(commit.info.stated, Some((ChainId(8022833), blocks)));
        assert_eq!(commit.previous.logs_root, hash(106));
        let DaInput::Calldata { pubdata, .. } = commit.data else { panic!("{version}") };
        assert_eq!(pubdata, b"pubdata");
    }
    // 32 bytes are a hash of state differences on an Era chain only.
    let mut calldata = zksync_os(3);
    let at = calldata.len() - 160 - 32;
    calldata[at..at + 32].copy_from_slice(&word(32));
    assert_eq!(commit(&calldata).data, DaInput::Other { reason: UnknownDa::Length });
}

#[test]
fn the_call_with_signatures_has_the_same_first_arguments() {
    let calldata = &inputs("l1/commits.jsonl.gz")[2];
    let mut signed = calldata.clone();
    signed[..4].copy_from_slice(&[0x09, 0x13, 0x14, 0x8a]);
    assert_eq!(BatchCall::decode(&signed), BatchCall::decode(calldata));
}

#[test]
fn executions_and_reverts_of_v28_name_the_chain_id() {
    let words: Vec<_> =
        (0..8).map(|at| if at == 0 { 7 } else { 100 + at }).flat_map(word).collect();
    let data = [&[0][..], &word(64), &word(0), &word(1), &words].concat();
    let execute = call([0xcf, 0x02, 0x82, 0x7d], 506, 7, &data);
    let decoded = BatchCall::decode(&execute).unwrap().unwrap();
    assert_eq!(decoded.chain, ChainName::Id(ChainId(506)));
    let Effect::Execute(batches) = decoded.effect else { panic!("an execution") };
    let [StoredBatchInfo { dependency_hash: None, logs_root, .. }] = &batches[..] else {
        panic!("{batches:?}")
    };
    assert_eq!(*logs_root, Word::from(105).to_hash());
    assert_eq!(batches[0].hash(), keccak256(&words));
    // The list of batches is not that of the arguments.
    let other = call([0xcf, 0x02, 0x82, 0x7d], 506, 8, &data);
    let (found, named) = (SlBatch(7), SlBatch(8));
    assert_eq!(problem(&other), CalldataProblem::OtherBatch { found, named });
    let none = [&[0][..], &word(64), &word(0), &word(0)].concat();
    let none = call([0xcf, 0x02, 0x82, 0x7d], 506, 8, &none);
    assert!(matches!(problem(&none), CalldataProblem::OtherBatch { .. }));
    let version = call([0xcf, 0x02, 0x82, 0x7d], 506, 7, &[3]);
    assert_eq!(problem(&version), CalldataProblem::Version(3));
    let revert = [&[0x0f, 0x23, 0xda, 0x43][..], &word(506), &word(6)].concat();
    let decoded = BatchCall::decode(&revert).unwrap().unwrap();
    assert_eq!(decoded.effect, Effect::RevertAfter(SlBatch(6)));
}

/// A commit with blobs; the place of its batch, of its system logs, and of its input for data availability.
fn with_blobs() -> (Vec<u8>, usize, usize, usize) {
    let calldata = inputs("l1/commits.jsonl.gz").swap_remove(3);
    let batch = DATA + 1 + 9 * 32 + 32 + 2 * 32;
    let tail = |index: usize| {
        let at = batch + 32 * index;
        let offset = u64::from_be_bytes(calldata[at + 24..at + 32].try_into().unwrap());
        batch + usize::try_from(offset).unwrap() + 32
    };
    let (logs, input) = (tail(8), tail(9));
    (calldata, batch, logs, input)
}

#[test]
fn every_check_of_a_commit_has_its_error() {
    let (calldata, batch, logs, input) = with_blobs();
    let changed = |at: usize, byte: u8| {
        let mut changed = calldata.clone();
        changed[at] = byte;
        changed
    };
    let number = commit(&calldata).info.batch;
    let key_of = |log: usize| logs + 88 * log + 55;
    let key = |log: usize| calldata[key_of(log)];
    let root_log = (0..10).find(|log| key(*log) == 0).unwrap();
    let output_log = (0..10).find(|log| key(*log) == 5).unwrap();
    let is = |calldata: Vec<u8>, expected: &str| {
        let found = problem(&calldata).to_string();
        assert!(found.contains(expected), "{found}, not {expected}");
    };
    is(changed(4, 1), "does not fit 160 bits");
    is(changed(4 + 32, 1), "does not fit 64 bits");
    is(changed(4 + 3 * 32 - 1, 0), "the arguments of the call name batch");
    is(changed(4 + 4 * 32 - 3, 1), "is cut off");
    is(changed(DATA, 5), "is 5: this encoding is not known");
    is(changed(DATA + 1 + 31, 0), &format!("the committed batch is {number}"));
    is(changed(batch - 2 * 32 + 31, 2), "has 2 batches");
    is(changed(batch - 2 * 32 - 1, 0), "does not fit 64 bits");
    is(changed(batch + 31, 0), "the arguments of the call name batch");
    is(changed(key_of(root_log), 77), "no log with the key 0");
    is(changed(key_of(output_log), 0), "two logs with the key 0");
    is(changed(logs - 1, calldata[logs - 1] ^ 1), "no logs of 88 bytes");
    let reason = |calldata: Vec<u8>| match commit(&calldata).data {
        DaInput::Other { reason } => reason,
        other => panic!("{other:?}"),
    };
    let blobs = usize::from(calldata[input + 64]);
    assert_eq!(reason(changed(input, calldata[input] ^ 1)), UnknownDa::Hash);
    assert_eq!(reason(changed(input + 70, calldata[input + 70] ^ 1)), UnknownDa::Hash);
    assert_eq!(reason(changed(input + 64, 255)), UnknownDa::Length);
    assert_eq!(reason(changed(input + 65 + 32 * blobs, 2)), UnknownDa::Source(2));
    // Of several blobs in calldata there is no form.
    assert_eq!(reason(changed(input + 65 + 32 * blobs, 0)), UnknownDa::Length);
    assert_eq!(reason(changed(input - 1, calldata[input - 1] - 1)), UnknownDa::Length);
    // The place of an error is that in the calldata.
    let error = BatchCall::decode(&changed(DATA, 5)).unwrap().unwrap_err();
    assert_eq!((error.error.offset, error.batch.unwrap().1), (DATA, number));
}

#[test]
fn changed_pubdata_in_calldata_are_found() {
    for calldata in inputs("l1/commits.jsonl.gz").into_iter().skip(2) {
        let DaInput::Calldata { pubdata, .. } = commit(&calldata).data else { continue };
        let at = pubdata.as_ptr() as usize - calldata.as_ptr() as usize;
        let last = at + pubdata.len() - 1;
        for at in [at, last] {
            let mut changed = calldata.clone();
            changed[at] ^= 1;
            let reason = UnknownDa::PubdataHash;
            assert_eq!(commit(&changed).data, DaInput::Other { reason });
        }
    }
}

#[test]
fn a_validium_has_only_a_hash() {
    let (mut calldata, _, _, input) = with_blobs();
    calldata[input - 32..input].copy_from_slice(&word(32));
    let hash = Hash::new(calldata[input..input + 32].try_into().unwrap());
    assert_eq!(commit(&calldata).data, DaInput::StateDiffHash(hash));
}

#[test]
fn a_prepublished_blob_is_marked() {
    let (mut calldata, _, _, input) = with_blobs();
    let blobs = usize::from(calldata[input + 64]);
    // The last word of the first entry.
    calldata[input + 65 + 32 * blobs + 1 + 176 - 1] = 1;
    let DaInput::Blobs { blobs, .. } = commit(&calldata).data else { panic!("blobs") };
    assert!(blobs[0].is_prepublished && !blobs[1].is_prepublished);
}
