//! How the whole numbers of records are written in JSON.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// How the whole numbers of records are written in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Integers {
    /// As numbers. Above 2^53, programs that read them as 64-bit floats lose digits, as `JSON.parse` of JavaScript does.
    #[default]
    Number,
    /// As strings of decimal digits.
    String,
}

impl Integers {
    /// Appends a value as JSON without line breaks.
    pub(crate) fn compact(self, value: &impl Serialize, out: &mut Vec<u8>) {
        self.write(value, out, CompactFormatter);
    }

    /// Appends a value as indented JSON.
    pub(crate) fn pretty(self, value: &impl Serialize, out: &mut Vec<u8>) {
        self.write(value, out, PrettyFormatter::new());
    }

    fn write(self, value: &impl Serialize, out: &mut Vec<u8>, formatter: impl Formatter) {
        // Cannot fail: records have no maps with keys other than strings, and writing to a vector succeeds.
        let _ = match self {
            Self::Number => value.serialize(&mut Serializer::with_formatter(out, formatter)),
            Self::String => {
                value.serialize(&mut Serializer::with_formatter(out, Quoted(formatter)))
            }
        };
    }
}

/// Writes whole numbers as strings, and everything else as another formatter does.
struct Quoted<F>(F);

/// Methods that pass their arguments on.
macro_rules! pass_on {
    ($($name:ident($($argument:ident: $kind:ty)?)),+ $(,)?) => {
        $(fn $name<W: ?Sized + io::Write>(&mut self, writer: &mut W $(, $argument: $kind)?) -> io::Result<()> {
            self.0.$name(writer $(, $argument)?)
        })+
    };
}

/// Methods that write a whole number in quotes.
macro_rules! quote {
    ($($name:ident($kind:ty)),+ $(,)?) => {
        $(fn $name<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: $kind) -> io::Result<()> {
            write!(writer, "\"{value}\"")
        })+
    };
}

impl<F: Formatter> Formatter for Quoted<F> {
    pass_on!(
        begin_array(),
        end_array(),
        begin_array_value(first: bool),
        end_array_value(),
        begin_object(),
        end_object(),
        begin_object_key(first: bool),
        end_object_key(),
        begin_object_value(),
        end_object_value(),
    );
    quote!(
        write_u8(u8),
        write_u16(u16),
        write_u32(u32),
        write_u64(u64),
        write_i8(i8),
        write_i16(i16),
        write_i32(i32),
        write_i64(i64),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_change_their_form() {
        let value = serde_json::json!({"a": [1, "b"], "c": true});
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut text = Vec::new();
            write(&mut text);
            String::from_utf8(text).unwrap()
        };
        let (number, string) = (Integers::Number, Integers::String);
        let compact = |integers: Integers| written(&|out| integers.compact(&value, out));
        let pretty = |integers: Integers| written(&|out| integers.pretty(&value, out));
        assert_eq!(compact(number), r#"{"a":[1,"b"],"c":true}"#);
        assert_eq!(compact(string), r#"{"a":["1","b"],"c":true}"#);
        let lines = |one| format!("{{\n  \"a\": [\n    {one},\n    \"b\"\n  ],\n  \"c\": true\n}}");
        assert_eq!(pretty(number), lines("1"));
        assert_eq!(pretty(string), lines("\"1\""));
    }
}
