use crate::proof::reader::BUNDLE;

/// The page that finds messages, shows their proofs and checks them in the browser: one file of HTML with its
/// script, which needs nothing else. It asks the server or reads the directory that it comes from.
pub const PAGE: &str = concat!(
    include_str!("../../web/page/start.html"),
    include_str!("../../web/page/style.css"),
    include_str!("../../web/page/body.html"),
    include_str!("../../web/page/keccak.js"),
    include_str!("../../web/page/verifier.js"),
    include_str!("../../web/page/sources.js"),
    include_str!("../../web/page/view.js"),
    include_str!("../../web/page/end.html"),
);

/// What a page gets that shows what L1 accepts: a script that uses functions of the page, and a place for the proofs.
const L1: &str = concat!(
    include_str!("../../web/page/l1_start.html"),
    include_str!("../../web/page/l1_tries.js"),
    include_str!("../../web/page/l1_rules.js"),
    include_str!("../../web/page/l1_view.js"),
    "</script>\n",
);

/// Where the script for L1 takes the proofs from.
const L1_PROOFS: &str = "<script type=\"application/json\" id=\"l1\">";

/// Where the page ends.
const END: &str = "</body>";

/// A text in two parts: up to the end of the first occurrence of `place`, and from there on.
fn split_after<'t>(text: &'t str, place: &str) -> (&'t str, &'t str) {
    text.split_at(text.find(place).map_or(text.len(), |at| at + place.len()))
}

/// The page in two parts, between which it takes a JSON list of records.
pub(super) fn around_records() -> (&'static str, &'static str) {
    split_after(PAGE, BUNDLE)
}

/// The second part of the page, with the script for L1 and the proofs, which are JSON without `<`.
pub(super) fn with_l1(proofs: &str) -> String {
    let (_, page) = around_records();
    let (page, end) = page.split_at(page.rfind(END).unwrap_or(page.len()));
    let (before, after) = split_after(L1, L1_PROOFS);
    [page, before, proofs, after, end].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_place_for_records_and_for_proofs_of_l1() {
        let (before, after) = around_records();
        assert!(after.starts_with("</script>"));
        assert_eq!(PAGE.matches(BUNDLE).count(), 1);
        assert_eq!(PAGE.matches(END).count(), 1);
        let text = with_l1("{}");
        assert_eq!(text.matches(&format!("{L1_PROOFS}{{}}</script>")).count(), 1);
        assert_eq!(text.replace(&L1.replace(L1_PROOFS, &format!("{L1_PROOFS}{{}}")), ""), after);
        assert!(before.starts_with("<!doctype html>") && text.ends_with("</body>\n</html>\n"));
    }
}
