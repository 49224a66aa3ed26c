//! Finds the files of a snapshot.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::IgnoredAny};

use super::EraError;
use crate::{
    files::{Input, InputError, ShowPath, entries_of, is_directory, is_file},
    primitives::SlBlock,
};

/// The subdirectory of a node's storage that holds the chunks.
pub(super) const BUCKET: &str = "storage_logs_snapshots";
/// The ending of a chunk's name.
pub(super) const CHUNK_ENDING: &str = ".proto.gzip";
/// The largest header, in bytes. A header names at most some thousand chunks.
const LARGEST_HEADER: u64 = 16 << 20;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The files of one snapshot, and the facts in its header.
#[derive(Debug)]
pub(in crate::ingest::state) struct EraSnapshot {
    /// The version, if there is a header.
    pub(in crate::ingest::state) version: Option<u16>,
    /// The SL batch at whose end the state was taken.
    pub(in crate::ingest::state) batch: u32,
    /// The last SL block of the batch.
    pub(in crate::ingest::state) block: Option<SlBlock>,
    /// The chunks, by id.
    pub(in crate::ingest::state) chunks: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    version: u16,
    #[serde(rename = "l1BatchNumber")]
    batch: u32,
    #[serde(rename = "miniblockNumber", alias = "l2BlockNumber")]
    block: u64,
    #[serde(rename = "storageLogsChunks")]
    chunks: Vec<Chunk>,
}

/// A node's answer with the header as its result, or the header itself.
#[derive(Deserialize)]
struct Whole {
    result: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Answer {
    result: Header,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(rename = "chunkId")]
    id: u64,
    filepath: String,
}

/// Whether a JSON text with this beginning is the header of a snapshot.
pub(in crate::ingest::state) fn is_header(head: &[u8]) -> bool {
    let member = b"\"storageLogsChunks\"";
    head.trim_ascii_start().first() == Some(&b'{')
        && head.windows(member.len()).any(|window| window == member)
}

