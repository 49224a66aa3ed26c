use std::path::{Path, PathBuf};

use super::{
    anchor,
    error::{CliError, Outcome, refuse_several_pipes},
    progress::{ProgressFactory, file_len},
    proofs_args::NeedsArgs,
    report::{Console, count},
    role::Role,
    wrong_input::wrong_input,
};
use crate::{
    claims::{ClaimsOptions, needed_slots},
    contracts::Network,
    files::{Input, Output},
    ingest::state_proofs::proof_requests,
    prove::{AnchorState, Error, StateOptions},
    records::Entries,
    state::ProvenSlots,
};

pub(super) fn run(
    args: &NeedsArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let inputs: Vec<&Path> =
        args.anchor.iter().chain([&args.proofs]).map(PathBuf::as_path).collect();
    refuse_several_pipes(&inputs)?;
    let network = args.network.map(Network::deployment);
    let options = StateOptions {
        bridgehub: args.bridgehub.or(network.map(|network| network.bridgehub)),
        message_root: args.message_root,
        trusted_block: Some(args.trust_block),
        ..StateOptions::default()
    };
    let nullifier = args.l1_nullifier.or(network.map(|network| network.l1_nullifier));
    let payouts = nullifier.map(|nullifier| ClaimsOptions {
        l1_chain: network.map(|network| network.l1_chain_id),
        era_chain: network.map(|network| network.era_chain_id),
        ..ClaimsOptions::new(nullifier)
    });
    let (proven, number) = match &args.anchor[..] {
        [] => (ProvenSlots::default(), None),
        paths => match anchor::open(paths, &options, console)? {
            AnchorState::Proofs(proofs) => (proofs.slots, Some(proofs.block)),
            AnchorState::Dump(dump) => return Err(Error::NotStateProofs(dump.name).into()),
        },
    };
    let defaults = args.missing.resolve()?;
    let progress = bars.reading();
    let watcher = progress.watcher();
    watcher.expect(file_len(&args.proofs).unwrap_or(0));
    let opened = Input::open_watched(&args.proofs, &watcher).map_err(CliError::from);
    let needed = opened.and_then(|input| {
        let entries = Entries::open(input, &defaults)?;
        Ok(needed_slots(entries, &defaults, proven, &options, payouts.as_ref())?)
    });
    let needed =
        needed.map_err(|error: CliError| wrong_input(&args.proofs, Role::Proofs, error))?;
    progress.end();
    if needed.is_empty() {
        console.info(match payouts {
            Some(_) => "nothing is needed: the answers decide on every proof and on its payout",
            None => "nothing is needed: the answers decide on every proof",
        });
        return Ok(Outcome::Done);
    }
    let mut output = Output::create(Path::new("-"))?;
    for request in proof_requests(&needed, args.trust_block, number) {
        output.put(format!("{request}\n").as_bytes())?;
    }
    CliError::unless_unread(output.finish())?;
    console.info(format_args!(
        "{} slots of {} contracts; run again with the answers as --anchor, which may show that more are needed",
        count(needed.values().map(|slots| slots.len() as u64).sum::<u64>()),
        count(needed.len() as u64),
    ));
    Ok(Outcome::Done)
}
