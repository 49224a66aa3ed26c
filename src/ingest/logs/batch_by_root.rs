//! Finds the batches of logs without batch numbers by the batch roots of their chain.
//!
//! The transactions of a chain with logs are given in order. A batch is a run of whole transactions whose
//! logs lead to a batch root. The search extends a run transaction by transaction and compares its root at
//! each boundary, which takes about 18 hashes.
//!
//! 1. A run begins where the last found one ended. If it leads to no root, the next one begins at the next
//!    restart: at a transaction whose number in its batch is not greater than that of the one before. A run
//!    contains at most [`MOST_RESTARTS`] restarts and as many logs as a batch. The cost is linear.
//! 2. Between the found runs, runs may begin and end at any transaction. [`TRIES_PER_TRANSACTION`] and
//!    [`FEWEST_TRIES`] bound the number of roots that are compared.
//!
//! Equal roots mean equal logs, so a found run has the logs of the batch. The numbers of runs ascend:
//! the module `numbers` chooses them.

mod numbers;

use super::BatchRoots;
use crate::{
    message::{GrowingLogTree, LOG_TREE_HEIGHT},
    primitives::{BatchNumber, Hash},
};

/// The most restarts within a run that begins at a likely boundary. In batches of ZKsync OS chains, every
/// block is a restart.
const MOST_RESTARTS: usize = 64;
/// The number of roots that are compared for runs at any transaction, for each transaction, and the least
/// number.
const TRIES_PER_TRANSACTION: u64 = 32;
const FEWEST_TRIES: u64 = 1 << 20;
/// The most logs of a batch.
const MOST_LOGS: usize = 1 << LOG_TREE_HEIGHT;
/// The number of logs in no found run up to which they are kept for the second step.
const MOST_WAITING: usize = 2 * MOST_LOGS;

/// A transaction with logs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transaction {
    pub(super) hash: Hash,
    /// Its number in its batch (on Era chains) or in its block.
    pub(super) number: u16,
    pub(super) block: u64,
    /// The positions of its first and last log among all logs.
    pub(super) positions: (u64, u64),
    /// The number of its logs, at least 1.
    pub(super) logs: usize,
}

/// Consecutive transactions with one outcome.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    /// The positions of the first and last log among all logs.
    pub(super) positions: (u64, u64),
    /// The first and the last block.
    pub(super) blocks: (u64, u64),
    /// The first transaction.
    pub(super) transaction: Hash,
    pub(super) transactions: u64,
    pub(super) logs: u64,
    pub(super) outcome: Outcome,
}

/// What the search found about some transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// They have the logs of this batch. `is_certain` is false if another batch has the same logs, so that
    /// the transactions may be those of the other one.
    Batch { number: BatchNumber, is_certain: bool },
    /// They lead to the root of this batch, which contradicts the order of the other batches.
    OutOfOrder(BatchNumber),
    /// They lead to no root.
    NoRoot {
        /// The batches found before and after them.
        around: (Option<BatchNumber>, Option<BatchNumber>),
        /// The first and the last batch of the chain between these.
        between: Option<(BatchNumber, BatchNumber)>,
        /// Whether the search stopped before all runs were compared.
        is_stopped: bool,
    },
}

/// A run whose root is known, or transactions in no such run.
#[derive(Debug)]
struct Part {
    positions: (u64, u64),
    blocks: (u64, u64),
    transaction: Hash,
    transactions: u64,
    logs: u64,
    root: Option<Hash>,
    is_stopped: bool,
}

/// A number of transactions and of their logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    transactions: usize,
    logs: usize,
}

impl Count {
    fn of(transactions: &[Transaction]) -> Self {
        let logs = transactions.iter().map(|transaction| transaction.logs).sum();
        Self { transactions: transactions.len(), logs }
    }

    fn plus(self, other: Self) -> Self {
        let transactions = self.transactions + other.transactions;
        Self { transactions, logs: self.logs + other.logs }
    }

    fn minus(self, other: Self) -> Self {
        let transactions = self.transactions - other.transactions;
        Self { transactions, logs: self.logs - other.logs }
    }
}

/// The search over the transactions of a chain.
pub(super) struct BatchSearch<'r> {
    roots: &'r BatchRoots,
    transactions: Vec<Transaction>,
    /// The leaves of the logs of `transactions`.
    leaves: Vec<Hash>,
    /// The transactions that have their part, which are removed later, and those after them that are in no run
    /// of the first step.
    ended: Count,
    waiting: Count,
    tries: u64,
    parts: Vec<Part>,
}

impl<'r> BatchSearch<'r> {
    pub(super) fn new(roots: &'r BatchRoots) -> Self {
        Self {
            roots,
            transactions: Vec::new(),
            leaves: Vec::new(),
            ended: Count::default(),
            waiting: Count::default(),
            tries: FEWEST_TRIES,
            parts: Vec::new(),
        }
    }

    /// Adds the next transaction, with the leaves of its logs.
    pub(super) fn push(&mut self, transaction: Transaction, leaves: &[Hash]) {
        debug_assert_eq!(transaction.logs, leaves.len());
        self.tries = self.tries.saturating_add(TRIES_PER_TRANSACTION);
        self.transactions.push(transaction);
        self.leaves.extend_from_slice(leaves);
        if self.leaves.len() - self.searched().logs > 2 * MOST_LOGS {
            // A run that begins before the last logs ends within them.
            self.search(MOST_LOGS);
        }
    }

