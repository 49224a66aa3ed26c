use std::collections::BTreeMap;

use super::*;
use crate::{
    keccak::hash_node,
    message::{BatchLogs, EightLeaves, L2ToL1Log, MessageList},
    primitives::Address,
    state::StateError,
};

const AGGREGATED: Hash = Hash::new([5; 32]);

/// A state that stores roots of batches.
#[derive(Debug)]
struct Roots(BTreeMap<(ChainId, BatchNumber), Hash>);

impl BatchRoots for Roots {
    fn batch_root(&self, chain: ChainId, batch: BatchNumber) -> Result<Option<Hash>, StateError> {
        Ok(self.0.get(&(chain, batch)).copied())
    }
}

fn logs(batch: u64, text: &[u8]) -> BatchLogs {
    let log = L2ToL1Log::of_message(0, Address::system(7), text);
    let (batch, messages) = (BatchNumber(batch), [text].into_iter().collect::<MessageList>());
    BatchLogs::new(ChainId(324), batch, vec![log], messages, Some(AGGREGATED)).unwrap()
}

fn root(logs: &BatchLogs) -> Hash {
    hash_node(logs.view().tree().root(), AGGREGATED)
}

/// The trees of batches are hashed once and in another order; each result belongs to its input.
#[test]
fn batches_are_prepared_in_the_order_in_which_they_are_given() {
    let all: Vec<_> = (1..=6_u64).map(|batch| logs(batch, &batch.to_be_bytes())).collect();
    let key = |logs: &BatchLogs| logs.view().key();
    let state = Roots(all.iter().map(|logs| (key(logs), root(logs))).collect());
    let extractor = Extractor::to_batch_roots(&state);
    // Batch 4 with other logs, and batch 7, which the state does not have.
    let (other, absent) = (logs(4, b"other"), logs(7, b"7"));
    let order = [&all[3], &all[0], &absent, &all[5], &other, &all[0], &all[1]];
    let views: Vec<_> = order.iter().map(|logs| logs.view()).collect();
    let prepared = extractor.batches(&views);
    for (logs, prepared) in order.iter().zip(&prepared) {
        match prepared {
            Ok(batch) => {
                assert_eq!(batch.settled().logs(), logs.view());
                let record = batch.prove(0).unwrap();
                assert_eq!(record.root, root(logs));
                assert_eq!(record.message.as_deref(), logs.view().messages().get(0));
            }
            Err(ExtractError::LogsDoNotFold(error)) => {
                assert!(std::ptr::eq(*logs, &other), "{error}");
            }
            Err(error) => {
                let expected =
                    ExtractError::NoBatchRoot { chain: ChainId(324), batch: BatchNumber(7) };
                assert_eq!(*error, expected);
            }
        }
    }
    let good: Vec<_> = prepared.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, true, false, true, false, true, true]);
}

/// Batch 0 of a chain that was created under v33 has no logs, and zero in place of the root of their tree.
#[test]
fn without_logs_only_the_roots_of_batches_without_logs_are_accepted() {
    let empty = |batch| {
        let (chain, batch, messages) = (ChainId(324), BatchNumber(batch), MessageList::default());
        BatchLogs::new(chain, batch, Vec::new(), messages, None).unwrap()
    };
    let (first, other) = (empty(0), empty(1));
    let roots = [(&first, EightLeaves::GENESIS.root()), (&other, AGGREGATED)];
    let state = Roots(roots.map(|(logs, root)| (logs.view().key(), root)).into());
    let extractor = Extractor::to_batch_roots(&state);
    let prepared = extractor.batches(&[first.view(), other.view()]);
    assert!(prepared[0].is_ok());
    match &prepared[1] {
        // The state is not of v33, so the logs lack nothing.
        Err(ExtractError::LogsDoNotFold(error)) => assert!(!error.lacks_imt, "{error}"),
        _ => panic!("the root is of no batch without logs"),
    }
}

#[test]
fn errors_say_what_is_stored_instead() {
    let (chain, batch, root) = (ChainId(324), BatchNumber(7), Hash::new([1; 32]));
    let other = Hash::new([2; 32]);
    let on_l1 = |stored| ExtractError::OtherRootOnL1 { chain, batch, root, stored }.to_string();
    let before = format!("batch 7 of chain 324 has the root {root}, but L1 stores ");
    assert_eq!(on_l1(Some(other)), format!("{before}{other}"));
    assert_eq!(on_l1(None), format!("{before}no root of it"));
    let target = Target::Latest;
    let no_path = |has| ExtractError::NoStoredPath { chain, batch, target, has }.to_string();
    let without = no_path(None);
    assert!(!without.contains(';'), "{without}");
    assert_eq!(no_path(Some(5)), format!("{without}; it stored one to number 5"));
    assert!(!ExtractError::UnknownChain(chain).is_of_content());
    assert!(ExtractError::TreeDamaged { chain, batch }.is_of_content());
}
