//! Proofs of batches after a batch of the settlement layer that is missing on L1, compared with what the makers of the
//! fixtures say of each batch.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use slproof::{
    Messages, Target, Trees, TreesOptions,
    primitives::{Address, BatchNumber, ChainId, Hash, SlBatch, SlBlock, Word},
    prove::{Extractor, L1Options},
};

use crate::support::{
    fixture, json,
    l1::{L1State, bridgehub, slot},
    l1_files,
    l1_proofs::in_l1_form,
};

const GATEWAY: u64 = 506;
/// A batch that registers a chain: the trees do not go on after it.
const LOST: u64 = 2012;

fn messages() -> Messages {
    Messages::open(&[fixture("gateway-v29/logs.jsonl.gz")], &Default::default()).unwrap()
}

/// The first and last block of a batch of the settlement layer.
fn blocks_of(sl_batch: u64) -> (u64, u64) {
    let batches = l1_files::sl_batches();
    let found = batches.iter().find(|batch| batch["slBatch"] == sl_batch).unwrap();
    (found["firstBlock"].as_u64().unwrap(), found["lastBlock"].as_u64().unwrap())
}

/// The root to which the proofs of a batch lead, and the words of each proof by log, or the code of the failure.
type Proven = Result<(u64, Hash, BTreeMap<u64, Vec<Hash>>), &'static str>;

fn proven(extractor: &Extractor<'_>, messages: &Messages, (chain, batch): (u64, u64)) -> Proven {
    let proofs = extractor.batch_of(messages.archive(), ChainId(chain), BatchNumber(batch));
    let proofs = proofs.map_err(|error| error.code().as_str())?;
    let target = *proofs.target();
    let records = proofs.prove_all().filter_map(Result::ok);
    let words = records.map(|record| (record.id, record.proof)).collect();
    Ok((target.number.unwrap(), target.root, words))
}

/// A batch that was executed after a target has no proof against it, and is not said to be lost if it has others. One that
/// was executed before is never said to be later.
#[test]
fn after_a_loss_no_batch_is_proven_against_a_root_from_before_it() {
    let messages = messages();
    let blocks = json("gateway-v29/roots.json")["historicalRoot"].clone();
    let blocks = blocks.as_object().unwrap().keys().map(|block| block.parse::<u64>().unwrap());
    let mut blocks: Vec<u64> = blocks.collect();
    blocks.sort_unstable();
    let folder = l1_files::without(LOST);
    let trees = Trees::open(&[folder.path()], &TreesOptions::default()).unwrap();
    let end = |sl_batch| blocks_of(sl_batch).1;
    let by_block = blocks.iter().filter(|block| **block > end(LOST));
    let by_block = by_block.map(|block| (*block, Target::Block(SlBlock(*block))));
    let by_batch = (LOST + 1..=2028).map(|batch| (end(batch), Target::SlBatch(SlBatch(batch))));
    // The trees of some blocks are not found.
    let targets = by_block.chain(by_batch);
    let targets = targets.filter_map(|(last, to)| Some((last, trees.extractor(to).ok()?)));
    let targets: Vec<_> = targets.collect();
    let (mut proofs, mut later, mut lost) = (0, 0, 0);
    for ((chain, batch), _, block) in l1_files::executed() {
        if block <= end(LOST) {
            continue;
        }
        let (chain, batch) = (ChainId(chain), BatchNumber(batch));
        let logs = messages.archive().batch(chain, batch).unwrap().unwrap();
        let found = targets.iter().map(|(last, target)| {
            (*last, target.batch(logs).map(drop).map_err(|error| error.code().as_str()))
        });
        let found: Vec<_> = found.collect();
        let is_lost = found.iter().all(|(_, found)| *found == Err("lost-on-l1"));
        for (last, found) in found {
            match found {
                Ok(()) if block <= last => proofs += 1,
                Err("batch-after-target") if block > last => later += 1,
                Err("lost-on-l1") if block <= last || is_lost => lost += 1,
                other => panic!("{chain}, {batch} in block {block}, up to {last}: {other:?}"),
            }
        }
    }
    assert!(proofs > 100 && later > 100 && lost > 10, "{proofs} {later} {lost}");
}

