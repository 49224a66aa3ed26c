use slproof::files::Container;

use crate::support::container::Parts;

/// A length that leaves a section out.
const LEFT_OUT: u16 = 0xffff;

/// A container with the sections of `like` and contents from the input: the version of its kind in a
/// byte, the lengths of the sections and of the header in two bytes each, and then their bytes. All checksums are
/// right, so that the contents reach the checks behind them.
pub(super) fn container(like: &Parts, data: &[u8]) -> Option<Container> {
    let (version, rest) = data.split_first()?;
    let mut preamble = like.preamble.clone();
    preamble[16] = *version;
    let (lengths, mut rest) = rest.split_at_checked(2 * like.sections.len() + 2)?;
    let mut lengths = lengths.as_chunks::<2>().0.iter().map(|len| u16::from_le_bytes(*len));
    let mut take = |len: u16| {
        let (part, others) = rest.split_at(rest.len().min(len.into()));
        rest = others;
        part.to_vec()
    };
    let named = like.sections.iter().map(|(name, _)| *name).zip(lengths.by_ref());
    let sections =
        named.filter(|(_, len)| *len != LEFT_OUT).map(|(name, len)| (name, take(len))).collect();
    let parts = Parts { preamble, sections, header: take(lengths.next()?) };
    let container = Container::from_bytes("mended", parts.file());
    Some(container.unwrap_or_else(|error| panic!("the container was mended: {error}")))
}
