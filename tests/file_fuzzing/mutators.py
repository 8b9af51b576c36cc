"""Ways to damage the bytes of a file; each takes a generator of chance and the bytes."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable

Mutator = Callable[[random.Random, bytes], bytes]

NUMBERS = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
    2**64 - 1,
)


def flip_bits(rng: random.Random, content: bytes) -> bytes:
    """Up to eight bits."""
    out = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        if out:
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def set_number(rng: random.Random, content: bytes) -> bytes:
    """An extreme whole number of 1 to 8 bytes, as a length has; half of them near the start."""
    size = rng.choice((1, 2, 4, 8))
    number = rng.choice(NUMBERS) % 2 ** (8 * size)
    reach = min(len(content), 200) if rng.random() < 0.5 else len(content)
    at = rng.randrange(max(1, reach - size + 1))
    return (
        content[:at] + number.to_bytes(size, rng.choice(("little", "big"))) + content[at + size :]
    )


def cut(rng: random.Random, content: bytes) -> bytes:
    """The end is missing."""
    return content[: rng.randrange(len(content) + 1)]


def drop(rng: random.Random, content: bytes) -> bytes:
    """A piece is missing."""
    start, end = _stretch(rng, content)
    return content[:start] + content[end:]


def repeat(rng: random.Random, content: bytes) -> bytes:
    """A piece comes twice."""
    start, end = _stretch(rng, content)
    return content[:end] + content[start:]


def move(rng: random.Random, content: bytes) -> bytes:
    """A piece overwrites another place."""
    start, end = _stretch(rng, content)
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[start:end] + content[at + end - start :]


def insert(rng: random.Random, content: bytes) -> bytes:
    """Random bytes in between."""
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.randbytes(rng.randint(1, 40)) + content[at:]


def change_digits(rng: random.Random, content: bytes) -> bytes:
    """Another number in text: a header, a label, a line."""
    found = list(re.finditer(rb"-?\d+", content[:20_000]))
    if not found:
        return flip_bits(rng, content)
    place = rng.choice(found)
    number = str(rng.choice((*NUMBERS, -1, -(2**63), 10**30, 10**400, 1.5, "nan", ""))).encode()
    return content[: place.start()] + number + content[place.end() :]


BYTES: tuple[Mutator, ...] = (
    *(flip_bits, flip_bits, set_number, set_number, cut, drop, repeat, move, insert, change_digits),
)


def damaged(rng: random.Random, content: bytes) -> bytes:
    """One to three of :data:`BYTES`."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = rng.choice(BYTES)(rng, content)
    return content


def damage_zip_record(rng: random.Random, content: bytes) -> bytes:
    """A record of a zip archive is damaged, missing, there twice, or compressed; sums are right."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        records = [(name, archive.read(name)) for name in archive.namelist()]
    at = next((i for i, (name, _) in enumerate(records) if name.endswith("data.pkl")), 0)
    if rng.random() < 0.4:
        at = rng.randrange(len(records))
    name, record = records[at]
    how = rng.choices(("damage", "drop", "twice", "rename", "compress"), (12, 1, 1, 1, 1))[0]
    if how == "damage":
        records[at] = (name, damaged(rng, record))
    elif how == "drop":
        del records[at]
    elif how == "twice":
        records.append((name, damaged(rng, record)))
    elif how == "rename":
        records[at] = (damaged(rng, name.encode()).decode("latin-1") or "x", record)
    out = io.BytesIO()
    packed = zipfile.ZIP_DEFLATED if how == "compress" else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", packed) as archive:
        for each, data in records:
            archive.writestr(zipfile.ZipInfo(each), data, packed)
    return out.getvalue()


def _stretch(rng: random.Random, content: bytes) -> tuple[int, int]:
    start = rng.randrange(len(content) + 1)
    return start, min(len(content), start + rng.choice((1, 4, 8, 28, 100, 1000)))
