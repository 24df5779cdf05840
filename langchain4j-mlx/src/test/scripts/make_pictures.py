"""Pictures in every format and mode, and what Pillow and transformers make of them, for the tests of package vision.

usage: make_pictures.py [VISION]        (needs: pip install pillow==13.0.0 numpy transformers==5.24.0 safetensors)

Writes src/test/resources/goldens/pictures:
  NAME.png, .jpg, .webp, .gif   tiny pictures; lossy/NAME.png: the pixels that Pillow decodes from a lossy one
  decoded.json      of each picture height and width after the EXIF turn, and the SHA-256 of the RGB bytes, if not lossy
  resized.json      of patterns (see below) resized to other sizes: SHA-256 of the RGB bytes
  processed.json    settings of processors, as their files have them; and of patterns the shape, sizes and some numbers
With VISION, a folder of golden cases for whole models, src/test/resources/goldens/vision-inputs gets some of its cases without
weights and features: pictures, settings, tokenizers, and of a case the prompt and the pixels.
A pattern of height h and width w has the level (7x + 13y + 50c + xy mod 31 + xy/11) mod 256 at column x, row y, channel c.
"""
import hashlib
import io
import json
import pathlib
import random
import shutil
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin
from safetensors.numpy import load_file, save_file
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.gemma4 import image_processing_pil_gemma4 as gemma4
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

OUT = pathlib.Path(__file__).parent.parent / "resources" / "goldens" / "pictures"
RNG = random.Random(17)


