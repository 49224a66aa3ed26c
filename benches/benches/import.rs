//! The time to import a zksync-era snapshot, compared with the time to only inflate its files:
//!
//! ```text
//! cargo bench --manifest-path benches/Cargo.toml --bench import [-- SLOTS [FOLDER]]
//! ```
//!
//! Writes a snapshot of SLOTS slots (default 20 million) to FOLDER (default a temporary one), in chunks of
//! a million as nodes do: version 1, keys ascending over all chunks, half of the values hashes and half
//! small numbers. Both measurements read the files with the same library on the same threads. Processor
//! time is printed too, because other programs on the machine affect it less than the elapsed time.

use std::{
    error::Error,
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use rayon::prelude::*;
use slproof::ingest::state::Import;

const CHUNK: u64 = 1_000_000;
/// The number of runs. The fastest one counts.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let slots: u64 = arguments.next().map_or(Ok(20_000_000), |text| text.parse())?;
    let temporary = tempfile::tempdir()?;
    let folder = arguments.next().map_or(temporary.path().to_owned(), PathBuf::from);
    let chunks = generate(&folder, slots)?;
    let target = folder.join("bench.slsnap");

    let (mut inflating, mut importing) = (Took::MOST, Took::MOST);
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let took = Took::since(|| {
            bytes = chunks.par_iter().map(|path| inflate(path)).sum::<io::Result<u64>>()?;
            Ok(())
        })?;
        inflating = inflating.min(took);
        // Otherwise the old file would be freed within the measurement.
        let _ = fs::remove_file(&target);
        let took = Took::since(|| {
            let imported = Import::default().to_file(std::slice::from_ref(&folder), &target)?;
            assert_eq!(imported.header.entries, slots);
            Ok(())
        })?;
        importing = importing.min(took);
    }
    fs::remove_file(target)?;
    let megabytes = bytes / 1_000_000;
    println!("{slots} slots, {megabytes} MB, {} threads", rayon::current_num_threads());
    for (what, took) in [("inflating", inflating), ("import", importing)] {
        let rate = slots as f64 / took.clock / 1e6;
        let Took { clock, cpu } = took;
        println!("{what:<10} {clock:6.2} s  {rate:6.2} M slots/s  {cpu:6.2} s of processor time");
    }
    let percent = |a: f64, b: f64| 100.0 * a / b;
    println!(
        "inflating / import: {:.0} % by the clock, {:.0} % by processor time",
        percent(inflating.clock, importing.clock),
        percent(inflating.cpu, importing.cpu)
    );
    Ok(())
}

/// Seconds.
#[derive(Clone, Copy)]
struct Took {
    clock: f64,
    cpu: f64,
}

impl Took {
    const MOST: Self = Self { clock: f64::MAX, cpu: f64::MAX };

    fn since(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<Self, Box<dyn Error>> {
        let (started, before) = (Instant::now(), cpu()?);
        work()?;
        Ok(Self { clock: started.elapsed().as_secs_f64(), cpu: cpu()? - before })
    }

    fn min(self, other: Self) -> Self {
        Self { clock: self.clock.min(other.clock), cpu: self.cpu.min(other.cpu) }
    }
}

/// The processor time of this process so far: fields 14 and 15 of Linux's `stat`, in hundredths.
fn cpu() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<u64> =
        after_name.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<u64>() as f64 / 100.0)
}

fn inflate(path: &Path) -> io::Result<u64> {
    let mut data = GzDecoder::new(BufReader::with_capacity(1 << 18, File::open(path)?));
    let (mut buffer, mut bytes) = (vec![0; 1 << 18], 0);
    loop {
        match data.read(&mut buffer)? {
            0 => return Ok(bytes),
            len => bytes += len as u64,
        }
    }
}

fn generate(folder: &Path, slots: u64) -> io::Result<Vec<PathBuf>> {
    (0..slots.div_ceil(CHUNK))
        .into_par_iter()
        .map(|id| {
            let path =
                folder.join(format!("snapshot_l1_batch_7_storage_logs_part_{id:04}.proto.gzip"));
            let mut file = GzEncoder::new(File::create(&path)?, Compression::default());
            let mut text = Vec::new();
            for at in id * CHUNK..slots.min((id + 1) * CHUNK) {
                record(at, slots, &mut text);
                if text.len() > 1 << 18 {
                    file.write_all(&text)?;
                    text.clear();
                }
            }
            file.write_all(&text)?;
            file.finish()?;
            Ok(path)
        })
        .collect()
}

/// A record of version 1. Indexes are a permutation of 1 to `slots`, if 7919 does not divide that.
fn record(at: u64, slots: u64, out: &mut Vec<u8>) {
    let random = |salt: u64| {
        let mut x =
            (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xd1b5_4a32_d192_ed03);
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    };
    let step = u64::MAX / slots;
    let mut value = [0; 32];
    match at % 2 {
        0 => value
            .chunks_exact_mut(8)
            .zip(1..)
            .for_each(|(part, salt)| part.copy_from_slice(&random(salt).to_be_bytes())),
        _ => value[29..].copy_from_slice(&(random(1) as u32 | 1).to_be_bytes()[1..]),
    }
    let mut fields = b"\x1a\x20".to_vec();
    fields.extend_from_slice(&value);
    fields.extend_from_slice(b"\x20\x07\x28");
    varint(at * 7919 % slots + 1, &mut fields);
    fields.extend_from_slice(b"\x32\x20");
    fields.extend_from_slice(&(at * step + random(5) % step).to_be_bytes());
    (6..9).for_each(|salt| fields.extend_from_slice(&random(salt).to_be_bytes()));
    out.push(0x0a);
    varint(fields.len() as u64, out);
    out.extend_from_slice(&fields);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
