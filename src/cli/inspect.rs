use std::path::Path;

use serde_json::{Value, json};

use super::{
    args::InspectArgs,
    error::{CliError, Outcome},
    inspect_proof, inspect_tree,
    report::count,
};
use crate::{
    archive::{self, ChainSummary},
    contracts::{MessageRoot, system},
    files::{Access, Input, Output},
    ingest::{
        FileKind,
        logs::{SourceFormat, read_archive_input},
        sniff,
        state::{Dump, Format},
    },
    state::StorageReader,
};

pub(super) fn run(args: &InspectArgs) -> Result<Outcome, CliError> {
    let (value, text) = if args.file.is_dir() {
        dump(&args.how.options().import().read(&args.file)?, args)?
    } else if let Some(file) = args.how.tree_file(&args.file)? {
        inspect_tree::tree_file(&file)
    } else {
        let input = Input::open(&args.file)?;
        match sniff(&input) {
            FileKind::Native(tag) if tag == archive::KIND.tag => logs(input, args.how.access)?,
            FileKind::Logs(_) => logs(input, args.how.access)?,
            FileKind::Proofs => inspect_proof::proofs(input)?,
            _ => dump(&args.how.options().import().read_input(input)?, args)?,
        }
    };
    let mut output = Output::create(Path::new("-"))?;
    let text = if args.json { format!("{value:#}\n") } else { text };
    output.put(text.as_bytes())?;
    output.finish()?;
    Ok(Outcome::Done)
}

fn logs(input: Input, access: Access) -> Result<(Value, String), CliError> {
    let format = SourceFormat::detect(&input)?;
    let archive = read_archive_input(input, access)?;
    let header = archive.header();
    let mut text = format!(
        "{}: {format}\n{} batches, {} logs, {} messages with their bytes, {} logs with transaction \
         hashes\n\n{:>20}  {:>11}  {:>13}  {:>13}  {:>13}  {:>13}\n",
        archive.name(),
        count(header.batches),
        count(header.logs),
        count(header.messages),
        count(header.transactions),
        "chain",
        "batches",
        "first",
        "last",
        "logs",
        "messages"
    );
    let mut rows = Vec::new();
    for ChainSummary { chain, batches, first, last, logs, messages } in archive.chains() {
        text.push_str(&format!(
            "{:>20}  {batches:>11}  {:>13}  {:>13}  {logs:>13}  {messages:>13}\n",
            chain.0, first.0, last.0
        ));
        rows.push(json!({
            "chainId": chain,
            "batches": batches,
            "firstBatch": first,
            "lastBatch": last,
            "logs": logs,
            "messages": messages,
        }));
    }
    let value = json!({
        "kind": "archive",
        "format": format.word(),
        "batches": header.batches,
        "logs": header.logs,
        "messages": header.messages,
        "messageBytes": header.message_bytes,
        "transactions": header.transactions,
        "chains": rows,
    });
    Ok((value, text))
}

fn dump(dump: &Dump, args: &InspectArgs) -> Result<(Value, String), CliError> {
    let addresses = args.how.options().addresses(&dump.state)?;
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
        "importedRoots": imported,
    });
    Ok((value, text))
}
