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
pub(super) fn value(root: Hash, key: Hash, nodes: &[Vec<u8>]) -> Result<Option<&[u8]>, PathError> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use alloy_primitives::{B256, Bytes};
    use alloy_trie::{HashBuilder, Nibbles, proof::ProofRetainer, proof::verify_proof};
    use proptest::prelude::*;

    use super::*;

    fn key(bytes: [u8; 32]) -> Hash {
        Hash::new(bytes)
    }

    /// The root of a trie, and the path of a key in it, by alloy-trie.
    fn built(entries: &BTreeMap<[u8; 32], Vec<u8>>, of: [u8; 32]) -> (Hash, Vec<Vec<u8>>) {
        let retainer = ProofRetainer::new(vec![Nibbles::unpack(of)]);
        let mut builder = HashBuilder::default().with_proof_retainer(retainer);
        for (key, value) in entries {
            let mut rlp = Vec::new();
            alloy_rlp::Encodable::encode(&value[..], &mut rlp);
            builder.add_leaf(Nibbles::unpack(key), &rlp);
        }
        let root = Hash::new(builder.root().0);
        let nodes = builder.take_proof_nodes().matching_nodes_sorted(&Nibbles::unpack(of));
        (root, nodes.into_iter().map(|(_, node)| node.to_vec()).collect())
    }

    /// The value in a trie is the RLP of a string.
    fn found(root: Hash, of: [u8; 32], nodes: &[Vec<u8>]) -> Result<Option<Vec<u8>>, PathError> {
        let rlp = value(root, key(of), nodes)?;
        Ok(rlp.map(|rlp| string(rlp).unwrap().to_vec()))
    }

    /// Keys with long common prefixes, so that some leaves and branches are within their parents.
    fn keys() -> impl Strategy<Value = [u8; 32]> {
        (any::<u8>(), 0..32_usize, any::<u8>()).prop_map(|(fill, at, other)| {
            let mut key = [fill % 3; 32];
            key[at] = other;
            key
        })
    }

    proptest! {
        #[test]
        fn every_path_of_a_trie_of_alloy_is_read_and_no_altered_one(
            entries in prop::collection::btree_map(keys(), prop::collection::vec(any::<u8>(), 1..40), 0..30),
            other in keys(),
            flip in any::<(prop::sample::Index, prop::sample::Index, u8)>(),
        ) {
            for of in entries.keys().copied().chain([other]) {
                let (root, nodes) = built(&entries, of);
                let expected = entries.get(&of);
                prop_assert_eq!(found(root, of, &nodes), Ok(expected.cloned()));
                // Another root, and another key whose path leaves this one.
                prop_assert!(found(key([7; 32]), of, &nodes).is_err());
                if nodes.is_empty() || nodes == [EMPTY_NODE] {
                    continue;
                }
                prop_assert!(found(root, of, &nodes[..0]).is_err());
                let mut altered = nodes.clone();
                let node = flip.0.index(altered.len());
                let byte = flip.1.index(altered[node].len());
                altered[node][byte] ^= flip.2.max(1);
                match found(root, of, &altered) {
                    Err(_) => {}
                    // A copy of a node that is within its parent is not needed.
                    Ok(got) => prop_assert!(altered[node].len() < 32 && got == expected.cloned()),
                }
                // alloy's own verifier knows no copies of nodes that are within their parents.
                if nodes.iter().skip(1).all(|node| node.len() >= 32) {
                    let mut rlp = Vec::new();
                    expected.iter().for_each(|value| alloy_rlp::Encodable::encode(&value[..], &mut rlp));
                    let bytes: Vec<Bytes> = nodes.iter().cloned().map(Bytes::from).collect();
                    let expected = expected.map(|_| rlp);
                    let root = B256::new(*root.as_bytes());
                    prop_assert!(verify_proof(root, Nibbles::unpack(of), expected, &bytes).is_ok());
                }
            }
        }

        /// Bytes that hash as they should, but are nodes of no trie.
        #[test]
        fn nodes_of_no_trie_are_refused_without_a_panic(
            node in prop::collection::vec(any::<u8>(), 0..80),
            of in any::<[u8; 32]>(),
        ) {
            let root = keccak256(&node);
            let read = value(root, key(of), std::slice::from_ref(&node));
            if let Ok(Some(value)) = read {
                prop_assert!(node.ends_with(value));
            }
        }
    }

    #[test]
    fn the_roots_of_empty_data_are_the_hashes_of_their_encoding() {
        assert_eq!(EMPTY_ROOT, keccak256(&EMPTY_NODE));
        let of = key([1; 32]);
        for nodes in [vec![], vec![EMPTY_NODE.to_vec()]] {
            assert_eq!(value(EMPTY_ROOT, of, &nodes), Ok(None));
        }
    }

    /// A path may be cut, repeated or extended by nodes of other tries.
    #[test]
    fn a_path_has_exactly_the_nodes_from_the_root_to_its_end() {
        let entries: BTreeMap<_, _> =
            (0..100u8).map(|i| (*keccak256(&[i]).as_bytes(), vec![i; 32])).collect();
        let of = *keccak256(&[7]).as_bytes();
        let (root, nodes) = built(&entries, of);
        assert!(nodes.len() > 1);
        let expected = *keccak256(&nodes[1]).as_bytes();
        let ends = PathError::Ends { nodes: 1, expected: Hash::new(expected) };
        assert_eq!(found(root, of, &nodes[..1]), Err(ends));
        let (mut repeated, mut altered) = (nodes.clone(), nodes.clone());
        repeated.push(nodes[0].clone());
        let surplus = PathError::Surplus { node: nodes.len() + 1 };
        assert_eq!(found(root, of, &repeated), Err(surplus));
        altered[1][5] ^= 1;
        let got = keccak256(&altered[1]);
        let differs = PathError::OtherNode { node: 2, expected: Hash::new(expected), got };
        assert_eq!(found(root, of, &altered), Err(differs));
        let other = PathError::OtherRoot { root: key([1; 32]), got: root };
        assert_eq!(found(key([1; 32]), of, &nodes), Err(other));
    }
}
