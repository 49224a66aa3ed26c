//! Readers for JSON that may exceed memory or be malicious.
//!
//! | module | reads |
//! | --- | --- |
//! | `values` | a sequence of values, each parsed separately by serde |
//! | `pieces` | the same, in pieces that any thread can parse |
//! | `first_members` | the members of the first object, in text that may be cut |
//! | `first_object` | the object by which a text is recognized, behind damage and errors |
//! | `lists` | arrays inside a value, element by element |
//! | `stream` | one value of any length, token by token |
//! | `large` | the same, with objects of very many members on all threads |

mod first_members;
mod first_object;
mod large;
mod lists;
mod pieces;
mod stream;
mod values;

pub(super) use first_members::first_members;
pub(super) use first_object::{from_first_object, is_json};
pub(super) use large::{LargeJson, string_members};
pub(super) use lists::{at_most, each_element, list_at_most};
pub(super) use pieces::{JsonPiece, JsonPieces, UnreadPiece};
pub(super) use stream::Json;
pub(super) use values::{JsonValues, LONGEST_VALUE, ValueChunk};
