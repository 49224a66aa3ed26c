use std::{collections::HashSet, sync::LazyLock};

use slproof::{files::Scratch, ingest::l1::blobs::Blobs, keccak::keccak256, primitives::Hash};

use crate::support::blobs::Encoder;

/// A blob, its pubdata, and their hash.
static BLOB: LazyLock<(Vec<u8>, Vec<u8>, Hash)> = LazyLock::new(|| {
    let pubdata: Vec<u8> = (0..Encoder::PUBDATA).map(|at| at as u8).collect();
    let hash = keccak256(&pubdata);
    (Encoder::new().blob(&pubdata), pubdata, hash)
});
/// The most blobs in a file, for speed.
const MOST_BLOBS: usize = 10;

/// Files in which `@` stands for the digits of a blob, and `~` for its bytes: what is found is the blob, as often as it
/// can be there.
pub(super) fn run(data: &[u8]) {
    let (blob, pubdata, hash) = &*BLOB;
    let (mut content, mut most) = (Vec::new(), 0);
    for byte in data {
        match byte {
            b'@' => content.extend(const_hex::encode(blob).bytes()),
            b'~' => content.extend(blob),
            other => content.push(*other),
        }
        most += usize::from(matches!(byte, b'@' | b'~'));
    }
    if most > MOST_BLOBS {
        return;
    }
    let Some(input) = super::input("blobs", &content) else { return };
    let wanted = HashSet::from([*hash]);
    let blobs = match Blobs::read_input(input, &wanted, Scratch::temporary().unwrap()) {
        Ok(blobs) => blobs,
        Err(error) => return super::explain(&error),
    };
    blobs.faults().for_each(|fault| super::explain(fault));
    let counts = blobs.counts();
    assert!((counts.used + counts.copies) as usize <= most && counts.used <= 1);
    assert_eq!(blobs.faults().count() as u64, counts.damaged.min(1000));
    let mut found = Vec::new();
    assert_eq!(blobs.append_to(&mut found, hash).unwrap(), counts.used == 1);
    assert!(found.is_empty() || found == *pubdata);
}
