use slproof::ingest::logs::{SourceFormat, SourceOptions};

/// Pubdata of either kind of chain, alone or in a list, give an intact archive.
pub(super) fn run(data: &[u8]) {
    let is_list = data.trim_ascii_start().starts_with(b"{");
    // An entry may name a file anywhere, also with escapes; a target opens none.
    let may_name_file = data.contains(&b'\\') || data.windows(4).any(|text| text == b"file");
    let format = match is_list {
        true if may_name_file => return,
        true => SourceFormat::PubdataList,
        false => SourceFormat::Pubdata,
    };
    let options = SourceOptions { format: Some(format), ..SourceOptions::default() };
    super::indexing::index("324-7.bin", [data], options);
}
