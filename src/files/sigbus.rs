//! What happens when a page of a mapped file cannot be had: the file was truncated by another
//! program, or its disk failed.
//!
//! The system answers the access with SIGBUS, which kills the process without a word. Checking the
//! file's length before an access would leave a gap between the check and the access, so the signal
//! itself is caught: a handler looks the faulting address up in a table of the mapped files, writes
//! an error that names the file, and ends the process with [`EXIT_CODE`].
//!
//! The handler runs in the middle of anything, so it does only what is async-signal-safe:
//!
//! - it reads the table, which is static, grows but never shrinks, and is made of atomics: no lock, no
//!   allocation, no pointer to memory that could be freed;
//! - it calls `write` and `_exit`, which POSIX lists as async-signal-safe;
//! - for an address that is in no mapped file it puts the handler back that stood there before
//!   (`sigaction`, also on the list) and returns, so that the access faults again and ends as it
//!   would have without this module.
//!
//! Output files that were being written are left under their temporary names, as after a SIGKILL.
//!
//! The other signal that a file may send, SIGXFSZ, is ignored: writing then fails, and says so itself.
#![allow(unsafe_code, reason = "signal handlers are unsafe; this one belongs to the memory map")]

use std::{
    fmt, io, iter,
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
};

/// The exit code of a process that lost a mapped file: that of a damaged input.
const EXIT_CODE: i32 = 3;
/// How many slots a table has before the next one is needed.
const SLOTS: usize = 64;
/// How much of a file's name is kept; the end of a longer one, which tells more than its beginning.
const NAME_LEN: usize = 512;

/// What a slot of the table holds instead of an address.
const FREE: usize = 0;
const TAKEN: usize = 1;

struct Slot {
    /// The first address, or `FREE` or `TAKEN`; the other fields count only under an address.
    start: AtomicUsize,
    len: AtomicUsize,
    name: [AtomicU8; NAME_LEN],
    name_len: AtomicUsize,
}

impl Slot {
    const fn new() -> Self {
        Self {
            start: AtomicUsize::new(FREE),
            len: AtomicUsize::new(0),
            name: [const { AtomicU8::new(0) }; NAME_LEN],
            name_len: AtomicUsize::new(0),
        }
    }
}

/// Some slots, and more where these are not enough. What hangs on the static table is never freed.
struct Table {
    slots: [Slot; SLOTS],
    next: OnceLock<Box<Table>>,
}

impl Table {
    const fn new() -> Self {
        Self { slots: [const { Slot::new() }; SLOTS], next: OnceLock::new() }
    }

    /// The tables there are, this one first. Follows what was published whole; takes no lock.
    fn chain(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |table| table.next.get().map(Box::as_ref))
    }

    /// A slot that nobody else has.
    fn take(&'static self) -> &'static Slot {
        let mut table = self;
        loop {
            let free = table.slots.iter().find(|slot| {
                let taken =
                    slot.start.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed);
                taken.is_ok()
            });
            if let Some(slot) = free {
                return slot;
            }
            table = table.next.get_or_init(|| Box::new(Self::new()));
        }
    }
}

static MAPS: Table = Table::new();

static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// Keeps a mapping in the table; drop it before the mapping.
pub(super) struct Registered(&'static Slot);

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registered").field(&self.0.start).finish()
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.0.start.store(FREE, Ordering::Release);
    }
}

/// Notes whose bytes these are.
pub(super) fn register(bytes: &[u8], path: &Path) -> Registered {
    let slot = MAPS.take();
    let name = path.as_os_str().as_encoded_bytes();
    let name = &name[name.len().saturating_sub(NAME_LEN)..];
    for (kept, byte) in slot.name.iter().zip(name) {
        kept.store(*byte, Ordering::Relaxed);
    }
    slot.name_len.store(name.len(), Ordering::Relaxed);
    slot.len.store(bytes.len(), Ordering::Relaxed);
    slot.start.store(bytes.as_ptr().addr(), Ordering::Release);
    Registered(slot)
}

/// From now on, a file that outgrows the limit that the system sets (`ulimit -f`) is an error of the write
/// that is too much, as with a full disk, and no signal that kills the process. Meant for a program's
/// `main`, as [`install_sigbus_handler`] is.
pub fn ignore_sigxfsz() {
    // SAFETY: to ignore a signal changes how the system answers later writes, and no memory. No handler of
    // this process is replaced: SIGXFSZ has none unless somebody who links this library sets one.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// From now on, an access to a mapped file that was truncated ends the process with an error that
/// names the file, and with exit code 3. Meant for a program's `main`: a library that is used by
/// another program leaves signals alone until it is asked.
///
/// # Errors
/// What the system says when it refuses the handler.
pub fn install_sigbus_handler() -> io::Result<()> {
    if BEFORE.get().is_some() {
        return Ok(());
    }
    // SAFETY: `sigaction` is a C struct of integers and a nullable function pointer, for which all
    // zeros are a valid value: default action, empty mask, no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_bus_error as *const () as usize;
    // Threads have an alternate stack from Rust's runtime; the others run the handler on their own.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: as above.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live structs, and the handler has the signature that SA_SIGINFO
    // demands and does only what is async-signal-safe (see the top of this file).
    if unsafe { libc::sigaction(libc::SIGBUS, &raw const action, &raw mut before) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // A second caller at the same time would keep this handler as "before"; the first one wins.
    let _ = BEFORE.set(before);
    Ok(())
}

extern "C" fn on_bus_error(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid `siginfo_t` to a handler installed with SA_SIGINFO, and for
    // SIGBUS it holds the address.
    let address = unsafe { (*info).si_addr() }.addr();
    for slot in MAPS.chain().flat_map(|table| &table.slots) {
        let start = slot.start.load(Ordering::Acquire);
        let len = slot.len.load(Ordering::Relaxed);
        if start <= TAKEN || address < start || address - start >= len {
            continue;
        }
        let mut name = [0; NAME_LEN];
        for (byte, kept) in name.iter_mut().zip(&slot.name) {
            *byte = kept.load(Ordering::Relaxed);
        }
        let name_len = slot.name_len.load(Ordering::Relaxed).min(NAME_LEN);
        write_to_stderr(b"error: ");
        write_to_stderr(&name[..name_len]);
        write_to_stderr(
            b" was truncated by another program while it was mapped, or its disk failed\n",
        );
        // SAFETY: `_exit` takes any integer, is async-signal-safe and does not return.
        unsafe { libc::_exit(EXIT_CODE) };
    }
    if let Some(before) = BEFORE.get() {
        // SAFETY: `before` is what `sigaction` itself gave; the call is async-signal-safe.
        unsafe { libc::sigaction(libc::SIGBUS, before, std::ptr::null_mut()) };
    } else {
        // SAFETY: `signal` with the default action is async-signal-safe.
        unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
    }
}

fn write_to_stderr(bytes: &[u8]) {
    // SAFETY: the pointer and the length are those of a live slice; `write` is async-signal-safe.
    // Nobody is left to be told when standard error is closed.
    let _ = unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_files_than_a_table_has_slots_are_known_by_their_addresses() {
        let bytes = [[0u8; 2]; 5 * SLOTS];
        let known: Vec<_> = bytes.iter().map(|file| register(file, Path::new("file"))).collect();
        let registered = |file: &[u8]| {
            let mut slots = MAPS.chain().flat_map(|table| &table.slots);
            slots.any(|slot| slot.start.load(Ordering::Acquire) == file.as_ptr().addr())
        };
        assert!(bytes.iter().all(|file| registered(file)));
        drop(known);
        assert!(!bytes.iter().any(|file| registered(file)));
    }
}
