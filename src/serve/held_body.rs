//! The body of an answer, which holds its room in memory until the client has taken it.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

/// What is handed on at once. The connection takes the next piece when it has sent most of the last one.
const PIECE: usize = 1 << 16;

/// Bytes that are handed on piece by piece, and a permit that is given back after the last one.
#[derive(Debug)]
pub(super) struct HeldBody {
    rest: Bytes,
    _room: OwnedSemaphorePermit,
}

impl HeldBody {
    pub(super) fn new(bytes: Vec<u8>, room: OwnedSemaphorePermit) -> Self {
        Self { rest: bytes.into(), _room: room }
    }
}

impl Body for HeldBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let len = self.rest.len().min(PIECE);
        if len == 0 {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(len)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
