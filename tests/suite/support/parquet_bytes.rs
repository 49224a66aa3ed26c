//! Writes Parquet files byte by byte, with any lengths and counts (source: parquet-format, `parquet.thrift`).

/// A struct in Thrift's compact protocol.
#[derive(Default)]
pub struct Thrift {
    bytes: Vec<u8>,
    last: u8,
}

impl Thrift {
    fn field(&mut self, id: u8, kind: u8) {
        self.bytes.push((id - self.last) << 4 | kind);
        self.last = id;
    }

    pub fn int(mut self, id: u8, number: i64) -> Self {
        self.field(id, 6);
        self.bytes.extend(varint((number << 1 ^ number >> 63).cast_unsigned()));
        self
    }

    pub fn flag(mut self, id: u8, flag: bool) -> Self {
        self.field(id, if flag { 1 } else { 2 });
        self
    }

    pub fn text(mut self, id: u8, text: &[u8]) -> Self {
        self.field(id, 8);
        self.bytes.extend(varint(text.len() as u64));
        self.bytes.extend(text);
        self
    }

    pub fn part(mut self, id: u8, part: Self) -> Self {
        self.field(id, 12);
        self.bytes.extend(part.end());
        self
    }

    pub fn parts(self, id: u8, parts: impl IntoIterator<Item = Self>) -> Self {
        let parts: Vec<_> = parts.into_iter().map(Self::end).collect();
        self.list(id, 12, parts.len() as u64, &parts.concat())
    }

    /// A list that declares a type and a length.
    pub fn list(mut self, id: u8, kind: u8, len: u64, elements: &[u8]) -> Self {
        self.field(id, 9);
        self.bytes.push(0xf0 | kind);
        self.bytes.extend(varint(len));
        self.bytes.extend(elements);
        self
    }

    pub fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Bytes after their length.
pub fn prefixed(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_le_bytes(), bytes].concat()
}

/// A run of equal levels.
pub fn run(count: u64, level: u8) -> Vec<u8> {
    [varint(count << 1), vec![level]].concat()
}

/// An element of a schema: its name, `type`, `repetition_type` and number of children.
pub fn element(name: &str, kind: Option<i64>, repetition: i64, children: i64) -> Thrift {
    let mut element = Thrift::default();
    if let Some(kind) = kind {
        element = element.int(1, kind).int(2, 32);
    }
    element.int(3, repetition).text(4, name.as_bytes()).int(5, children)
}

/// The optional list of words of 32 bytes.
pub fn proof_column() -> [Thrift; 3] {
    let [list, entry] = [element("proof", None, 1, 1), element("list", None, 2, 1)];
    [list, entry, element("element", Some(7), 0, 0)]
}

/// A page with its header. `raw_len` is the declared length after decompression.
pub fn page(kind: i64, raw_len: i64, about: (u8, Thrift), body: &[u8]) -> Vec<u8> {
    let header = Thrift::default().int(1, kind).int(2, raw_len).int(3, body.len() as i64);
    [&header.part(about.0, about.1).end()[..], body].concat()
}

/// A data page of version 1 with levels as runs.
pub fn data_page(values: i64, encoding: i64, body: &[u8]) -> Vec<u8> {
    let about = Thrift::default().int(1, values).int(2, encoding).int(3, 3).int(4, 3);
    page(0, body.len() as i64, (5, about), body)
}

pub fn dictionary_page(values: i64, body: &[u8]) -> Vec<u8> {
    page(2, body.len() as i64, (7, Thrift::default().int(1, values).int(2, 0)), body)
}

/// A column chunk: where its pages start, their length, and the compression.
pub fn chunk(start: i64, len: i64, codec: i64) -> Thrift {
    let about = Thrift::default().int(4, codec).int(5, 1).int(6, len).int(7, len).int(9, start);
    Thrift::default().int(2, 0).part(3, about)
}

/// A file of this footer.
pub fn with_footer(pages: &[u8], footer: &[u8]) -> Vec<u8> {
    [b"PAR1", pages, footer, &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat()
}

/// A footer with row groups, each given by its chunks and its number of rows.
pub fn footer(schema: Vec<Thrift>, columns: i64, groups: Vec<(Vec<Thrift>, i64)>) -> Thrift {
    let schema = [element("proofs", None, 0, columns)].into_iter().chain(schema);
    let groups = groups
        .into_iter()
        .map(|(chunks, rows)| Thrift::default().parts(1, chunks).int(2, 0).int(3, rows));
    Thrift::default().int(1, 1).parts(2, schema).int(3, 0).parts(4, groups)
}

/// A file of one row group with the words of proofs.
pub fn words_file(pages: &[Vec<u8>], codec: i64, rows: i64) -> Vec<u8> {
    let pages = pages.concat();
    let groups = vec![(vec![chunk(4, pages.len() as i64, codec)], rows)];
    with_footer(&pages, &footer(proof_column().into(), 1, groups).end())
}
