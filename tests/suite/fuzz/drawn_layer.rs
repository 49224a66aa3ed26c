use slproof::{
    contracts::Layout,
    keccak::{hash_node, keccak256},
    message::{BatchLogs, L2ToL1Log},
    primitives::{Address, BatchNumber, ChainId, Hash},
};

use crate::support::layer::Layer;

const GATEWAY: ChainId = ChainId(506);
/// The most steps, and the most chains beside the settlement layer itself.
const MOST_STEPS: usize = 64;
const MOST_CHAINS: usize = 12;

/// A settlement layer, and the logs of the batches that it executed.
pub(super) struct DrawnLayer {
    pub(super) layer: Layer,
    pub(super) batches: Vec<BatchLogs>,
}

impl DrawnLayer {
    /// The first byte selects the release, each other byte is a step.
    pub(super) fn new(data: &[u8]) -> Self {
        let (release, steps) = data.split_first().unwrap_or((&0, &[]));
        let layout = if release & 1 == 0 { Layout::V29 } else { Layout::V31 };
        let mut drawn = Self { layer: Layer::new(layout, GATEWAY), batches: Vec::new() };
        let (mut block, mut last) = (2, vec![0]);
        drawn.layer.set_block(block);
        for step in steps.iter().take(MOST_STEPS) {
            let rest = step & 0x3f;
            match step >> 6 {
                0 => {
                    block += 1 + u64::from(rest / 16);
                    drawn.layer.set_block(block);
                }
                1 if last.len() <= MOST_CHAINS => {
                    drawn.layer.add_chain(ChainId(1 + last.len() as u64));
                    last.push(0);
                }
                _ if last.len() == 1 => {}
                _ => {
                    let chain = 1 + usize::from(rest) % (last.len() - 1);
                    // Chains can have executed batches on another settlement layer in between.
                    last[chain] += if step & 0x20 == 0 { 1 } else { 3 };
                    drawn.append(chain, BatchNumber(last[chain]), *step);
                }
            }
        }
        drawn
    }

    fn append(&mut self, index: usize, batch: BatchNumber, step: u8) {
        let chain = self.layer.chain(index);
        let logs = logs(chain, batch, step);
        let aggregated = if step & 4 == 0 { Hash::ZERO } else { keccak256(&[step]) };
        let messages: Vec<_> =
            logs.iter().filter(|log| log.is_message()).map(|_| message(chain, batch)).collect();
        let messages = messages.iter().map(Vec::as_slice).collect();
        let logs = BatchLogs::new(chain, batch, logs, messages, Some(aggregated)).unwrap();
        let root = hash_node(logs.view().tree().root(), aggregated);
        self.layer.append(index, batch, root);
        self.batches.push(logs);
    }
}

fn message(chain: ChainId, batch: BatchNumber) -> Vec<u8> {
    [chain.0.to_be_bytes(), batch.0.to_be_bytes()].concat()
}

/// One to four logs: a message, others, and padding, which cannot be proven.
fn logs(chain: ChainId, batch: BatchNumber, step: u8) -> Vec<L2ToL1Log> {
    let mut logs =
        vec![L2ToL1Log::of_message(step.into(), Address::system(7), &message(chain, batch))];
    logs.extend((0..step & 3).map(|at| L2ToL1Log::new([at; 88])));
    logs
}
