"""How a file or a text is bent: blindly, and by what is known of its form.

Every rule takes a source of chance, what is bent, and others of its kind to splice with, and gives the bent.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

Bend = Callable[[Random, bytes, Sequence[bytes]], bytes]

EDGES = (
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
)


MOST = 2**22  # bytes of a text that is bent; a small file is what is asked about


# ---------------------------------------------------------------- any bytes


def flipped(chance: Random, data: bytes, _: Sequence[bytes] = ()) -> bytes:
    """A few bits turned, within one stretch or anywhere."""
    bent = bytearray(data)
    near = min(len(bent), chance.choice((64, 512, len(bent))))
    for _bit in range(chance.choice((1, 1, 2, 4, 16))):
        if bent:
            bent[chance.randrange(near)] ^= 1 << chance.randrange(8)
    return bytes(bent)


def truncated(chance: Random, data: bytes, _: Sequence[bytes] = ()) -> bytes:
    """The end missing, or something behind it."""
    if chance.random() < 0.2:
        return data + chance.randbytes(chance.choice((1, 64, 4096)))
    return data[: chance.randrange(len(data) + 1)]


def spliced(chance: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """The front of one and the back of another; or a piece of it doubled, gone, or elsewhere."""
    other = chance.choice(others) if others and chance.random() < 0.5 else data
    start, end = sorted(chance.randrange(len(other) + 1) for _ in range(2))
    at = chance.randrange(len(data) + 1)
    return (
        data[:at]
        + other[start:end]
        + data[chance.choice((at, min(len(data), at + end - start), len(data))) :]
    )


def numbered(chance: Random, data: bytes, _: Sequence[bytes] = ()) -> bytes:
    """A number of 1, 2, 4 or 8 bytes somewhere at the edge of what it can say, or at the file's length."""
    width = chance.choice((1, 2, 4, 4, 4, 8))
    if len(data) <= width:
        return data
    near = chance.choice((256, 2048, len(data)))
    at = chance.randrange(min(near, len(data) - width))
    value = chance.choice((*EDGES, len(data), len(data) - at, chance.getrandbits(8 * width)))
    return data[:at] + _packed(chance, value, width) + data[at + width :]


def overwritten(chance: Random, data: bytes, _: Sequence[bytes] = ()) -> bytes:
    """A stretch of noise, zeros or ones."""
    at, length = chance.randrange(len(data) + 1), chance.choice((1, 4, 16, 256))
    filler = chance.choice((chance.randbytes(length), bytes(length), b"\xff" * length))
    return data[:at] + filler + data[at + length :]


BLIND: tuple[Bend, ...] = (flipped, truncated, spliced, numbered, overwritten)


def _packed(chance: Random, value: int, width: int) -> bytes:
    return (value % 2 ** (8 * width)).to_bytes(width, chance.choice(("big", "little")))


