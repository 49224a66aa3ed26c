//! SIGINT, SIGTERM and SIGHUP. A resumable job writes its checkpoint and ends. Every other command removes its
//! temporary files and ends at once. SIGQUIT is left alone: it asks for a core dump, and the files belong to it
//! (the GNU C Library manual, "Termination Signals").

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::{CliError, INTERRUPTED_EXIT_CODE};
use crate::files::remove_unfinished;

static IN_ORDER: AtomicBool = AtomicBool::new(false);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Installs the handler. The second signal always ends the process at once.
pub(super) fn watch() -> Result<(), CliError> {
    ctrlc::set_handler(|| {
        let first = !INTERRUPTED.swap(true, Ordering::SeqCst);
        if !(first && IN_ORDER.load(Ordering::SeqCst)) {
            remove_unfinished();
            std::process::exit(INTERRUPTED_EXIT_CODE.into());
        }
    })
    .map_err(CliError::Signals)
}

/// While this value lives, the first signal only sets what [`interrupted`] returns.
pub(super) struct InOrder(());

impl InOrder {
    pub(super) fn new() -> Self {
        IN_ORDER.store(true, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for InOrder {
    fn drop(&mut self) {
        IN_ORDER.store(false, Ordering::SeqCst);
    }
}

/// While this value lives, the first signal ends the process at once, even during a resumable job. It is for
/// work that does not check for signals, such as a long search. The partial output of the job still matches
/// its last checkpoint.
pub(super) struct AtOnce {
    was_in_order: bool,
}

impl AtOnce {
    pub(super) fn new() -> Self {
        Self { was_in_order: IN_ORDER.swap(false, Ordering::SeqCst) }
    }
}

impl Drop for AtOnce {
    fn drop(&mut self) {
        IN_ORDER.store(self.was_in_order, Ordering::SeqCst);
    }
}

/// Whether a signal asked the job to end.
pub(super) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
