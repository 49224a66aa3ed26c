//! `prove --leaf`: the proof of a leaf of a batch root of eight leaves.

use super::{
    error::{CliError, Outcome},
    prove_args::ProveArgs,
    report::{Console, named},
};
use crate::{files::Output, message::BatchRootLeaf, prove::Prover, records::ProofFormat};

/// Proves a leaf. `open` opens the inputs.
pub(super) fn run(
    args: &ProveArgs,
    leaf: BatchRootLeaf,
    open: impl FnOnce() -> Result<Prover, CliError>,
    console: &Console,
) -> Result<Outcome, CliError> {
    let (Some(chain), Some(batches)) = (args.which.chain, args.which.batch) else {
        return Err(CliError::Usage("--leaf needs --chain and --batch".into()));
    };
    if batches.first != batches.last {
        return Err(CliError::Usage("--leaf needs one --batch".into()));
    }
    let is_line = match args.format {
        None | Some(ProofFormat::Json) => false,
        Some(ProofFormat::Ndjson) => true,
        Some(_) => {
            return Err(CliError::Usage("--leaf has the formats json and ndjson only".into()));
        }
    };
    let mut output = Output::create(&args.output)?;
    let prover = open()?;
    let record = prover.prove_leaf((chain, batches.first), leaf, args.target)?;
    let mut text = Vec::new();
    match is_line {
        true => args.integers.compact(&record, &mut text),
        false => args.integers.pretty(&record, &mut text),
    }
    text.push(b'\n');
    output.put(&text)?;
    output.finish()?;
    console.info(format_args!("output             {}", named(&args.output)));
    if matches!(leaf, BatchRootLeaf::ImtBegin | BatchRootLeaf::ImtEnd) {
        console.info(
            "missing            the half of the proof from a commitment to this root (leaf, imtLeafIndex, imtProof): \
             only the state of the chain itself has it",
        );
    }
    Ok(match prover.messages().skipped().count() {
        0 => Outcome::Done,
        _ => Outcome::SomeFailed,
    })
}
