use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::files::Access;

const KIND: Kind = Kind { tag: *b"test", version: 7, name: "a test file" };
const FIRST: SectionName = SectionName::new("first");
const SECOND: SectionName = SectionName::new("second");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    number: u64,
}

fn small() -> Vec<u8> {
    let mut writer = ContainerWriter::in_memory("test", KIND);
    writer.begin(FIRST).unwrap();
    writer.put(b"abc").unwrap();
    writer.put(b"def").unwrap();
    writer.begin(SECOND).unwrap();
    writer.finish(&Header { number: 5 }).unwrap()
}

fn open(bytes: Vec<u8>) -> Result<Container, ContainerError> {
    Container::from_bytes("test", bytes)?.expect(KIND)
}

/// The file of the module documentation, written by hand with the `blake3` crate alone.
fn by_hand() -> Vec<u8> {
    let mut file = b"\x89SLP\r\n\x1a\n\x01\0\0\0test\x07\0\0\0".to_vec();
    file.resize(64, 0);
    let before = file.clone();
    file.extend_from_slice(b"abcdef");
    file.resize(128, 0);
    let mut footer = b"first\0\0\0\x40\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    footer.extend_from_slice(blake3::hash(b"abcdef").as_bytes());
    footer.extend_from_slice(b"second\0\0\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    footer.extend_from_slice(blake3::hash(b"").as_bytes());
    footer.extend_from_slice(b"\x05\0\0\0\0\0\0\0");
    footer.resize(192, 0);
    footer.extend_from_slice(b"\x80\0\0\0\0\0\0\0\x02\0\0\0\x08\0\0\0");
    footer.extend_from_slice(b"\x80\x01\0\0\0\0\0\0SLPEND\n\x89");
    let hash = blake3::hash(&[&before[..], &footer[..]].concat());
    file.extend_from_slice(&footer);
    file.extend_from_slice(hash.as_bytes());
    file
}

#[test]
fn the_bytes_match_the_documented_format() {
    assert_eq!(small(), by_hand());
    let container = open(by_hand()).unwrap();
    assert_eq!(container.header::<Header>().unwrap(), Header { number: 5 });
    assert_eq!(container.section(FIRST).unwrap(), b"abcdef");
    assert_eq!(container.section(SECOND).unwrap(), b"");
    assert!(container.section(SectionName::new("third")).is_err());
    container.check().unwrap();
}

#[test]
fn every_changed_byte_and_every_cut_is_detected() {
    let good = small();
    for at in 0..good.len() {
        for mask in [1, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= mask;
            let result = open(bytes).and_then(|container| container.check());
            assert!(result.is_err(), "byte {at} ^ {mask}");
        }
        assert!(open(good[..at].to_vec()).is_err(), "cut at {at}");
    }
    assert!(open([&good[..], b"\0"].concat()).is_err());
}

#[test]
fn a_damaged_section_is_named_with_its_bytes() {
    let mut bytes = small();
    bytes[66] ^= 1;
    let error = open(bytes).unwrap().check().unwrap_err().to_string();
    assert!(error.contains("section \"first\", bytes 64 to 70"), "{error}");
}

#[test]
fn other_files_are_distinguished() {
    let other = Kind { tag: *b"othr", version: 1, name: "another file" };
    let of_kind = |kind| Container::from_bytes("x", small()).unwrap().expect(kind);
    assert!(matches!(of_kind(other), Err(ContainerError::Kind { .. })));
    let newer = Kind { version: 8, ..KIND };
    assert!(matches!(of_kind(newer), Err(ContainerError::Version { found: 7, known: 8, .. })));
    for bytes in [&b""[..], b"{}", b"\x1f\x8b", b"\x89SLP\n\x1a\n"] {
        let error = open(bytes.to_vec()).unwrap_err();
        assert!(matches!(error, ContainerError::NotNative { .. }), "{error}");
    }
}

/// Footers with wrong values and matching checksums, as a hostile file can have.
#[test]
fn wrong_offsets_and_lengths_are_refused() {
    let good = small();
    let footer = good.len() - 64 - 192;
    let lies: &[(usize, u64)] = &[
        (footer + 8, 0),
        (footer + 8, 128),
        (footer + 8, u64::MAX),
        (footer + 16, 65),
        (footer + 16, u64::MAX),
        (footer + 16, u64::MAX - 63),
        (footer + 64 + 8, 64),
        (footer + 64 + 16, 1),
        (good.len() - 64, 64),
        (good.len() - 64, u64::MAX - 63),
        (good.len() - 56, u64::MAX),
        (good.len() - 56, 3),
    ];
    for (at, lie) in lies {
        let mut bytes = good.clone();
        bytes[*at..at + 8].copy_from_slice(&lie.to_le_bytes());
        let end = bytes.len() - 32;
        let hash = blake3::hash(&[&bytes[..64], &bytes[footer..end]].concat());
        bytes[end..].copy_from_slice(hash.as_bytes());
        assert!(open(bytes).is_err(), "{lie} at {at}");
    }
}

#[test]
fn a_section_filled_in_place_equals_one_that_was_appended() {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..1_000_003u32).map(|i| (i % 251) as u8).collect();
    let path = |name: &str| folder.path().join(name);

    let mut put = ContainerWriter::create(&path("put"), KIND).unwrap();
    let mut filled = ContainerWriter::create(&path("filled"), KIND).unwrap();
    for name in ["a", "b", "c"].map(SectionName::new) {
        put.begin(name).unwrap();
        for piece in content.chunks(1234) {
            put.put(piece).unwrap();
        }
        let copy = |bytes: &mut [u8]| bytes.copy_from_slice(&content);
        filled.fill(name, content.len() as u64, copy).unwrap();
    }
    filled.fill(SectionName::new("empty"), 0, |bytes| assert!(bytes.is_empty())).unwrap();
    put.begin(SectionName::new("empty")).unwrap();
    put.commit(&Header { number: 1 }).unwrap();
    filled.commit(&Header { number: 1 }).unwrap();

    let bytes = std::fs::read(path("put")).unwrap();
    assert!(bytes == std::fs::read(path("filled")).unwrap());
    for access in [Access::Map, Access::Read] {
        let container = Container::open(&path("put"), access).unwrap().expect(KIND).unwrap();
        container.check().unwrap();
        assert!(container.section(SectionName::new("c")).unwrap() == content);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing left over");
}

#[test]
fn a_native_file_is_not_written_to_standard_output() {
    assert!(ContainerWriter::create(std::path::Path::new("-"), KIND).is_err());
}

proptest! {
    #[test]
    fn sections_are_read_back(sections in prop::collection::vec(any::<Vec<u8>>(), 0..5), number: u64) {
        let mut writer = ContainerWriter::in_memory("test", KIND);
        for (i, content) in sections.iter().enumerate() {
            writer.begin(SectionName::new(&format!("s{i}"))).unwrap();
            writer.put(content).unwrap();
        }
        let container = open(writer.finish(&Header { number }).unwrap()).unwrap();
        container.check().unwrap();
        prop_assert_eq!(container.header::<Header>().unwrap(), Header { number });
        for (i, content) in sections.iter().enumerate() {
            prop_assert_eq!(container.section(SectionName::new(&format!("s{i}"))).unwrap(), &content[..]);
        }
    }

    #[test]
    fn random_bytes_are_refused_without_a_panic(mut noise in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(open(noise.clone()).is_err());
        let start = preamble(KIND);
        noise.splice(0..0, start);
        prop_assert!(open(noise).is_err());
    }
}

/// Only the blocks that a range touches are compared; without checksums of blocks, the whole section is.
#[test]
fn blocks_are_compared_when_they_are_read() {
    const BLOCK: usize = 65_536;
    const SUMS: SectionName = SectionName::new("sums");
    let bytes: Vec<u8> = (0..2 * BLOCK + 7).map(|i| (i % 251) as u8).collect();
    let mut writer = ContainerWriter::in_memory("test", KIND);
    writer.begin_in_blocks(FIRST).unwrap();
    for piece in bytes.chunks(1000) {
        writer.put(piece).unwrap();
    }
    writer.begin_in_blocks(SECOND).unwrap();
    writer.put(&bytes[..BLOCK]).unwrap();
    writer.put_block_sums(SUMS).unwrap();
    let file = writer.finish(&Header { number: 5 }).unwrap();

    let container = open(file.clone()).unwrap();
    let blocks = bytes.chunks(BLOCK).chain([&bytes[..BLOCK]]);
    let sums: Vec<u8> = blocks.flat_map(|block| *blake3::hash(block).as_bytes()).collect();
    assert_eq!(container.section(SUMS).unwrap(), sums);
    let checked = |container: &Container, sums| {
        CheckedBlocks::new(container, &[FIRST, SECOND], sums).unwrap()
    };
    checked(&container, Some(SUMS)).check_all(&container).unwrap();
    assert!(CheckedBlocks::new(&container, &[FIRST], Some(SUMS)).is_err());

    let mut damaged = file;
    damaged[PREAMBLE_LEN + BLOCK] ^= 1;
    let container = open(damaged).unwrap();
    for (range, is_damaged) in [
        (0..BLOCK, false),
        (BLOCK..BLOCK, false),
        (2 * BLOCK..usize::MAX, false),
        (BLOCK - 1..BLOCK + 1, true),
        (2 * BLOCK - 1..2 * BLOCK, true),
    ] {
        let blocks = checked(&container, Some(SUMS));
        for _ in 0..2 {
            assert_eq!(blocks.check(&container, FIRST, range.clone()).is_err(), is_damaged);
        }
        blocks.check(&container, SECOND, 0..BLOCK).unwrap();
        assert!(blocks.check_all(&container).is_err());
        let whole = checked(&container, None).check(&container, FIRST, range.clone());
        assert_eq!(whole.is_err(), !range.is_empty());
    }
    let error = checked(&container, Some(SUMS)).check_all(&container).unwrap_err().to_string();
    let (start, end) = (PREAMBLE_LEN + BLOCK, PREAMBLE_LEN + 2 * BLOCK);
    assert!(error.contains(&start.to_string()) && error.contains(&end.to_string()), "{error}");
}
