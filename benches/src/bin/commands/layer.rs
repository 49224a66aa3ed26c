//! A synthetic settlement layer, whose files have fixed names in the folder of the bench.

use std::fs;

use serde_json::Value;
use slproof_benches::mixed;

use crate::{Failed, bench::Bench};

/// `prove` with the files of the layer.
pub(crate) const PROVE: &str = "-q prove --tree state.sltree --messages logs.slmsg";

/// A layer whose trees were rebuilt to the expected root.
pub(crate) struct Layer {
    /// Chain id, first batch, number of batches.
    chains: Vec<(u64, u64, u64)>,
    /// The batches of all chains.
    pub(crate) batches: u64,
}

impl Layer {
    /// Writes `state.csv` and `roots.json`, with the other files that `arguments` ask for, and imports the state to
    /// `state.slsnap`.
    pub(crate) fn synthesize(bench: &Bench<'_>, arguments: &str) -> Result<(), Failed> {
        bench.synthesize(&format!(
            "{arguments} --form table --state state.csv --roots roots.json"
        ))?;
        bench.summary("import state.csv -o state.slsnap").map(|_| ())
    }

    /// Writes `state.sltree`.
    pub(crate) fn rebuild(bench: &Bench<'_>) -> Result<Self, Failed> {
        Self::checked(bench, "rebuild state.slsnap -o state.sltree")
    }

    /// Compares the roots that a command finds with those of the algorithm that writes `roots.json`.
    pub(crate) fn checked(bench: &Bench<'_>, rebuild: &str) -> Result<Self, Failed> {
        let found = bench.summary(rebuild)?;
        let expected: Value = serde_json::from_slice(&fs::read(bench.folder.join("roots.json"))?)?;
        if found["sharedTree"]["root"] != expected["aggregatedRoot"] {
            return Err(format!("{rebuild}: not the expected root").into());
        }
        let number = |chain: &Value, name: &str| chain[name].as_u64();
        let chains = found["chains"].as_array().into_iter().flatten().filter_map(|chain| {
            let first = number(chain, "firstBatch")?;
            Some((number(chain, "chainId")?, first, number(chain, "batches")?))
        });
        let chains: Vec<_> = chains.collect();
        let batches = chains.iter().map(|chain| chain.2).sum();
        Ok(Self { chains, batches })
    }

    /// The chain and the number of a batch, counted from 0 over all chains.
    pub(crate) fn batch(&self, mut at: u64) -> (u64, u64) {
        for (chain, first, batches) in &self.chains {
            match at.checked_sub(*batches) {
                Some(rest) => at = rest,
                None => return (*chain, first + at),
            }
        }
        unreachable!("a batch of the layer")
    }

    /// Writes a file of requests for random logs, of batches with `logs` logs each.
    pub(crate) fn random_requests(
        &self,
        bench: &Bench<'_>,
        (name, count): (&str, u64),
        logs: u64,
        more: &str,
    ) -> Result<(), Failed> {
        let line = |at| {
            let (chain, batch) = self.batch(mixed(at, 1) % self.batches);
            request(chain, batch, mixed(at, 2) % logs, more)
        };
        Ok(fs::write(bench.folder.join(name), (0..count).map(line).collect::<String>())?)
    }
}

/// A line of a file of requests.
pub(crate) fn request(chain: u64, batch: u64, id: u64, more: &str) -> String {
    format!("{{\"chainId\":{chain},\"batchNumber\":{batch},\"id\":{id}{more}}}\n")
}

/// Checks that a file has this number of proofs, and that all are valid by the state of the layer.
pub(crate) fn check_proofs(bench: &Bench<'_>, name: &str, count: u64) -> Result<(), Failed> {
    let verdicts = bench.summary(&format!("verify {name} --anchor state.slsnap"))?;
    match verdicts["valid"].as_u64() == Some(count) && verdicts["failedRequests"] == 0 {
        true => Ok(()),
        false => Err(format!("{name}: {count} valid proofs were expected: {verdicts}").into()),
    }
}
