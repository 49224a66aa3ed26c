//! The state that proofs are compared with.

use std::path::PathBuf;

use super::{
    error::CliError, observer::anchor_read, report::Console, role::Role, wrong_input::wrong_inputs,
};
use crate::{
    anchor::KnownRoots,
    contracts::system,
    prove::{AnchorState, StateOptions},
};

/// Opens the state of --anchor, and says what was read.
pub(super) fn open(
    paths: &[PathBuf],
    options: &StateOptions,
    console: &Console,
) -> Result<AnchorState, CliError> {
    let state = AnchorState::open(paths, options)
        .map_err(|error| wrong_inputs(paths, Role::Anchor, error.into()))?;
    anchor_read(&state, console);
    Ok(state)
}

/// Opens the state of L1, and returns the roots that it accepts. Only L1 has L1Nullifier, and its contracts have no system
/// addresses. `flag` gives the address of Bridgehub.
pub(super) fn open_l1(
    paths: &[PathBuf],
    options: &StateOptions,
    flag: &str,
    console: &Console,
) -> Result<KnownRoots, CliError> {
    let state = open(paths, options, console)?.into_reader();
    let addresses = options.addresses(&state)?;
    if addresses.bridgehub == system::BRIDGEHUB {
        return Err(CliError::Usage(format!(
            "no Bridgehub of L1 is known in the state of --anchor; give its address with {flag}, or the --network \
             to which the state belongs"
        )));
    }
    Ok(KnownRoots::new(state, addresses)?)
}
