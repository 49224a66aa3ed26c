//! The state that proofs and trees are compared with.

use std::path::PathBuf;

use super::{
    error::CliError, observer::anchor_read, report::Console, role::Role, wrong_input::wrong_inputs,
};
use crate::{
    anchor::{KnownRoots, NotOfL1},
    prove::{AnchorState, Error, StateOptions},
};

/// The flag for the address of Bridgehub on L1, in commands that also have one for that of the settlement layer.
pub(super) const BRIDGEHUB: &str = "--anchor-bridgehub";

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

/// Opens the state of L1, and returns the roots that it accepts. `flag` gives the address of Bridgehub.
pub(super) fn open_l1(
    paths: &[PathBuf],
    options: &StateOptions,
    flag: &'static str,
    console: &Console,
) -> Result<KnownRoots, CliError> {
    let state = open(paths, options, console)?.into_reader();
    let known = options.known_roots(state)?;
    require_l1(&known, flag)?;
    Ok(known)
}

/// Refuses a state that decides nothing about L1.
pub(super) fn require_l1(known: &KnownRoots, flag: &'static str) -> Result<(), CliError> {
    known.require_l1().map_err(|error| name_flag(error.into(), flag))
}

/// The error, with the flag for the address of Bridgehub if that address may be at fault.
pub(super) fn name_flag(error: Error, flag: &'static str) -> CliError {
    match error {
        Error::NotOfL1(NotOfL1::NoBridgehub) => CliError::NoBridgehub { flag },
        Error::NotOfL1(NotOfL1::Lacking(lacking)) => CliError::AnchorLacks { lacking, flag },
        error => error.into(),
    }
}
