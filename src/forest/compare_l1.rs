use super::{Forest, L1Error};
use crate::proof::CheckedBy;

impl Forest {
    /// Compares the trees with those from the settlement layer's batches on L1: one of them has to begin with the
    /// other. Returns whether those from L1 go on after these. If they have all batches of these,
    /// [`Forest::checked_by`] includes [`CheckedBy::L1`] afterwards.
    ///
    /// # Errors
    /// [`L1Error::OtherTrees`] for the first chain that differs.
    pub fn compare_with_l1(&mut self, from_l1: &Self) -> Result<bool, L1Error> {
        for (index, (own, other)) in self.chains().iter().zip(from_l1.chains()).enumerate() {
            let chain = own.chain();
            let batches = own.batches().iter().zip(own.batch_roots());
            let mut others = other.batches().iter().zip(other.batch_roots());
            let differing = batches.zip(&mut others).find(|(own, other)| own != other);
            if other.chain() != chain || differing.is_some() {
                let batch = differing.map(|((batch, _), _)| batch);
                return Err(L1Error::OtherTrees { index: index as u64, chain, batch });
            }
        }
        let is_at_least = |one: &Self, other: &Self| {
            one.chains().len() >= other.chains().len()
                && one
                    .chains()
                    .iter()
                    .zip(other.chains())
                    .all(|(one, other)| one.batches().len() >= other.batches().len())
        };
        if is_at_least(from_l1, self) {
            self.checked_by = self.checked_by.and(CheckedBy::L1);
        }
        Ok(is_at_least(from_l1, self) && !is_at_least(self, from_l1))
    }
}
