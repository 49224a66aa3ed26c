//! JSON that may be longer than memory, or hostile.
//!
//! | module | reads |
//! | --- | --- |
//! | `values` | texts of values that follow each other, each parsed apart by serde |
//! | `lists` | arrays inside a value, element by element |
//! | `stream` | one value of any length, token by token |

mod lists;
mod stream;
mod values;

pub(super) use lists::{at_most, each_element};
pub(super) use stream::Json;
pub(super) use values::{JsonValues, ValueChunk};
