use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};

use super::{
    args::InspectArgs,
    error::{CliError, Outcome},
    inspect_proof,
    report::count,
};
use crate::{
    contracts::MessageRoot,
    files::{Input, Output},
    import::{Dump, Format},
    messages::read_archive_input,
    state::StorageReader,
};

/// What a file turns out to be.
enum Kind {
    Archive,
    Proofs,
    Dump,
}

pub(super) fn run(args: &InspectArgs) -> Result<Outcome, CliError> {
    let (value, text) = if args.file.is_dir() {
        dump(&args.how.import().read(&args.file)?, args)?
    } else {
        let input = Input::open(&args.file)?;
        match kind(&input) {
            Kind::Archive => archive(input)?,
            Kind::Proofs => inspect_proof::proofs(input)?,
            Kind::Dump => dump(&args.how.import().read_input(input)?, args)?,
        }
    };
    let mut output = Output::create(Path::new("-"))?;
    let text = if args.json { format!("{value:#}\n") } else { text };
    output.put(text.as_bytes())?;
    output.finish()?;
    Ok(Outcome::Done)
}

/// Archives and records of proofs name themselves in their first members; dumps know better
/// themselves.
fn kind(input: &Input) -> Kind {
    let head = input.head();
    let start = &head[..head.len().min(1 << 10)];
    let has = |member: &str| start.windows(member.len()).any(|window| window == member.as_bytes());
    if has("\"proof\"") || has("\"request\"") {
        Kind::Proofs
    } else if has("\"batchNumber\"") {
        Kind::Archive
    } else {
        Kind::Dump
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
    let addresses = args.how.addresses();
    let message_root = MessageRoot::at(&dump.state, addresses.message_root);
    let chains = message_root.chain_count()?;
    let sl_chain = if chains == 0 { None } else { Some(message_root.chain_at(0)?) };
    let block = dump.state.block();
    let contracts = match sl_chain {
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
    let header = dump.state.header();
    let known = |known: Option<String>, what: &str| match known {
        Some(known) => format!("{what} {known}"),
        None => format!("{what} unknown"),
    };
    let is_snapshot = dump.format == Format::Snapshot;
    let mut text = format!("{}: {}", dump.name, dump.format);
    if is_snapshot {
        text.push_str(&format!(", made from: {}", header.source.format));
    }
    text.push_str(&format!("\n{}", known(block.map(|block| block.to_string()), "block")));
    if let Some(batch) = header.source.batch {
        text.push_str(&format!(", batch {batch}"));
    }
    if let Some(accounts) = dump.state.accounts() {
        text.push_str(&format!(", {} accounts", count(accounts)));
    }
    text.push_str(&format!(", {} storage slots\n", count(header.entries)));
    if let Some(enumeration) = header.enumeration {
        text.push_str(&format!(
            "enumeration indexes up to {}, {} of them missing\n",
            count(enumeration.last),
            count(enumeration.missing)
        ));
    }
    if is_snapshot {
        for (name, range) in dump.state.container().sections() {
            let (start, end) = (range.start, range.end);
            text.push_str(&format!(
                "section {name:<9} bytes {start} to {end}\n",
                name = name.to_string()
            ));
        }
    }
    text.push_str(&format!("{contracts}\n"));
    for note in &dump.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    let notes: Vec<String> = dump.notes.iter().map(ToString::to_string).collect();
    let value = json!({
        "kind": if is_snapshot { "snapshot" } else { "dump" },
        "format": if is_snapshot { header.source.format.clone() } else { dump.format.to_string() },
        "block": block,
        "batch": header.source.batch,
        "accounts": dump.state.accounts(),
        "slots": header.entries,
        "enumeration": header.enumeration,
        "notes": notes,
        "slChainId": sl_chain,
        "chains": chains,
    });
    Ok((value, text))
}
