//! The events of MessageRoot as `eth_getLogs` returns them, one log on each line.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use slproof::{
    contracts::Layout,
    forest::chain_id_leaf,
    keccak::keccak256,
    primitives::{BatchNumber, Hash, Word},
};

use super::layer::{Layer, MESSAGE_ROOT};

/// Writes events. A block has one transaction.
pub(crate) struct EventLogs<'f> {
    file: &'f mut BufWriter<File>,
    /// The first topics: of `AddedChain`, `AppendedChainBatchRoot`, `NewChainRoot` and `NewInteropRoot`, and of the
    /// second and the last since v33.
    signatures: [Hash; 6],
    block: u64,
    block_hash: Hash,
    /// The index of the next log of the block.
    log_index: u64,
}

impl<'f> EventLogs<'f> {
    pub(crate) fn to(file: &'f mut BufWriter<File>) -> Self {
        let signatures = [
            "AddedChain(uint256,uint256)",
            "AppendedChainBatchRoot(uint256,uint256,bytes32)",
            "NewChainRoot(uint256,bytes32,bytes32)",
            "NewInteropRoot(uint256,uint256,uint256,bytes32[])",
            "AppendedChainBatchRoot(uint256,uint256,bytes32,uint256)",
            "NewInteropRoot(uint256,uint256,uint256,uint256,bytes32[])",
        ];
        let signatures = signatures.map(|text| keccak256(text.as_bytes()));
        Self { file, signatures, block: 0, block_hash: Hash::ZERO, log_index: 0 }
    }

    /// The events of the last registration.
    pub(crate) fn registered(&mut self, layer: &Layer) -> io::Result<()> {
        let index = layer.chains().len() - 1;
        let chain = layer.chains()[index].id.to_word();
        self.log(layer, 0, &[chain, (index as u64).into()], &[])?;
        if layer.layout() >= Layout::V31 { self.interop_root(layer) } else { Ok(()) }
    }

    /// The events of the append of one batch to the chain at an index.
    pub(crate) fn appended(
        &mut self,
        layer: &Layer,
        index: usize,
        (batch, root): (BatchNumber, Hash),
    ) -> io::Result<()> {
        let chain = &layer.chains()[index];
        let (id, chain_root) = (chain.id.to_word(), chain.tree.root());
        let topics = [id, batch.to_word()];
        match layer.layout() {
            Layout::V33 => {
                self.log(layer, 4, &topics, &[root.into(), layer.timestamp().to_word()])?
            }
            _ => self.log(layer, 1, &topics, &[root.into()])?,
        }
        let leaf = chain_id_leaf(chain_root, chain.id);
        self.log(layer, 2, &[id], &[chain_root.into(), leaf.into()])?;
        match layer.layout() {
            Layout::V26 => Ok(()),
            Layout::V29 | Layout::V31 | Layout::V33 => self.interop_root(layer),
        }
    }

    fn interop_root(&mut self, layer: &Layer) -> io::Result<()> {
        let own = layer.chains()[0].id.to_word();
        let log_id = if layer.layout() >= Layout::V31 { layer.interop_roots().0 } else { 0 };
        let topics = [own, layer.block().into(), log_id.into()];
        let root = layer.root().into();
        match layer.layout() {
            Layout::V33 => {
                let data = [layer.timestamp().to_word(), 64.into(), 1.into(), root];
                self.log(layer, 5, &topics, &data)
            }
            _ => self.log(layer, 3, &topics, &[32.into(), 1.into(), root]),
        }
    }

    fn log(
        &mut self,
        layer: &Layer,
        event: usize,
        topics: &[Word],
        data: &[Word],
    ) -> io::Result<()> {
        let block = layer.block();
        if self.block != block {
            let block_hash = keccak256(&block.to_be_bytes());
            (self.block, self.block_hash, self.log_index) = (block, block_hash, 0);
        }
        let (block_hash, log_index, signature) =
            (self.block_hash, self.log_index, self.signatures[event]);
        let file = &mut *self.file;
        write!(file, "{{\"address\":\"{MESSAGE_ROOT}\",\"topics\":[\"{signature}\"")?;
        for topic in topics {
            write!(file, ",\"{topic}\"")?;
        }
        file.write_all(b"],\"data\":\"0x")?;
        for word in data {
            file.write_all(&word.to_string().as_bytes()[2..])?;
        }
        writeln!(
            file,
            "\",\"blockHash\":\"{block_hash}\",\"blockNumber\":\"{block:#x}\",\
             \"transactionHash\":\"{block_hash}\",\"transactionIndex\":\"0x0\",\
             \"logIndex\":\"{log_index:#x}\",\"removed\":false}}"
        )?;
        self.log_index += 1;
        Ok(())
    }
}
