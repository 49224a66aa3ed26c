//! Which transactions belong to which chain.
//!
//! Up to v28 a call names the chain by its id, since v29 by its diamond. A diamond that is called directly ignores the
//! name. So what tells the chain is the diamond that emitted the event of the batch, if a receipt has it, and the name
//! otherwise. An id and a diamond are the same chain if a receipt shows both, or if the first batch under the
//! diamond follows a batch under the id, by all that L1 stores of that batch.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    ChainName, Commits, L1Fault, L1FaultKind, L1Reader, PassedOver,
    digest::FoundEffect,
    group::{Accepted, Group},
    reader::{Receipt, Transaction},
    rows::{BatchEventKind, Events},
    stored_pubdata::PubdataPlace,
};
use crate::{
    ingest::IndexError,
    primitives::{Address, ChainId, Hash, SlBatch},
};

/// The chains whose batches L1 commits, as far as the inputs show.
#[derive(Debug)]
pub struct L1Chains {
    chains: Vec<Commits>,
    passed_over: BTreeMap<PassedOver, u64>,
    faults: Vec<L1Fault>,
    more_faults: u64,
    unread: Vec<IndexError>,
}

impl L1Chains {
    /// The chains, by their names.
    #[must_use]
    pub fn chains(&self) -> &[Commits] {
        &self.chains
    }

    /// The chain of a diamond on L1.
    #[must_use]
    pub fn of_diamond(&self, diamond: Address) -> Option<&Commits> {
        self.chains.iter().find(|commits| commits.is_of_diamond(diamond))
    }

    /// The chain with this id, if its commits name it.
    #[must_use]
    pub fn of_chain(&self, chain: ChainId) -> Option<&Commits> {
        self.chains.iter().find(|commits| commits.chain() == Some(chain))
    }

    /// The numbers of transactions that were passed over, and belong to none of the chains, by reason.
    #[must_use]
    pub fn passed_over(&self) -> &BTreeMap<PassedOver, u64> {
        &self.passed_over
    }

    /// The first thousand transactions that cannot be used, in the order of the inputs.
    #[must_use]
    pub fn faults(&self) -> &[L1Fault] {
        &self.faults
    }

    /// The number of further ones.
    #[must_use]
    pub fn more_faults(&self) -> u64 {
        self.more_faults
    }

    /// Why files that may have receipts were not read, or not to their end.
    #[must_use]
    pub fn unread(&self) -> &[IndexError] {
        &self.unread
    }
}

impl L1Reader {
    /// Tells which commit of each batch is the right one.
    #[must_use]
    pub fn finish(mut self) -> L1Chains {
        self.name_contradictions();
        let mut calls = Vec::new();
        let none = Receipt::default();
        for transaction in std::mem::take(&mut self.transactions) {
            let receipt = self.receipts.get(&transaction.hash).unwrap_or(&none);
            judge(transaction, receipt, &mut calls);
        }
        let aliases = aliases(&calls);
        let mut groups = BTreeMap::<ChainName, Group>::new();
        for mut judged in calls {
            if let ChainName::Id(chain) = judged.chain
                && let Some(diamond) = aliases.get(&chain)
            {
                judged.chain = ChainName::Diamond(*diamond);
            }
            groups.entry(judged.chain).or_default().add(judged.result);
        }
        for (chain, diamond) in &aliases {
            if let Some(group) = groups.get_mut(&ChainName::Diamond(*diamond)) {
                group.names.insert(ChainName::Id(*chain));
            }
        }
        // The transaction of an event may be missing.
        for receipt in self.receipts.values().filter(|receipt| receipt.succeeded != Some(false)) {
            for event in &receipt.events.list {
                if let Some(group) = groups.get_mut(&ChainName::Diamond(event.emitter)) {
                    group.add_event(event.kind, receipt.position);
                }
            }
        }
        self.judge_damaged(&aliases, &mut groups);
        join(&mut groups);
        let pubdata = Arc::new(self.pubdata);
        let mut chains = Vec::new();
        for (name, mut group) in groups {
            if group.is_empty() {
                for (reason, count) in group.passed_over {
                    *self.passed_over.entry(reason).or_default() += count;
                }
                continue;
            }
            group.names.insert(name);
            chains.push(group.resolve(&pubdata));
        }
        let Self { passed_over, faults, more_faults, unread, .. } = self;
        L1Chains { chains, passed_over, faults, more_faults, unread }
    }
}

