use std::path::Path;

use serde_json::{Value, json};

use super::{
    args::InspectArgs,
    error::{CliError, Outcome},
    inspect_proof,
    report::count,
};
use crate::{
    contracts::MessageRoot,
    files::{Access, Input, Output, container::is_container},
    import::{Dump, read_input},
    messages::{archive::ChainSummary, read_archive_input},
    state::{MemoryStateBuilder, StorageReader},
};

const RAW_ARCHIVE: &str = "raw archive of L2→L1 logs";

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

/// Archives and records of proofs name themselves in their first members; dumps know better
/// themselves.
fn kind(input: &Input) -> Kind {
    let head = input.head();
    if is_container(head) {
        return Kind::Archive;
    }
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
    let native = is_container(input.head());
    let archive = read_archive_input(input, Access::Map)?;
    let (header, what) = (archive.header(), if native { "message archive" } else { RAW_ARCHIVE });
    let mut text = format!(
        "{}: {what}\n{} batches, {} logs, {} messages with their bytes, {} logs with transaction \
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
        "format": if native { "slmsg" } else { "jsonl" },
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
    });
    Ok((value, text))
}
