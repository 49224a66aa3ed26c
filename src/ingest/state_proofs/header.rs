//! Headers of blocks: the hash of a header names its block, and its state root authenticates every slot.
//!
//! ```text
//! hash of a block   keccak256(rlp(header))
//! header            the list of the fields below, as strings; the fields of later forks are at its end
//! ```
//!
//! Sources: Ethereum's yellow paper; EIP-1559, 4399, 4895, 4844, 4788, 7685 and 7928 for the fields of forks.

use alloy_rlp::{Encodable, Header as RlpHeader};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::trie::{list, string};
use crate::{
    keccak::keccak256,
    primitives::{
        Hash, SlBlock, Word,
        spelled::{Member, Spelled},
    },
};

/// The header of a block, with the hash that was computed from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) rlp: Vec<u8>,
    pub(super) hash: Hash,
    pub(super) number: SlBlock,
    pub(super) state_root: Hash,
}

/// How a field is encoded.
#[derive(Clone, Copy)]
enum Form {
    /// Bytes of this length.
    Fixed(usize),
    /// Bytes.
    Bytes,
    /// A number without leading zeros.
    Number,
}

/// The fields in their order. A header of a fork ends with a field of that fork.
const FIELDS: [(&[&str], Form); 22] = [
    (&["parentHash"], Form::Fixed(32)),
    (&["sha3Uncles"], Form::Fixed(32)),
    (&["miner", "author"], Form::Fixed(20)),
    (&["stateRoot"], Form::Fixed(32)),
    (&["transactionsRoot"], Form::Fixed(32)),
    (&["receiptsRoot"], Form::Fixed(32)),
    (&["logsBloom"], Form::Fixed(256)),
    (&["difficulty"], Form::Number),
    (&["number"], Form::Number),
    (&["gasLimit"], Form::Number),
    (&["gasUsed"], Form::Number),
    (&["timestamp"], Form::Number),
    (&["extraData"], Form::Bytes),
    (&["mixHash", "prevRandao"], Form::Fixed(32)),
    (&["nonce"], Form::Fixed(8)),
    (&["baseFeePerGas"], Form::Number),
    (&["withdrawalsRoot"], Form::Fixed(32)),
    (&["blobGasUsed"], Form::Number),
    (&["excessBlobGas"], Form::Number),
    (&["parentBeaconBlockRoot"], Form::Fixed(32)),
    (&["requestsHash", "requestsRoot"], Form::Fixed(32)),
    (&["blockAccessListHash"], Form::Fixed(32)),
];

/// The fields of the first release, which every header has.
const OLDEST_FIELDS: usize = 15;
const STATE_ROOT: usize = 3;
const NUMBER: usize = 8;

impl BlockHeader {
    /// Reads the RLP of a header.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of_rlp(rlp: &[u8]) -> Result<Self, String> {
        let fields = list(rlp).and_then(|items| items.into_iter().map(string).collect());
        let fields: Vec<&[u8]> = fields.ok_or("is no RLP list of strings")?;
        let wrong = |what| format!("is no header of a block: its {what} is invalid");
        if fields.len() < OLDEST_FIELDS {
            return Err(format!(
                "is no header of a block: it has {} fields, and headers have at least {OLDEST_FIELDS}",
                fields.len()
            ));
        }
        let state_root = fields[STATE_ROOT].try_into().map_err(|_| wrong("state root"))?;
        let number = fields[NUMBER];
        if number.len() > 8 || number.first() == Some(&0) {
            return Err(wrong("number"));
        }
        let number = number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Ok(Self {
            rlp: rlp.to_vec(),
            hash: keccak256(rlp),
            number: SlBlock(number),
            state_root: Hash::new(state_root),
        })
    }

    /// Reads the header in the JSON of a block, and computes its hash.
    ///
    /// # Errors
    /// What is wrong with it; also if the JSON names another hash.
    pub(super) fn of_json(block: &Map<String, Value>) -> Result<Self, String> {
        let mut fields = Vec::new();
        for (at, (names, form)) in FIELDS.iter().enumerate() {
            match names.iter().find_map(|name| block.get(*name).filter(|value| !value.is_null())) {
                Some(value) => {
                    let field = form.read(value);
                    fields.push(field.map_err(|reason| format!("its {} {reason}", names[0]))?);
                }
                None if at < OLDEST_FIELDS => {
                    return Err(format!("is a block without {}, which its header has", names[0]));
                }
                None => {}
            }
        }
        let header = Self::of_rlp(&encode(&fields))?;
        match block.get("hash").map(Member::<Hash>::deserialize) {
            Some(Ok(Member::Read(stated))) if stated != header.hash => Err(format!(
                "is the block {stated} by its member hash, but its fields make the hash {}: a field is altered or \
                 missing, or of a fork that slproof does not know; the RLP of the header, as debug_getRawHeader \
                 answers it, has all fields",
                header.hash
            )),
            _ => Ok(header),
        }
    }
}

impl Form {
    fn read(self, value: &Value) -> Result<Vec<u8>, String> {
        match self {
            Self::Number => Ok(trimmed(number(value)?)),
            Self::Bytes => needed(value),
            Self::Fixed(len) => {
                let bytes: Vec<u8> = needed(value)?;
                match bytes.len() == len {
                    true => Ok(bytes),
                    false => Err(format!("has {} bytes instead of {len}", bytes.len())),
                }
            }
        }
    }
}

