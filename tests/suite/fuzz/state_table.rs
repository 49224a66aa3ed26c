use slproof::ingest::state::{Format, Import};

/// A table of slots is read whole or refused, in CSV and in JSON lines.
pub(super) fn run(data: &[u8]) {
    let Some(input) = super::input("table", data) else { return };
    let import = Import { format: Some(Format::Table), ..super::importing::import() };
    match import.read_input(input) {
        Ok(dump) => dump.state.check().unwrap(),
        Err(error) => super::explain(&error),
    }
}
