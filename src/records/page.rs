/// The page that finds messages, shows their proofs and checks them in the browser: one file of HTML with its
/// script, which needs nothing else. It asks the server or reads the directory that it comes from.
pub const PAGE: &str = include_str!("../../web/index.html");

/// Where the page takes records from if they are in the page itself.
const RECORDS: &str = "<script type=\"application/json\" id=\"bundle\">";

/// The page in two parts, between which it takes a JSON list of records.
pub(super) fn around_records() -> (&'static str, &'static str) {
    let at = PAGE.find(RECORDS).map_or(PAGE.len(), |at| at + RECORDS.len());
    PAGE.split_at(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_place_for_records() {
        assert!(around_records().1.starts_with("</script>"));
        assert_eq!(PAGE.matches(RECORDS).count(), 1);
    }
}
