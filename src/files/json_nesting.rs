/// The nesting of strings and brackets in a JSON text. This is enough to find where values end, even if they are
/// not valid JSON.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JsonNesting {
    depth: u32,
    in_string: bool,
    is_escaped: bool,
}

impl JsonNesting {
    /// Goes past a byte.
    pub(crate) fn pass(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// Whether the next byte is in a string.
    pub(crate) fn is_in_string(&self) -> bool {
        self.in_string
    }

    /// Whether the next byte is outside of all strings and brackets.
    pub(crate) fn is_outside(&self) -> bool {
        self.depth == 0 && !self.in_string
    }
}
