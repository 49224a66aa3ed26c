use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::{Value, json};

use super::{
    args::IndexArgs,
    error::{CliError, Outcome, refuse_overwriting, refuse_several_pipes},
    progress::{ProgressFactory, file_len},
    report::{self, Console, LEFT_OUT_SHOWN, count},
    role::Role,
    state_args::TreeArgs,
    wrong_input::wrong_input,
};
use crate::{
    archive::Archive,
    files::{Input, InputError, InputSequence, ShowPath},
    ingest::{
        FileKind, FoundFile, FoundFiles, IndexError, KnownFiles,
        logs::{BatchBlocks, BatchCheck, Indexed, Indexer, RelayedBy, SourceFormat, SourceOptions},
    },
    primitives::ChainId,
    prove::{Coverage, LogChains, MissingBatches, TreeCheck, Trees, TreesOptions, with_causes},
};

/// The maximum number of runs of missing batches that are shown per chain.
const RUNS_SHOWN: usize = 8;

pub(super) fn run(
    args: &IndexArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let known = KnownFiles::default();
    let found = FoundFiles::knowing(&args.archives, &known)?;
    needs_tree(args, &found)?;
    let files = found.files.iter();
    let inputs = files.map(|file| &file.path).chain(&args.tree).chain(&args.batch_blocks);
    let inputs: Vec<&Path> = inputs.map(PathBuf::as_path).collect();
    refuse_several_pipes(&inputs)?;
    let others: Vec<&Path> =
        args.tree.iter().chain(&args.batch_blocks).map(PathBuf::as_path).collect();
    refuse_overwriting(&args.output, &others)?;
    let started = Instant::now();
    let blocks = match &args.batch_blocks {
        Some(path) => BatchBlocks::read(path, args.chain)
            .map_err(|error| wrong_input(path, Role::BatchBlocks, error.into()))?,
        None => BatchBlocks::default(),
    };
    let of_l1 = found.of_l1();
    let options = TreesOptions { known, ..args.tree_args.options(None, console) };
    // Anyone can send messages with pubdata of any chain. The trees show which of them are right.
    let evidence: Vec<PathBuf> = match args.tree.is_empty() {
        true => of_l1.paths().map(Path::to_owned).collect(),
        false => args.tree.clone(),
    };
    let trees = (!evidence.is_empty())
        .then(|| open(&evidence, &args.tree_args, &options, console))
        .transpose()?;
    let check = trees.as_ref().map(TreeCheck::of).transpose()?;
    let network = args.tree_args.state.deployment();
    let network_sender = network.map(|network| RelayedBy::Sender(network.relayed_sl_da_validator));
    let options = SourceOptions {
        format: args.format.0,
        chain: args.chain,
        blocks,
        relayed: args.relayed_by.or(network_sender),
        columns: args.tree_args.columns.clone().unwrap_or_default(),
        access: args.tree_args.state.access,
    };
    let checked = check.as_ref().map(|check| check as &dyn BatchCheck);
    let progress = bars.reading();
    let watcher = progress.watcher();
    let (archives, others): (Vec<&FoundFile>, _) =
        found.files.iter().partition(|file| is_read(file, args));
    for other in &others {
        refuse_overwriting(&args.output, &[other.on_disk()])?;
    }
    say_unread(&found.passed_over, &others, console);
    let only = match &archives[..] {
        [only] => Some(only.path.clone()),
        _ => None,
    };
    let is_of_l1 = |file: &&&FoundFile| file.kind.is_some_and(FileKind::is_of_l1);
    let of_logs = archives.iter().filter(|file| !is_of_l1(file));
    watcher.expect(of_logs.clone().filter_map(|archive| file_len(&archive.path)).sum());
    let mut chains = match args.chain {
        Some(_) => LogChains::default(),
        None => LogChains::find(&found, trees.as_ref().as_slice(), &options, None)?,
    };
    let mut indexer = Indexer::create(&args.output, options, checked)?;
    chains.set_blocks(&mut indexer);
    if let Some(trees) = &trees {
        trees.index_l1(&of_l1, &mut indexer)?;
    }
    let mut sequence = InputSequence::default();
    for file in of_logs {
        let chain = args.chain.or(chains.of(&file.path));
        if chain.is_none() && file.may_lack_chain(&of_l1) {
            let path = file.path.shown();
            console.info(format_args!(
                "skipped            {path}: the chain of its logs is not known"
            ));
            continue;
        }
        if let Some(chain) = chains.of(&file.path) {
            let path = file.path.shown();
            console.info(format_args!("chain              {chain} by its batch roots: {path}"));
        }
        let input = sequence.open(&file.path, &watcher);
        read_file(file, input, chain, &args.output, &mut indexer, console)?;
        chains.mixture(&file.path).into_iter().for_each(|error| indexer.leave_out(error));
    }
    watcher.all_read();
    let damaged = found.files.into_iter().filter(|file| !is_read(file, args) && is_damaged(file));
    let damage = damaged.filter_map(|file| file.damage);
    damage.for_each(|error| indexer.leave_out(error.into()));
    let indexed = indexer.finish()?;
    progress.end();
    let nothing = indexed.header.batches == 0;
    // If all batches were excluded, the first error becomes the error of the command.
    let from = usize::from(nothing);
    if nothing || !console.is_json() {
        report::left_out(&indexed.faults, from, Outcome::SomeFailed);
    }
    if nothing {
        return Err(match indexed.faults.into_first().into_iter().next() {
            Some(first) => match only {
                Some(path) => wrong_input(&path, Role::Messages, first.into()),
                None => first.into(),
            },
            None => CliError::NothingFound("the archives hold no batch".into()),
        });
    }
    let has_trees = trees.as_ref().is_some_and(|trees| trees.forest().is_some());
    let coverage = match &check {
        Some(check) if has_trees => {
            let archive = Archive::open(&args.output, args.tree_args.state.access)?;
            Some(check.coverage(&archive)?)
        }
        _ => None,
    };
    if console.is_json() {
        report::result(&json(args, &indexed, coverage.as_ref()), String::new)?;
        return Ok(outcome(&indexed));
    }
    print_summary(&indexed, console);
    if indexed.relayed == 0 && args.relayed_by.is_some() {
        console.info("note               no message carries pubdata that --relayed-by selects");
    }
    if indexed.unproven > 0 {
        console.info(format_args!(
            "left out           {} batches in messages that anyone can send, without a root in the trees; \
             --relayed-by names the sender",
            count(indexed.unproven)
        ));
    }
    if let Some(coverage) = &coverage {
        console.info(coverage_text(coverage, indexed.unknown));
    } else if check.is_some() && indexed.unknown > 0 {
        let unknown = count(indexed.unknown);
        console
            .info(format_args!("unchecked          {unknown} batches without a root in the state"));
    }
    console.info(format_args!("output             {}", args.output.shown()));
    console.info(format_args!("time               {:.2} s", started.elapsed().as_secs_f64()));
    Ok(outcome(&indexed))
}