/// The bytes of a number without leading zeros.
pub(super) fn trimmed(number: Word) -> Vec<u8> {
    let bytes = number.as_bytes();
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(32);
    bytes[first..].to_vec()
}

/// A number of up to 256 bits in hexadecimal digits with `0x`, or in 64 digits without it; or a number of up to
/// 64 bits in any other spelling.
pub(super) fn number(value: &Value) -> Result<Word, String> {
    match Member::deserialize(value) {
        Ok(Member::<Word>::Read(number)) => Ok(number),
        _ => needed::<u64>(value).map(Word::from),
    }
}

/// A value in any of its spellings.
pub(super) fn needed<T: Spelled>(value: &Value) -> Result<T, String> {
    match Member::deserialize(value) {
        Ok(Member::Read(value)) => Ok(value),
        Ok(Member::Unreadable(error)) => Err(format!("is invalid: {error}")),
        Ok(Member::Absent) => Err("is null".into()),
        Err(error) => Err(format!("is invalid: {error}")),
    }
}

/// The RLP of a list of strings.
pub(super) fn encode(strings: &[Vec<u8>]) -> Vec<u8> {
    let mut payload = Vec::new();
    strings.iter().for_each(|string| string[..].encode(&mut payload));
    let mut rlp = Vec::new();
    RlpHeader { list: true, payload_length: payload.len() }.encode(&mut rlp);
    rlp.append(&mut payload);
    rlp
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The first block of Ethereum's mainnet, as nodes answer it.
    fn first_block() -> Value {
        json!({
            "difficulty": "0x400000000",
            "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
            "gasLimit": "0x1388",
            "gasUsed": "0x0",
            "hash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
            "logsBloom": format!("0x{}", "00".repeat(256)),
            "miner": "0x0000000000000000000000000000000000000000",
            "mixHash": format!("0x{}", "00".repeat(32)),
            "nonce": "0x0000000000000042",
            "number": "0x0",
            "parentHash": format!("0x{}", "00".repeat(32)),
            "receiptsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
            "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
            "size": "0x21c",
            "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
            "timestamp": "0x0",
            "totalDifficulty": "0x400000000",
            "transactions": [],
            "transactionsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
            "uncles": []
        })
    }

    fn read(block: &Value) -> Result<BlockHeader, String> {
        BlockHeader::of_json(block.as_object().unwrap())
    }

    #[test]
    fn the_hash_of_a_header_is_computed_from_its_fields() {
        let block = first_block();
        let header = read(&block).unwrap();
        assert_eq!(header.hash.to_string(), block["hash"]);
        assert_eq!(header.state_root.to_string(), block["stateRoot"]);
        assert_eq!(header.number, SlBlock(0));
        // What some clients write in other words: numbers, an author, no prefix.
        let mut other = block.clone();
        let author = other.as_object_mut().unwrap().remove("miner").unwrap();
        other["author"] = author;
        other["gasLimit"] = json!(5000);
        other["difficulty"] = json!("17179869184");
        other["stateRoot"] = json!(block["stateRoot"].as_str().unwrap()[2..]);
        other["baseFeePerGas"] = Value::Null;
        assert_eq!(read(&other), Ok(header));
    }

    #[test]
    fn an_altered_or_missing_field_makes_another_hash() {
        let names = FIELDS[..OLDEST_FIELDS].iter().map(|(names, _)| names[0]);
        for name in names {
            let mut missing = first_block();
            missing.as_object_mut().unwrap().remove(name);
            let error = read(&missing).unwrap_err();
            assert!(error.contains(&format!("without {name}")), "{error}");

            let mut altered = first_block();
            let text = altered[name].as_str().unwrap();
            let last = if text.ends_with('1') { '2' } else { '1' };
            altered[name] = json!(format!("{}{last}", &text[..text.len() - 1]));
            let error = read(&altered).unwrap_err();
            assert!(error.contains("make the hash"), "{name}: {error}");
        }
        // A field of a later fork is a part of the header as well.
        let mut more = first_block();
        more["baseFeePerGas"] = json!("0x7");
        assert!(read(&more).unwrap_err().contains("make the hash"));
        more.as_object_mut().unwrap().remove("hash");
        assert_ne!(read(&more).unwrap().hash.to_string(), first_block()["hash"]);
        let mut short = first_block();
        short["parentHash"] = json!("0x00");
        assert!(read(&short).unwrap_err().contains("1 bytes instead of 32"));
    }

    #[test]
    fn other_lists_are_no_headers() {
        let strings = |count: usize| encode(&vec![vec![9; 32]; count]);
        for (rlp, expected) in [
            (vec![], "no RLP list"),
            (vec![0x80], "no RLP list"),
            ([strings(15), vec![0]].concat(), "no RLP list"),
            (vec![0xc1, 0xc0], "no RLP list"),
            (strings(14), "14 fields"),
            (strings(15), "number"),
        ] {
            let error = BlockHeader::of_rlp(&rlp).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