def pattern(h, w, channels=3):
    y, x, c = np.meshgrid(np.arange(h), np.arange(w), np.arange(channels), indexing="ij")
    return ((7 * x + 13 * y + 50 * c + x * y % 31 + x * y // 11) % 256).astype(np.uint8)


def digest(rgb):
    return hashlib.sha256(rgb.tobytes()).hexdigest()


# ---- files ----------------------------------------------------------------------------------------------------------


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, depth, color, rows, before=b"", behind=b""):
    header = struct.pack(">IIBBBBB", width, len(rows), depth, color, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", data) + behind
            + chunk(b"IEND", b""))


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def tiff(orientation):
    return exif(orientation).removeprefix(b"Exif\0\0")


XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def interlaced(rgb):
    """Adam7, all rows unfiltered."""
    rows = b""
    for top, left, down, right in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)):
        for row in rgb[top::down, left::right]:
            rows += b"\0" + row.tobytes() if row.size else b""
    header = struct.pack(">IIBBBBB", rgb.shape[1], rgb.shape[0], 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def files():
    rgb = Image.fromarray(pattern(19, 23))
    rgba = Image.fromarray(pattern(19, 23, 4), "RGBA")
    grey = Image.fromarray(pattern(19, 23, 1)[:, :, 0])
    colors = rgb.quantize(11, dither=0)
    see_through = colors.copy()
    see_through.info["transparency"] = bytes([0, 90, 255, 3])
    words = np.arange(0, 65536, 331, dtype=np.uint16)[:192].reshape(12, 16)
    words[0, :6] = [0, 1, 127, 255, 256, 257]
    big = lambda array: [row.astype(">u2").tobytes() for row in array]
    pair = np.stack([words, words[::-1]], -1)
    triple = np.stack([words, words[::-1], words[:, ::-1]], -1)
    quad = np.stack([words, words[::-1], words[:, ::-1], words], -1)
    bits = [bytes(RNG.randrange(256) for _ in range(4)) for _ in range(9)]
    palette = chunk(b"PLTE", bytes(range(9)))
    smooth = rgb.resize((51, 38), Image.BICUBIC)
    animation = [colors, colors.rotate(180), colors.rotate(90, expand=True)]
    yield from {
        "rgb.png": saved(rgb, "PNG"),
        "rgba.png": saved(rgba, "PNG"),
        "grey.png": saved(grey, "PNG"),
        "grey-alpha.png": saved(rgba.convert("LA"), "PNG"),
        "bits.png": saved(grey.convert("1"), "PNG"),
        "palette.png": saved(colors, "PNG"),
        "palette-alpha.png": saved(see_through, "PNG"),
        "palette-short.png": png(13, 2, 3, bits, palette),
        "grey-2.png": png(13, 2, 0, bits),
        "grey-4.png": png(7, 4, 0, bits),
        "grey-trns.png": png(4, 8, 0, bits, chunk(b"tRNS", struct.pack(">H", bits[0][1]))),
        "rgb-trns.png": png(1, 8, 2, [row[:3] for row in bits], chunk(b"tRNS", struct.pack(">HHH", *bits[0][:3]))),
        "grey-16.png": png(16, 16, 0, big(words)),
        "grey-16-trns.png": png(16, 16, 0, big(words), chunk(b"tRNS", struct.pack(">H", 257))),
        "grey-alpha-16.png": png(16, 16, 4, big(pair)),
        "rgb-16.png": png(16, 16, 2, big(triple)),
        "rgb-16-trns.png": png(16, 16, 2, big(triple), chunk(b"tRNS", struct.pack(">HHH", 0, 0, 0))),
        "rgba-16.png": png(16, 16, 6, big(quad)),
        "interlaced.png": interlaced(pattern(19, 23)),
        "gamma.png": png(4, 8, 0, bits, chunk(b"gAMA", struct.pack(">I", 100000))),
        "exif-behind.png": png(4, 8, 0, bits, behind=chunk(b"eXIf", tiff(6))),
        "exif-prefixed.png": png(4, 8, 0, bits, chunk(b"eXIf", b"Exif\0\0" + tiff(8))),
        "exif-unknown.png": png(4, 8, 0, bits, chunk(b"eXIf", tiff(9))),
        "animated.png": saved(animation[0].convert("RGB"), "PNG", save_all=True, append_images=[a.convert("RGB") for a in animation[1:2]]),
        "444.jpg": saved(smooth, "JPEG", subsampling=0, quality=90),
        "422.jpg": saved(smooth, "JPEG", subsampling=1),
        "420.jpg": saved(smooth, "JPEG", subsampling=2),
        "progressive.jpg": saved(smooth, "JPEG", progressive=True),
        "restarts.jpg": saved(smooth, "JPEG", restart_marker_blocks=2),
        "grey.jpg": saved(smooth.convert("L"), "JPEG"),
        "cmyk.jpg": saved(smooth.convert("CMYK"), "JPEG"),
        "exif.jpg": saved(smooth, "JPEG", exif=exif(8)),
        "xmp.jpg": saved(smooth, "JPEG", xmp=XMP.encode()),
        "lossless.webp": saved(rgb, "WEBP", lossless=True),
        "lossless-alpha.webp": saved(rgba, "WEBP", lossless=True, exact=True),
        "lossy.webp": saved(smooth, "WEBP", quality=80),
        "lossy-alpha.webp": saved(smooth.convert("RGBA"), "WEBP", quality=80),
        "exif.webp": saved(rgb, "WEBP", lossless=True, exif=exif(5)),
        "animated.webp": saved(rgb, "WEBP", lossless=True, save_all=True, append_images=[rgb.rotate(180)]),
        "palette.gif": saved(colors, "GIF"),
        "grey.gif": saved(grey, "GIF"),
        "interlaced.gif": saved(colors, "GIF", interlace=1),
        "transparent.gif": saved(colors, "GIF", transparency=3),
        "animated.gif": saved(animation[0], "GIF", save_all=True, append_images=animation[1:2]),
    }.items()
    for orientation in range(1, 9):
        yield f"exif-{orientation}.png", png(4, 8, 0, bits[:3], chunk(b"eXIf", tiff(orientation)))
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", XMP)
    yield "xmp.png", saved(rgb, "PNG", pnginfo=text)
    screen = bytearray(saved(colors, "GIF"))
    screen[6:10] = struct.pack("<HH", 31, 29)  # larger than its frame
    yield "larger-screen.gif", bytes(screen)
    screen[6:10] = struct.pack("<HH", 5, 29)
    yield "smaller-screen.gif", bytes(screen)
    place = screen.index(b",\0\0\0\0")
    screen[place + 1:place + 5] = struct.pack("<HH", 3, 2)
    yield "offset.gif", bytes(screen)


def decoded():
    (OUT / "lossy").mkdir(parents=True)
    sizes = {}
    for name, data in files():
        (OUT / name).write_bytes(data)
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        sizes[name] = {"height": image.height, "width": image.width}
        if name.endswith(".jpg") or name.startswith("lossy"):
            image.save(OUT / "lossy" / (name + ".png"), optimize=True)
        else:
            sizes[name]["sha256"] = digest(np.array(image))
    return sizes


def resized():
    filters = ("LANCZOS", "BILINEAR", "BICUBIC", "BOX", "HAMMING")
    cases = []
    for i in range(400):
        # a quarter of them near the border between rows first and columns first
        h, w, height, width = (RNG.randint(1, RNG.choice((8, 60, 250))) for _ in range(4))
        if i % 4 == 0 and w > width:
            h = height + 2 * (w - width) + RNG.choice((-1, 0, 1, 2))
        if h < 1:
            continue
        name = filters[i % 5]
        image = Image.fromarray(pattern(h, w)).resize((width, height), Image.Resampling[name])
        cases.append([h, w, height, width, name, digest(np.array(image))])
    return cases


# ---- processors -----------------------------------------------------------------------------------------------------


def settings(family):
    pick = RNG.choice
    norm = pick(({}, {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.25]}, {"do_normalize": family != "gemma4"}))
    scale = pick(({}, {"rescale_factor": 1 / 255}, {"rescale_factor": 1 / 127.5}, {"resample": pick((1, 2, 3))}))
    if family == "qwen3_vl":
        patch, merge = pick((8, 14, 16)), pick((1, 2, 3))
        unit = (patch * merge) ** 2
        low = pick((1, 4, 9)) * unit
        high = low + pick((3, 12, 30)) * unit
        size = pick(({"min_pixels": low, "max_pixels": high}, {"size": {"shortest_edge": low, "longest_edge": high}}))
        return {"patch_size": patch, "merge_size": merge, **size, **norm, **scale}
    if family == "gemma3":
        return {"size": {"height": pick((28, 56)), "width": pick((28, 42))}, **norm, **scale}
    if family == "gemma4":
        return {"patch_size": pick((4, 8)), "pooling_kernel_size": pick((2, 3)), "max_soft_tokens": pick((3, 6, 20)), **norm, **scale}
    if family == "mistral3":
        size = pick(({"longest_edge": pick((50, 112, 300))}, {"height": 60, "width": 100}))
        return {"patch_size": pick((8, 14)) * pick((1, 2)), "size": size, **norm, **scale}
    tile = pick((16, 24))
    return {"size": {"longest_edge": tile * pick((1, 2, 3, 4)) + pick((0, 0, 5))}, "max_image_size": {"longest_edge": tile},
            "do_image_splitting": pick((True, True, False)), **norm, **scale}


