"""What happens to bytes: on disks, on wires, and by hand."""

import random
from collections.abc import Callable

Damage = Callable[[bytes, random.Random], bytes]


def flipped(content: bytes, chance: random.Random) -> bytes:
    """A bit is another."""
    spoilt = bytearray(content)
    spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


def flipped_often(content: bytes, chance: random.Random) -> bytes:
    for _ in range(12):
        content = flipped(content, chance)
    return content


def truncated(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def emptied(content: bytes, chance: random.Random) -> bytes:
    return b""


def zeroed(content: bytes, chance: random.Random) -> bytes:
    """A block is zeros, as after a crash of the machine."""
    first = chance.randrange(len(content))
    length = min(chance.choice((16, 512, 4096)), len(content) - first)
    return content[:first] + bytes(length) + content[first + length :]


def swapped(content: bytes, chance: random.Random) -> bytes:
    """Two blocks have changed places."""
    size = min(chance.choice((8, 64, 512)), max(1, len(content) // 4))
    first, second = sorted(chance.randrange(len(content) - size + 1) for _ in range(2))
    second = max(second, min(first + size, len(content) - size))
    if second < first + size:
        return content[::-1]
    middle = content[first + size : second]
    return (
        content[:first]
        + content[second : second + size]
        + middle
        + content[first : first + size]
        + content[second + size :]
    )


def lengthened(content: bytes, chance: random.Random) -> bytes:
    return content + chance.randbytes(chance.choice((1, 100, 5000)))


def noise(content: bytes, chance: random.Random) -> bytes:
    return chance.randbytes(len(content))


DAMAGES: dict[str, Damage] = {
    "bit flipped": flipped,
    "bits flipped": flipped_often,
    "truncated": truncated,
    "zeros": zeroed,
    "blocks swapped": swapped,
    "bytes behind it": lengthened,
    "emptied": emptied,
    "noise": noise,
}
WEIGHTS = (6, 2, 4, 3, 3, 1, 1, 1)
