#[path = "../../examples/synthesize/blobs.rs"]
pub mod blobs;

#[path = "../../tests/suite/support/container.rs"]
pub mod container;

#[allow(unused_imports, reason = "tests use more of it")]
#[path = "../../tests/suite/support/layer.rs"]
pub mod layer;