/// The state of L1 that has executed the batches of the files, as `(batch, root)`.
fn l1(roots: impl IntoIterator<Item = (u64, Hash)>) -> (L1State, Address) {
    let mut state = L1State::of_fixture("gateway-v29/l1.state.anvil.json");
    let diamond = Address::from_word(state.word(bridgehub(), slot(210, &[GATEWAY.into()])));
    for (batch, root) in roots {
        state.set(diamond, slot(15, &[batch.into()]), root);
    }
    (state, diamond)
}

/// The trees of the files of L1, judged by a state that is written to `file`.
fn trees_with(archive: &Path, file: &Path, l1: &L1State) -> Trees {
    l1.write(file);
    let (mut of_l1, mut options) = (L1Options::default(), TreesOptions::default());
    of_l1.paths = vec![file.to_owned()];
    of_l1.state.bridgehub = Some(bridgehub());
    options.l1 = Some(of_l1);
    Trees::open(&[archive], &options).unwrap()
}

/// The state of L1 decides on proofs after a loss as on all others.
#[test]
fn after_a_loss_l1_decides_which_roots_and_batches_it_accepts() {
    const FIRST: u64 = 2016;
    let messages = messages();
    let (archive, folder) = (l1_files::without(LOST), tempfile::tempdir().unwrap());
    let file = folder.path().join("l1.json");
    let roots: BTreeMap<u64, Hash> = l1_files::sl_batches()
        .iter()
        .map(|batch| {
            let root = batch["chainBatchRoot"].as_str().unwrap().parse().unwrap();
            (batch["slBatch"].as_u64().unwrap(), root)
        })
        .collect();
    let executed =
        roots.iter().map(|(batch, root)| (*batch, *root)).filter(|(batch, _)| *batch < 2029);
    let (state, diamond) = l1(executed);
    let of = (324, 501_244);
    let expected: BTreeMap<u64, Vec<Hash>> = in_l1_form()
        .iter()
        .filter(|line| (&line["chainId"], &line["batchNumber"]) == (&of.0.into(), &of.1.into()))
        .filter(|line| line["target"]["slBatch"] == FIRST)
        .map(|line| {
            let words = line["proof"].as_array().unwrap().iter();
            let words = words.map(|word| word.as_str().unwrap().parse().unwrap());
            (line["logIndex"].as_u64().unwrap(), words.collect())
        })
        .collect();
    assert!(!expected.is_empty());

    // Whether a target exists, and what is proven against it.
    let against = |trees: &Trees, target| {
        let extractor = trees.extractor(target).map_err(|error| error.code().as_str())?;
        proven(&extractor, &messages, of)
    };
    let trees_with = |state: &L1State| trees_with(archive.path(), &file, state);
    let (named, first) = (Target::SlBatch(SlBatch(FIRST)), Target::FirstSlBatch);
    let trees = trees_with(&state);
    for target in [named, first] {
        let (number, root, words) = against(&trees, target).unwrap();
        assert_eq!((number, root), (FIRST, roots[&FIRST]));
        assert!(expected.iter().all(|(log, proof)| words[log] == *proof));
    }

    // L1 stores another root for this batch, or none. The first one that it accepts is a later one.
    for (other, code) in
        [(Hash::new([7; 32]), "sl-batch-root-differs"), (Hash::ZERO, "sl-batch-not-on-l1")]
    {
        let state = state.clone().with(diamond, slot(15, &[FIRST.into()]), other);
        let trees = trees_with(&state);
        assert_eq!(against(&trees, named), Err(code));
        let (number, root, _) = against(&trees, first).unwrap();
        assert!(number > FIRST, "{number}");
        assert_eq!(root, roots[&number]);
        let all = (FIRST..2029).map(|batch| slot(15, &[batch.into()]));
        let trees = trees_with(&all.fold(state, |state, slot| state.with(diamond, slot, other)));
        assert_eq!(against(&trees, first), Err(code));
    }

    // L1 executed the batch itself, so it accepts no proof through the settlement layer.
    let own = Address::from_word(state.word(bridgehub(), slot(210, &[of.0.into()])));
    let trees = trees_with(&state.with(own, slot(15, &[of.1.into()]), Word::from(1)));
    for target in [named, first] {
        assert_eq!(against(&trees, target), Err("batch-executed-here"));
    }
}

