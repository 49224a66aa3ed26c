//! Native files with changed content and right checksums, written by the documented format alone.

/// The parts of a native file, without its lengths, offsets and checksums.
pub struct Parts {
    pub preamble: Vec<u8>,
    /// The sections with their names, which are padded with zeros.
    pub sections: Vec<([u8; 8], Vec<u8>)>,
    pub header: Vec<u8>,
}

impl Parts {
    /// The parts of an intact file.
    pub fn of(good: &[u8]) -> Self {
        let number = |at: usize| u64::from_le_bytes(good[at..at + 8].try_into().unwrap()) as usize;
        let trailer = good.len() - 64;
        let (footer, counts) = (number(trailer), number(trailer + 8));
        let (sections, header_len) = (counts & 0xffff_ffff, counts >> 32);
        let header_at = footer + 64 * sections;
        let section = |row: usize| {
            let (start, len) = (number(row + 8), number(row + 16));
            (good[row..row + 8].try_into().unwrap(), good[start..start + len].to_vec())
        };
        Self {
            preamble: good[..64].to_vec(),
            sections: (footer..header_at).step_by(64).map(section).collect(),
            header: good[header_at..header_at + header_len].to_vec(),
        }
    }

    /// Sets the checksums of blocks, which only a message archive has.
    fn mend_block_sums(&mut self) {
        let in_blocks = ["batches", "txhashes", "by-msg", "by-tx"].map(str::as_bytes);
        let is_in_blocks = |name: &[u8; 8]| in_blocks.iter().any(|own| name.starts_with(own));
        let sections = self.sections.iter().filter(|(name, _)| is_in_blocks(name));
        let blocks = sections.flat_map(|(_, section)| section.chunks(65_536));
        let right = blocks.flat_map(|block| *blake3::hash(block).as_bytes()).collect();
        if let Some((_, sums)) =
            self.sections.iter_mut().find(|(name, _)| name.starts_with(b"sums"))
        {
            *sums = right;
        }
    }

    /// The file with these parts.
    pub fn file(&self) -> Vec<u8> {
        let (mut file, mut table) = (self.preamble.clone(), Vec::new());
        for (name, section) in &self.sections {
            table.extend_from_slice(name);
            table.extend_from_slice(&(file.len() as u64).to_le_bytes());
            table.extend_from_slice(&(section.len() as u64).to_le_bytes());
            table.extend_from_slice(&[0; 8]);
            table.extend_from_slice(blake3::hash(section).as_bytes());
            file.extend_from_slice(section);
            file.resize(file.len().next_multiple_of(64), 0);
        }
        let footer = file.len();
        file.extend_from_slice(&table);
        file.extend_from_slice(&self.header);
        file.resize(file.len().next_multiple_of(64), 0);
        let len = file.len() + 64;
        file.extend_from_slice(&(footer as u64).to_le_bytes());
        file.extend_from_slice(&(self.sections.len() as u32).to_le_bytes());
        file.extend_from_slice(&(self.header.len() as u32).to_le_bytes());
        file.extend_from_slice(&(len as u64).to_le_bytes());
        file.extend_from_slice(b"SLPEND\n\x89");
        let hash = blake3::Hasher::new().update(&file[..64]).update(&file[footer..]).finalize();
        file.extend_from_slice(hash.as_bytes());
        file
    }
}

/// The file with a changed section or header, and with updated lengths, offsets and checksums.
pub fn altered(good: &[u8], name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut parts = Parts::of(good);
    let Parts { sections, header, .. } = &mut parts;
    let section = sections.iter_mut().find(|(own, _)| own.starts_with(name.as_bytes()));
    let part = section.map(|(_, section)| section).or((name == "header").then_some(header));
    change(part.unwrap_or_else(|| panic!("the file has no section {name}")));
    parts.mend_block_sums();
    parts.file()
}
