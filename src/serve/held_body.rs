//! The body of an answer, which holds its room in memory until the client has taken it.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::shared::ROOM_UNIT;

/// What is handed on at once. The connection takes the next piece when it has sent most of the last one. An answer of
/// one piece is with its connection at once, and needs no room: it is given also while others wait for their clients.
const PIECE: usize = 1 << 16;

/// The room that an answer of `len` bytes needs, in units of [`ROOM_UNIT`].
pub(super) fn units_of(len: usize) -> u32 {
    let units = if len > PIECE { len.div_ceil(ROOM_UNIT) } else { 0 };
    u32::try_from(units).unwrap_or(u32::MAX)
}

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
