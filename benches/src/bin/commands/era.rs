//! The import of a snapshot of a zksync-era node beside inflating its files.

use std::time::Instant;

use slproof_benches::era::{generate, inflate};

use crate::{
    Failed,
    bench::{Bench, ROUNDS, median},
    tables::{Tables, number, seconds},
};

const IMPORT: &str = "import era -o era.slsnap";

pub(crate) fn measure(bench: &Bench<'_>, tables: &mut Tables) -> Result<(), Failed> {
    let slots = bench.scaled(20_000_000);
    let files = generate(&bench.folder.join("era"), slots)?;
    if bench.summary(IMPORT)?["slots"].as_u64() != Some(slots) {
        return Err("not as many slots were imported as were written".into());
    }
    let (mut inflating, mut importing) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        inflate(&files)?;
        inflating.push(started.elapsed().as_secs_f64());
        importing.push(bench.seconds(&format!("-q {IMPORT}"))?);
    }
    let (inflating, importing) = (median(inflating), median(importing));
    let slots = number(slots);
    tables.compare([
        format!("`import` of a zksync-era snapshot, {slots} slots"),
        seconds(importing),
        "inflating its files".into(),
        seconds(inflating),
        format!("{:.0} % of the rate", 100.0 * inflating / importing),
    ]);
    tables.peak(bench, &format!("`import` of a zksync-era snapshot, {slots} slots"), IMPORT)?;
    Ok(())
}
