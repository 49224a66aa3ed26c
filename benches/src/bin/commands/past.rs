//! Past roots of a layer of chains that append one batch at a time, and single proofs from its files.

use crate::{
    Failed,
    bench::Bench,
    layer::{self, PROVE},
    single,
    tables::{Tables, number, seconds},
};

/// Random requests, each against the first root with its batch.
const MANY: u64 = 100_000;

pub(crate) fn measure(bench: &Bench<'_>, tables: &mut Tables) -> Result<(), Failed> {
    let batches = bench.scaled(2_000_000);
    layer::synthesize(
        bench,
        &format!(
            "--batches {batches} --burst 1 --logs 1 --events events.jsonl --archive logs.jsonl"
        ),
    )?;
    bench.remove("state.csv")?;
    let archived = layer::index(bench)?;

    let batches = number(batches);
    let rebuild = "-q rebuild state.slsnap --history --events events.jsonl -o state.sltree";
    let mut took = |name: String, arguments: &str| -> Result<(), Failed> {
        let time = tables.peak(bench, &name, arguments)?;
        tables.alone(name, seconds(time));
        Ok(())
    };
    took(format!("`rebuild --history --events`, {batches} batches"), rebuild)?;
    // A tree file is rebuilt, so this reads what was written.
    layer::check_root(bench, "rebuild state.sltree")?;
    took(format!("`history` of the tree file, {batches} batches"), "-q history state.sltree")?;
    let first = ",\"target\":\"first\"";
    layer::random_requests(bench, &archived, ("past.jsonl", MANY), 1, first)?;
    let past = format!("{PROVE} --requests past.jsonl -o past.ndjson");
    took(format!("`prove --requests`, {} against random past roots", number(MANY)), &past)?;
    layer::check_proofs(bench, "past.ndjson", MANY)?;

    let (chain, batch) = archived[archived.len() / 3];
    let one = format!("{PROVE} --chain {chain} --batch {batch} --index 0");
    let proofs = [("the latest root", "latest"), ("a past root", "first")].map(|(root, target)| {
        let name = format!("one proof against {root}, {batches} batches");
        (name, format!("{one} --target {target}"))
    });
    single::measure(bench, tables, &proofs)
}
