"""Randomness as data: every draw is fixed by an id, a seed, a purpose and an epoch, and by nothing else."""

from hashlib import blake2b

_PER_DIGEST = 8  # blake2b gives 64 bytes: eight draws of eight bytes


def uniform_draws(doc_id: bytes, seed: int, purpose: str, repeat: int, count: int) -> list[float]:
    """Numbers in [0, 1) fixed by document, seed, purpose and epoch, on any machine and any NumPy.

    Without `purpose` a held-out draw and a FIM draw would be the same number; without `repeat` every epoch would cut a
    document in the same place. 53 bits each, the precision of a double.
    """
    draws: list[float] = []
    salt = seed.to_bytes(16, "little", signed=True)
    for part in range(-(-count // _PER_DIGEST)):
        key = blake2b(f"{purpose}/{repeat}/{part}".encode(), digest_size=32).digest()  # a purpose may be of any length
        digest = blake2b(doc_id, digest_size=64, key=key, salt=salt).digest()
        words = (int.from_bytes(digest[i : i + 8], "little") for i in range(0, 64, 8))
        draws += [(word >> 11) / 2**53 for word in words]
    return draws[:count]
