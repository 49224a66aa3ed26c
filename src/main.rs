//! The `slproof` command.
fn main() {}
