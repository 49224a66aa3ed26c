//! Finds the logs of an address. Archives have no index of addresses, so the newest logs are read.

use std::sync::atomic::Ordering;

use rayon::prelude::*;
use serde_json::{json, value::RawValue};

use super::{
    params::Params,
    proofs::failure,
    service::{Answered, Reply, Service, refusal},
};
use crate::{
    archive::ArchiveError,
    message::{BatchView, Withdrawal},
    primitives::{Address, BatchNumber, ChainId},
};

/// The logs that a thread reads at once, about.
const PIECE: u64 = 1 << 15;

/// The pieces that are read before the time, and how much was found, are looked at.
const PIECES: u64 = 16;

/// The most logs that the calls of a request read together, about.
const MOST_SEARCHED: u64 = 1 << 22;

/// The chain, the batch and the leaf index of a log.
type Place = (ChainId, BatchNumber, u64);

/// The logs of an address in a piece, oldest first.
#[derive(Default)]
struct Found {
    senders: Vec<Place>,
    receivers: Vec<Place>,
}

impl Service<'_> {
    /// The newest logs that an address sent, and the newest withdrawals that it gets on L1.
    pub(super) fn find_address(&self, params: Option<&RawValue>) -> Answered {
        let params = Params::parse(params, 1)?;
        let address: Address = params.required(0, "the address")?;
        let (archive, most) = (self.data.archive(), self.options.limits.logs);
        let mut found = Found::default();
        let mut is_complete = true;
        let damaged = |error: ArchiveError| refusal(failure(&error.into()));
        let is_asked = |chain: &ChainId| self.chain.is_none_or(|asked| asked == *chain);
        for chain in self.data.chains.iter().map(|chain| chain.chain).filter(is_asked) {
            let range = (chain, BatchNumber(0))..=(chain, BatchNumber(u64::MAX));
            let logs = archive.logs_in(range.clone()).map_err(damaged)?;
            let pieces = logs.div_ceil(PIECE);
            let mut rest = pieces;
            while rest > 0 && is_complete && self.searched.load(Ordering::Relaxed) < MOST_SEARCHED {
                self.in_time()?;
                let first = rest.saturating_sub(PIECES);
                let read = (first..rest)
                    .into_par_iter()
                    .map(|piece| logs_of(address, archive.share(range.clone(), piece, pieces)));
                let read: Result<Vec<Found>, ArchiveError> = read.collect();
                let read = read.map_err(damaged)?;
                for Found { senders, receivers } in read.into_iter().rev() {
                    found.senders.extend(senders.into_iter().rev());
                    found.receivers.extend(receivers.into_iter().rev());
                }
                self.searched.fetch_add(logs.min((rest - first) * PIECE), Ordering::Relaxed);
                rest = first;
                is_complete = ![&found.senders, &found.receivers].iter().any(|of| of.len() > most);
            }
            is_complete &= rest == 0;
        }
        let list = |mut places: Vec<Place>| {
            places.truncate(most);
            let place = |(chain, batch, id): Place| json!({"chainId": chain, "batchNumber": batch, "id": id});
            places.into_iter().map(place).collect::<Vec<_>>()
        };
        let Found { senders, receivers } = found;
        Ok(Reply::of(&json!({
            "senders": list(senders),
            "receivers": list(receivers),
            "isComplete": is_complete,
        })))
    }
}

/// The logs of an address in some batches.
fn logs_of<'a>(
    address: Address,
    batches: impl Iterator<Item = Result<BatchView<'a>, ArchiveError>>,
) -> Result<Found, ArchiveError> {
    let mut found = Found::default();
    for batch in batches {
        let batch = batch?;
        let (chain, number) = batch.key();
        for (id, (log, message)) in (0..).zip(batch.with_messages()) {
            if log.message_sender().unwrap_or_else(|| log.sender()) == address {
                found.senders.push((chain, number, id));
            }
            if message.and_then(Withdrawal::parse).and_then(|of| of.receiver()) == Some(address) {
                found.receivers.push((chain, number, id));
            }
        }
    }
    Ok(found)
}
