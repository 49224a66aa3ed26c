//! Verdicts in bulk are those on each record alone, whatever is wrong with the records beside it.

use std::{io::Cursor, path::PathBuf};

use slproof::{
    Messages, ProofFormat, ProofOutput, Prover, Selection, StateOptions, Target, Trees,
    TreesOptions, TrustedRoots, Verdict,
    files::Input,
    proof::reader::{Defaults, Item, parse},
    records::{Entries, Verdicts},
    verify,
};

use crate::support::{self, fixture};

/// The valid flag and the error of a verdict; `None` for a record without a proof.
type Judged = Option<(Option<bool>, Option<String>)>;

/// The state of a settlement layer. That of L1 needs the address of its Bridgehub.
fn state_of(folder: &str) -> (PathBuf, StateOptions) {
    let mut options = StateOptions::default();
    if folder != "v33" {
        return (fixture(&format!("{folder}/state.anvil.json")), options);
    }
    let roots = support::json("v33/roots.json.gz");
    options.bridgehub = Some(roots["bridgehub"].as_str().unwrap().parse().unwrap());
    (fixture("v33/state.anvil.json.gz"), options)
}

/// The text that `prove --all` writes for some target.
fn proofs(folder: &str, target: Target, format: ProofFormat) -> Vec<u8> {
    let mut options = TreesOptions::default();
    let (state, of_state) = state_of(folder);
    options.state = of_state;
    let trees = Trees::open(&[state], &options).unwrap();
    let logs = fixture(&format!("{folder}/logs.jsonl.gz"));
    let prover = Prover::new(trees, Messages::open(&[logs], &Default::default()).unwrap());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("proofs");
    let output = ProofOutput::create(&path).unwrap().format(format);
    prover.job(Selection::all()).target(target).write(output).unwrap();
    std::fs::read(path).unwrap()
}

fn lines(folder: &str, target: Target, format: ProofFormat) -> Vec<Vec<u8>> {
    let text = proofs(folder, target, format);
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

fn alone(line: &[u8], roots: &TrustedRoots) -> Judged {
    let verdict = match parse(line, &Defaults::default()) {
        Ok(Item::Leaf(_) | Item::Failure) => return None,
        Ok(Item::Proof(record, _)) => verify(&record, roots),
        Err(error) => error.into(),
    };
    Some(match verdict {
        Verdict::Valid(_) => (Some(true), None),
        Verdict::Invalid(reason) => (Some(false), Some(reason.to_string())),
        Verdict::CannotJudge(reason) => (None, Some(reason.to_string())),
    })
}

/// Compares the verdicts in bulk on these lines with those on each alone, which are returned.
fn compared(given: &[Vec<u8>], roots: TrustedRoots) -> Vec<Judged> {
    let expected: Vec<_> = given.iter().map(|line| alone(line.trim_ascii(), &roots)).collect();
    let found = together([given.join(&b'\n'), vec![b'\n']].concat(), roots);
    assert_eq!(found.len(), expected.len());
    for (line, (found, expected)) in given.iter().zip(found.iter().zip(&expected)) {
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(line));
    }
    expected
}

