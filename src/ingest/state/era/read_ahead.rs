//! Limits how far the workers read ahead of the one thread that takes their slots.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::record_chunk::RecordChunk;

/// Slot chunks that the current snapshot chunk may hold when there is no room for others. It must make
/// progress, since nothing else is taken before it.
const RESERVED: usize = 16;

/// Counts the slot chunks that wait to be taken, and reuses the memory of those that were taken.
pub(super) struct ReadAhead {
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    /// The snapshot chunk that is being taken.
    turn: usize,
    is_closed: bool,
    spare: Vec<RecordChunk>,
}

impl ReadAhead {
    /// Room for `most` slot chunks, and a few more of the current snapshot chunk.
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default(), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for slots of this snapshot chunk, and counts them. Returns `false` after
    /// [`ReadAhead::close`].
    pub(super) fn enter(&self, chunk: usize) -> bool {
        let no_room = |state: &mut State| {
            let reserved = if chunk == state.turn { RESERVED } else { 0 };
            !state.is_closed && state.waiting >= self.most + reserved
        };
        let waited = self.changed.wait_while(self.state(), no_room);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting += 1;
        !state.is_closed
    }

    /// Returns the room and memory of slots that were taken.
    pub(super) fn leave(&self, piece: RecordChunk) {
        let mut state = self.state();
        state.waiting -= 1;
        state.spare.push(piece);
        drop(state);
        self.changed.notify_all();
    }

    /// Empty slot columns, with reused memory if available, for the slots after the first `before` of a snapshot chunk.
    pub(super) fn piece(&self, before: u64) -> RecordChunk {
        let spare = self.state().spare.pop();
        spare.unwrap_or_else(RecordChunk::with_capacity).emptied(before)
    }

    /// Begins the turn of this snapshot chunk.
    pub(super) fn turn(&self, chunk: usize) {
        self.state().turn = chunk;
        self.changed.notify_all();
    }

    /// Ends the work: nothing more is taken.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    /// Whether the work has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.state().is_closed
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;

    /// Workers that are far ahead wait for room, the worker of the current chunk never waits forever, and all
    /// workers end after `close`.
    #[test]
    fn waiting_chunks_are_limited_and_all_workers_end() {
        const MOST: usize = 3;
        let (ahead, chunks) = (ReadAhead::new(MOST), 5);
        let entered: Vec<AtomicUsize> = (0..chunks).map(|_| AtomicUsize::new(0)).collect();
        std::thread::scope(|scope| {
            for chunk in 0..chunks {
                let (ahead, entered) = (&ahead, &entered);
                scope.spawn(move || {
                    while ahead.enter(chunk) {
                        entered[chunk].fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            let sum = || entered.iter().map(|count| count.load(Ordering::SeqCst)).sum::<usize>();
            while sum() < MOST + RESERVED {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(20));
            let mut left = 0;
            for (chunk, count) in entered.iter().enumerate() {
                ahead.turn(chunk);
                let enough = count.load(Ordering::SeqCst) + 3 * RESERVED;
                while count.load(Ordering::SeqCst) < enough {
                    let waiting = sum() - left;
                    assert!(waiting <= MOST + RESERVED);
                    if waiting > 0 {
                        ahead.leave(RecordChunk::default());
                        left += 1;
                    }
                }
            }
            ahead.close();
        });
        assert!(ahead.is_closed());
    }
}
