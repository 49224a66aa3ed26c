use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use serde::Serialize;

use super::{
    anchor::{self, BRIDGEHUB},
    claims_args::{ClaimsArgs, DepositArgs},
    error::{CliError, Outcome, refuse_overwriting, refuse_several_pipes},
    interrupt::{InOrder, interrupted},
    progress::{Progress, ProgressFactory},
    report::{self, Console, count, named},
    role::Role,
    wrong_input::wrong_inputs,
};
use crate::{
    anchor::KnownRoots,
    claims::{
        Claim, ClaimKind, ClaimSelection, Claims, ClaimsOptions, Deposit, Status, TokenTotals,
        Totals,
    },
    files::{Compression, Output, is_same_place},
    primitives::{Address, ChainId, SlBlock, hex},
    prove::{Error, L1Options, Messages, MessagesOptions, Observer, Trees, TreesOptions},
    state::StorageReader,
};

/// How many tokens are printed.
const MOST_TOKENS: usize = 20;

pub(super) fn run(
    args: &ClaimsArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let args = &with_archive(args);
    check_needed(args)?;
    check_paths(args)?;
    let network = args.tree_args.state.deployment();
    let l1_nullifier = args.tree_args.state.l1_nullifier(args.payout.l1_nullifier)?;
    let deposit = deposit(&args.deposit)?;
    let started = Instant::now();
    let mut output = Output::create(&args.output)?;
    let summary_output = args.summary.as_deref().map(Output::create).transpose()?;
    let Some(given) = args.l1.options(&args.tree_args.state) else {
        unreachable!("--anchor is required")
    };
    if given.state.bridgehub.is_none() {
        return Err(CliError::NoBridgehub { flag: BRIDGEHUB });
    }
    let trees = match args.tree.is_empty() {
        true => None,
        false => Some(args.tree_args.trees(&args.tree, &trees_options(args, &given, console))?),
    };
    let wrong_anchor = |error: Error| wrong_inputs(&given.paths, Role::Anchor, error.into());
    let opened = trees.as_ref().map(Trees::shared_l1).transpose().map_err(wrong_anchor)?.flatten();
    let l1 = match opened {
        Some(l1) => l1,
        None => Arc::new(anchor::open_l1(&given.paths, &given.state, BRIDGEHUB, console)?),
    };
    anchor::require_l1(&l1, BRIDGEHUB)?;
    let messages = messages(args, trees.as_ref(), &l1)?;
    let l1 = &*l1;
    report::left_out(messages.skipped(), 0, Outcome::NotJudged);

    let progress = Arc::new(Watch(bars.begin("logs", Some(messages.archive().header().logs))));
    let mut options = ClaimsOptions::new(l1_nullifier);
    options.l1_chain = args.payout.l1_chain_id.or(network.map(|network| network.l1_chain_id));
    options.era_chain = args.payout.era_chain_id.or(network.map(|network| network.era_chain_id));
    options.deposit = deposit;
    options.observer = Arc::clone(&progress).into();
    let claims = Claims::new(l1, trees.as_ref(), &messages, selection(args), &options)?;
    let in_order = InOrder::new();
    let is_table = args.output == Path::new("-") && io::stdout().is_terminal();
    if is_table {
        output.put(HEADER.as_bytes())?;
    }
    let compression = Compression::of_name(&args.output);
    let totals = claims.run(
        |claims| encode(claims, is_table, compression),
        |text| Ok(output.put(&text.map_err(|error| Error::Sink(error.into()))?)?),
    );
    drop(in_order);
    progress.0.end();
    let totals = totals?;
    if totals.claims() == 0 {
        return Err(CliError::NothingFound("no claim in the archive fits these flags".into()));
    }
    CliError::unless_unread(output.finish())?;

    let anchor_block = l1.state().block();
    let summary =
        Summary { anchor_block, totals: &totals, seconds: started.elapsed().as_secs_f64() };
    console.summary(&summary);
    say(&summary, console);
    console.info(format_args!("output             {}", named(&args.output)));
    if let Some(mut output) = summary_output {
        let mut text = serde_json::to_vec_pretty(&summary).unwrap_or_default();
        text.push(b'\n');
        output.put(&text)?;
        output.finish()?;
    }
    // What was left out may have claims of which nothing is known.
    Ok(match totals.with_status(Status::Unknown) + totals.left_out() {
        0 => Outcome::Done,
        _ => Outcome::NotJudged,
    })
}

