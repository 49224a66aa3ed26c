// Asks a server as zksync-ethers 5 does, and prints what it got. Arguments: the URL of the chain, the hash of a
// transaction with several messages, and an unknown hash.
const { Provider, Wallet } = require("zksync-ethers");

const [url, hash, unknown] = process.argv.slice(2);

async function main() {
  const provider = new Provider(url);
  const wallet = new Wallet("0x" + "11".repeat(32), provider);
  let unknownWithdrawal = null;
  await wallet.finalizeWithdrawalParams(unknown).catch((error) => {
    unknownWithdrawal = error.message;
  });
  const answer = {
    chainId: (await provider.getNetwork()).chainId,
    proof: await provider.getLogProof(hash, 1),
    withdrawals: [
      await wallet.finalizeWithdrawalParams(hash, 0),
      await wallet.finalizeWithdrawalParams(hash, 1),
    ],
    unknownProof: await provider.getLogProof(unknown),
    unknownWithdrawal,
  };
  console.log(JSON.stringify(answer));
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
