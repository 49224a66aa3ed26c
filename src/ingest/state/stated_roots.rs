//! The storage roots in dumps, to detect dumps of different states.

use bytemuck::{Pod, Zeroable};

use super::{ImportError, space::Space};
use crate::{
    files::{ExternalSort, SortRecord},
    primitives::{Address, Hash},
    state::keys::AccountKey,
};

/// A storage root of an account in a dump, sorted by account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
struct Statement {
    /// keccak256(address).
    account: Hash,
    /// The number of the input, big-endian, so that inputs sort in their order.
    input: [u8; 4],
    root: Hash,
    /// 1 if the address is known, else 0; and the address.
    is_named: u8,
    address: [u8; 20],
}

impl SortRecord for Statement {
    type Place = ();

    fn payload_len(&self) -> usize {
        0
    }
}

impl Statement {
    fn name(&self) -> Option<AccountKey> {
        (self.is_named != 0).then(|| AccountKey::Address(Address::new(self.address)))
    }
}

/// The storage roots of accounts in several dumps. Dumps of two states may agree on all slots that both have;
/// the roots detect this. There may be more accounts than fit into memory.
pub(super) struct StatedRoots(ExternalSort<Statement>);

impl StatedRoots {
    pub(super) fn new(space: &Space) -> Self {
        Self(space.sort_of_roots())
    }

    /// Adds the root of an account in the input with this number.
    pub(super) fn add(
        &mut self,
        account: AccountKey,
        root: Hash,
        input: u32,
    ) -> Result<(), ImportError> {
        let (is_named, address) = match account {
            AccountKey::Address(address) => (1, *address.as_bytes()),
            AccountKey::Hash(_) => (0, [0; 20]),
        };
        let (account, input) = (account.hash(), input.to_be_bytes());
        Ok(self.0.push(Statement { account, input, root, is_named, address }, &[])?)
    }

    /// Returns an error if an account has two roots. `inputs` are the names by number.
    pub(super) fn check(self, inputs: &[String]) -> Result<(), ImportError> {
        let mut sorted = self.0.finish()?;
        let mut before: Option<Statement> = None;
        while let Some((here, _)) = sorted.next()? {
            let differs =
                |before: &Statement| before.account == here.account && before.root != here.root;
            if let Some(before) = before.filter(differs) {
                let name = |statement: &Statement| {
                    let number = u32::from_be_bytes(statement.input) as usize;
                    inputs.get(number).cloned().unwrap_or_default()
                };
                let account = before.name().or(here.name());
                return Err(ImportError::StorageRoots {
                    account: account.unwrap_or(AccountKey::Hash(here.account)),
                    first: name(&before),
                    first_root: before.root,
                    second: name(&here),
                    second_root: here.root,
                });
            }
            before = Some(here);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::keys::trie_key;

    /// The check works with any amount of memory, and if only one of the two dumps knows the address.
    #[test]
    fn two_roots_of_one_account_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["a".to_owned(), "b".to_owned()];
        let by_hash = |address: Address| AccountKey::Hash(trie_key(address.as_bytes()));
        for in_memory in [0, 1 << 20] {
            for bad in [None, Some(0), Some(300), Some(599)] {
                let space = Space { in_memory, ..Space::beside(&folder.path().join("out")) };
                let mut roots = StatedRoots::new(&space);
                for number in 0..600u64 {
                    let address = Address::system(number);
                    let root = trie_key(&number.to_le_bytes());
                    roots.add(by_hash(address), root, 0).unwrap();
                    let other = if bad == Some(number) { Hash::ZERO } else { root };
                    roots.add(AccountKey::Address(address), other, 1).unwrap();
                }
                let Some(bad) = bad else {
                    roots.check(&names).unwrap();
                    continue;
                };
                let error = roots.check(&names).unwrap_err();
                let ImportError::StorageRoots { account, first, second, second_root, .. } = error
                else {
                    panic!("{error}")
                };
                assert_eq!(account, AccountKey::Address(Address::system(bad)));
                assert_eq!((&*first, &*second, second_root), ("a", "b", Hash::ZERO));
            }
        }
    }
}