/// The other files of the snapshot at `path`: those in a directory, or those next to a header. Empty if
/// `path` is something else.
pub(in crate::ingest::state) fn files_of(path: &Path) -> Result<Vec<PathBuf>, InputError> {
    let in_folder = is_directory(path)?;
    let folder = match path.parent() {
        _ if in_folder => path,
        _ if !is_header_at(path)? => return Ok(Vec::new()),
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let is_of_snapshot = |name: &str| name.ends_with(CHUNK_ENDING) || (in_folder && is_json(name));
    let mut files = Vec::new();
    for folder in [folder.to_owned(), folder.join(BUCKET)] {
        if is_directory(&folder)? {
            files.extend(entries_of(&folder)?.into_iter().map(|entry| entry.path()));
        }
    }
    files
        .retain(|file| file.file_name().and_then(|name| name.to_str()).is_some_and(is_of_snapshot));
    Ok(files)
}

/// Whether a path is that of a regular file with the header of a snapshot.
pub(super) fn is_header_at(path: &Path) -> Result<bool, InputError> {
    if !is_file(path)? {
        return Ok(false);
    }
    match Input::open(path) {
        Err(error) if error.is_damage() => Ok(false),
        input => Ok(is_header(input?.head())),
    }
}

impl EraSnapshot {
    /// Finds the snapshot in a directory, or the snapshot of a header.
    pub(in crate::ingest::state) fn find(path: &Path) -> Result<Self, EraError> {
        if !is_directory(path)? {
            let folder = match path.parent() {
                Some(folder) if folder != Path::new("") => folder,
                _ => Path::new("."),
            };
            return Self::of_header(path, &read_header(path)?, &Folder::read(folder)?);
        }
        let folder = Folder::read(path)?;
        let mut headers = folder.headers()?;
        match (headers.pop(), headers.pop()) {
            (Some((path, header)), None) => Self::of_header(&path, &header, &folder),
            (None, _) => Self::of_names(path, &folder),
            (Some((a, _)), Some((b, _))) => Err(EraError::Folder {
                folder: path.into(),
                reason: format!(
                    "holds more than one snapshot header, {} and {}; give one of them",
                    a.shown(),
                    b.shown()
                ),
            }),
        }
    }

    fn of_header(path: &Path, header: &Header, folder: &Folder) -> Result<Self, EraError> {
        let bad = |reason| Err(EraError::Header { path: path.into(), reason });
        let Header { version, batch, block, chunks } = header;
        if *version > 1 {
            return bad(format!("the snapshot version is {version}; known are 0 and 1"));
        }
        let (mut by_id, mut missing) = (BTreeMap::new(), Vec::new());
        for chunk in chunks {
            let name = chunk.filepath.rsplit(['/', '\\']).next().unwrap_or_default();
            match part(name) {
                Some((of, _)) if of != *batch => {
                    return bad(format!("it is of batch {batch}, but its chunk {name} is of {of}"));
                }
                Some((_, id)) if id == chunk.id => {}
                _ => return bad(format!("the file {name} cannot be chunk {}", chunk.id)),
            }
            let Some(path) = folder.files.get(&(*batch, chunk.id)) else {
                missing.push(name.to_owned());
                continue;
            };
            if by_id.insert(chunk.id, path.clone()).is_some() {
                return bad(format!("it names chunk {} twice", chunk.id));
            }
        }
        if !missing.is_empty() {
            return Err(missing_chunks(*batch, &missing));
        }
        let unnamed = |id: &&(u32, u64)| id.0 == *batch && !by_id.contains_key(&id.1);
        if let Some((_, id)) = folder.files.keys().find(unnamed) {
            return bad(format!(
                "it does not name chunk {id} of batch {batch}, which is next to it"
            ));
        }
        // Nodes that do not know the block's number write 0.
        let block = Some(SlBlock(*block)).filter(|block| block.0 > 0);
        Ok(Self { version: Some(*version), batch: *batch, block, chunks: complete(*batch, by_id)? })
    }

    fn of_names(path: &Path, folder: &Folder) -> Result<Self, EraError> {
        let bad = |reason| Err(EraError::Folder { folder: path.into(), reason });
        let mut of_batch: BTreeMap<u32, BTreeMap<u64, PathBuf>> = BTreeMap::new();
        for ((batch, id), path) in &folder.files {
            of_batch.entry(*batch).or_default().insert(*id, path.clone());
        }
        match (of_batch.pop_last(), of_batch.pop_last()) {
            (Some((batch, by_id)), None) => {
                Ok(Self { version: None, batch, block: None, chunks: complete(batch, by_id)? })
            }
            (None, _) => bad("does not hold a snapshot of a zksync-era node: no file is named \
                              snapshot_l1_batch_<batch>_storage_logs_part_<id>.proto.gzip"
                .into()),
            (Some((b, _)), Some((a, _))) => bad(format!(
                "holds chunks of the batches {a} and {b}; keep one, or add the snapshot's header \
                 (the answer of snapshots_getSnapshot) and give that"
            )),
        }
    }
}

/// The chunks, if their ids are those from 0 to the highest.
fn complete(batch: u32, by_id: BTreeMap<u64, PathBuf>) -> Result<Vec<PathBuf>, EraError> {
    let mut expected = 0;
    // Ids may be any numbers, so no more gaps are listed than are shown.
    let mut missing = Vec::new();
    for id in by_id.keys() {
        missing.extend((expected..*id).take((MOST_NAMED + 1).saturating_sub(missing.len())));
        expected = id.saturating_add(1);
    }
    if by_id.is_empty() {
        missing.push(0);
    }
    if missing.is_empty() {
        return Ok(by_id.into_values().collect());
    }
    let names: Vec<String> = missing.iter().map(|id| format!("chunk {id}")).collect();
    Err(missing_chunks(batch, &names))
}

/// How many missing chunks are named.
const MOST_NAMED: usize = 8;

fn missing_chunks(batch: u32, names: &[String]) -> EraError {
    let mut missing = names.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
    missing.push_str(match names.len() {
        1 => " is missing",
        2..=MOST_NAMED => " are missing",
        _ => " and more are missing",
    });
    EraError::MissingChunk { batch, missing }
}

fn read_header(path: &Path) -> Result<Header, EraError> {
    match header_text(path)? {
        Some(text) => parse_header(path, &text),
        None => Err(EraError::Header {
            path: path.into(),
            reason: "too large for the header of a snapshot".into(),
        }),
    }
}

/// The inflated text of a possible header. `None` if it is too large.
fn header_text(path: &Path) -> Result<Option<Vec<u8>>, InputError> {
    let input = Input::open(path)?;
    let name = input.name().to_owned();
    let mut text = Vec::new();
    let read = input.take(LARGEST_HEADER + 1).read_to_end(&mut text);
    read.map_err(|source| InputError::Read { name, source })?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len());
    }
    Ok((text.len() as u64 <= LARGEST_HEADER).then_some(text))
}

fn parse_header(path: &Path, text: &[u8]) -> Result<Header, EraError> {
    let bad = |reason| EraError::Header { path: path.into(), reason };
    // Asking for members by name makes a repeated member an error.
    let whole: Whole = serde_json::from_slice(text).map_err(|e| bad(e.to_string()))?;
    let header = match whole.result {
        Some(_) => serde_json::from_slice(text).map(|answer: Answer| answer.result),
        None => serde_json::from_slice(text),
    };
    header.map_err(|e| bad(e.to_string()))
}