/// Opens the trees. Of a state without MessageRoot, such as one of L1 from before v26, the batch roots are used.
fn open(
    evidence: &[PathBuf],
    args: &TreeArgs,
    options: &TreesOptions,
    console: &Console,
) -> Result<Trees, CliError> {
    match args.trees(evidence, options) {
        Err(CliError::Failed(error)) if error.is_without_message_root() => {
            console.info(format_args!(
                "note               {}; batches are compared with the batch roots in the state",
                with_causes(&error)
            ));
            let options = TreesOptions { batch_roots_only: true, ..options.clone() };
            args.trees(evidence, &options)
        }
        opened => opened,
    }
}

/// Whether a file is read as an archive: every file that was given by name, and of a directory those that are
/// recognized, or all if their format is given.
fn is_read(file: &FoundFile, args: &IndexArgs) -> bool {
    let is_recognized = file.kind.is_some_and(|kind| kind.has_logs() || kind.is_of_l1());
    !file.from_directory || is_recognized || (args.format.0.is_some() && file.damage.is_none())
}

/// Whether a file cannot be read because of damage. It may be an archive of logs.
fn is_damaged(file: &FoundFile) -> bool {
    matches!(file.damage, Some(InputError::Read { .. }))
}

/// Names what directories hold besides archives and damaged files.
fn say_unread(passed_over: &[PathBuf], others: &[&FoundFile], console: &Console) {
    for path in passed_over {
        console.info(format_args!("skipped            {}", path.shown()));
    }
    for file in others.iter().filter(|file| !is_damaged(file)) {
        console.info(format_args!("skipped            {}: {}", file.path.shown(), kind_of(file)));
    }
}

/// The kind of a file in a directory.
pub(super) fn kind_of(file: &FoundFile) -> String {
    match (&file.damage, file.description()) {
        (Some(InputError::Empty { .. }), _) => "empty".into(),
        (Some(error), _) => with_causes(error),
        (None, Some(what)) => what,
        (None, None) => "not recognized".into(),
    }
}

/// Reads a file.
fn read_file(
    file: &FoundFile,
    input: Result<Input, InputError>,
    chain: Option<ChainId>,
    output: &Path,
    indexer: &mut Indexer<'_>,
    console: &Console,
) -> Result<(), CliError> {
    let read = input.map_err(IndexError::from).and_then(|input| {
        let name = input.name().to_owned();
        Ok((indexer.read_of(chain, input)?, name))
    });
    let (format, name) = match read {
        Err(
            error @ (IndexError::Unknown { .. }
            | IndexError::State { .. }
            | IndexError::OtherAnswer { .. }
            | IndexError::Input(InputError::Empty { .. } | InputError::Packed { .. })),
        ) if file.from_directory => {
            refuse_overwriting(output, &[file.on_disk()])?;
            let error = with_causes(&error);
            console.info(format_args!("skipped            {error}"));
            return Ok(());
        }
        Err(error) if error.is_damage() || (file.from_directory && !error.is_io()) => {
            refuse_overwriting(output, &[file.on_disk()])?;
            indexer.leave_out(error);
            return Ok(());
        }
        read => read.map_err(|error| wrong_input(&file.path, Role::Messages, error.into()))?,
    };
    if format != SourceFormat::Native {
        // A message archive may be both an input and the output: the other inputs are added to it.
        refuse_overwriting(output, &[file.on_disk()])?;
    }
    console.verbose(format_args!("{name}: {format}"));
    Ok(())
}

