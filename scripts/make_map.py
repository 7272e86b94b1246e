"""Write the rooms of docs/map.md from the modules' own first sentences (make map)."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "countenance"
MAP = ROOT / "docs" / "map.md"
ROOMS = ("core", "faces", "datasets", "scores", "audit", "law", "record", "desk", "web", "cli")
BEGIN, END = "<!-- rooms -->", "<!-- end of rooms -->"


def first_sentence(path: Path) -> str:
    """The opening paragraph of a module's docstring, on one line."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("``", "`")


def rooms() -> str:
    """One section a room, one line a module."""
    out = []
    for room in ROOMS:
        out.append(f"### `{room}`\n\n{first_sentence(SRC / room / '__init__.py')}\n")
        for path in sorted((SRC / room).iterdir()):
            if path.suffix == ".py" and path.stem != "__init__":
                out.append(f"- `{path.stem}` {first_sentence(path)}")
            elif (path / "__init__.py").is_file():
                out.append(f"- `{path.name}/` {first_sentence(path / '__init__.py')}")
        out.append("")
    return "\n".join(out)


def main() -> None:
    """Replace the rooms in the page."""
    before, _, rest = MAP.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    MAP.write_text(f"{before}{BEGIN}\n\n{rooms()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
