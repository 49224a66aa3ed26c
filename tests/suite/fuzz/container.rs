use slproof::{archive::Archive, files::Container, forest::TreeFile, snapshot::Snapshot};

/// A native file with arbitrary lengths and offsets, and with the right checksum over them, is opened or refused.
pub(super) fn run(data: &[u8]) {
    let mut file = data.to_vec();
    if let Some(end) = file.len().checked_sub(64).filter(|end| *end >= 64) {
        let footer = u64::from_le_bytes(file[end..end + 8].try_into().unwrap());
        if let Some(footer) = usize::try_from(footer).ok().filter(|footer| *footer <= end) {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&file[..64]).update(&file[footer..end + 32]);
            file[end + 32..].copy_from_slice(hasher.finalize().as_bytes());
        }
    }
    let container = match Container::from_bytes("file", file.clone()) {
        Ok(container) => container,
        Err(error) => return super::explain(&error),
    };
    for (name, range) in container.sections() {
        let (start, end) = (range.start as usize, range.end as usize);
        assert_eq!(container.find(name), Some(&file[start..end]));
    }
    if let Err(error) = container.check() {
        super::explain(&error);
    }
    let open = || Container::from_bytes("file", file.clone()).unwrap();
    let opened = [
        Archive::of(open()).map(drop).map_err(Box::<dyn std::error::Error>::from),
        TreeFile::of(open()).map(drop).map_err(Box::from),
        Snapshot::of(open()).map(drop).map_err(Box::from),
    ];
    opened.into_iter().filter_map(Result::err).for_each(|error| super::explain(&*error));
}