fn outcome(indexed: &Indexed) -> Outcome {
    if indexed.faults.count() == 0 { Outcome::Done } else { Outcome::SomeFailed }
}

fn json(args: &IndexArgs, indexed: &Indexed, coverage: Option<&Coverage>) -> Value {
    let header = &indexed.header;
    let skipped: Vec<String> = indexed
        .faults
        .first()
        .iter()
        .take(LEFT_OUT_SHOWN)
        .map(|fault| with_causes(fault))
        .collect();
    json!({
        "output": args.output.to_string_lossy(),
        "batches": header.batches,
        "merged": indexed.merged,
        "logs": header.logs,
        "messages": header.messages,
        "messageBytes": header.message_bytes,
        "transactions": header.transactions,
        "leftOut": {"count": indexed.faults.count(), "first": skipped},
        "withoutMessages": indexed.without_messages,
        "inNoBatchYet": indexed.in_no_batch_yet,
        "coverage": coverage.map(|coverage| coverage_json(coverage, indexed.unknown)),
    })
}

fn coverage_json(coverage: &Coverage, unchecked: u64) -> Value {
    let chain = |missing: &MissingBatches| {
        let first = &missing.runs[..missing.runs.len().min(RUNS_SHOWN)];
        json!({"chainId": missing.chain, "missing": missing.count, "first": first})
    };
    json!({
        "complete": coverage.complete,
        "missing": missing_batches(coverage),
        "absentChains": coverage.absent_chains,
        "unchecked": unchecked,
        "chains": coverage.missing.iter().map(chain).collect::<Vec<_>>(),
    })
}

/// The number of missing batches of the archive's chains.
fn missing_batches(coverage: &Coverage) -> u64 {
    coverage.missing.iter().map(|missing| missing.count).sum()
}

/// Refuses flags that need evidence if none was given.
fn needs_tree(args: &IndexArgs, found: &FoundFiles) -> Result<(), CliError> {
    if !args.tree.is_empty() || found.of(FileKind::is_of_l1).next().is_some() {
        return Ok(());
    }
    if args.relayed_by == Some(RelayedBy::Anyone) {
        let text = "--relayed-by any needs --tree: anyone can send a message with pubdata of any chain, and the batch \
                    roots show which of them are right";
        return Err(CliError::Usage(text.into()));
    }
    match args.tree_args.given() {
        Some(flag) => {
            Err(CliError::Usage(format!("{flag} is about the state; give one with --tree")))
        }
        None => Ok(()),
    }
}

fn print_summary(indexed: &Indexed, console: &Console) {
    let header = &indexed.header;
    console.info(format_args!(
        "batches            {}{}",
        count(header.batches),
        match indexed.merged {
            0 => String::new(),
            merged => format!(", after merging {} that were given twice", count(merged)),
        }
    ));
    console.info(format_args!("logs               {}", count(header.logs)));
    console.info(format_args!(
        "messages           {} with their bytes, {} bytes",
        count(header.messages),
        count(header.message_bytes)
    ));
    console.info(format_args!(
        "transactions       {} logs with their hashes",
        count(header.transactions)
    ));
    for (number, what) in [
        (indexed.faults.count(), "left out, see above"),
        (
            indexed.without_messages,
            "batches without the bytes of their messages, because some are missing",
        ),
        (indexed.in_no_batch_yet, "logs skipped that were in no batch yet"),
    ] {
        if number > 0 {
            console.info(format_args!("note               {} {what}", count(number)));
        }
    }
}

/// How many batches of the trees the archive contains. `unchecked` of its batches have no root in the trees.
fn coverage_text(coverage: &Coverage, unchecked: u64) -> String {
    let mut text = format!(
        "complete           {} batches fold to their roots; {} batches of these chains are missing",
        count(coverage.complete),
        count(missing_batches(coverage))
    );
    // Writing to a string cannot fail.
    for missing in &coverage.missing {
        let (number, chain) = (count(missing.count), missing.chain);
        let _ = write!(text, "\nmissing            {number} of chain {chain}:");
        for (first, last) in missing.runs.iter().take(RUNS_SHOWN) {
            let _ = match first == last {
                true => write!(text, " {first}"),
                false => write!(text, " {first}–{last}"),
            };
        }
        if missing.runs.len() > RUNS_SHOWN {
            text.push_str(" …");
        }
    }
    let absent = coverage.absent_chains;
    if absent > 0 {
        let _ = write!(text, "\nmissing            all batches of {absent} other chains");
    }
    if unchecked > 0 {
        let _ = write!(
            text,
            "\nunchecked          {} batches that are not in the trees of this settlement layer",
            count(unchecked)
        );
    }
    text
}
