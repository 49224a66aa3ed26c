//! The blobs of the fixtures. They hardly compress, so the fixtures have their pubdata, and the encoder of
//! `examples/synthesize` makes the blobs, by another transform than the library's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use sha3::{Digest, Sha3_256};

#[path = "../../../examples/synthesize/blobs.rs"]
mod encoder;

pub(crate) use encoder::Encoder;

/// A file of blobs.
pub struct BlobFile {
    /// Its path in the directory of blobs.
    pub path: String,
    pub content: Vec<u8>,
    /// The pubdata in its blobs, with the zeros behind them. A blob of zeros has none.
    pub pubdata: Vec<Vec<u8>>,
    /// The blobs themselves.
    pub blobs: Vec<Vec<u8>>,
}

/// The files of blobs, which are the same as when the node's code wrote them.
pub fn files() -> Vec<BlobFile> {
    let encoder = Encoder::new();
    let file = |row: Value| {
        let texts = row["pubdata"].as_array().unwrap();
        let pubdata: Vec<Vec<u8>> = texts
            .iter()
            .map(|text| {
                let mut bytes = const_hex::decode(text.as_str().unwrap()).unwrap();
                bytes.resize(Encoder::PUBDATA, 0);
                bytes
            })
            .collect();
        let blobs: Vec<Vec<u8>> = pubdata.iter().map(|bytes| encoder.blob(bytes)).collect();
        let content = match row["text"].as_str() {
            None => blobs.concat(),
            Some(text) => {
                let mut text = text.to_owned();
                for (number, blob) in blobs.iter().enumerate() {
                    let digits = const_hex::encode_prefixed(blob);
                    text = text.replace(&format!("BLOB {number}\""), &format!("{digits}\""));
                }
                text.into_bytes()
            }
        };
        let path = row["path"].as_str().unwrap().to_owned();
        let digest = const_hex::encode(Sha3_256::digest(&content));
        assert_eq!(digest, row["sha3"].as_str().unwrap(), "{path}");
        BlobFile { path, content, pubdata, blobs }
    };
    super::json_lines("l1/blobs.jsonl.zst").into_iter().map(file).collect()
}

/// Writes the files of blobs below a directory.
pub fn write(directory: &Path) -> Vec<PathBuf> {
    let write = |file: BlobFile| {
        let path = directory.join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, file.content).unwrap();
        path
    };
    files().into_iter().map(write).collect()
}
