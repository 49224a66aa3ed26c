//! Single proofs beside a process that does nothing.

use crate::{
    Failed,
    bench::Bench,
    layer,
    tables::{Tables, seconds},
};

/// The number of runs of which the median counts.
const RUNS: usize = 200;

/// Measures commands that make one proof each, given with their names.
pub(crate) fn measure(
    bench: &Bench<'_>,
    tables: &mut Tables,
    proofs: &[(String, String)],
) -> Result<(), Failed> {
    let mut commands = vec!["--version".to_owned()];
    for (_, prove) in proofs {
        bench.seconds(&format!("{prove} -o one.json"))?;
        layer::check_proofs(bench, "one.json", 1)?;
        commands.push(prove.clone());
    }
    let times = bench.medians(RUNS, &commands)?;
    for ((name, _), time) in proofs.iter().zip(&times[1..]) {
        tables.compare([
            name.clone(),
            seconds(*time),
            "`--version`".into(),
            seconds(times[0]),
            format!("{:+.2} ms", 1e3 * (time - times[0])),
        ]);
    }
    Ok(())
}
