//! Handles SIGBUS, which the system sends when a page of a mapped file cannot be read: another program
//! truncated the file, or the disk failed.
//!
//! By default SIGBUS kills the process without a message. A check of the file's length before an access would
//! leave a gap between check and access, so the signal itself is handled: the handler looks up the faulting
//! address in a table of the mapped files, writes an error that names the file, and ends the process with
//! [`EXIT_CODE`].
//!
//! The handler can interrupt any code, so it uses only async-signal-safe operations:
//!
//! - It reads the table, which is static, grows but never shrinks, and consists of atomics. This needs no
//!   lock, no allocation and no pointer to memory that could be freed.
//! - It calls `write` and `_exit`, which POSIX lists as async-signal-safe.
//! - For an address outside all mapped files it restores the previous handler (`sigaction`, also on the list)
//!   and returns. The access then faults again and ends as it would without this module.
//!
//! Unfinished output files remain under their temporary names, as after SIGKILL.
//!
//! The module also ignores SIGXFSZ, so that a write beyond the file size limit returns an error.
#![allow(unsafe_code, reason = "signal handlers are unsafe; this one belongs to the memory map")]

use std::{
    fmt, io, iter,
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
};

/// The exit code after the loss of a mapped file, the same as for a damaged input.
const EXIT_CODE: i32 = 3;
/// The number of slots per table.
const SLOTS: usize = 64;
/// How many bytes of a file's path are stored. Of a longer path the end is stored, because it is more
/// specific.
const NAME_LEN: usize = 512;

/// The values of a slot's `start` that are not addresses.
const FREE: usize = 0;
const TAKEN: usize = 1;

struct Slot {
    /// The first address, or `FREE` or `TAKEN`. The other fields are valid only when it is an address.
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

/// A fixed number of slots, and a link to the next table. Linked tables are never freed.
struct Table {
    slots: [Slot; SLOTS],
    next: OnceLock<Box<Table>>,
}

impl Table {
    const fn new() -> Self {
        Self { slots: [const { Slot::new() }; SLOTS], next: OnceLock::new() }
    }

    /// This table and all that follow. Tables are published when they are complete, so this takes no lock.
    fn chain(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |table| table.next.get().map(Box::as_ref))
    }

    /// Takes a free slot.
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

/// Keeps a mapping in the table. Must be dropped before the mapping.
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

/// Registers the mapping of the file at `path`.
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

/// Ignores SIGXFSZ: a write beyond the file size limit (`ulimit -f`) then returns an error, as with a full
/// disk, instead of killing the process. Call it in a program's `main`, as [`install_sigbus_handler`].
pub fn ignore_sigxfsz() {
    // SAFETY: ignoring a signal changes the result of later writes, not memory. It replaces a handler of this
    // process only if a program that uses this library has set one for SIGXFSZ.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Installs the SIGBUS handler: an access to a mapped file that was truncated then ends the process with an
/// error that names the file, and with exit code 3. Call it in a program's `main`. The library does not
/// change signal handlers unless this is called.
///
/// # Errors
/// The system's error when it refuses the handler.
pub fn install_sigbus_handler() -> io::Result<()> {
    if BEFORE.get().is_some() {
        return Ok(());
    }
    // SAFETY: `sigaction` is a C struct of integers and a nullable function pointer, for which all
    // zeros are a valid value: default action, empty mask, no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_bus_error as *const () as usize;
    // Rust's runtime gives its threads an alternate stack. Other threads run the handler on their own stack.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: as above.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live structs, and the handler has the signature that SA_SIGINFO
    // demands and does only what is async-signal-safe (see the top of this file).
    if unsafe { libc::sigaction(libc::SIGBUS, &raw const action, &raw mut before) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // If two callers race, the second would store this handler as the previous one; the first caller wins.
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
        // SAFETY: `before` was returned by `sigaction`; the call is async-signal-safe.
        unsafe { libc::sigaction(libc::SIGBUS, before, std::ptr::null_mut()) };
    } else {
        // SAFETY: `signal` with the default action is async-signal-safe.
        unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
    }
}

fn write_to_stderr(bytes: &[u8]) {
    // SAFETY: pointer and length are those of a live slice; `write` is async-signal-safe. An error is
    // ignored: if standard error is closed, nothing can be reported.
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
