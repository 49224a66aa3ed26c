"""Keccak-256, as Ethereum uses it: the sponge of FIPS 202 with rate 1088 and the padding of the original Keccak."""

_MASK = (1 << 64) - 1
_RATE = 136

_ROUND_CONSTANTS = (
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000A, 0x000000008000808B, 0x800000000000008B, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
)

# Lane i (of column i % 5 and row i // 5) is rotated by the first number and moves to the second: rho and pi.
_RHO_PI = (
    (0, 0), (1, 10), (62, 20), (28, 5), (27, 15),
    (36, 16), (44, 1), (6, 11), (55, 21), (20, 6),
    (3, 7), (10, 17), (43, 2), (25, 12), (39, 22),
    (41, 23), (45, 8), (15, 18), (21, 3), (8, 13),
    (18, 14), (2, 24), (61, 9), (56, 19), (14, 4),
)


def _permute(lanes):
    moved = [0] * 25
    for constant in _ROUND_CONSTANTS:
        column = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        theta = [
            column[x - 1] ^ ((column[x - 4] << 1) & _MASK | column[x - 4] >> 63) for x in range(5)
        ]
        for i, (distance, to) in enumerate(_RHO_PI):
            lane = lanes[i] ^ theta[i % 5]
            moved[to] = (lane << distance) & _MASK | lane >> (64 - distance)
        for y in range(0, 25, 5):
            a, b, c, d, e = moved[y : y + 5]
            lanes[y : y + 5] = a ^ (~b & c), b ^ (~c & d), c ^ (~d & e), d ^ (~e & a), e ^ (~a & b)
        lanes[0] ^= constant


def keccak256(data: bytes) -> bytes:
    """The hash of some bytes."""
    padded = bytearray(data) + bytes(_RATE - len(data) % _RATE)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE):
        for i in range(_RATE // 8):
            at = start + 8 * i
            lanes[i] ^= int.from_bytes(padded[at : at + 8], "little")
        _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


# Hashes that the Keccak team, the Ethereum yellow paper and ZKsync's contracts publish.
_KNOWN = (
    (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
    (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    (b"zkSync:BatchLeaf", "d82fec4a37cbdc47f1e5cc4ad64deacf34a48e6f7c61fa5b68fd58e543259cf4"),
    (b"zkSync:ChainIdLeaf", "39bc69363bb9e26cf14240de4e22569e95cf175cfbcf1ade1a47a253b4bf7f61"),
    (bytes(88), "72abee45b59e344af8a6e520241c4744aff26ed411f4c4b00f8af09adada43ba"),
    (bytes(96), "46700b4d40ac5c35af2c22dda2787a91eb567b06c924a8fb8ae9a05b20c08c21"),
    (bytes(136), "3a5912a7c5faa06ee4fe906253e339467a9ce87d533c65be3c15cb231cdb25f9"),
)


def self_test():
    """Compares with known hashes; raises AssertionError where one differs."""
    for data, known in _KNOWN:
        found = keccak256(data).hex()
        assert found == known, f"keccak256 of {data!r} is {found}, and should be {known}"


if __name__ == "__main__":
    self_test()