    /// Says that the next transaction does not follow the last one: others are between them.
    pub(super) fn interrupt(&mut self) {
        self.search(0);
        self.end_waiting();
    }

    /// The outcome for every transaction, in order.
    pub(super) fn finish(mut self) -> Vec<Stretch> {
        self.interrupt();
        numbers::numbered(self.parts, self.roots)
    }

    /// The transactions whose runs of the first step are known.
    fn searched(&self) -> Count {
        self.ended.plus(self.waiting)
    }

    /// The first step: looks for runs while more than `rest` logs follow.
    fn search(&mut self, rest: usize) {
        loop {
            let from = self.searched();
            let (others, leaves) =
                (&self.transactions[from.transactions..], &self.leaves[from.logs..]);
            if others.is_empty() || leaves.len() <= rest {
                break;
            }
            match longest_run(self.roots, others, leaves, MOST_RESTARTS, &mut { u64::MAX }) {
                Some(run) => {
                    self.end_waiting();
                    self.end(run.count, Some(run.root), false);
                }
                None => {
                    let restart = others.windows(2).position(|pair| is_restart(&pair[0], &pair[1]));
                    let given_up = restart.map_or(others.len(), |before| before + 1);
                    self.waiting = self.waiting.plus(Count::of(&others[..given_up]));
                    if self.waiting.logs > MOST_WAITING {
                        self.end_waiting();
                    }
                }
            }
        }
        self.transactions.drain(..self.ended.transactions);
        self.leaves.drain(..self.ended.logs);
        self.ended = Count::default();
    }

    /// The second step: looks for runs from any waiting transaction on, and ends the waiting of all of them.
    fn end_waiting(&mut self) {
        while self.waiting != Count::default() {
            let (from, to) = (self.ended, self.searched());
            let waiting = &self.transactions[from.transactions..to.transactions];
            let leaves = &self.leaves[from.logs..to.logs];
            let (mut before, mut run) = (Count::default(), None);
            while before != self.waiting && run.is_none() && self.tries > 0 {
                let (others, leaves) = (&waiting[before.transactions..], &leaves[before.logs..]);
                run = longest_run(self.roots, others, leaves, usize::MAX, &mut self.tries);
                if run.is_none() {
                    before = before.plus(Count::of(&others[..1]));
                }
            }
            match run {
                Some(run) => {
                    self.waiting = self.waiting.minus(before).minus(run.count);
                    self.end(before, None, false);
                    self.end(run.count, Some(run.root), false);
                }
                None => {
                    let rest = std::mem::take(&mut self.waiting);
                    self.end(rest, None, self.tries == 0);
                }
            }
        }
    }

    /// Makes a part of the next transactions.
    fn end(&mut self, count: Count, root: Option<Hash>, is_stopped: bool) {
        let ended = &self.transactions[self.ended.transactions..][..count.transactions];
        let (Some(first), Some(last)) = (ended.first(), ended.last()) else { return };
        let part = Part {
            positions: (first.positions.0, last.positions.1),
            blocks: (first.block, last.block),
            transaction: first.hash,
            transactions: count.transactions as u64,
            logs: count.logs as u64,
            root,
            is_stopped,
        };
        match self.parts.last_mut() {
            Some(before) if before.root.is_none() && part.root.is_none() => {
                before.positions.1 = part.positions.1;
                before.blocks.1 = part.blocks.1;
                before.transactions += part.transactions;
                before.logs += part.logs;
                before.is_stopped |= part.is_stopped;
            }
            _ => self.parts.push(part),
        }
        self.ended = self.ended.plus(count);
    }
}

/// A run from the first transaction on that leads to a root.
struct Run {
    count: Count,
    root: Hash,
}

/// The run from the first transaction on that leads to a root, with at most `restarts` restarts in it. If several
/// do, it is the longest of those that end before the same restart: all logs of one batch may also be the first
/// logs of another. `tries` is the number of roots that may be compared.
fn longest_run(
    roots: &BatchRoots,
    transactions: &[Transaction],
    leaves: &[Hash],
    restarts: usize,
    tries: &mut u64,
) -> Option<Run> {
    let mut tree = GrowingLogTree::new();
    let (mut found, mut restarts_left, mut end) = (None, restarts, 0);
    for (index, transaction) in transactions.iter().enumerate() {
        if index > 0 && is_restart(&transactions[index - 1], transaction) {
            if found.is_some() || restarts_left == 0 {
                break;
            }
            restarts_left -= 1;
        }
        let start = end;
        end += transaction.logs;
        if end > MOST_LOGS || *tries == 0 {
            break;
        }
        *tries -= 1;
        if let Some(root) = roots.find(&tree.extend(&leaves[start..end])) {
            let count = Count { transactions: index + 1, logs: end };
            found = Some(Run { count, root });
        }
    }
    found
}

/// Whether a batch may begin between two transactions: numbers ascend in a batch of an Era chain.
fn is_restart(before: &Transaction, after: &Transaction) -> bool {
    after.number <= before.number
}

#[cfg(test)]
mod tests;
