//! What `--version` prints.

use std::{
    env::consts::{ARCH, OS},
    sync::LazyLock,
};

/// The version alone, with the commit it was built from if that is known, the target, and the cargo
/// features. The command line needs all features that it names.
pub(super) static LONG: LazyLock<String> = LazyLock::new(|| {
    let commit = option_env!("SLPROOF_COMMIT").unwrap_or("unknown");
    format!(
        "{}\ncommit   {commit}\ntarget   {ARCH}-{OS}\nfeatures archive, calldata, cli, parquet",
        env!("CARGO_PKG_VERSION")
    )
});
