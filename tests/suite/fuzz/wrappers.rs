use std::io::{Read, Write};

use slproof::files::{Inputs, ReadProgressHandle};

/// The most bytes that are read of an input: a text of a few kilobytes can have millions.
const MOST: u64 = 1 << 22;

/// Compression, tar and UTF-16 are removed or refused. An input that is one file has the same bytes when it is
/// read by pieces, and as a file of an archive.
pub(super) fn run(data: &[u8]) {
    let whole = super::input("wrapped", data).map(|input| read(input, 1 << 16));
    let pieces = super::input("wrapped", data).map(|input| read(input, 7));
    assert_eq!(whole, pieces);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(data).unwrap();
    let each: Vec<_> = match Inputs::open_watched(file.path(), &ReadProgressHandle::default()) {
        Ok(inputs) => {
            inputs.map_while(Result::ok).take(64).map(|input| read(input, 1 << 16)).collect()
        }
        Err(error) => return super::explain(&error),
    };
    if let (Some(Some(whole)), [one]) = (whole, &each[..]) {
        assert_eq!(Some(whole), *one);
    }
}

/// The first bytes of an input; `None` if it is damaged within them.
fn read(input: impl Read, piece: usize) -> Option<Vec<u8>> {
    let (mut bytes, mut input, mut buffer) = (Vec::new(), input.take(MOST), vec![0; piece]);
    loop {
        match input.read(&mut buffer).ok()? {
            0 => return Some(bytes),
            len => bytes.extend_from_slice(&buffer[..len]),
        }
    }
}
