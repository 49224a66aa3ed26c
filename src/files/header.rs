//! The encoding of headers: bincode 2, little-endian, integers of fixed width.
//!
//! bincode is not maintained any more, so only this module uses it. A header is a serde type. It is encoded
//! as its fields in order, without names, padding or tags:
//!
//! | type | bytes |
//! | --- | --- |
//! | u8, u16, u32, u64 | 1, 2, 4, 8, little-endian |
//! | bool | one byte, 0 or 1 |
//! | `Option` | one byte 0, or one byte 1 and the value |
//! | text, sequence | the length as u64, then UTF-8 or the elements |
//! | enum | the variant's number as u32, then its fields |

use serde::{Serialize, de::DeserializeOwned};

/// The largest size of a header in bytes.
pub(super) const MOST_BYTES: usize = 1 << 16;

fn config() -> impl bincode::config::Config {
    bincode::config::standard()
        .with_little_endian()
        .with_fixed_int_encoding()
        .with_limit::<MOST_BYTES>()
}

/// Encodes a header.
pub(super) fn encode(header: &impl Serialize) -> Result<Vec<u8>, String> {
    bincode::serde::encode_to_vec(header, config()).map_err(|e| e.to_string())
}

/// Decodes a header, which must use all bytes.
pub(super) fn decode<H: DeserializeOwned>(bytes: &[u8]) -> Result<H, String> {
    let (header, used) =
        bincode::serde::decode_from_slice(bytes, config()).map_err(|e| e.to_string())?;
    match bytes.len() - used {
        0 => Ok(header),
        rest => Err(format!("{rest} bytes follow its last field")),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Header {
        small: u16,
        large: Option<u64>,
        text: String,
        none: Option<u64>,
    }

    /// The encoding of the table above, written by hand.
    #[test]
    fn headers_are_their_fields_in_order() {
        let header = Header { small: 0x0102, large: Some(3), text: "ab".into(), none: None };
        let bytes = b"\x02\x01\x01\x03\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0ab\0";
        assert_eq!(encode(&header).unwrap(), bytes);
        assert_eq!(decode::<Header>(bytes), Ok(header));
    }

    #[test]
    fn cut_long_and_wrong_headers_are_refused() {
        let bytes = b"\x02\x01\x01\x03\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0ab\0";
        for end in 0..bytes.len() {
            assert!(decode::<Header>(&bytes[..end]).is_err(), "{end}");
        }
        assert!(decode::<Header>(&[&bytes[..], b"\0"].concat()).is_err());
        let endless = b"\x02\x01\0\xff\xff\xff\xff\xff\xff\xff\x7fab\0";
        assert!(decode::<Header>(endless).is_err());
    }
}