def process(family, given, image):
    if family == "qwen3_vl":
        out = Qwen2VLImageProcessorPil(**given)(images=image, return_tensors="np")
        grid = [int(n) for n in out["image_grid_thw"][0]]
        patch = given["patch_size"]
        rows = out["pixel_values"].reshape(-1, 3, 2, patch, patch)[:, :, 0]
        return rows, grid, [grid[1] * patch, grid[2] * patch], grid[1] * grid[2] // given["merge_size"] ** 2
    if family == "gemma3":
        pixels = Gemma3ImageProcessorPil(**given)(images=image, return_tensors="np")["pixel_values"][0]
        return pixels, [], list(pixels.shape[1:]), 256
    if family == "gemma4":
        gemma4._SUPPORTED_SOFT_TOKENS = [given["max_soft_tokens"]]
        out = gemma4.Gemma4ImageProcessorPil(**given)(images=image, return_tensors="np")
        patch, pool = given["patch_size"], given["pooling_kernel_size"]
        tokens = int(out["num_soft_tokens_per_image"][0])
        places = out["image_position_ids"][0][:tokens * pool * pool]
        columns, rows = (int(n) + 1 for n in places.max(0))
        patches = out["pixel_values"][0][:rows * columns].reshape(rows, columns, patch, patch, 3)
        pixels = patches.transpose(4, 0, 2, 1, 3).reshape(3, rows * patch, columns * patch)
        return pixels, [], list(pixels.shape[1:]), tokens
    if family == "mistral3":
        out = PixtralImageProcessorPil(**given)(images=image, return_tensors="np")
        height, width = (int(n) for n in out["image_sizes"][0])
        return out["pixel_values"][0], [], [height, width], height * width // given["patch_size"] ** 2
    out = Idefics3ImageProcessorPil(**given)(images=image, return_tensors="np", return_row_col_info=True)
    rows, columns = out["rows"][0][0], out["cols"][0][0]
    tile = given["max_image_size"]["longest_edge"]
    pixels = out["pixel_values"][0]
    return pixels, [rows, columns], [max(rows, 1) * tile, max(columns, 1) * tile], len(pixels) * 4


