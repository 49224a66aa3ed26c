//! Writes a synthetic settlement layer: a state dump by the contracts' rules, the archive of its logs, and
//! the roots that a rebuild must return. The same arguments produce the same bytes.
//!
//! ```text
//! cargo run --release --example synthesize -- --batches 1000000 --logs 10 \
//!     --form table --state state.csv --archive logs.jsonl --roots roots.json
//! ```
//!
//! | argument | meaning | default |
//! | --- | --- | --- |
//! | `--chains N` | chains that settle here | 64 |
//! | `--batches N` | batches of all chains | 100000 |
//! | `--logs N` | logs per batch, one per message; if 0, batch roots are random | 0 |
//! | `--burst N` | the maximum number of batches that a chain executes in one block | 4 |
//! | `--together N` | the maximum number of chains that execute batches in one block | 4 |
//! | `--idle N` | the maximum number of blocks without a batch between two with one | 2 |
//! | `--seed N` | the seed of the random choices | 1 |
//! | `--release v26…v33` | the release of the contracts; v33 is that of ZKsync OS | v29 |
//! | `--form FORM` | `table`, `era-v0`, `era-v1` (both stream), `anvil`, `geth` (held in memory) | table |
//! | `--state PATH` | the dump; a directory for Era snapshots | – |
//! | `--archive FILE` | the raw archive of logs | – |
//! | `--events FILE` | MessageRoot's events as `eth_getLogs` returns them, one per line | – |
//! | `--l1 DIR` | what L1 keeps: `commits.jsonl`, `executes.jsonl`, and `blobs/`, raw by versioned hash | – |
//! | `--sl-batches N` | about how many SL batches L1 has | 100 |
//! | `--blobs N` | blobs of an SL batch, filled with random data; if 0, calldata instead | 6 |
//! | `--writes N` | other slots that an SL batch writes for the first time | 1000 |
//! | `--nullifier ADDRESS` | all messages withdraw base tokens, and the state is one of L1, with L1Nullifier there, which paid every other one | – |
//! | `--roots FILE` | the expected roots | – |

mod blobs;
mod dump;
mod event_logs;
mod history;
mod l1;
mod l1_calls;
mod l1_state;
mod layer;

use std::{
    collections::HashMap,
    env,
    error::Error,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use serde_json::json;
use slproof::{
    contracts::{Layout, Release},
    message::{BatchLogs, BatchView, EightLeaves, ImtRoots},
    primitives::{Address, BatchNumber, Word, hex},
};

use dump::Dump;
use event_logs::EventLogs;
use history::Shape;
use l1::{L1, Size};
use l1_state::Nullifier;
use layer::{Layer, Slots};

/// Discards the slots if no dump was requested.
struct Nowhere;

impl Slots for Nowhere {
    fn set(&mut self, _: Address, _: Word, _: Word) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    run(env::args().skip(1))
}

/// Runs the example with the arguments of a command line.
pub(crate) fn run(args: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let mut given = arguments(args)?;
    let nullifier =
        given.remove("nullifier").map(|text| text.parse().map(Nullifier)).transpose()?;
    let release: Release = given.remove("release").as_deref().unwrap_or("v29").parse()?;
    let mut number = |name: &str, default: u64| -> Result<u64, Box<dyn Error>> {
        given.remove(name).map_or(Ok(default), |text| Ok(text.parse()?))
    };
    let shape = Shape {
        chains: number("chains", 64)?.max(1),
        batches: number("batches", 100_000)?,
        logs: number("logs", 0)?,
        withdrawals: nullifier.is_some(),
        burst: number("burst", 4)?.max(1),
        together: number("together", 4)?.max(1),
        idle: number("idle", 2)?,
        eight_leaves: release.layout() == Layout::V33,
        seed: number("seed", 1)?,
    };
    let size = Size {
        batches: (shape.batches / number("sl-batches", 100)?.max(1)).max(1),
        blobs: number("blobs", 6)? as usize,
        writes: number("writes", 1000)? as usize,
    };
    let form = given.remove("form").unwrap_or("table".into());
    let mut state =
        given.remove("state").map(|path| Dump::create(Path::new(&path), &form)).transpose()?;
    let mut archive = given.remove("archive").map(create).transpose()?;
    let mut events = given.remove("events").map(create).transpose()?;
    let roots = given.remove("roots").map(create).transpose()?;
    let l1 = given.remove("l1");
    let mut l1 = l1.map(|path| L1::create(Path::new(&path), size, shape.seed)).transpose()?;
    if let Some(unknown) = given.keys().next() {
        return Err(
            format!("--{unknown} is no argument; they stand at the head of this example").into()
        );
    }

    let mut texts = Texts {
        archive: archive.as_mut(),
        events: events.as_mut().map(EventLogs::to),
        l1: l1.as_mut(),
        nullifier,
    };
    let layer = match &mut state {
        Some(dump) => play(shape, release, dump, &mut texts)?,
        None => play(shape, release, &mut Nowhere, &mut texts)?,
    };
    if let Some(mut dump) = state {
        layer.present(&mut dump);
        dump.finish(layer.block())?;
    }
    for mut file in archive.into_iter().chain(events) {
        file.flush()?;
    }
    if let Some(mut file) = roots {
        let (count, last) = layer.interop_roots();
        let chains: Vec<_> = layer
            .chains()
            .iter()
            .map(|chain| {
                json!({"chainId": chain.id, "batches": chain.tree.leaves(), "chainRoot": chain.tree.root()})
            })
            .collect();
        let value = json!({
            "slChainId": layer.chains()[0].id, "lastBlock": layer.block(), "aggregatedRoot": layer.root(),
            "historicalRoots": count, "lastInteropBlock": last, "chains": chains,
        });
        writeln!(file, "{value:#}")?;
        file.flush()?;
    }
    Ok(())
}

/// The `--name value` pairs of the command line.
fn arguments(
    mut args: impl Iterator<Item = String>,
) -> Result<HashMap<String, String>, Box<dyn Error>> {
    let mut given = HashMap::new();
    while let Some(name) = args.next() {
        let name = name.strip_prefix("--").ok_or(format!("{name:?} is no argument"))?.to_owned();
        let value = args.next().ok_or(format!("--{name} lacks its value"))?;
        given.insert(name, value);
    }
    Ok(given)
}

fn create(path: String) -> std::io::Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(1 << 20, File::create(path)?))
}

