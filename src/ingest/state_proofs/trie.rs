//! Paths in a Merkle-Patricia trie, from the root to a value or to the place where there is none.

use alloy_rlp::{Header, PayloadView};
use thiserror::Error;

use crate::{keccak::keccak256, primitives::Hash};

/// keccak256(rlp("")): the root of a trie without entries.
pub(super) const EMPTY_ROOT: Hash = Hash::new([
    0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e,
    0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21,
]);

/// The RLP of an empty string.
const EMPTY_NODE: [u8; 1] = [0x80];

/// The number of hexadecimal digits of a key.
const DIGITS: usize = 64;

/// Why the nodes of a path prove nothing. Nodes are counted from 1, which is the root.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// The first node is not the root.
    #[error("its first node has the hash {got}, not the root {root}")]
    OtherRoot {
        /// The root.
        root: Hash,
        /// The hash of the first node.
        got: Hash,
    },
    /// A node is not the one that the node before it names.
    #[error("node {node} has the hash {got}, but the node before it names {expected} for this key")]
    OtherNode {
        /// The position of the node.
        node: usize,
        /// The hash in the node before it.
        expected: Hash,
        /// The hash of the node.
        got: Hash,
    },
    /// The nodes end before the path does.
    #[error("it ends after {nodes} nodes, and the node {expected} is missing")]
    Ends {
        /// The number of nodes.
        nodes: usize,
        /// The hash of the next node.
        expected: Hash,
    },
    /// Nodes follow the end of the path.
    #[error("node {node} follows the end of the path of this key")]
    Surplus {
        /// The position of the first node after the end.
        node: usize,
    },
    /// A node is not encoded as nodes of a trie are.
    #[error("node {node} is no node of a trie of keys of 32 bytes")]
    Malformed {
        /// The position of the node.
        node: usize,
    },
}

/// The child to which a node leads.
enum Child<'p> {
    /// A node with this hash.
    Hashed(Hash),
    /// A node of less than 32 bytes, which is within its parent.
    Within(&'p [u8]),
}

/// What a node says about a key.
enum Step<'p> {
    /// The key goes on in a child, after this many digits.
    Down(usize, Child<'p>),
    /// The value.
    Value(&'p [u8]),
    /// The trie does not contain the key.
    Absent,
}

/// The value under a hashed key in the trie with this root; `None` if the nodes prove that there is none.
///
/// # Errors
/// [`PathError`] when the nodes are not those of the key's path.
pub(super) fn value<'p>(
    root: Hash,
    key: Hash,
    nodes: &'p [Vec<u8>],
) -> Result<Option<&'p [u8]>, PathError> {
    if root == EMPTY_ROOT && nodes.iter().all(|node| *node == EMPTY_NODE) {
        return Ok(None);
    }
    let mut digits = [0; DIGITS];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(key.as_bytes()) {
        pair.copy_from_slice(&[byte >> 4, byte & 0xf]);
    }
    let (mut rest, mut expected, mut at) = (&digits[..], root, 0);
    loop {
        let Some(node) = nodes.get(at) else { return Err(PathError::Ends { nodes: at, expected }) };
        at += 1;
        let got = keccak256(node);
        if got != expected {
            return Err(match at {
                1 => PathError::OtherRoot { root, got },
                node => PathError::OtherNode { node, expected, got },
            });
        }
        let mut node = &node[..];
        let found = loop {
            match step(node, rest).ok_or(PathError::Malformed { node: at })? {
                Step::Down(taken, Child::Hashed(hash)) => {
                    (rest, expected) = (&rest[taken..], hash);
                    break None;
                }
                Step::Down(taken, Child::Within(child)) => {
                    (rest, node) = (&rest[taken..], child);
                    // Some clients repeat a node that is within its parent as one of its own.
                    if nodes.get(at).is_some_and(|next| next == child) {
                        at += 1;
                    }
                }
                Step::Value(value) => break Some(Some(value)),
                Step::Absent => break Some(None),
            }
        };
        if let Some(value) = found {
            return match at == nodes.len() {
                true => Ok(value),
                false => Err(PathError::Surplus { node: at + 1 }),
            };
        }
    }
}

/// What a node says about a key of which these digits remain. `None` if it is malformed.
fn step<'p>(node: &'p [u8], rest: &[u8]) -> Option<Step<'p>> {
    let items = list(node)?;
    if let [path, child] = items[..] {
        let (digits, is_leaf) = compact(string(path)?)?;
        let fits = rest.starts_with(&digits);
        return Some(match is_leaf {
            true if digits.len() > rest.len() => return None,
            true if fits && digits.len() == rest.len() => Step::Value(string(child)?),
            // All keys have the same length, so no leaf ends where a key goes on.
            true if fits => return None,
            false if digits.is_empty() || digits.len() >= rest.len() => return None,
            false if fits => Step::Down(digits.len(), child_of(child)??),
            _ => Step::Absent,
        });
    }
    let children = items.first_chunk::<16>().filter(|_| items.len() == 17)?;
    // No key ends at a branch.
    if items[16] != EMPTY_NODE {
        return None;
    }
    let digit = *rest.first()?;
    Some(match child_of(children[usize::from(digit)])? {
        Some(child) => Step::Down(1, child),
        None => Step::Absent,
    })
}

/// A child in a node: the inner `None` is an empty one, the outer one is malformed.
fn child_of(item: &[u8]) -> Option<Option<Child<'_>>> {
    if item == EMPTY_NODE {
        return Some(None);
    }
    if let Some(text) = string(item) {
        return Some(Some(Child::Hashed(Hash::new(text.try_into().ok()?))));
    }
    (item.len() < 32).then_some(Some(Child::Within(item)))
}

/// The digits of a path in its compact encoding, and whether it is that of a leaf.
fn compact(bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
    let (first, rest) = bytes.split_first()?;
    let (flag, digit) = (first >> 4, first & 0xf);
    let mut digits = match flag {
        0 | 2 if digit == 0 => Vec::new(),
        1 | 3 => vec![digit],
        _ => return None,
    };
    digits.extend(rest.iter().flat_map(|byte| [byte >> 4, byte & 0xf]));
    Some((digits, flag >= 2))
}

/// The items of a list, each with its header, if nothing follows the list.
pub(super) fn list(mut rlp: &[u8]) -> Option<Vec<&[u8]>> {
    match Header::decode_raw(&mut rlp) {
        Ok(PayloadView::List(items)) if rlp.is_empty() => Some(items),
        _ => None,
    }
}

/// The bytes of a string, if nothing follows it.
pub(super) fn string(mut rlp: &[u8]) -> Option<&[u8]> {
    Header::decode_bytes(&mut rlp, false).ok().filter(|_| rlp.is_empty())
}
