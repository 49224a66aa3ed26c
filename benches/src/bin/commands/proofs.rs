//! All proofs of a layer with small batches: indexed, made and verified.

use crate::{
    Failed,
    bench::Bench,
    layer::{self, PROVE},
    tables::{Job, Tables, number, seconds},
};

/// The logs of a batch.
const LOGS: u64 = 10;

const FORMATS: [(&str, &str); 2] = [("NDJSON", "ndjson"), ("Parquet", "parquet")];

pub(crate) fn measure(bench: &Bench<'_>, tables: &mut Tables) -> Result<(), Failed> {
    let batches = bench.scaled(60_000);
    layer::synthesize(bench, &format!("--batches {batches} --logs {LOGS} --archive logs.jsonl"))?;
    layer::rebuild(bench)?;
    bench.summary("index logs.jsonl -o logs.slmsg")?;
    let count = batches * LOGS;
    let logs = number(count);

    let mut jobs = vec![Job {
        name: format!("`index` of raw logs, {logs}"),
        arguments: "-q index logs.jsonl -o out.slmsg".into(),
        bytes: bench.len("logs.jsonl")?,
    }];
    for (name, format) in FORMATS {
        let (prove, proofs) =
            (format!("{PROVE} --all --format {format}"), format!("proofs.{format}"));
        bench.seconds(&format!("{prove} -o {proofs}"))?;
        layer::check_proofs(bench, &proofs, count)?;
        let bytes = bench.len(&proofs)?;
        jobs.push(Job {
            name: format!("`prove --all`, {name}, {logs}"),
            arguments: format!("{prove} -o /dev/null"),
            bytes,
        });
        jobs.push(Job {
            name: format!("`verify`, {name}, {logs}"),
            arguments: format!("-q verify {proofs} --anchor state.slsnap"),
            bytes,
        });
    }
    let times = tables.scale(bench, &jobs)?;
    for (at, (name, _)) in FORMATS.iter().enumerate() {
        let (prove, verify) = (times[1 + 2 * at], times[2 + 2 * at]);
        tables.compare([
            format!("`verify` of {logs} proofs, {name}"),
            seconds(verify),
            "`prove --all -o /dev/null` of the same".into(),
            seconds(prove),
            format!("{:.2} × the rate", prove / verify),
        ]);
    }
    for Job { name, arguments, .. } in &jobs {
        tables.peak(bench, name, arguments)?;
    }
    Ok(())
}
