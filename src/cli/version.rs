//! The text of `--version`.

use std::{
    env::consts::{ARCH, OS},
    sync::LazyLock,
};

/// The version, the commit (if it is known), the target, and the cargo features. The command line requires
/// all features in the list.
pub(super) static LONG: LazyLock<String> = LazyLock::new(|| {
    let commit = option_env!("SLPROOF_COMMIT").unwrap_or("unknown");
    format!(
        "{}\ncommit   {commit}\ntarget   {ARCH}-{OS}\nfeatures archive, calldata, cli, parquet, serve",
        env!("CARGO_PKG_VERSION")
    )
});
