use super::{BLOB_LEN, decode::elements, field::Element};
use crate::proof::reader::Members;

/// The hexadecimal digits of a blob.
pub(super) const DIGITS: usize = 2 * BLOB_LEN;
/// The parts of a sidecar in SSZ before and after the blob: its index; commitment, proof, header and proof of
/// inclusion.
const SSZ_BEFORE: usize = 8;
const SSZ_AFTER: usize = 48 + 48 + 208 + 17 * 32;
const SSZ_LEN: usize = SSZ_BEFORE + BLOB_LEN + SSZ_AFTER;
/// The share of values that may be damaged in a file that is recognized: 1 / 16. Of the values of other binary data
/// about a half are too large for the field.
const MOST_DAMAGED: usize = 4096 / 16;
/// Of this many blobs in a row, one may be damaged more than that.
const DAMAGED_OF: usize = 4;

/// How blobs are written to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The blobs themselves, with these bytes before and after each.
    Bytes { before: usize, after: usize },
    /// Hexadecimal digits.
    Digits,
    /// JSON: blobs are strings of hexadecimal digits, anywhere in it.
    Json,
}

impl Form {
    const RAW: Self = Self::Bytes { before: 0, after: 0 };
    const SSZ: Self = Self::Bytes { before: SSZ_BEFORE, after: SSZ_AFTER };

    /// The form of a file with blobs that begins with `head`, which is the whole file or at least eight blobs.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let text = head.trim_ascii_start();
        // The first byte of a blob may be that of a text.
        match text.first().unwrap_or(&0) {
            b'{' | b'[' | b'"' if is_json(text) => Some(Self::Json),
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' if is_digits(text) => Some(Self::Digits),
            // The digits of other texts are small enough for the field. Zeros alone are not pubdata.
            _ if is_text(head) || head.iter().all(|byte| *byte == 0) => None,
            // A blob of zeros may be of both forms. The length tells which.
            _ => [true, false].into_iter().find_map(|is_whole| {
                let has = |len: usize, before| {
                    head.len().is_multiple_of(len) == is_whole && are_blobs(head, len, before)
                };
                let ssz = has(SSZ_LEN, SSZ_BEFORE).then_some(Self::SSZ);
                ssz.or_else(|| has(BLOB_LEN, 0).then_some(Self::RAW))
            }),
        }
    }
}

/// Whether the bytes are entries of this length with a blob at this offset, but for one of [`DAMAGED_OF`]. The last one
/// may be cut off.
fn are_blobs(head: &[u8], len: usize, offset: usize) -> bool {
    let entries = head.chunks_exact(len);
    let count = entries.len();
    let is_blob = |entry: &&[u8]| {
        // An index is far below 2^16.
        entry[..offset].iter().skip(2).all(|byte| *byte == 0)
            && entry[offset..].first_chunk().is_some_and(|blob: &[u8; BLOB_LEN]| {
                let values = elements(blob).iter();
                values.filter(|bytes| Element::of(bytes).is_none()).count() <= MOST_DAMAGED
            })
    };
    count > 0 && entries.filter(is_blob).count() >= count - count / DAMAGED_OF
}

/// Whether bytes are a text of ASCII, which no blob is.
fn is_text(head: &[u8]) -> bool {
    head.iter().take(BLOB_LEN).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// Whether a text is the digits of blobs: a run of them, of which white space may part the lines.
fn is_digits(text: &[u8]) -> bool {
    let mut digits = 0;
    let is_of_digits = text.iter().all(|byte| {
        digits += usize::from(byte.is_ascii_hexdigit());
        byte.is_ascii_hexdigit() || byte.is_ascii_whitespace() || matches!(byte, b'x' | b'X')
    });
    is_of_digits && digits >= DIGITS && is_blob_of_digits(text)
}

/// Whether the first digits are those of a blob, and not of a text or of other bytes.
fn is_blob_of_digits(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"0x").unwrap_or(text).iter().filter(|b| b.is_ascii_hexdigit());
    let digits: Vec<u8> = digits.take(DIGITS).copied().collect();
    let decoded = const_hex::decode(digits);
    decoded.is_ok_and(|blob| !is_text(&blob) && are_blobs(&blob, BLOB_LEN, 0))
}

/// Whether a JSON text holds blobs, or has the members of one.
fn is_json(text: &[u8]) -> bool {
    // A run of digits that is as long as a blob covers one of these positions.
    let has_run = (DIGITS / 2..text.len()).step_by(DIGITS / 2).any(|at| {
        let is_digit = |byte: &&u8| byte.is_ascii_hexdigit();
        let after = text[at..].iter().take(DIGITS + 1).take_while(is_digit).count();
        let before = text[..at].iter().rev().take(DIGITS + 1).take_while(is_digit).count();
        // `0x` is before the digits, and only its `0` is a digit.
        before + after == DIGITS
    });
    let members = Members::of(text.strip_prefix(b"[").unwrap_or(text));
    let has = |names: &[&str]| names.iter().all(|name| members.has(name));
    has_run
        || has(&["blob", "kzg_commitment"])
        || has(&["versionedHash", "commitment"])
        || has(&["blob_sidecars"])
}
