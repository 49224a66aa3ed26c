//! What the integration tests share: the oracles, and the way to the fixtures.
#![allow(dead_code, unreachable_pub)]

pub mod naive;