/// The summary of the command.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'t> {
    anchor_block: Option<SlBlock>,
    #[serde(flatten)]
    totals: &'t Totals,
    seconds: f64,
}

/// Shows the progress, and cancels the job on a signal.
struct Watch(Progress);

impl Observer for Watch {
    fn advanced(&self, logs: u64) {
        self.0.add(logs);
    }

    fn is_cancelled(&self) -> bool {
        interrupted()
    }
}

/// The arguments with those that --archive stands for.
fn with_archive(args: &ClaimsArgs) -> ClaimsArgs {
    let mut args = args.clone();
    if let Some(archive) = args.archive.clone() {
        for paths in [&mut args.tree, &mut args.messages, &mut args.sl_batches] {
            if paths.is_empty() {
                paths.push(archive.clone());
            }
        }
    }
    args
}

/// Refuses flags that have no effect without others.
fn check_needed(args: &ClaimsArgs) -> Result<(), CliError> {
    let (has_trees, kinds) = (!args.tree.is_empty(), &args.which.kind);
    let unneeded = [
        ("--sl-batches needs --tree", !args.sl_batches.is_empty() && !has_trees),
        ("--events needs --tree", !args.past.events.is_empty() && !has_trees),
        ("--search needs --tree", args.past.search.is_some() && !has_trees),
        (
            "--deposit-sender, --deposit-asset and --deposit-data need --kind failed-deposit",
            args.deposit.deposit_sender.is_some() && !kinds.contains(&ClaimKind::FailedDeposit),
        ),
    ];
    match unneeded.iter().find(|(_, unneeded)| *unneeded) {
        Some((text, _)) => Err(CliError::Usage((*text).into())),
        None => Ok(()),
    }
}

/// Checks that at most one input is standard input and that no output is an input.
fn check_paths(args: &ClaimsArgs) -> Result<(), CliError> {
    let several = [&args.tree, &args.messages, &args.past.events, &args.sl_batches];
    let inputs = several.into_iter().flatten().chain(&args.l1.anchor.paths);
    let inputs: Vec<&Path> = inputs.map(PathBuf::as_path).collect();
    refuse_several_pipes(&inputs)?;
    refuse_overwriting(&args.output, &inputs)?;
    if let Some(summary) = &args.summary {
        refuse_overwriting(summary, &inputs)?;
        if is_same_place(summary, &args.output) {
            return Err(CliError::Usage("--summary and the output are the same file".into()));
        }
    }
    Ok(())
}

fn deposit(args: &DepositArgs) -> Result<Option<Deposit>, CliError> {
    let (Some(sender), Some(asset_id), Some(data)) =
        (args.deposit_sender, args.deposit_asset, &args.deposit_data)
    else {
        return Ok(None);
    };
    let asset_data =
        hex::bytes(data).map_err(|error| CliError::Usage(format!("--deposit-data: {error}")))?;
    Ok(Some(Deposit { sender, asset_id, asset_data }))
}

fn selection(args: &ClaimsArgs) -> ClaimSelection {
    let which = &args.which;
    let mut selection = ClaimSelection::default();
    (selection.transaction, selection.message) = (which.tx, which.message);
    (selection.chain, selection.batches) = (which.chain, which.batch);
    (selection.receiver, selection.sender) = (which.receiver, which.sender);
    (selection.token, selection.asset_id) = (which.token, which.asset_id);
    if !which.kind.is_empty() {
        selection.kinds.clone_from(&which.kind);
    }
    selection.statuses.clone_from(&which.status);
    selection
}

