use crate::files::{OutputError, Scratch};

/// The bytes of pubdata that are kept in memory; more are kept in a temporary file.
const IN_MEMORY: usize = 64 << 20;

/// Where the pubdata of a commit are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PubdataPlace {
    offset: u64,
    len: usize,
}

impl PubdataPlace {
    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The pubdata that were in the calldata of commits: the first ones in memory, the others in a temporary file.
#[derive(Debug, Default)]
pub(super) struct StoredPubdata {
    memory: Vec<u8>,
    scratch: Option<Scratch>,
}

impl StoredPubdata {
    pub(super) fn put(&mut self, pubdata: &[u8]) -> Result<PubdataPlace, OutputError> {
        let len = pubdata.len();
        if self.scratch.is_none() && self.memory.len() + len <= IN_MEMORY {
            let offset = self.memory.len() as u64;
            self.memory.extend_from_slice(pubdata);
            return Ok(PubdataPlace { offset, len });
        }
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            none => none.insert(Scratch::temporary()?),
        };
        let offset = scratch.append(pubdata)? + self.memory.len() as u64;
        Ok(PubdataPlace { offset, len })
    }

    pub(super) fn read(&self, place: &PubdataPlace) -> Result<Vec<u8>, OutputError> {
        let in_memory = self.memory.len() as u64;
        let Some(offset) = place.offset.checked_sub(in_memory) else {
            #[expect(clippy::cast_possible_truncation, reason = "the memory holds it")]
            let start = place.offset as usize;
            return Ok(self.memory[start..][..place.len].to_vec());
        };
        let mut pubdata = vec![0; place.len];
        match &self.scratch {
            Some(scratch) => scratch.read(offset, &mut pubdata).map(|()| pubdata),
            // Nothing but empty pubdata is behind the memory.
            None => Ok(pubdata),
        }
    }
}
