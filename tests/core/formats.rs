use std::fs;

use slproof::{
    Error, Job, Messages, ProofFormat, ProofOutput, Prover, Selection, Trees,
    files::Input,
    proof::reader::Defaults,
    records::{Entries, EntriesError},
};

fn job() -> Job {
    let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default());
    let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default());
    Prover::new(trees.unwrap(), messages.unwrap()).job(Selection::all())
}

#[test]
fn a_job_refuses_formats_that_the_build_lacks() {
    let job = job();
    let formats = [
        (ProofFormat::Parquet, cfg!(feature = "parquet"), "Parquet: its feature parquet"),
        (ProofFormat::Calldata, cfg!(feature = "calldata"), "Calldata: its feature calldata"),
    ];
    for (format, is_built, named) in formats {
        let folder = tempfile::tempdir().unwrap();
        let output = ProofOutput::create(folder.path().join("proofs")).unwrap();
        let result = job.write(output.format(format));
        if is_built {
            assert!(result.unwrap().count.proofs > 0);
            continue;
        }
        let error = result.unwrap_err();
        assert_eq!(error.code(), "format-unsupported");
        assert_eq!(error.to_string(), format!("this build has no {named} is off"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{format:?} left a file");
    }
}

/// The error names the detected format instead of reporting a text without proofs.
#[test]
fn a_parquet_file_is_refused_by_name_without_its_feature() {
    let input = Input::from_reader("proofs.parquet", &b"PAR1 and rows"[..]).unwrap();
    let error = Entries::open(input, &Defaults::default()).err().unwrap();
    assert!(matches!(&error, EntriesError::NoParquet(name) if name == "proofs.parquet"));
    let error = Error::from(error);
    assert_eq!(error.code(), "format-unsupported");
    assert!(error.to_string().starts_with("proofs.parquet: it is a Parquet file"), "{error}");
}