impl L1Reader {
    /// Judges the calls with damaged calldata by their receipts, as the others.
    fn judge_damaged(
        &mut self,
        aliases: &BTreeMap<ChainId, Address>,
        groups: &mut BTreeMap<ChainName, Group>,
    ) {
        let (receipts, passed_over, none) =
            (&self.receipts, &mut self.passed_over, Receipt::default());
        self.faults.retain(|fault| {
            let L1Fault { transaction, batch, source: L1FaultKind::Calldata(error) } = fault else {
                return true;
            };
            let receipt = transaction.hash.and_then(|hash| receipts.get(&hash)).unwrap_or(&none);
            let is_it = |kind| match (kind, batch) {
                (BatchEventKind::Commit(committed, _), Some((_, batch))) => committed == *batch,
                (_, batch) => batch.is_none(),
            };
            let event = receipt.events.list.iter().find(|event| is_it(event.kind));
            let reason = match event {
                _ if receipt.succeeded == Some(false) => Some(PassedOver::Failed),
                None if receipt.events.are_all => Some(PassedOver::NoEvent),
                _ => None,
            };
            if let Some(reason) = reason {
                passed_over.entry(PassedOver::Damaged).and_modify(|count| *count -= 1);
                passed_over.retain(|_, count| *count > 0);
                *passed_over.entry(reason).or_default() += 1;
                return false;
            }
            let Some((name, batch)) = batch else { return true };
            let alias = match name {
                ChainName::Id(chain) => aliases.get(chain).copied(),
                ChainName::Diamond(_) => None,
            };
            let diamond = event.map(|event| event.emitter).or(alias);
            if let Some(group) = groups.get_mut(&diamond.map_or(*name, ChainName::Diamond)) {
                group.add_damaged(*batch, (transaction.clone(), error.clone()), event.is_some());
            }
            true
        });
    }
}

/// A call, with the chain it belongs to.
struct Judged {
    chain: ChainName,
    /// The chain id and the diamond, if the call shows that they are the same chain.
    shows: Option<(ChainId, Address)>,
    result: Accepted,
}

/// Judges the calls of a transaction by its receipt.
fn judge(transaction: Transaction, receipt: &Receipt, calls: &mut Vec<Judged>) {
    let Transaction { place, to, is_nested, calls: made, .. } = transaction;
    for (name, effect) in made {
        let emitter = emitter(&effect, &receipt.events);
        let reason = match emitter {
            _ if receipt.succeeded == Some(false) => Some(PassedOver::Failed),
            Some(_) => None,
            None if receipt.events.are_all => Some(PassedOver::NoEvent),
            None if is_nested => Some(PassedOver::NestedWithoutEvent),
            None => None,
        };
        let emitter = emitter.filter(|_| reason.is_none());
        let shows = match (name, emitter) {
            // A diamond that is called directly ignores the id.
            (ChainName::Id(chain), Some(diamond)) if !to.contains(&diamond) => {
                Some((chain, diamond))
            }
            _ => None,
        };
        let result = Accepted {
            effect,
            place: place.clone(),
            position: receipt.position,
            has_event: emitter.is_some(),
            passed_over: reason,
        };
        calls.push(Judged { chain: emitter.map_or(name, ChainName::Diamond), shows, result });
    }
}

/// The diamond whose events show that a call was made.
fn emitter(effect: &FoundEffect<PubdataPlace>, events: &Events) -> Option<Address> {
    let has = |emitter: Address, kind: BatchEventKind| {
        events.list.iter().any(|event| event.emitter == emitter && event.kind == kind)
    };
    let is_shown = |emitter: &Address| match effect {
        FoundEffect::Commit(commit) => {
            has(*emitter, BatchEventKind::Commit(commit.info.batch, commit.info.state_root))
        }
        FoundEffect::Execute(batches) => batches
            .iter()
            .all(|batch| has(*emitter, BatchEventKind::Execution(batch.batch, batch.state_root))),
        FoundEffect::RevertAfter(batch) => has(*emitter, BatchEventKind::RevertAfter(*batch)),
    };
    events.list.iter().map(|event| event.emitter).find(is_shown)
}

/// The diamond of every chain id for which the receipts show exactly one.
fn aliases(calls: &[Judged]) -> BTreeMap<ChainId, Address> {
    let mut shown = BTreeMap::<ChainId, BTreeSet<Address>>::new();
    for (chain, diamond) in calls.iter().filter_map(|judged| judged.shows) {
        shown.entry(chain).or_default().insert(diamond);
    }
    let only = |diamonds: BTreeSet<Address>| diamonds.into_iter().next();
    let unique = shown.into_iter().filter(|(_, diamonds)| diamonds.len() == 1);
    unique.filter_map(|(chain, diamonds)| Some((chain, only(diamonds)?))).collect()
}

/// Joins the batches under an id with those under a diamond that follow them.
fn join(groups: &mut BTreeMap<ChainName, Group>) {
    let mut by_content = BTreeMap::<(SlBatch, Hash, Hash), Vec<ChainName>>::new();
    let of_ids = groups.iter().filter(|(name, _)| matches!(name, ChainName::Id(_)));
    for (name, group) in of_ids {
        for content in group.contents() {
            by_content.entry(content).or_default().push(*name);
        }
    }
    let mut joined = Vec::new();
    for (name, group) in groups.iter() {
        if matches!(name, ChainName::Id(_)) {
            continue;
        }
        let before = group.outer_previous().filter_map(|content| by_content.get(&content));
        let before: BTreeSet<_> = before.flatten().copied().collect();
        joined.extend((before.len() == 1).then_some((*name, before)));
    }
    for (name, ids) in joined {
        for id in ids {
            let (Some(with_id), Some(group)) = (groups.remove(&id), groups.get_mut(&name)) else {
                continue;
            };
            group.names.insert(id);
            group.join(with_id);
        }
    }
}
