use serde_json::{Value, json};

use super::{
    args::InspectArgs,
    error::{CliError, Outcome},
    inspect_l1, inspect_lines, inspect_proof, inspect_tree,
    report::{self, Console, count},
    role::Role,
};
use crate::{
    archive::ChainSummary,
    contracts::{MessageRoot, system},
    files::{Input, is_directory},
    ingest::{
        FileKind, guess,
        logs::{SourceFormat, read_archive_input},
        state::{Dump, Format},
    },
    state::StorageReader,
};

pub(super) fn run(args: &InspectArgs, console: Console) -> Result<Outcome, CliError> {
    let (value, text) = if is_directory(&args.file)? {
        dump(&args.state_args.options().import().read(&args.file)?, args)?
    } else if let Some(file) = args.state_args.tree_file(&args.file)? {
        inspect_tree::tree_file(&file)
    } else {
        let input = Input::open(&args.file)?;
        let kind = guess(&input);
        let what = kind.map_or_else(|| "a state dump".into(), |kind| kind.to_string());
        console.verbose(format_args!("{}: {what}", input.name()));
        match kind {
            Some(FileKind::MessageArchive) => logs(input, SourceFormat::Native, args)?,
            Some(FileKind::Logs(format)) => logs(input, format, args)?,
            Some(FileKind::Proofs) => inspect_proof::proofs(input)?,
            Some(FileKind::Requests) => inspect_lines::requests(input)?,
            Some(kind @ (FileKind::SlBatches | FileKind::BatchBlocks)) => {
                inspect_lines::batches(input, kind)?
            }
            Some(kind @ (FileKind::Manifest | FileKind::Checkpoint)) => {
                inspect_lines::document(input, kind)?
            }
            Some(FileKind::L1Transactions) => inspect_l1::transactions(input)?,
            Some(kind) if kind.may_have_calls() && FileKind::has_late_part(&input) => {
                inspect_l1::transactions(input)?
            }
            Some(FileKind::Events | FileKind::EventsAndLogs) => {
                let message_root = args.state_args.message_root.unwrap_or(system::MESSAGE_ROOT);
                inspect_lines::events(input, message_root)?
            }
            Some(FileKind::Blobs) => inspect_lines::blobs(input)?,
            Some(found @ FileKind::Published) => {
                let name = input.name().to_owned();
                return Err(CliError::WrongInput { name, found, role: Role::State });
            }
            // Other files are treated as dumps too: the errors of the dump parsers say what was found.
            Some(
                FileKind::State(_)
                | FileKind::Snapshot
                | FileKind::TreeFile
                | FileKind::Answer(_)
                | FileKind::OtherTable,
            )
            | None => {
                let mut import = args.state_args.options().import();
                if let Some(FileKind::State(format)) = kind {
                    import.format.get_or_insert(format);
                }
                dump(&import.read_input(input)?, args)?
            }
        }
    };
    report::result(&value, || text)?;
    Ok(Outcome::Done)
}

fn logs(
    input: Input,
    format: SourceFormat,
    args: &InspectArgs,
) -> Result<(Value, String), CliError> {
    let name = input.name().to_owned();
    let archive = match read_archive_input(input, Some(format), args.state_args.access) {
        // The file is an archive, but its batches cannot be listed.
        Err(error) if error.names_no_chain() => {
            let text = format!(
                "{name}: {format}\nthe file does not name its chain; slproof index --chain ID reads it\n"
            );
            let value = json!({"kind": "archive", "format": format.word(), "chains": null});
            return Ok((value, text));
        }
        archive => archive?,
    };
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
    for ChainSummary { chain, batches, first, last, logs, messages } in archive.chains()? {
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
    let addresses = args.state_args.options().addresses(&dump.state)?;
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
            "no MessageRoot at {}: not a settlement layer, or its contracts have other addresses",
            addresses.message_root
        ),
    };
    if imported > 0 {
        contracts.push_str(&format!(
            "\nInteropRootStorage at {}: {imported} imported roots, which verify --anchor compares with",
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
