//! The text form of types that contain bytes.

/// Implements the text form of a type that contains `len` bytes: `0x` and two digits for each byte. It is read in
/// every spelling that [`spelled`](super::spelled) accepts. `expected` describes a value in errors.
macro_rules! hex_text {
    ($name:ident, $len:expr, $expected:literal) => {
        impl std::str::FromStr for $name {
            type Err = $crate::primitives::hex::HexError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::primitives::hex::fixed(text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(const_hex::Buffer::<{ $len }, true>::new().format(&self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(const_hex::Buffer::<{ $len }, true>::new().format(&self.0))
            }
        }

        impl $crate::primitives::spelled::Spelled for $name {
            const EXPECTED: &'static str = $expected;

            fn read(
                scalar: $crate::primitives::spelled::Scalar<'_>,
            ) -> Result<Self, $crate::primitives::spelled::SpellingError> {
                $crate::primitives::spelled::fixed::<Self, { $len }>(scalar).map(Self::new)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::primitives::spelled::deserialize(deserializer)
            }
        }
    };
}
pub(crate) use hex_text;
