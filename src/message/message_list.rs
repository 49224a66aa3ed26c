use std::fmt;

/// The messages of one batch, stored back to back.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MessageList {
    bytes: Vec<u8>,
    ends: Vec<[u8; 8]>,
}

impl MessageList {
    /// Appends a message.
    pub fn push(&mut self, message: &[u8]) {
        self.bytes.extend_from_slice(message);
        self.end();
    }

    /// Appends a message that `write` appends to a buffer.
    ///
    /// # Errors
    /// The error of `write`. Nothing is appended then.
    #[cfg(feature = "archive")]
    pub(crate) fn push_with<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.bytes.len();
        let result = write(&mut self.bytes);
        match result {
            Ok(()) => self.end(),
            Err(_) => self.bytes.truncate(start),
        }
        result
    }

    fn end(&mut self) {
        self.ends.push((self.bytes.len() as u64).to_le_bytes());
    }

    /// A view of the messages.
    #[must_use]
    pub fn view(&self) -> Messages<'_> {
        Messages { bytes: &self.bytes, ends: &self.ends }
    }
}

impl<M: AsRef<[u8]>> FromIterator<M> for MessageList {
    fn from_iter<I: IntoIterator<Item = M>>(messages: I) -> Self {
        let mut list = Self::default();
        messages.into_iter().for_each(|message| list.push(message.as_ref()));
        list
    }
}

impl fmt::Debug for MessageList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

/// A view of the messages of one batch, at any place in memory.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Messages<'a> {
    /// All messages back to back.
    bytes: &'a [u8],
    /// The end of each message in `bytes`: u64, little-endian, as in an archive.
    ends: &'a [[u8; 8]],
}

impl<'a> Messages<'a> {
    /// The messages in `bytes` with these ends; `None` when the ends are not ascending or exceed `bytes`.
    #[cfg(feature = "archive")]
    pub(crate) fn new(bytes: &'a [u8], ends: &'a [[u8; 8]]) -> Option<Self> {
        let ascending = ends.is_sorted_by_key(|end| u64::from_le_bytes(*end));
        let last = ends.last().map_or(0, |end| u64::from_le_bytes(*end));
        (ascending && last == bytes.len() as u64).then_some(Self { bytes, ends })
    }

    /// The messages that [`Messages::new`] accepted before. If the bytes were altered since, a message may be missing.
    #[cfg(feature = "archive")]
    pub(crate) fn checked_before(bytes: &'a [u8], ends: &'a [[u8; 8]]) -> Self {
        Self { bytes, ends }
    }

    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A message by its index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let end = |at: usize| self.ends.get(at).map(|end| u64::from_le_bytes(*end));
        let start = if index == 0 { 0 } else { end(index - 1)? };
        self.bytes.get(usize::try_from(start).ok()?..usize::try_from(end(index)?).ok()?)
    }

    /// The messages in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.iter_from(0)
    }

    /// The messages from this index on, in order.
    pub(super) fn iter_from(&self, first: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let messages = *self;
        (first..self.len()).map_while(move |index| messages.get(index))
    }

    /// The length of the longest message in bytes; 0 if there are none.
    #[cfg(feature = "archive")]
    pub(crate) fn longest(&self) -> usize {
        self.iter().map(<[u8]>::len).max().unwrap_or(0)
    }

    /// All messages back to back.
    #[cfg(feature = "archive")]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The end of each message in [`Messages::bytes`].
    #[cfg(feature = "archive")]
    pub(crate) fn ends(&self) -> &'a [[u8; 8]] {
        self.ends
    }
}

impl fmt::Debug for Messages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |message| crate::primitives::hex::encode(message);
        f.debug_list().entries(self.iter().map(text)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_shown_as_hexadecimal_text() {
        let list: MessageList = [&b"ab"[..], b"", b"c"].into_iter().collect();
        assert_eq!(format!("{list:?}"), r#"["0x6162", "0x", "0x63"]"#);
        assert_eq!(format!("{:?}", list.view()), format!("{list:?}"));
    }

    #[cfg(feature = "archive")]
    #[test]
    fn messages_are_found_by_their_ends() {
        let ends = [2_u64, 2, 3].map(u64::to_le_bytes);
        let expected = [&b"ab"[..], b"", b"c"];
        let new = Messages::new(b"abc", &ends).unwrap();
        assert!(new.iter().eq(expected));
        assert!(Messages::checked_before(b"abc", &ends).iter().eq(expected));
        assert!(Messages::new(b"abcd", &ends).is_none());
        assert!(Messages::new(b"abc", &[3_u64, 2, 3].map(u64::to_le_bytes)).is_none());
    }

    #[cfg(feature = "archive")]
    #[test]
    fn the_longest_message_is_measured_in_bytes() {
        let list: MessageList = [&b"ab"[..], b"", b"cde", b"f"].into_iter().collect();
        assert_eq!(list.view().longest(), 3);
        assert_eq!(MessageList::default().view().longest(), 0);
    }
}