fn together(text: Vec<u8>, roots: TrustedRoots) -> Vec<Judged> {
    let input = Input::from_reader("test", Cursor::new(text)).unwrap();
    let entries = Entries::open(input, &Defaults::default()).unwrap();
    let mut verdicts = Verdicts::new(entries, Defaults::default(), roots);
    let mut all = Vec::new();
    loop {
        let chunk = verdicts.next_chunk().unwrap();
        if chunk.is_empty() {
            return all;
        }
        for verdict in chunk {
            let number = all.len() as u64 + 1;
            all.push(verdict.map(|verdict| {
                assert_eq!(verdict.line, number);
                (verdict.valid, verdict.error.map(|error| error.message))
            }));
        }
    }
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// A line with one change, which may make another valid record, a wrong one, or no record.
fn altered(line: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let (mut line, at) = (line.to_vec(), numbers.below(line.len()));
    let bytes = b"0123456789abcdefABCDEFx\"\\,:[]{} \ttn-+.";
    let byte = bytes[numbers.below(bytes.len())];
    match numbers.below(6) {
        0 | 1 => line[at] = byte,
        2 => line.insert(at, byte),
        3 => {
            line.remove(at);
        }
        4 => line[at] = line[at].to_ascii_uppercase(),
        _ => {
            let word = numbers.below(line.len() / 69) * 69;
            let end = (word + 69).min(line.len());
            line.drain(word..end);
        }
    }
    line
}

#[test]
fn verdicts_in_bulk_are_those_on_each_record_alone() {
    let folder = "gateway-v29";
    let (state, options) = state_of(folder);
    let mut all = Vec::new();
    for target in [Target::Latest, Target::First, Target::BatchRoot] {
        all.extend(lines(folder, target, ProofFormat::Ndjson));
    }
    // Other forms stand between those of this program.
    all.extend(lines(folder, Target::Latest, ProofFormat::Rpc));
    all.extend(lines(folder, Target::Latest, ProofFormat::Calldata));
    all.push(
        br#"{"request":{"message":"0x"},"error":{"code":"message-not-found","message":""}}"#
            .to_vec(),
    );
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let root = parse(&all[0], &Defaults::default());
    let Ok(Item::Proof(record, _)) = root else { panic!("a proof") };
    let root = record.target.unwrap().root;
    // In six parts, which need less memory than all at once.
    for part in 0..6 {
        let mut given: Vec<Vec<u8>> = Vec::new();
        for line in all.iter().skip(part).step_by(6) {
            given.push(line.clone());
            given.push(altered(line, &mut numbers));
        }
        given.retain(|line| !line.trim_ascii().is_empty());
        for roots in [TrustedRoots::open(&state, &options).unwrap(), TrustedRoots::Root(root)] {
            let expected = compared(&given, roots);
            for valid in [Some(true), Some(false), None] {
                assert!(expected.iter().flatten().any(|(judged, _)| *judged == valid), "{valid:?}");
            }
        }
    }
}

/// A line with another number in a field, or without the field.
fn with_field(line: &[u8], field: &str, digits: Option<&str>) -> Vec<u8> {
    let line = String::from_utf8(line.to_vec()).unwrap();
    let name = format!(",\"{field}\":");
    let Some((before, rest)) = line.split_once(&name) else { return line.into_bytes() };
    let after = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let field = digits.map_or(String::new(), |digits| format!("{name}{digits}"));
    format!("{before}{field}{after}").into_bytes()
}

/// Of a batch of v33, also where only the timestamps of its proofs differ, in the records or in the state.
#[test]
fn timestamps_are_judged_in_bulk_as_alone() {
    let mut given = Vec::new();
    for target in [Target::First, Target::BatchRoot] {
        for line in lines("v33", target, ProofFormat::Ndjson) {
            let altered = [
                with_field(&line, "l1Timestamp", None),
                with_field(&line, "l1Timestamp", Some("7")),
                with_field(&line, "timestamp", None),
                with_field(&line, "timestamp", Some("7")),
            ];
            given.push(line);
            given.extend(altered);
        }
    }
    let (state, options) = state_of("v33");
    let before_v33 = state_of("gateway-v31");
    let listener = (fixture("v33/dest.state.anvil.json.gz"), StateOptions::default());
    let judged = [(state, options), listener, before_v33]
        .map(|(state, options)| compared(&given, TrustedRoots::open(&state, &options).unwrap()));
    let valid = |all: &[Judged]| -> Vec<Option<bool>> {
        all.iter().map(|judged| judged.as_ref().and_then(|(valid, _)| *valid)).collect()
    };
    let [of_l1, of_listener, _] = judged.map(|all| valid(&all));
    let (yes, no) = (Some(true), Some(false));
    let through_l1 = of_listener.chunks(5).filter(|five| five.contains(&yes));
    assert!(through_l1.clone().count() > 0 && of_l1.contains(&yes));
    assert!(through_l1.clone().all(|five| five == [yes, yes, no, yes, no]));
    assert!(of_l1.chunks(5).filter(|five| five.contains(&yes)).all(|five| five == [yes; 5]));
}

#[test]
fn records_in_an_array_have_the_verdicts_of_the_same_lines() {
    let folder = "gateway-v31";
    let (state, options) = state_of(folder);
    let roots = TrustedRoots::open(&state, &options).unwrap();
    let array = proofs(folder, Target::Latest, ProofFormat::Json);
    let of_lines = together(proofs(folder, Target::Latest, ProofFormat::Ndjson), roots.clone());
    assert_eq!(together(array.clone(), roots.clone()), of_lines);
    assert!(of_lines.iter().flatten().all(|(valid, _)| *valid == Some(true)));
    // A digit of every tenth word is another one.
    let (mut altered, mut words) = (array, 0);
    for at in 0..altered.len() - 70 {
        if altered[at..].starts_with(b"\"0x") && altered[at + 67] == b'"' {
            words += 1;
            if words % 10 == 0 {
                altered[at + 20] = if altered[at + 20] == b'0' { b'1' } else { b'0' };
            }
        }
    }
    let verdicts = together(altered, roots);
    assert_eq!(verdicts.len(), of_lines.len());
    assert!(verdicts.iter().flatten().any(|(valid, _)| *valid == Some(false)));
}
