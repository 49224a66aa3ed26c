//! Native files with changed content and right checksums, written by the documented format alone.

/// The file with a changed section or header, and with updated lengths, offsets and checksums.
pub fn altered(good: &[u8], name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let number = |at: usize| u64::from_le_bytes(good[at..at + 8].try_into().unwrap()) as usize;
    let trailer = good.len() - 64;
    let (footer, counts) = (number(trailer), number(trailer + 8));
    let (sections, header_len) = (counts & 0xffff_ffff, counts >> 32);
    let header_at = footer + 64 * sections;
    let mut header = good[header_at..header_at + header_len].to_vec();

    let (mut file, mut table, mut change) = (good[..64].to_vec(), Vec::new(), Some(change));
    for row in good[footer..header_at].chunks(64) {
        let field = |at: usize| u64::from_le_bytes(row[at..at + 8].try_into().unwrap()) as usize;
        let mut section = good[field(8)..field(8) + field(16)].to_vec();
        if row[..8].starts_with(name.as_bytes()) {
            change.take().unwrap()(&mut section);
        }
        table.extend_from_slice(&row[..8]);
        table.extend_from_slice(&(file.len() as u64).to_le_bytes());
        table.extend_from_slice(&(section.len() as u64).to_le_bytes());
        table.extend_from_slice(&[0; 8]);
        table.extend_from_slice(blake3::hash(&section).as_bytes());
        file.extend_from_slice(&section);
        file.resize(file.len().next_multiple_of(64), 0);
    }
    if name == "header" {
        change.take().unwrap()(&mut header);
    }
    assert!(change.is_none(), "the file has a section {name}");
    let footer = file.len();
    file.extend_from_slice(&table);
    file.extend_from_slice(&header);
    file.resize(file.len().next_multiple_of(64), 0);
    let len = file.len() + 64;
    file.extend_from_slice(&(footer as u64).to_le_bytes());
    file.extend_from_slice(&(counts as u64).to_le_bytes());
    file.extend_from_slice(&(len as u64).to_le_bytes());
    file.extend_from_slice(b"SLPEND\n\x89");
    let hash = blake3::Hasher::new().update(&file[..64]).update(&file[footer..]).finalize();
    file.extend_from_slice(hash.as_bytes());
    file
}
