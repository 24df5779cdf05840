"""Draws what the model learns to read: a number of two digits in one of six colours on a dark ground, 96 by 96 pixels."""

import struct
import zlib

import numpy as np

SIDE = 96
SMALL = 32
COLOURS = dict(
    red=(220, 50, 47),
    green=(60, 180, 75),
    blue=(65, 105, 225),
    yellow=(240, 200, 40),
    white=(245, 245, 245),
    purple=(160, 70, 190),
)
# rows of 5 pixels, from top to bottom
FONT = (
    "01110 10001 10011 10101 11001 10001 01110",
    "00100 01100 00100 00100 00100 00100 01110",
    "01110 10001 00001 00110 01000 10000 11111",
    "11111 00010 00100 00010 00001 10001 01110",
    "00010 00110 01010 10010 11111 00010 00010",
    "11111 10000 11110 00001 00001 10001 01110",
    "00110 01000 10000 11110 10001 10001 01110",
    "11111 00001 00010 00100 01000 01000 01000",
    "01110 10001 10001 01110 10001 10001 01110",
    "01110 10001 10001 01111 00001 00010 01100",
)
DIGITS = [np.array([[int(c) for c in row] for row in digit.split()]) for digit in FONT]
# numbers that training never shows
HELD_OUT = (17, 23, 38, 42, 50, 64, 71, 85, 96)


def draw(random, number, colour):
    """A picture as uint8 [96, 96, 3]."""
    ground = random.integers(0, 60, 3)
    picture = np.clip(ground + random.normal(0, 8, (SIDE, SIDE, 3)), 0, 255)
    scale = random.integers(6, 8)
    mask = np.hstack([DIGITS[number // 10], np.zeros((7, 1), int), DIGITS[number % 10]])
    mask = np.kron(mask, np.ones((scale, scale), int)).astype(bool)
    top = (SIDE - mask.shape[0]) // 2 + random.integers(-8, 9)
    left = (SIDE - mask.shape[1]) // 2 + random.integers(-7, 8)
    shade = np.clip(np.array(COLOURS[colour]) + random.integers(-15, 16, 3), 0, 255)
    picture[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = shade
    return picture.astype(np.uint8)


def lanczos():
    """The matrix that makes 32 numbers of 96."""
    ratio = SIDE / SMALL
    x = (np.arange(SIDE) + 0.5 - (np.arange(SMALL)[:, None] + 0.5) * ratio) / ratio
    weights = np.where(abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)
    return weights / weights.sum(1, keepdims=True)


def pixels(pictures, matrix=lanczos()):
    """What the processor makes of pictures [n, 96, 96, 3]: [n, 32, 32, 3] from -1 to 1."""
    rows = np.rint(np.clip(np.einsum("sw,nhwc->nhsc", matrix, pictures), 0, 255))
    small = np.rint(np.clip(np.einsum("sh,nhwc->nswc", matrix, rows), 0, 255))
    return (small / 255 - 0.5).astype(np.float32) / np.float32(0.5)


def write_png(file, picture):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = picture.shape
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    with open(file, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        out.write(chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


if __name__ == "__main__":
    # pictures of numbers that training never shows, named for what is in them
    drawing = np.random.default_rng(5)
    for held_out, name in zip(HELD_OUT, COLOURS):
        write_png(f"pictures/{held_out}-{name}.png", draw(drawing, held_out, name))
