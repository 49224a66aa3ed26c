use slproof::ingest::logs::EraPubdata;

/// Pubdata with state differences are the same with and without the zeros behind them, and their logs and messages
/// are at the start.
pub(super) fn run(data: &[u8]) {
    let (pubdata, len) = match EraPubdata::read(data) {
        Ok(read) => read,
        Err(error) => return super::explain(&error),
    };
    let (bare, rest) = data.split_at(len);
    assert!(rest.iter().all(|byte| *byte == 0));
    for same in [bare.to_vec(), [bare, &[0; 40]].concat()] {
        let (read, read_len) = EraPubdata::read(&same).unwrap();
        assert!(read == pubdata && read_len == len);
    }
    let mut start = (pubdata.logs.len() as u32).to_be_bytes().to_vec();
    pubdata.logs.iter().for_each(|log| start.extend(log.as_bytes()));
    start.extend((pubdata.messages.view().len() as u32).to_be_bytes());
    for message in pubdata.messages.view().iter() {
        start.extend((message.len() as u32).to_be_bytes());
        start.extend(message);
    }
    assert!(data.starts_with(&start));
    // A value takes at least a byte.
    assert!(33 * pubdata.diffs.initial.len() + 2 * pubdata.diffs.repeated.len() <= len);
}
