//! What trees were compared with, in words.

use crate::proof::CheckedBy;

/// What equals the rebuilt trees, by what they were compared with.
pub(super) fn compared(checked_by: CheckedBy) -> Vec<&'static str> {
    let of = |source, text| checked_by.has(source).then_some(text);
    let events = match checked_by.has(CheckedBy::STATE) {
        // A root within a block is stored nowhere, so where events are missing it is not compared.
        true => "every root by block in the events",
        false => "every root in the events",
    };
    let parts = [
        of(CheckedBy::STATE, "every node that the contracts stored"),
        of(CheckedBy::EVENTS, events),
        of(CheckedBy::L1, "every root of an SL batch that its commit on L1 names"),
    ];
    parts.into_iter().flatten().collect()
}

/// The same in one sentence, and what it does not show.
pub(super) fn worth(checked_by: CheckedBy) -> String {
    let parts = compared(checked_by);
    let parts = match parts.split_last() {
        Some((last, before @ [_, ..])) => format!("{} and {last}", before.join(", ")),
        _ => parts.concat(),
    };
    let not_shown = match checked_by {
        CheckedBy::L1 => "",
        CheckedBy::STATE => "; this does not show that the state is of the real chain",
        CheckedBy::EVENTS => {
            "; this does not show that they are of the real chain, or complete at their end"
        }
        _ => "; this does not show that they are of the real chain",
    };
    format!("{parts} equals the rebuilt one{not_shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each part is named if and only if it was compared.
    #[test]
    fn the_sentence_names_what_was_compared() {
        const NAMED: [(CheckedBy, &str); 3] = [
            (CheckedBy::STATE, "node that the contracts stored"),
            (CheckedBy::EVENTS, "in the events"),
            (CheckedBy::L1, "commit on L1"),
        ];
        for byte in 1..=7 {
            let checked_by = CheckedBy::from_byte(byte).unwrap();
            let text = worth(checked_by);
            for (source, words) in NAMED {
                assert_eq!(text.contains(words), checked_by.has(source), "{checked_by}: {text}");
            }
            // Beside a state, not every root in the events is compared.
            let claims_all = text.contains("every root in the events");
            assert_eq!(claims_all, checked_by.has(CheckedBy::EVENTS) && byte & 1 == 0, "{text}");
        }
    }
}
