//! The time to read the pubdata out of blobs, on one thread, beside other transforms of the same size:
//!
//! ```text
//! cargo bench --manifest-path benches/Cargo.toml --bench blobs
//! ```
//!
//! - `blobs/decode`: from the bytes of a blob to its pubdata, as `slproof` does it; `ekzg` and `ark` put the inverse
//!   transforms of rust-eth-kzg (a KZG library, on blst) and of arkworks between the same conversions.
//! - `blobs/hash`: the keccak256 that tells which blob it is.

use std::hint::black_box;

use ark_bls12_381::Fr;
use ark_ff::{BigInteger, PrimeField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ekzg_bls12_381::Scalar;
use ekzg_polynomial::domain::Domain;
use slproof::{
    ingest::l1::blobs::{BLOB_LEN, BLOB_PUBDATA_LEN, BlobDecoder},
    keccak::keccak256,
};

#[path = "../../examples/synthesize/blobs.rs"]
mod encoder;

/// The values of a blob in the order of the powers of the root of unity.
fn in_order(blob: &[u8]) -> impl Iterator<Item = [u8; 32]> {
    let (values, _) = blob.as_chunks::<32>();
    let bits = values.len().trailing_zeros();
    (0..values.len()).map(move |at| values[at.reverse_bits() >> (usize::BITS - bits)])
}

fn with_ekzg(domain: &Domain, blob: &[u8]) -> Vec<u8> {
    let values = in_order(blob).map(|bytes| Scalar::from_bytes_be(&bytes).expect("of the field"));
    let coefficients = domain.ifft_scalars(values.collect());
    coefficients.iter().rev().flat_map(|scalar| scalar.to_bytes_le().into_iter().take(31)).collect()
}

fn with_ark(domain: &Radix2EvaluationDomain<Fr>, blob: &[u8]) -> Vec<u8> {
    let mut values: Vec<Fr> = in_order(blob).map(|b| Fr::from_be_bytes_mod_order(&b)).collect();
    domain.ifft_in_place(&mut values);
    values
        .iter()
        .rev()
        .flat_map(|value| value.into_bigint().to_bytes_le().into_iter().take(31))
        .collect()
}

fn blobs(c: &mut Criterion) {
    let mut state = 1u64;
    let pubdata: Vec<u8> = (0..BLOB_PUBDATA_LEN)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .collect();
    let blob: [u8; BLOB_LEN] =
        encoder::Encoder::new().blob(&pubdata).try_into().expect("as long as a blob");
    let (mut decoder, mut read) = (BlobDecoder::default(), Vec::new());
    let ekzg = Domain::new(4096);
    let ark = Radix2EvaluationDomain::new(4096).expect("a power of two");
    decoder.decode(&blob, &mut read).expect("a blob");
    assert!(
        read == pubdata && with_ekzg(&ekzg, &blob) == pubdata && with_ark(&ark, &blob) == pubdata
    );

    let mut group = c.benchmark_group("blobs/decode");
    group.throughput(Throughput::Bytes(BLOB_PUBDATA_LEN as u64));
    group.bench_function("slproof", |bencher| {
        bencher.iter(|| decoder.decode(black_box(&blob), &mut read));
    });
    group.bench_function("ekzg", |bencher| bencher.iter(|| with_ekzg(&ekzg, black_box(&blob))));
    group.bench_function("ark", |bencher| bencher.iter(|| with_ark(&ark, black_box(&blob))));
    group.finish();

    let mut group = c.benchmark_group("blobs/hash");
    group.throughput(Throughput::Bytes(BLOB_PUBDATA_LEN as u64));
    group.bench_function("keccak256", |bencher| bencher.iter(|| keccak256(black_box(&pubdata))));
    group.finish();
}

criterion_group!(benches, blobs);
criterion_main!(benches);