def bent_by(*rules: Bend) -> Bend:
    """One of the rules, now and then two or three one after the other."""

    def bend(chance: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            data = chance.choice(rules)(chance, data, others)
        return data

    return bend


# ---------------------------------------------------------------- files that are a row of pieces

Piece = tuple[int, int]  # where a piece starts and ends, head included


def rearranged(pieces: Callable[[bytes], list[Piece]]) -> Bend:
    """A piece gone, doubled, exchanged with another, or one of another file in its place."""

    def bend(chance: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
        found = pieces(data)
        if not found:
            return data
        start, end = chance.choice(found)
        piece = data[start:end]
        match chance.randrange(5):
            case 0:
                return data[:start] + data[end:]
            case 1:
                return data[:end] + piece * chance.choice((1, 2, 200)) + data[end:]
            case 2:
                at = chance.choice(found)[0]
                return data[:at] + piece + data[at:]
            case 3 if others:
                other = chance.choice(others)
                theirs = pieces(other)
                if theirs:
                    a, b = chance.choice(theirs)
                    return data[:start] + other[a:b] + data[end:]
        body = numbered(chance, piece)
        return data[:start] + body + data[end:]

    return bend


BOXES_OF_BOXES = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"edts", b"dinf", b"ipco", b"iprp"}


def boxes(data: bytes) -> list[Piece]:
    """Boxes of mp4, mov, HEIF and AVIF, inner ones too."""
    return list(_boxes(data, 0, len(data)))


def _boxes(data: bytes, at: int, end: int) -> Iterator[Piece]:
    while at + 8 <= end:
        size = int.from_bytes(data[at : at + 4], "big")
        stop = at + size if 8 <= size <= end - at else end
        yield at, stop
        name = data[at + 4 : at + 8]
        if name in BOXES_OF_BOXES or name == b"meta":
            yield from _boxes(data, at + (12 if name == b"meta" else 8), stop)
        at = stop


def boxed(chance: Random, data: bytes, _: Sequence[bytes] = ()) -> bytes:
    """The size, the name, or a number in the body of one box."""
    found = boxes(data)
    if not found:
        return data
    start, end = chance.choice(found)
    kind = chance.randrange(4)
    if kind == 0:
        return data[:start] + _big(chance.choice((*EDGES, end - start - 1, len(data))), 4) + data[start + 4 :]
    if kind == 1:
        other = chance.choice(found)[0]
        return data[: start + 4] + data[other + 4 : other + 8] + data[start + 8 :]
    width, inside = chance.choice((2, 4, 4, 4, 8)), end - start - 8
    if inside < width:
        return data
    at = start + 8 + chance.randrange(min(inside - width + 1, 96)) // width * width
    return data[:at] + _big(chance.choice((*EDGES, chance.getrandbits(16))), width) + data[at + width :]


def _big(value: int, width: int) -> bytes:
    return (value % 2 ** (8 * width)).to_bytes(width, "big")


def gif_blocks(data: bytes) -> list[Piece]:
    """Extensions and images of a gif, behind its head and palette."""
    found, at = list[Piece](), 13 + _palette(data, 10)
    while at < len(data) and data[at] in b"!,":
        start = at
        at += 2 if data[at] == 0x21 else 11 + _palette(data, at + 9)
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
        found.append((start, min(at, len(data))))
    return found


def _palette(data: bytes, at: int) -> int:
    return 3 << (data[at] & 7) + 1 if at < len(data) and data[at] & 0x80 else 0


def gif_sized(chance: Random, data: bytes, _: Sequence[bytes] = ()) -> bytes:
    """The canvas or one image of another size or place."""
    places = [
        6,
        8,
        *(start + 1 + 2 * i for start, _ in gif_blocks(data) for i in range(4) if data[start] == 0x2C),
    ]
    at = chance.choice(places)
    return data[:at] + struct.pack("<H", chance.choice((0, 1, 63, 4096, 8192, 65535))) + data[at + 2 :]


def riff_chunks(data: bytes) -> list[Piece]:
    """Chunks of webp and avi, inner ones of a list too."""
    return list(_chunks(data, 12, len(data)))


def _chunks(data: bytes, at: int, end: int) -> Iterator[Piece]:
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        stop = min(at + 8 + size + size % 2, end)
        yield at, stop
        if data[at : at + 4] in (b"LIST", b"ANMF"):
            yield from _chunks(data, at + (12 if data[at : at + 4] == b"LIST" else 24), stop)
        at = stop


def refitted(bend: Bend) -> Bend:
    """A bent RIFF file whose outer size is right again, so that it is read further."""

    def refit(chance: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
        bent = bend(chance, data, others)
        return bent[:4] + struct.pack("<I", max(0, len(bent) - 8)) + bent[8:] if len(bent) > 8 else bent

    return refit


def png_chunks(data: bytes) -> list[Piece]:
    """Chunks of a png, animated ones too."""
    found, at = list[Piece](), 8
    while at + 12 <= len(data):
        stop = min(at + 12 + int.from_bytes(data[at : at + 4], "big"), len(data))
        found.append((at, stop))
        at = stop
    return found


def summed(bend: Bend) -> Bend:
    """A bent png whose checksums are right again, so that it is read further."""

    def resum(chance: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
        bent = bytearray(bend(chance, data, others))
        for start, stop in png_chunks(bytes(bent)):
            bent[stop - 4 : stop] = _big(zlib.crc32(bent[start + 4 : stop - 4]), 4)
        return bytes(bent)

    return resum


def png_headed(chance: Random, data: bytes, _: Sequence[bytes] = ()) -> bytes:
    """A number in the head of a png or of one of its frames, or its kind of colour."""
    heads = [
        start for start, _ in png_chunks(data) if data[start + 4 : start + 8] in (b"IHDR", b"acTL", b"fcTL")
    ]
    at = chance.choice(heads or [8]) + 8 + chance.randrange(7) * 4
    if chance.random() < 0.3:
        return data[: 24 + (i := chance.randrange(5))] + bytes([chance.randrange(20)]) + data[25 + i :]
    return data[:at] + _big(chance.choice(EDGES), 4) + data[at + 4 :]


EBML_LISTS = {  # elements of elements, by their names
    bytes.fromhex(name)
    for name in (
        "18538067",
        "1654ae6b",
        "ae",
        "1549a966",
        "1f43b675",
        "e0",
        "1254c367",
        "7373",
        "67c8",
        "1a45dfa3",
    )
}


def ebml_elements(data: bytes) -> list[Piece]:
    """Elements of webm and mkv, inner ones too."""
    return list(_elements(data, 0, len(data)))


def _elements(data: bytes, at: int, end: int) -> Iterator[Piece]:
    while at < end:
        start, width = at, 9 - data[at].bit_length()
        name, at = data[at : at + width], at + width
        if at >= end or width > 4:
            return
        length = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + length], "big") & (1 << 7 * length) - 1
        at += length
        stop = min(at + size, end)
        yield start, stop
        if name in EBML_LISTS:
            yield from _elements(data, at, stop)
        at = stop


# ---------------------------------------------------------------- JSON

_RAW = {  # what `json.dumps` would not write
    "nan": "NaN",
    "infinity": "-Infinity",
    "huge": "1e999",
    "digits": "9" * 5000,
    "deep": "[" * 3000 + "]" * 3000,
    "deeper": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "surrogate": '"\\ud800"',
    "null byte": '"a\\u0000b"',
    "escape": '"\\u001b[31mred\\u0007\\u202e"',
    "twice": '{"a": 1, "a": 2}',
    "zero": "-0.0",
    "tiny": "5e-324",
}
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 10**6, 2**31, 2**63, -(2**63), 10**30, 1e300, 1e308, -1e308, 0.5,
    1e-300, "", "a", "left", "1px", "nan", "inf", "0", "99999999999", "../../etc/passwd", "/dev/zero", "http://a.b/c",
    "file:///etc/passwd", "a" * 100_000, "\n", "[/b]", "$x$", "os", "antigravity",
    [], [[]], {}, [None], ["a"], [0, 0], [1e308, "x"], {"a": {}}, [[0, 0], [1, 1]], [0] * 10_000,
)  # fmt: skip