fn is_json(name: &str) -> bool {
    name.ends_with(".json") || name.ends_with(".json.gz")
}

/// The batch and the id of a chunk, from its file's name.
fn part(name: &str) -> Option<(u32, u64)> {
    let rest = name.strip_prefix("snapshot_l1_batch_")?.strip_suffix(".proto.gzip")?;
    let (batch, id) = rest.split_once("_storage_logs_part_")?;
    Some((batch.parse().ok()?, id.parse().ok()?))
}

/// The chunks in a directory and in its subdirectory [`BUCKET`].
struct Folder {
    files: BTreeMap<(u32, u64), PathBuf>,
    json: Vec<PathBuf>,
}

impl Folder {
    fn read(path: &Path) -> Result<Self, EraError> {
        let mut folder = Self { files: BTreeMap::new(), json: Vec::new() };
        folder.add(path)?;
        let bucket = path.join(BUCKET);
        if is_directory(&bucket)? {
            folder.add(&bucket)?;
        }
        folder.json.sort_unstable();
        Ok(folder)
    }

    fn add(&mut self, path: &Path) -> Result<(), EraError> {
        for file in entries_of(path)? {
            let file = file.path();
            let Some(name) = file.file_name().and_then(|name| name.to_str()) else { continue };
            if is_json(name) {
                self.json.push(file);
            } else if let Some(key) = part(name)
                && is_file(&file)?
                && let Some(other) = self.files.insert(key, file.clone())
            {
                return Err(EraError::Folder {
                    folder: path.into(),
                    reason: format!("{} and {} are the same chunk", other.shown(), file.shown()),
                });
            }
        }
        Ok(())
    }

