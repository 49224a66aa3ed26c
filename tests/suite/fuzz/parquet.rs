use slproof::records::parquet::ParquetProofs;

/// A Parquet file gets verdicts on its rows, and its row groups can be read in any order.
pub(super) fn run(data: &[u8]) {
    super::record_reader::run(data);
    let Some(input) = super::input("proofs.parquet", data) else { return };
    let file = match ParquetProofs::open(input) {
        Ok(file) => file,
        Err(error) => return super::explain(&error),
    };
    for group in (0..file.groups()).rev() {
        match file.rows(group) {
            Ok(rows) => {
                for row in rows {
                    match row {
                        Ok(Ok(_)) => {}
                        Ok(Err(error)) => super::explain(&error),
                        Err(error) => return super::explain(&error),
                    }
                }
            }
            Err(error) => super::explain(&error),
        }
    }
}
