"""Asks a server as zksync2 does, and prints what it got.

Arguments: the URL of the chain, the hash of a transaction with several messages, and an unknown hash.
"""

import json
import sys

from eth_account import Account
from web3 import HTTPProvider, Web3
from zksync2.account.wallet import Wallet
from zksync2.module.module_builder import ZkSyncBuilder


def plain(value):
    """The value with bytes as hexadecimal digits."""
    if isinstance(value, (bytes, bytearray)):
        return "0x" + bytes(value).hex()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "__dict__"):
        return {name: plain(item) for name, item in vars(value).items()}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def main(url, transaction, unknown):
    provider = ZkSyncBuilder.build(url)
    proof = provider.zksync.zks_get_log_proof(transaction, 1)
    wallet = Wallet(provider, Web3(HTTPProvider(url)), Account.from_key("0x" + "11" * 32))
    answer = {
        "chainId": provider.zksync.chain_id,
        "proof": plain(proof),
        "withdrawals": [
            plain(wallet._finalize_withdrawal_params(transaction, index)) for index in (0, 1)
        ],
        "contract": str(provider.zksync.zks_main_contract()),
    }
    try:
        answer["unknownProof"] = plain(provider.zksync.zks_get_log_proof(unknown, 0))
    except TypeError as error:
        answer["unknownProof"] = str(error)
    print(json.dumps(answer))


main(*sys.argv[1:])
