"""The wire format of protocol buffers, as much of it as logs use: no schema, no package."""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Field = tuple[int, int, int | bytes]
"""Number of a field, its wire type, and its value: a whole number, or the bytes of anything else."""


class Malformed(ValueError):
    """The bytes are no message."""


def fields(message: bytes) -> Iterator[Field]:
    """Yield the fields of a message in order.

    Raises:
        Malformed: a field is cut off, or of a type that is no longer in use.

    >>> list(fields(bytes([0x08, 0x96, 0x01, 0x12, 0x02]) + b"hi"))
    [(1, 0, 150), (2, 2, b'hi')]
    """
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _varint(message, place)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, place = _varint(message, place)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise Malformed(f"wire type {kind}")
        if place + size > len(message):
            raise Malformed("cut off")
        yield number, kind, message[place : place + size]
        place += size


def inside(message: bytes, number: int) -> Iterator[bytes]:
    """Yield the bytes of each field of that number: messages, texts."""
    for found, _, value in fields(message):
        if found == number and isinstance(value, bytes):
            yield value


def signed(value: int) -> int:
    """Return a varint as the signed number of 64 bits that it stands for."""
    return value - (1 << 64) if value >= 1 << 63 else value


def float32(value: bytes) -> float:
    """Return a field of four bytes as a number."""
    return float(struct.unpack("<f", value)[0])


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(message) or shift > 63:
            raise Malformed("cut off")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