/// What L1 did not execute is no target in the L1 form.
#[test]
fn after_a_loss_only_executed_batches_are_targets() {
    let folder = l1_files::without(LOST);
    let trees = Trees::open(&[folder.path()], &TreesOptions::default()).unwrap();
    for batch in l1_files::sl_batches() {
        let number = batch["slBatch"].as_u64().unwrap();
        if number > LOST {
            let found = trees.extractor(Target::SlBatch(SlBatch(number)));
            let found = found.map(drop).map_err(|error| error.code().as_str());
            let is_executed = batch["executedOnL1"] == true;
            assert_eq!(found, is_executed.then_some(()).ok_or("sl-batch-not-on-l1"), "{number}");
        }
    }
}

/// Before the loss nothing changes. What was executed in the missing batch is lost, and of what may have been executed
/// there, nothing is said.
#[test]
fn what_is_lost_is_told_from_what_is_not_known() {
    let (messages, folder) = (messages(), l1_files::without(LOST));
    let trees = Trees::open(&[folder.path()], &TreesOptions::default()).unwrap();
    let latest = trees.extractor(Target::Latest).unwrap();
    let error = |(chain, batch): (u64, u64)| {
        let logs = latest.logs_of(messages.archive(), ChainId(chain), BatchNumber(batch));
        let error = logs.and_then(|logs| latest.batch(logs)).unwrap_err();
        assert_eq!(error.code().as_str(), "lost-on-l1", "{error}");
        error.to_string()
    };
    let (first, _) = blocks_of(LOST);
    let (mut before, mut lost) = (0, BTreeSet::new());
    for (of, sl_batch, _) in l1_files::executed() {
        if sl_batch < LOST {
            let (block, ..) = proven(&latest, &messages, of).unwrap();
            assert!(block < first, "{of:?}: {block}");
            before += 1;
        } else if sl_batch == LOST {
            let error = error(of);
            lost.extend(error.contains(&LOST.to_string()).then_some(of));
        }
    }
    assert!(before > 10, "{before}");
    // Others are known from later batches, or of a chain of which nothing is known.
    let named = [(543_210, 88), (1217, 1_000_002), (1217, 1_000_003)];
    assert!(named.iter().all(|of| lost.contains(of)), "{lost:?}");
    // No lost batches of their chain have these numbers, but those of another one.
    for of in [(1217, 5_000_000), (324, 1_000_002)] {
        let error = error(of);
        assert!(error.starts_with("it is not known whether"), "{error}");
    }
    // Nothing is known of blocks after the loss that no batch on L1 names.
    let error = trees.extractor(Target::Block(SlBlock(10_000))).unwrap_err();
    assert_eq!(error.code().as_str(), "root-unexplained", "{error}");
}

/// If no root is from before the loss, the latest one is a later one.
#[test]
fn the_latest_root_may_be_after_the_loss() {
    const FIRST: u64 = 2000;
    let (messages, folder) = (messages(), l1_files::without(FIRST));
    let trees = Trees::open(&[folder.path()], &TreesOptions::default()).unwrap();
    assert!(trees.forest().unwrap().latest().is_none());
    let latest = trees.extractor(Target::Latest).unwrap();
    let proven = l1_files::executed().into_iter().filter_map(|(of, _, executed)| {
        let (block, ..) = proven(&latest, &messages, of).ok()?;
        assert!(block >= executed && block > blocks_of(FIRST).1, "{of:?}: {block}");
        Some(block)
    });
    assert!(proven.count() > 10);
}

/// What is said of a batch that a missing batch of the settlement layer executed is true.
#[test]
fn a_lost_batch_is_not_said_to_be_executed_after_the_loss() {
    let (messages, folder) = (messages(), l1_files::without(LOST));
    let trees = Trees::open(&[folder.path()], &TreesOptions::default()).unwrap();
    let extractor = trees.extractor(Target::Latest).unwrap();
    let mut lost = 0;
    for ((chain, batch), _, _) in l1_files::executed().iter().filter(|of| of.1 == LOST) {
        let found = extractor.batch_of(messages.archive(), ChainId(*chain), BatchNumber(*batch));
        let Err(error) = found else { continue };
        assert_eq!(error.code().as_str(), "lost-on-l1");
        let text = error.to_string();
        assert!(!text.contains("executed after"), "{text}");
        lost += usize::from(text.contains("executed in or after"));
    }
    assert!(lost > 0);
}