def processed():
    cases = []
    for family in ("qwen3_vl", "gemma3", "gemma4", "mistral3", "idefics3"):
        for _ in range(60):
            given = settings(family)
            h, w = (RNG.randint(1, RNG.choice((9, 70, 260))) for _ in range(2))
            case = {"model_type": family, "settings": given, "height": h, "width": w}
            try:
                pixels, grid, resized_to, tokens = process(family, dict(given), Image.fromarray(pattern(h, w)))
                flat = pixels.reshape(-1)
                places = sorted(RNG.randrange(flat.size) for _ in range(16))
                case.update(shape=list(pixels.shape), grid=grid, resized=resized_to, tokens=tokens,
                            at=places, pixels=[float(flat[p]) for p in places])
            except (ValueError, ZeroDivisionError) as error:
                case["error"] = str(error)
            cases.append(case)
    return cases


# ---- cases of whole models, without weights ----------------------------------------------------------------------------


def inputs(vision):
    out = OUT.parent / "vision-inputs"
    shutil.rmtree(out, ignore_errors=True)
    for case in sorted(vision.glob("*/cases/*")):
        family = case.parts[-3]
        wanted = "earlier" if family.startswith("smolvlm") else "two"  # the smaller one
        if case.name not in (wanted, "strip", "refused") or family == "gemma4-e":
            continue
        to = out / case.relative_to(vision)
        to.mkdir(parents=True)
        shutil.copyfile(case / "case.json", to / "case.json")
        if (case / "golden.safetensors").exists():
            kept = ("prompt", "pixels.", "grid_thw", "tiles")
            tensors = load_file(case / "golden.safetensors")
            save_file({k: v for k, v in tensors.items() if k.startswith(kept)}, to / "golden.safetensors")
        model = to.parent.parent / "model"
        model.mkdir(exist_ok=True)
        for file in (vision / model.relative_to(out)).glob("*.json"):
            shutil.copyfile(file, model / file.name)
    shutil.copytree(vision / "images", out / "images", copy_function=shutil.copyfile)


def write(name, value):
    if isinstance(value, list):
        text = "[\n" + ",\n".join(json.dumps(v) for v in value) + "\n]\n"
    else:
        text = "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n}\n"
    (OUT / name).write_text(text)


shutil.rmtree(OUT, ignore_errors=True)
write("decoded.json", decoded())
write("resized.json", resized())
write("processed.json", processed())
if len(sys.argv) > 1:
    inputs(pathlib.Path(sys.argv[1]))
