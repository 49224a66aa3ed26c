// Asks a server as zksync-ethers 6 and viem do, and prints what they got. Arguments: the URL of the chain, the
// hash of a transaction with several messages, and an unknown hash.
import { createPublicClient, http } from "viem";
import * as viem from "viem/zksync";
import { Provider, Wallet } from "zksync-ethers";

const [url, hash, unknown] = process.argv.slice(2);
const text = (_, value) => (typeof value === "bigint" ? value.toString() : value);

async function zksyncEthers() {
  const provider = new Provider(url);
  const wallet = new Wallet("0x" + "11".repeat(32), provider);
  const of = async (index) => {
    const params = await wallet.getFinalizeWithdrawalParams(hash, index);
    return { ...params };
  };
  const many = Array.from({ length: 150 }, () => provider.getLogProof(hash, 1));
  const answer = {
    chainId: (await provider.getNetwork()).chainId,
    proof: await provider.getLogProof(hash, 1),
    interop: await provider.getLogProof(hash, 1, "proof_based_gw"),
    withdrawals: [await of(0), await of(1)],
    batch: (await provider.getL1BatchDetails(501239)).status,
    unknownProof: await provider.getLogProof(unknown),
    unknownReceipt: await provider.getTransactionReceipt(unknown),
    many: (await Promise.all(many)).map((proof) => proof.id),
  };
  provider.destroy();
  return answer;
}

async function ofViem() {
  const client = createPublicClient({ chain: viem.zksync, transport: http(url) }).extend(
    viem.publicActionsL2(),
  );
  const batching = createPublicClient({
    chain: viem.zksync,
    transport: http(url, { batch: true }),
  }).extend(viem.publicActionsL2());
  const receipt = await client.getTransactionReceipt({ hash });
  const many = Array.from({ length: 150 }, () => batching.getLogProof({ txHash: hash, index: 1 }));
  let unknownReceipt = null;
  await client.getTransactionReceipt({ hash: unknown }).catch((error) => {
    unknownReceipt = error.name;
  });
  return {
    chainId: await client.getChainId(),
    proof: await client.getLogProof({ txHash: hash, index: 1 }),
    messages: receipt.logs.map((log) => ({
      topics: log.topics,
      data: log.data,
      l1BatchNumber: log.l1BatchNumber,
    })),
    l1BatchTxIndex: receipt.l1BatchTxIndex,
    l2ToL1Logs: receipt.l2ToL1Logs.length,
    batch: (await client.getL1BatchDetails({ number: 501239 })).status,
    unknownProof: await client.getLogProof({ txHash: unknown }),
    unknownReceipt,
    many: (await Promise.all(many)).map((proof) => proof.id),
  };
}

console.log(JSON.stringify({ zksyncEthers: await zksyncEthers(), viem: await ofViem() }, text));
