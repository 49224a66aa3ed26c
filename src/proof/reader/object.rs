//! JSON objects whose members have several names.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// An object that is read member by member.
pub(super) trait Object<'de>: Default {
    /// Reads the value of the member with this name.
    fn member<M: MapAccess<'de>>(&mut self, name: &str, object: &mut M) -> Result<(), M::Error>;
}

/// Reads an object, which is the whole text.
pub(super) fn read<'de, T: Object<'de>>(text: &'de [u8]) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let object = json.deserialize_map(Members(PhantomData))?;
    json.end()?;
    Ok(object)
}

/// Reads the value of a member into its place. There may be a value already, under the same or under another name; then
/// the two have to be equal. A value of null is none.
pub(super) fn put<'de, T, M>(place: &mut T, name: &str, object: &mut M) -> Result<(), M::Error>
where
    T: Deserialize<'de> + Default + PartialEq,
    M: MapAccess<'de>,
{
    let value: T = object.next_value()?;
    if value == T::default() || value == *place {
        return Ok(());
    }
    if *place != T::default() {
        return Err(de::Error::custom(format_args!("{name} is given twice, with other values")));
    }
    *place = value;
    Ok(())
}

/// The text of a value that is read later.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Raw<'a>(#[serde(borrow)] pub(super) Option<&'a RawValue>);

impl PartialEq for Raw<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.map(RawValue::get) == other.0.map(RawValue::get)
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Object<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<T, M::Error> {
        let mut object = T::default();
        while let Some(name) = map.next_key::<String>()? {
            object.member(&name, &mut map)?;
        }
        Ok(object)
    }
}
