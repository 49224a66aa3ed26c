//! The examples at the end of each command's help. A test runs them all, in this order.

pub(super) const SURVEY: &str = "\
Examples:
  slproof survey state.json logs.jsonl.gz events.jsonl.gz
  slproof survey . --json";

pub(super) const IMPORT: &str = "\
Examples:
  slproof import state.json -o gateway.slsnap
  slproof import --input-format anvil state.json -o gateway.slsnap";

pub(super) const REBUILD: &str = "\
Examples:
  slproof rebuild gateway.slsnap
  slproof rebuild gateway.slsnap -o gateway.sltree
  slproof rebuild state.json --history --events events.jsonl.gz -o gateway.sltree";

pub(super) const INDEX: &str = "\
Examples:
  slproof index logs.jsonl.gz -o gateway.slmsg
  slproof index logs.jsonl.gz --tree gateway.sltree -o gateway.slmsg";

pub(super) const PROVE: &str = "\
Examples:
  slproof prove --tree gateway.sltree --messages gateway.slmsg --chain 324 --batch 501234 --index 1
  slproof prove --tree state.json --messages logs.jsonl.gz --all -o proofs.jsonl
  slproof prove --tree state.json --messages logs.jsonl.gz --all --format parquet -o proofs.parquet
  slproof prove --tree gateway.sltree --messages gateway.slmsg --all --shard 1/2 -o shard-1.jsonl
  slproof prove --tree gateway.sltree --messages gateway.slmsg --all --shard 2/2 -o shard-2.jsonl";

pub(super) const MERGE: &str = "\
Examples:
  slproof merge shard-1.jsonl shard-2.jsonl -o proofs.jsonl";

pub(super) const VERIFY: &str = "\
Examples:
  slproof verify proofs.jsonl --anchor state.json
  slproof verify proofs.parquet --anchor gateway.slsnap --report verdicts.jsonl";

pub(super) const CLAIMS: &str = "\
Examples:
  slproof claims --archive gateway --anchor l1.json --status claimable -o claims.jsonl \\
    --anchor-bridgehub 0x303a465b659cbb0ab36ee643ea362c509eeb5213 \\
    --l1-nullifier 0xd1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1
  slproof claims --archive gateway --anchor l1.json --chain 12 --summary totals.json \\
    --anchor-bridgehub 0x303a465b659cbb0ab36ee643ea362c509eeb5213 \\
    --l1-nullifier 0xd1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1";

pub(super) const NEEDS: &str = "\
Examples:
  slproof needs proofs.jsonl --bridgehub 0x303a465b659cbb0ab36ee643ea362c509eeb5213 \\
    --trust-block 0xc452ceabd821115802eb83697ba7d8a2c4c4745a5bc65772bd62c18c34092eb9
  slproof needs proofs.parquet --bridgehub 0x303a465b659cbb0ab36ee643ea362c509eeb5213 \\
    --trust-block 0xc452ceabd821115802eb83697ba7d8a2c4c4745a5bc65772bd62c18c34092eb9";

pub(super) const RECHECK: &str = "\
Examples:
  slproof recheck old.jsonl --anchor today.json --network mainnet
  slproof recheck old.jsonl --anchor today.json --network mainnet --report -";

pub(super) const HISTORY: &str = "\
Examples:
  slproof history gateway.sltree
  slproof history state.json --events events.jsonl.gz --json";

pub(super) const SERVE: &str = "\
Examples:
  slproof serve --tree gateway.sltree --messages gateway.slmsg --check
  slproof serve --archive gateway --listen 127.0.0.1:3050 --check";

pub(super) const PUBLISH: &str = "\
Examples:
  slproof publish --tree gateway.sltree --messages gateway.slmsg -o site
  slproof publish --archive gateway -o site-of-archive";

pub(super) const INSPECT: &str = "\
Examples:
  slproof inspect state.json
  slproof inspect proofs.parquet --json";

pub(super) const CHECK: &str = "\
Examples:
  slproof check gateway.sltree
  slproof check gateway.slmsg --json";

pub(super) const NETWORKS: &str = "\
Examples:
  slproof networks
  slproof networks --json";

pub(super) const COMPLETIONS: &str = "\
Examples:
  slproof completions bash
  slproof completions zsh";

pub(super) const MAN: &str = "\
Examples:
  slproof man
  slproof man .";

pub(super) const SCHEMA: &str = "\
Examples:
  slproof schema
  slproof schema proof";