/// The text outputs of a history: logs, events, and what L1 keeps; and L1Nullifier if it is part of the state.
struct Texts<'f> {
    archive: Option<&'f mut BufWriter<File>>,
    events: Option<EventLogs<'f>>,
    l1: Option<&'f mut L1>,
    nullifier: Option<Nullifier>,
}

/// The slots of a state dump, and those that L1 keeps.
struct Both<'s>(&'s mut dyn Slots, Option<&'s mut L1>);

impl Slots for Both<'_> {
    fn set(&mut self, contract: Address, slot: Word, value: Word) {
        self.0.set(contract, slot, value);
        if let Some(l1) = &mut self.1 {
            l1.set(contract, slot, value);
        }
    }
}

impl Texts<'_> {
    fn batch(&mut self, logs: BatchView<'_>) -> std::io::Result<()> {
        self.archive.as_mut().map_or(Ok(()), |archive| archive_line(archive, logs))
    }

    /// The last chain of the layer was registered.
    fn registered(&mut self, layer: &Layer) -> std::io::Result<()> {
        if let Some(l1) = &mut self.l1 {
            l1.registered(layer);
        }
        self.events.as_mut().map_or(Ok(()), |events| events.registered(layer))
    }
}

/// Runs the history. A quarter of the chains is registered before the first batch, the others later.
fn play(
    shape: Shape,
    release: Release,
    slots: &mut dyn Slots,
    texts: &mut Texts<'_>,
) -> std::io::Result<Layer> {
    // L1 was of v31 before it was of v33.
    let mut layer = Layer::new(release.layout().min(Layout::V31), shape.chain(0));
    texts.registered(&layer)?;
    if release.layout() == Layout::V33 {
        layer.upgrade_to_v33();
    }
    if let Some(nullifier) = &texts.nullifier {
        nullifier.set_up(slots);
    }
    let mut executed = 0;
    for step in shape.steps() {
        let is_next = step.block > layer.block();
        layer.set_block(step.block, &mut Both(slots, texts.l1.as_deref_mut()));
        if let Some(l1) = texts.l1.as_mut().filter(|_| is_next) {
            l1.block_ended(&layer)?;
        }
        let due =
            (1 + shape.chains / 4 + shape.chains * executed * 2 / shape.batches).min(shape.chains);
        while (layer.chains().len() as u64) <= due.max(step.chain as u64) {
            let chain = shape.chain(layer.chains().len() as u64);
            layer.add_chain(chain, shape.diamond(chain));
            texts.registered(&layer)?;
            let index = layer.chains().len() - 1;
            if layer.layout() == Layout::V33 && shape.starts_at_batch_1(index as u64) {
                layer.seed_genesis(index, slots);
                if let Some(events) = &mut texts.events {
                    let genesis = (BatchNumber(0), EightLeaves::GENESIS.root());
                    events.appended(&layer, index, genesis)?;
                }
            }
            if let Some(nullifier) = &texts.nullifier {
                nullifier.registered(chain, shape.diamond(chain), slots);
            }
        }
        let (chain, diamond) = (layer.chains()[step.chain].id, layer.chains()[step.chain].diamond);
        let mut batches = Vec::with_capacity(step.batches.len());
        for batch in &step.batches {
            batches.push((*batch, shape.batch_root(chain, *batch)));
            let logs = shape.logs(chain, *batch);
            if let Some(logs) = &logs {
                texts.batch(logs.view())?;
                if let Some(nullifier) = &texts.nullifier {
                    nullifier.pay(logs.view(), slots);
                }
            }
            if let (Some(l1), Some(executed)) = (&mut texts.l1, batches.last()) {
                l1.executed((chain, diamond), *executed, logs.as_ref().map(BatchLogs::view));
            }
        }
        executed += batches.len() as u64;
        let slots = &mut Both(slots, texts.l1.as_deref_mut());
        match &mut texts.events {
            // Each append emits the roots after it.
            Some(events) => {
                for batch in &batches {
                    layer.append(step.chain, &[*batch], slots);
                    events.appended(&layer, step.chain, *batch)?;
                }
            }
            None => layer.append(step.chain, &batches, slots),
        }
    }
    if let Some(l1) = &mut texts.l1 {
        // The root of the last block.
        layer.clone().set_block(layer.block() + 1, &mut **l1);
        l1.finish(&layer)?;
    }
    Ok(layer)
}

fn archive_line(archive: &mut BufWriter<File>, logs: BatchView<'_>) -> std::io::Result<()> {
    let messages: Vec<String> = logs.messages().iter().map(hex::encode).collect();
    let mut line = json!({
        "chainId": logs.chain(), "batchNumber": logs.batch(), "logs": logs.logs(), "messages": messages,
    });
    if let Some(ImtRoots::Both { begin, end }) = logs.imt() {
        line["imtBegin"] = json!(begin);
        line["imtEnd"] = json!(end);
    }
    writeln!(archive, "{line}")
}