def jsonned(chance: Random, data: bytes, _: Sequence[bytes] = ()) -> bytes:
    """JSON with one to three places bent: another value or type, a key gone, doubled or renamed, a value of
    elsewhere, lists longer or shorter, and what no JSON should say."""
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        return flipped(chance, data)
    raw: dict[str, str] = {}
    try:
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            whole = bent_value(chance, whole, raw)
        text = json.dumps(whole)
    except (ValueError, RecursionError):
        return data
    if len(text) > MOST:
        return data
    for mark, instead in raw.items():
        text = text.replace(f'"{mark}"', instead)
    return text.encode()


def bent_value(chance: Random, whole: Any, raw: dict[str, str]) -> Any:
    """A parsed JSON value with one place bent; `raw` is given marks that stand for text."""
    places = list(_places(whole, ()))
    path = chance.choice(places)
    if not path:
        return _instead(chance, whole, whole, raw)
    holder = whole
    for key in path[:-1]:
        holder = holder[key]
    key, rule = path[-1], chance.randrange(8)
    if rule == 0:
        del holder[key]
    elif rule == 1 and isinstance(holder, dict):
        holder[chance.choice((f"{key}x", "", "made", "a\x1b[1m", str(key).upper()))] = holder.pop(key)
    elif rule == 1 and isinstance(holder, list):
        holder.insert(key, holder[key])
    elif rule == 2 and isinstance(holder[key], list) and holder[key]:
        holder[key] = holder[key] * chance.choice((0, 2, 3, 1000))
    elif rule == 3 and isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
        holder[key] = chance.choice((-holder[key], holder[key] * 10**6, str(holder[key]), [holder[key]]))
    else:
        holder[key] = _instead(chance, holder[key], whole, raw)
    return whole


def _instead(chance: Random, value: Any, whole: Any, raw: dict[str, str]) -> Any:
    rule = chance.randrange(6)
    if rule == 0:
        name = chance.choice(list(_RAW))
        raw[f"@{name}@"] = _RAW[name]
        return f"@{name}@"
    if rule == 1:
        found = whole
        for key in chance.choice(list(_places(whole, ()))):
            found = found[key]
        return json.loads(json.dumps(found))
    if rule == 2:
        return [value] if chance.random() < 0.5 else {"a": value}
    return chance.choice(_VALUES)


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield path
    if len(path) < 12 and isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value[:20])
        for key, inner in items:
            yield from _places(inner, (*path, key))


