# The usual commands. `just --list` prints them.

# Format all code.
fmt:
    cargo fmt

# Lint everything; warnings are errors.
clippy:
    cargo clippy --all-targets --all-features -- -D warnings

# Run tests: all, or those whose names contain the arguments.
test *names:
    cargo test {{names}}

# Run the unit tests on one thread, which finds code that waits for another thread.
test-one-thread:
    RAYON_NUM_THREADS=1 cargo test --lib -- --test-threads=1

# Build the documentation; warnings are errors.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# Check licences, sources and advisories of dependencies (needs cargo-deny).
deny:
    cargo deny check

# Lint the benches and run each of them once.
bench-check:
    cargo clippy --manifest-path benches/Cargo.toml --all-targets -- -D warnings
    cargo bench --manifest-path benches/Cargo.toml -- --test

# Check that the core builds without files and threads (needs the target wasm32-unknown-unknown).
wasm-check:
    cargo check --lib --no-default-features --target wasm32-unknown-unknown

# Everything that a change has to pass.
ci:
    .ci/run

# Everything that a release has to pass.
full: ci deny bench-check wasm-check
