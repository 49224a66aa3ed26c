//! Members of foreign objects that are needed, with errors that name them.

use super::SourceError;
use crate::primitives::spelled::Member;

/// The value of the member `name`, or `None` if it is missing or null. `of` names the object.
pub(super) fn needed<T: Copy>(
    member: &Member<T>,
    name: &'static str,
    of: impl Fn() -> String,
) -> Result<Option<T>, SourceError> {
    member.needed().map(Option::<&T>::copied).map_err(|error| SourceError::Member {
        name,
        of: of(),
        error,
    })
}

/// The value of the member `name`, which must be there.
pub(super) fn required<T: Copy>(
    member: &Member<T>,
    name: &'static str,
    of: impl Fn() -> String,
) -> Result<T, SourceError> {
    needed(member, name, &of)?.ok_or_else(|| SourceError::Missing { what: of(), field: name })
}
