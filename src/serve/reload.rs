//! Opens files again when they are replaced.

use std::{
    sync::atomic::Ordering::Relaxed,
    thread,
    time::{Duration, Instant},
};

use super::{
    ServeError,
    data::Data,
    shared::{ServeEvent, Shared},
    stamp::Stamp,
};
use crate::prove::{Error, with_causes};

/// How often the thread looks whether the server stops.
const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// Files that could not be opened are tried again after this many times what the last try took: the error may have been
/// of the system, and a try costs as much as a start.
const PAUSE: u32 = 10;

/// Looks at the files until the server stops. `stamp` is that of the opened ones. Files are opened when they are
/// the same at two looks: several files may be replaced one after another.
pub(super) fn watch(shared: &Shared, mut stamp: Stamp) {
    let mut changed = None;
    let mut next_try = Instant::now();
    while wait(shared) {
        let found = match shared.options.sources.stamp() {
            Ok(found) if found == stamp => {
                changed = None;
                // The files are those that are served, whatever failed in between.
                shared.set_reload_error(None);
                continue;
            }
            Ok(found) => found,
            Err(error) => {
                fail(shared, &Error::from(error).into());
                continue;
            }
        };
        if changed.as_ref() != Some(&found) {
            changed = Some(found);
            next_try = Instant::now();
            continue;
        }
        let started = Instant::now();
        if started < next_try {
            continue;
        }
        match open(shared).map_err(ServeError::from).and_then(|data| lacks_no_more(shared, data)) {
            Ok(data) => {
                // Taken before the files were opened: a change while they were read is seen at the next look.
                stamp = found;
                changed = None;
                let served = data.served();
                shared.replace(data);
                shared.set_reload_error(None);
                shared.metrics.reloads.fetch_add(1, Relaxed);
                shared.observer.event(&ServeEvent::Reloaded(&served));
            }
            Err(error) => {
                next_try = Instant::now() + PAUSE * started.elapsed();
                fail(shared, &error);
            }
        }
    }
}

/// Opens the files on threads of its own, so that requests do not wait for them.
fn open(shared: &Shared) -> Result<Data, Error> {
    let threads = shared.pool.current_num_threads();
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(|| shared.options.sources.open()),
        Err(_) => shared.pool.install(|| shared.options.sources.open()),
    }
}

/// Refuses data of which more parts are left out than of those that are served: proofs that were there would be missing,
/// and clients would take that for a batch that is not executed yet.
fn lacks_no_more(shared: &Shared, data: Data) -> Result<Data, ServeError> {
    let (now, before) = (data.messages.skipped().count(), shared.data().messages.skipped().count());
    match data.messages.skipped().first().first() {
        Some(first) if now > before => {
            Err(ServeError::LeftOut { now, before, first: with_causes(first) })
        }
        _ => Ok(data),
    }
}

/// Reports an error, unless it is the last one again.
fn fail(shared: &Shared, error: &ServeError) {
    let text = Some(with_causes(error));
    if shared.reload_error() == text {
        return;
    }
    shared.set_reload_error(text);
    shared.metrics.failed_reloads.fetch_add(1, Relaxed);
    shared.observer.event(&ServeEvent::ReloadFailed(error));
}

/// Waits until the next look. Returns whether the server goes on.
fn wait(shared: &Shared) -> bool {
    let until = Instant::now() + shared.options.reload;
    while Instant::now() < until {
        if shared.observer.is_stopping() {
            return false;
        }
        thread::sleep(STOP_INTERVAL);
    }
    !shared.observer.is_stopping()
}
