"""Copies the licence files of a crate's dependencies, out of the output of `cargo metadata`, into the folder given."""

import json
import pathlib
import re
import shutil
import sys

metadata = json.load(sys.stdin)
folder = pathlib.Path(sys.argv[1])
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
root = metadata["resolve"]["root"]
found, open_ids = set(), [root]
while open_ids:
    node = open_ids.pop()
    if node in found:
        continue
    found.add(node)
    # What only builds or tests a crate is not in the library.
    open_ids += [d["pkg"] for d in nodes[node]["deps"] if any(kind["kind"] is None for kind in d["dep_kinds"])]

lines = []
for package in sorted((packages[i] for i in found - {root}), key=lambda p: p["name"]):
    lines.append(f'{package["name"]} {package["version"]}: {package["license"] or package["license_file"]}')
    source = pathlib.Path(package["manifest_path"]).parent
    for file in sorted(source.rglob("*")):
        wanted = re.match(r"(licen[cs]e|copying|notice|copyright|unlicense)", file.name, re.IGNORECASE)
        if wanted and file.is_file() and len(file.relative_to(source).parts) <= 2:
            target = folder / f'{package["name"]}-{package["version"]}' / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
(folder / "crates.txt").write_text("\n".join(lines) + "\n")
