//! How far the workers may read ahead of the one thread that takes what they read.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::read::RecordChunk;

/// How many pieces of the chunk whose turn it is may wait when there is no room for others: it has to go
/// on, since nothing else is taken before it.
const RESERVED: usize = 16;

/// Counts the pieces of all chunks that wait to be taken, and keeps those that were for their memory.
pub(super) struct ReadAhead {
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    /// The chunk whose turn it is.
    turn: usize,
    is_closed: bool,
    spare: Vec<RecordChunk>,
}

impl ReadAhead {
    /// Room for `most` pieces, and a few of the chunk whose turn it is.
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default(), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for a piece of this chunk, and counts it; false when nothing is taken
    /// any more.
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

    /// A piece that was taken makes room.
    pub(super) fn leave(&self, piece: RecordChunk) {
        let mut state = self.state();
        state.waiting -= 1;
        state.spare.push(piece);
        drop(state);
        self.changed.notify_all();
    }

    /// An empty piece, of memory that was used before if there is some.
    pub(super) fn piece(&self) -> RecordChunk {
        let spare = self.state().spare.pop();
        spare.map_or_else(RecordChunk::with_room, RecordChunk::emptied)
    }

    /// It is this chunk's turn.
    pub(super) fn turn(&self, chunk: usize) {
        self.state().turn = chunk;
        self.changed.notify_all();
    }

    /// Nothing is taken any more.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    /// Whether nothing is taken any more.
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

    /// Workers that are far ahead wait for room, the one whose turn it is never does for good, and all
    /// of them end when nothing is taken any more.
    #[test]
    fn pieces_that_wait_are_few_and_the_turn_goes_on() {
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
