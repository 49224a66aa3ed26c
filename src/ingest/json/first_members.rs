/// The names of the members of the first object in a text that may be cut anywhere, each with the text after
/// it.
pub(in crate::ingest) fn first_members(text: &[u8]) -> Vec<(&[u8], &[u8])> {
    let (mut depth, mut members) = (0u32, Vec::new());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'{' => depth += 1,
            b'[' if depth > 0 => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            b'"' => {
                let mut len = 0;
                while let Some(byte) = rest.get(len).filter(|byte| **byte != b'"') {
                    len += if *byte == b'\\' { 2 } else { 1 };
                }
                let Some((text, after)) = rest.split_at_checked(len) else { break };
                rest = after.get(1..).unwrap_or_default();
                if let (1, Some(value)) = (depth, rest.trim_ascii_start().strip_prefix(b":")) {
                    members.push((text, value));
                }
            }
            _ => {}
        }
    }
    members
}
