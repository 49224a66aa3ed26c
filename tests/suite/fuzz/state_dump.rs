/// A state dump in JSON, of any node and in any form, is read whole or refused.
pub(super) fn run(data: &[u8]) {
    super::importing::read(data);
}