    /// The headers among the JSON files. The directory may also hold other JSON files, directories, pipes and
    /// broken links.
    fn headers(&self) -> Result<Vec<(PathBuf, Header)>, EraError> {
        let mut headers = Vec::new();
        for file in &self.json {
            if !is_file(file)? {
                continue;
            }
            let text = match header_text(file) {
                Err(InputError::Empty { .. }) => None,
                text => text?,
            };
            if let Some(text) = text.filter(|text| is_header(text)) {
                headers.push((file.clone(), parse_header(file, &text)?));
            }
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn chunk(batch: u32, id: u64) -> String {
        format!("snapshot_l1_batch_{batch}_storage_logs_part_{id:04}.proto.gzip")
    }

    fn header(batch: u32, chunks: &[(u64, &str)]) -> String {
        let chunks: Vec<_> = chunks
            .iter()
            .map(|(id, file)| serde_json::json!({"chunkId": id, "filepath": format!("gs://x/{file}")}))
            .collect();
        serde_json::json!({"l1BatchNumber": batch, "miniblockNumber": 9, "storageLogsChunks": chunks})
            .to_string()
    }

    #[test]
    fn a_snapshot_without_a_header_is_found_by_its_names() {
        let (a, b) = (chunk(7, 0), chunk(7, 1));
        for place in ["", "storage_logs_snapshots/"] {
            let folder = folder(&[&format!("{place}{b}"), &format!("{place}{a}"), "other.json"]);
            let found = EraSnapshot::find(folder.path()).unwrap();
            assert_eq!((found.version, found.batch, found.block), (None, 7, None));
            let names: Vec<_> = found.chunks.iter().map(|c| c.file_name().unwrap()).collect();
            assert_eq!(names, [a.as_str(), b.as_str()]);
        }
    }

    /// A header with a byte order mark, or a compressed one, still detects missing chunks. A header with a
    /// repeated member is invalid. A chunk that the header does not name belongs to another snapshot.
    #[test]
    fn headers_are_recognized_in_every_form() {
        let (zero, one) = (chunk(7, 0), chunk(7, 1));
        let of_both = header(7, &[(0, &zero), (1, &one)]);
        let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
        compressed.write_all(of_both.as_bytes()).unwrap();
        let compressed = compressed.finish().unwrap();
        let marked = [BYTE_ORDER_MARK, of_both.as_bytes()].concat();
        for (name, text) in [("h.json", marked), ("h.json.gz", compressed)] {
            let folder = folder(&[&zero]);
            fs::write(folder.path().join(name), text).unwrap();
            let lacking = EraSnapshot::find(folder.path());
            assert!(matches!(lacking, Err(EraError::MissingChunk { batch: 7, .. })), "{lacking:?}");
        }
        let twice = of_both.replacen('{', "{\"storageLogsChunks\":[],", 1);
        let of_one = header(7, &[(0, &zero)]);
        for (text, because) in [(twice, "duplicate field"), (of_one, "does not name chunk 1")] {
            let folder = folder(&[&zero, &one]);
            fs::write(folder.path().join("h.json"), text).unwrap();
            let error = EraSnapshot::find(folder.path()).unwrap_err();
            assert!(error.to_string().contains(because), "{error}");
        }
    }

    #[test]
    fn only_regular_files_may_be_headers() {
        let chunk = chunk(7, 0);
        let folder = folder(&[&chunk, "notes.json/inner", "other.json"]);
        let path = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink(path("nowhere"), path("link.json")).unwrap();
        let pipe = std::process::Command::new("mkfifo").arg(path("pipe.json")).status().unwrap();
        assert!(pipe.success());
        fs::write(path("header.json"), header(7, &[(0, &chunk)])).unwrap();
        let found = EraSnapshot::find(folder.path()).unwrap();
        assert_eq!((found.version, found.batch), (Some(0), 7));
        // A file that is a header, with damaged compression.
        fs::write(path("damaged.json"), [0x1f, 0x8b, 8, 0]).unwrap();
        let error = EraSnapshot::find(folder.path()).unwrap_err();
        assert!(error.to_string().contains("damaged.json") && !error.is_io(), "{error}");
    }

    #[test]
    fn compressed_headers_are_inflated_up_to_the_limit() {
        let chunk = chunk(7, 0);
        let folder = folder(&[&chunk]);
        let path = folder.path().join("header.json");
        let gzip = |text: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let text = header(7, &[(0, &chunk)]);
        fs::write(&path, gzip(text.as_bytes())).unwrap();
        for place in [path.as_path(), folder.path()] {
            let found = EraSnapshot::find(place).unwrap();
            assert_eq!((found.version, found.chunks.len()), (Some(0), 1));
        }
        let padded = [text.as_bytes(), &vec![b' '; LARGEST_HEADER as usize]].concat();
        for large in [gzip(&padded), padded] {
            fs::write(&path, large).unwrap();
            let error = EraSnapshot::find(&path).unwrap_err().to_string();
            assert!(error.contains("header.json: too large"), "{error}");
            assert_eq!(EraSnapshot::find(folder.path()).unwrap().version, None);
        }
    }

    #[test]
    fn incomplete_and_mixed_sets_are_refused() {
        let find = |names: &[&str]| EraSnapshot::find(folder(names).path()).unwrap_err();
        assert!(matches!(find(&[]), EraError::Folder { .. }));
        assert!(matches!(find(&[&chunk(7, 1)]), EraError::MissingChunk { .. }));
        assert!(matches!(find(&[&chunk(7, 0), &chunk(7, 2)]), EraError::MissingChunk { .. }));
        assert!(matches!(find(&[&chunk(7, 0), &chunk(8, 0)]), EraError::Folder { .. }));
        let twice = format!("storage_logs_snapshots/{}", chunk(7, 0));
        assert!(matches!(find(&[&chunk(7, 0), &twice]), EraError::Folder { .. }));
    }

    #[test]
    fn a_header_selects_its_chunks_and_has_to_match_them() {
        let files = [chunk(7, 0), chunk(7, 1), chunk(8, 0)];
        let folder = folder(&[&files[0], &files[1], &files[2]]);
        let path = folder.path().join("header.json");
        let find = |text: String| {
            fs::write(&path, text).unwrap();
            [EraSnapshot::find(&path), EraSnapshot::find(folder.path())]
        };
        let good = header(7, &[(1, &files[1]), (0, &files[0])]);
        for text in [good.clone(), format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{good}}}")] {
            for found in find(text).map(Result::unwrap) {
                assert_eq!((found.version, found.batch, found.chunks.len()), (Some(0), 7, 2));
                assert_eq!(found.block, Some(SlBlock(9)));
            }
        }
        for bad in [
            header(7, &[(0, &files[0]), (1, &files[2])]),
            header(7, &[(0, &files[2]), (1, &files[1])]),
            header(7, &[(0, &files[1])]),
            header(7, &[(1, &files[1])]),
            header(7, &[(0, &files[0]), (0, &files[0])]),
            header(7, &[(0, &files[0]), (2, &chunk(7, 2))]),
            header(7, &[]),
            good.replacen('{', "{\"version\":2,", 1),
            good[..good.len() - 1].into(),
            "{\"storageLogsChunks\":3}".into(),
        ] {
            for found in find(bad.clone()) {
                assert!(found.is_err(), "{bad}");
            }
        }
    }
}
