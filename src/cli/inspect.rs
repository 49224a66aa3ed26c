use std::{collections::BTreeMap, fmt, path::Path};

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::{Deserializer, Value, json};

use super::{
    args::InspectArgs,
    error::{CliError, Outcome},
    inspect_proof,
    report::count,
};
use crate::{
    contracts::{MessageRoot, system},
    files::{Input, Output},
    import::{Dump, read_input},
    messages::read_archive_input,
    state::{MemoryStateBuilder, StorageReader},
};

/// What a file turns out to be.
enum Kind {
    Archive,
    Proofs,
    Dump,
}

pub(super) fn run(args: &InspectArgs) -> Result<Outcome, CliError> {
    let input = Input::open(&args.file)?;
    let (value, text) = match kind(&input) {
        Kind::Archive => archive(input)?,
        Kind::Proofs => inspect_proof::proofs(input)?,
        Kind::Dump => {
            let builder = MemoryStateBuilder::default();
            dump(&read_input(input, args.how.dump_format.into(), builder)?, args)?
        }
    };
    let mut output = Output::create(Path::new("-"))?;
    let text = if args.json { format!("{value:#}\n") } else { text };
    output.put(text.as_bytes())?;
    output.finish()?;
    Ok(Outcome::Done)
}

/// Archives and records of proofs name themselves by their members, in whatever order; everything else
/// is for the parsers of dumps to judge.
fn kind(input: &Input) -> Kind {
    let head = input.head().trim_ascii_start();
    let mut members = Vec::new();
    // The head may end anywhere; the members up to there are enough.
    let _ = Members(&mut members).deserialize(&mut Deserializer::from_slice(head));
    let has = |name: &str| members.iter().any(|member| member == name);
    if head.first() == Some(&b'[') || has("proof") || has("request") {
        Kind::Proofs
    } else if has("logs") || has("batchNumber") {
        Kind::Archive
    } else {
        Kind::Dump
    }
}

/// Collects the names of an object's members, and of those of a node's `result`.
struct Members<'m>(&'m mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name == "result" {
                map.next_value_seed(Members(&mut *self.0))?;
            } else {
                self.0.push(name);
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

fn archive(input: Input) -> Result<(Value, String), CliError> {
    let name = input.name().to_owned();
    let archive = read_archive_input(input)?;
    let mut chains: BTreeMap<_, (u64, u64, u64)> = BTreeMap::new();
    for batch in archive.batches() {
        let chain = chains.entry(batch.chain()).or_default();
        chain.0 += 1;
        chain.1 += batch.logs().len() as u64;
        chain.2 += batch.with_messages().filter(|(_, message)| message.is_some()).count() as u64;
    }
    let total = chains.values().fold((0, 0, 0), |t, c| (t.0 + c.0, t.1 + c.1, t.2 + c.2));
    let mut text = format!(
        "{name}: archive of L2→L1 logs\n{} batches, {} logs, {} messages with their bytes\n\n\
         {:>20}  {:>11}  {:>13}  {:>13}\n",
        count(total.0),
        count(total.1),
        count(total.2),
        "chain",
        "batches",
        "logs",
        "messages"
    );
    let mut rows = Vec::new();
    for (chain, (batches, logs, messages)) in chains {
        text.push_str(&format!("{:>20}  {batches:>11}  {logs:>13}  {messages:>13}\n", chain.0));
        rows.push(
            json!({"chainId": chain, "batches": batches, "logs": logs, "messages": messages}),
        );
    }
    Ok((json!({"kind": "archive", "chains": rows}), text))
}

fn dump(dump: &Dump, args: &InspectArgs) -> Result<(Value, String), CliError> {
    let addresses = args.how.addresses(&dump.state)?;
    let message_root = MessageRoot::at(&dump.state, addresses.message_root);
    let chains = message_root.chain_count()?;
    let sl_chain = if chains == 0 { None } else { Some(message_root.chain_at(0)?) };
    let block = dump.state.block();
    let imported = dump.state.slot_count(system::INTEROP_ROOT_STORAGE).unwrap_or(0);
    let mut contracts = match sl_chain {
        Some(sl_chain) => format!(
            "MessageRoot at {}: settlement layer {sl_chain}, {chains} chains, shared tree of height {}",
            addresses.message_root,
            message_root.shared_height()?
        ),
        None => format!(
            "no MessageRoot at {}: no settlement layer, or its contracts are elsewhere",
            addresses.message_root
        ),
    };
    if imported > 0 {
        contracts.push_str(&format!(
            "\nInteropRootStorage at {}: {imported} imported roots, which verify --anchor can ask for",
            system::INTEROP_ROOT_STORAGE
        ));
    }
    let text = format!(
        "{}: {}\n{}, {} accounts with {} storage slots\n{contracts}\n",
        dump.name,
        dump.format,
        block.map_or("block unknown".into(), |block| format!("block {block}")),
        count(dump.state.accounts()),
        count(dump.state.slots()),
    );
    let value = json!({
        "kind": "dump",
        "format": dump.format.to_string(),
        "block": block,
        "accounts": dump.state.accounts(),
        "slots": dump.state.slots(),
        "slChainId": sl_chain,
        "chains": chains,
        "importedRoots": imported,
    });
    Ok((value, text))
}
