//! JSON lists. A short text can hold very many elements, so elements are passed on one by one, or reading
//! stops at a limit.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, SeqAccess, Visitor},
};

/// Passes each element of the array `text` to `take` as soon as it is parsed, until `take` returns an error.
///
/// # Errors
/// The outer error means that the text is not an array of such elements; some elements may have been passed
/// on before. The inner error is that of `take`.
pub(in crate::ingest) fn each_element<'t, T: Deserialize<'t>, E>(
    text: &'t str,
    take: impl FnMut(T) -> Result<(), E>,
) -> Result<Result<(), E>, serde_json::Error> {
    let mut refused = None;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let each = Each { take, refused: &mut refused, of: PhantomData };
    let read = each.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match refused {
        Some(error) => Ok(Err(error)),
        None => read.map(Ok),
    }
}

struct Each<'r, T, E, F> {
    take: F,
    refused: &'r mut Option<E>,
    of: PhantomData<T>,
}

impl<'t, T: Deserialize<'t>, E, F: FnMut(T) -> Result<(), E>> DeserializeSeed<'t>
    for Each<'_, T, E, F>
{
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'t, T: Deserialize<'t>, E, F: FnMut(T) -> Result<(), E>> Visitor<'t> for Each<'_, T, E, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'t>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            if let Err(error) = (self.take)(element) {
                *self.refused = Some(error);
                return Err(de::Error::custom("not read further"));
            }
        }
        Ok(())
    }
}

/// A list of at most `most` elements. `too_many` is the error text for a longer list, which is not read to
/// its end.
pub(in crate::ingest) fn at_most<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
    most: usize,
    too_many: &'static str,
) -> Result<Vec<T>, D::Error> {
    struct Bounded<T>(usize, &'static str, PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
            list_at_most(list, self.0, self.1)
        }
    }

    deserializer.deserialize_seq(Bounded(most, too_many, PhantomData))
}

/// The elements of a list, as [`at_most`].
pub(in crate::ingest) fn list_at_most<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    mut list: A,
    most: usize,
    too_many: &'static str,
) -> Result<Vec<T>, A::Error> {
    let mut elements = Vec::new();
    while let Some(element) = list.next_element()? {
        if elements.len() == most {
            return Err(de::Error::custom(too_many));
        }
        elements.push(element);
    }
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_passed_on_until_one_is_refused_or_the_text_ends() {
        let read = |text| {
            let mut found = Vec::new();
            let read = each_element(text, |number: u8| {
                found.push(number);
                if number == 9 { Err("nine") } else { Ok(()) }
            });
            (found, read.map_err(|error| error.to_string()))
        };
        assert_eq!(read(" [1, 2,3] "), (vec![1, 2, 3], Ok(Ok(()))));
        assert_eq!(read("[]"), (vec![], Ok(Ok(()))));
        assert_eq!(read("[1,9,3"), (vec![1, 9], Ok(Err("nine"))));
        for (text, taken) in [("[1,2", 2), ("[1,{}]", 1), ("[1] 2", 1), ("{}", 0), ("", 0)] {
            let (found, read) = read(text);
            assert_eq!((found.len(), read.is_err()), (taken, true), "{text}");
        }
    }

    #[test]
    fn a_list_has_at_most_the_given_length() {
        let read = |text: &str| {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            at_most::<u8, _>(&mut deserializer, 2, "three are too many")
        };
        assert_eq!(read("[1,2]").unwrap(), [1, 2]);
        // The text after the third element is not read.
        let error = read("[1,2,3,\"x").unwrap_err().to_string();
        assert!(error.contains("three are too many"), "{error}");
    }
}
