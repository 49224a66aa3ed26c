//! A state from a CSV table to a tree file.

use crate::{
    Failed,
    bench::Bench,
    layer,
    tables::{Job, Tables, number},
};

pub(crate) fn measure(bench: &Bench<'_>, tables: &mut Tables) -> Result<(), Failed> {
    let batches = bench.scaled(2_000_000);
    layer::synthesize(bench, &format!("--batches {batches}"))?;
    layer::rebuild(bench)?;
    let (import, rebuild) =
        ("-q import state.csv -o out.slsnap", "-q rebuild state.slsnap -o out.sltree");
    let count = number(batches);
    let job = |name: String, arguments: &str, input: &str| -> Result<Job, Failed> {
        Ok(Job { name, arguments: arguments.into(), bytes: bench.len(input)? })
    };
    tables.scale(
        bench,
        &[
            job(format!("`import` of CSV, {count} batches"), import, "state.csv")?,
            job(format!("`rebuild -o` of the same, {count} batches"), rebuild, "state.slsnap")?,
        ],
    )?;
    tables.peak(bench, &format!("`import` of CSV, {count} batches"), import)?;
    tables.peak(bench, &format!("`rebuild -o`, {count} batches"), rebuild)?;
    let each = bench.len("state.sltree")? as f64 / batches as f64;
    tables.alone(format!("tree file, {count} batches"), format!("{each:.1} bytes a batch"));
    Ok(())
}
