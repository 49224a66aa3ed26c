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

/// Refuses a state of another layer: only L1 has L1Nullifier, and its contracts have no system addresses. `flag` gives
/// the address of Bridgehub.
pub(super) fn refuse_unless_l1(roots: &KnownRoots, flag: &str) -> Result<(), CliError> {
    if roots.addresses().bridgehub != system::BRIDGEHUB {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "no Bridgehub of L1 is known in the state of --anchor; give its address with {flag}, or the --network to \
         which the state belongs"
    )))
}
