//! Buffers that are used again.

use std::sync::{Mutex, PoisonError};

/// The most values that wait in a pool. It is more than 32 threads use at once; with more threads some values are made
/// anew.
const MOST_WAITING: usize = 128;

/// Values with buffers that are used again. Memory that is freed and allocated again for each piece of an input or output
/// comes from the system each time, which can take as long to provide it as the program takes to fill it.
///
/// At most [`MOST_WAITING`] values are kept. Whoever puts a value back bounds its bytes, as [`Pool::recycle`] does.
#[derive(Debug)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pool<T> {
    /// Takes the value that was put back last, if there is one.
    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Puts a value back, or drops it if enough others wait.
    pub(crate) fn put(&self, value: T) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST_WAITING {
            waiting.push(value);
        }
    }
}

impl Pool<Vec<u8>> {
    /// Puts a buffer back without its bytes, or frees it if it has more than `most` bytes of memory.
    pub(crate) fn recycle(&self, mut buffer: Vec<u8>, most: usize) {
        if (1..=most).contains(&buffer.capacity()) {
            buffer.clear();
            self.put(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_kept_without_its_bytes_if_it_is_small() {
        let pool = Pool::default();
        for len in [0, 101, 100] {
            pool.recycle(vec![7; len], 100);
        }
        let kept = pool.take().unwrap();
        assert_eq!((kept.len(), kept.capacity(), pool.take()), (0, 100, None));
    }

    #[test]
    fn a_pool_keeps_a_bounded_number_of_values() {
        let pool = Pool::default();
        (0..2 * MOST_WAITING).for_each(|value| pool.put(value));
        let kept: Vec<usize> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(kept, (0..MOST_WAITING).rev().collect::<Vec<_>>());
    }
}