fn trees_options(args: &ClaimsArgs, l1: &L1Options, console: &Console) -> TreesOptions {
    TreesOptions {
        sl_batches: args.sl_batches.clone(),
        l1: Some(l1.clone()),
        ..args.tree_args.options(Some(&args.past), console)
    }
}

/// Opens the archives of logs. For batches that were executed on L1, the roots that it stores show which logs are right.
fn messages(
    args: &ClaimsArgs,
    trees: Option<&Trees>,
    l1: &Arc<KnownRoots>,
) -> Result<Messages, CliError> {
    let mut options = MessagesOptions::default();
    options.source.access = args.tree_args.state.access;
    options.trees = trees.cloned().into_iter().collect();
    options.roots = Some(Arc::clone(l1));
    options.chain_of_others = args.which.chain;
    Messages::open(&args.messages, &options)
        .map_err(|error| wrong_inputs(&args.messages, Role::Messages, error.into()))
}

const HEADER: &str = "chain            batch      log  kind            status     receiver                                                            amount  token\n";

/// Lines of JSON, or rows of the table.
fn encode(
    claims: &[Claim],
    is_table: bool,
    compression: Option<Compression>,
) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for claim in claims {
        match is_table {
            true => text.extend(row(claim).into_bytes()),
            false => {
                serde_json::to_writer(&mut text, claim)?;
                text.push(b'\n');
            }
        }
    }
    match compression {
        Some(compression) if !text.is_empty() => compression.compress(&text),
        _ => Ok(text),
    }
}

fn row(claim: &Claim) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    let token = claim.token.map(|token| of_chain(token, claim.token_chain_id));
    let token = token.or(claim.asset_id.map(|asset| format!("asset {asset}")));
    let reason = claim.reason.as_ref().map(|reason| format!("  {}", reason.code));
    format!(
        "{:<12} {:>9} {:>8}  {:<14}  {:<9}  {:<42}  {:>24}  {}{}\n",
        claim.chain_id,
        claim.batch_number,
        claim.id,
        claim.kind.name(),
        claim.status.name(),
        or_dash(claim.receiver.map(|receiver| receiver.to_string())),
        or_dash(claim.amount_text()),
        or_dash(token),
        reason.unwrap_or_default(),
    )
}

/// A token, and the chain where it is if that is not L1.
fn of_chain(token: Address, chain: Option<ChainId>) -> String {
    match chain {
        None => token.to_string(),
        Some(chain) => format!("{token} of chain {chain}"),
    }
}

/// Prints the totals.
fn say(summary: &Summary<'_>, console: &Console) {
    let Summary { anchor_block, totals, seconds } = summary;
    let block = anchor_block.map_or_else(|| "unknown".into(), |block| block.to_string());
    console.info(format_args!("L1 block           {block}: all that is trusted"));
    console.info(format_args!("claims             {}; {seconds:.2} s", count(totals.claims())));
    for status in Status::ALL {
        let claims = totals.with_status(status);
        if claims > 0 {
            console.info(format_args!("                   {} {}", count(claims), status.name()));
        }
    }
    report::say_left_out(totals.left_out(), console);
    for TokenTotals { token, by_status } in totals.tokens().take(MOST_TOKENS) {
        let name = match (token.token, token.asset_id, token.base_token_of) {
            (Some(address), ..) => of_chain(address, token.token_chain_id),
            (None, Some(asset), _) => format!("asset {asset}"),
            (None, None, Some(chain)) => format!("base token of chain {chain}"),
            (None, None, None) => "unknown token".into(),
        };
        let sums = by_status.iter().map(|(status, total)| {
            format!("{} {} in {}", total.amount, status.name(), count(total.claims))
        });
        let sums = sums.collect::<Vec<_>>().join(", ");
        console.info(format_args!("token              {name}: {sums}"));
    }
    let more = totals.tokens().count().saturating_sub(MOST_TOKENS);
    if more > 0 {
        console.info(format_args!("                   and {} more tokens", count(more)));
    }
    let others = totals.of_other_tokens();
    if others > 0 {
        console.info(format_args!(
            "                   and {} withdrawals of tokens without a sum of their own",
            count(others)
        ));
    }
}
