//! Buffers that are used again.

use std::sync::{Mutex, PoisonError};

/// Values with buffers that are used again. Memory that is freed and allocated again for each piece of an input or output
/// comes from the system each time, which can take as long to provide it as the program takes to fill it.
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

    /// Puts a value back.
    pub(crate) fn put(&self, value: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(value);
    }
}