# ---------------------------------------------------------------- safetensors


def headed(chance: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """A safetensors file whose head is bent as JSON, the notes in it too; or its head's length."""
    length = int.from_bytes(data[:8], "little")
    head, body = data[8 : 8 + length], data[8 + length :]
    rule = chance.randrange(8)
    if rule == 0:
        return _little(chance.choice((*EDGES, length - 1, length + 1, len(data)))) + data[8:]
    try:
        whole = json.loads(head)
        notes = whole["__metadata__"]["moft"]
        if rule < 5:  # moft's own notes, JSON in a string
            whole["__metadata__"]["moft"] = jsonned(chance, notes.encode()).decode()
            head = json.dumps(whole).encode()
        elif rule == 5:  # a tensor of another form, and its bytes with it
            head, body = _another_form(chance, whole, body)
        else:
            head = jsonned(chance, head)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        head = jsonned(chance, head)
    return _little(len(head)) + head + body


_WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1, "BOOL": 1}


def _another_form(chance: Random, whole: dict[str, Any], body: bytes) -> tuple[bytes, bytes]:
    """A sound file in which one tensor has another shape or type, or odd numbers, or is gone."""
    tensors = {
        name: (one["dtype"], list(one["shape"]), body[slice(*one["data_offsets"])])
        for name, one in whole.items()
        if name != "__metadata__"
    }
    name = chance.choice(list(tensors))
    dtype, shape, _ = tensors[name]
    rule = chance.randrange(4)
    if rule == 0:
        del tensors[name]
    elif rule == 1:
        tensors[chance.choice((name + "x", "", "value", "made"))] = tensors.pop(name)
    else:
        dtype = chance.choice((dtype, *_WIDTHS))
        sides = [[], [0], [1], [3], [0, 2], [2, 2], [1] * 12, [5, 2], shape[::-1], [*shape, 1], shape[1:]]
        shape = chance.choice((shape, *sides))
        count = _WIDTHS.get(dtype, 4)
        for side in shape:
            count *= side
        if not 0 <= count < 2**20:
            shape, count = [], _WIDTHS.get(dtype, 4)
        filler = chance.choice(
            (b"\x00", b"\xff", b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", chance.randbytes(64))
        )
        tensors[name] = (dtype, shape, (filler * (count // len(filler) + 1))[:count])
    head: dict[str, Any] = {"__metadata__": whole["__metadata__"]}
    packed = b""
    for key, (kind, sides, data) in tensors.items():
        head[key] = {"dtype": kind, "shape": sides, "data_offsets": [len(packed), len(packed) + len(data)]}
        packed += data
    return json.dumps(head).encode(), packed


def _little(value: int) -> bytes:
    return struct.pack("<Q", value % 2**64)


# ---------------------------------------------------------------- texts

_SNIPPETS = (
    "", " ", "\t", "\n", "\0", ":", ";", ",", "%", "px", "-", "--", "+", "e999", "1e400", "nan", "inf",
    "-inf", "0", "00", "1_000", "٣", "½", "1e-400", "9" * 400, "9" * 5000, "box:", "polygon:", "rest",
    "still", "left", "zoom in", "0,0", "{", "}", "[", "'", '"', "\\", "/", "..", "~", "$(ls)", "`ls`",
    "\x1b[31m", "\x07", "\u202e", "\ud800", "[/b]", "http://a.b/", "/dev/stdin", "a" * 10_000, "é",
    "\U0001f600", "0x10", "1,5", "1e5", "True", "None",
)  # fmt: skip


def worded(chance: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """A text with pieces put in, taken out, doubled or exchanged with another's."""
    text = data.decode("utf-8", "surrogatepass")
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(text) + 1)
        until = min(len(text), at + chance.choice((0, 0, 1, 2, 8)))
        rule = chance.randrange(5)
        if rule == 0 and others:
            text = text[:at] + chance.choice(others).decode("utf-8", "surrogatepass")[at:]
        elif rule == 1:
            text = text[:until] + text[at:until] * chance.choice((1, 3, 1000)) + text[until:]
        elif rule == 2:
            text = (
                text[:at]
                + chr(chance.choice((chance.randrange(128), chance.randrange(0x11000))))
                + text[until:]
            )
        else:
            text = text[:at] + chance.choice(_SNIPPETS) + text[until:]
    return text.encode("utf-8", "surrogatepass")
