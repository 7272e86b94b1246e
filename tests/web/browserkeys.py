"""A keyboard and nothing else: fields are reached with Tab, and wherever it stops can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browserkit import Watched

MOST = 250
"""More stops than any page has."""
_STOP = """([selector]) => {
  const one = document.activeElement;
  if (!one || one === document.body) return { name: "" };
  const look = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  const inside = (x, y) => x >= 0 && y >= 0 && x < innerWidth && y < innerHeight;
  // Where a control is small, its label may lie around it.
  const seen = [[.5, .5], [.1, .5], [.9, .5], [.5, .1], [.5, .9]].some(([across, down]) => {
    const x = box.left + across * box.width, y = box.top + down * box.height;
    const top = inside(x, y) && document.elementFromPoint(x, y);
    return top && (one.contains(top) || top.contains(one) && top.closest("label"));
  });
  return {
    there: one.matches(selector),
    name: one.tagName.toLowerCase() + (one.name ? `[name=${one.name}]` : "") +
      ` "${(one.textContent || one.value || "").trim().slice(0, 30)}"`,
    outlined: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2,
    seen,
  };
}"""

_VALUES = "all => all.map((one) => one.value)"


@dataclass
class Keys:
    """Somebody who has no mouse."""

    watched: Watched

    def __post_init__(self) -> None:
        self.page = self.watched.page
        self._board = self.page.keyboard
        # From now on a page's own window for files is ours, and not only once it is waited for.
        self.page.on("filechooser", lambda _: None)

    def reach(self, selector: str, *, back: bool = False) -> None:
        """Tab there from wherever the focus is, once around the page at most."""
        path: list[str] = []
        for _ in range(MOST):
            self._board.press("Shift+Tab" if back else "Tab")
            stop = self.page.evaluate(_STOP, [selector])
            path.append(stop["name"])
            if stop["name"]:
                assert stop["outlined"], (self.watched.here, "no outline", stop["name"])
                assert stop["seen"], (self.watched.here, "not to be seen", stop["name"])
                if stop["there"]:
                    return
        pytest.fail(f"{self.watched.here}: the keyboard does not reach {selector}: {path}")

    def write(self, selector: str, words: str) -> None:
        """Into a field, in place of what is in it."""
        self.reach(selector)
        self._board.press("ControlOrMeta+a")
        self._board.type(words)

    def day(self, selector: str, iso: str) -> None:
        """Into a field for a date: month, day and year, as its browser has them."""
        year, month, day = iso.split("-")
        self.reach(selector)
        self._board.type(month + day + year)
        assert self.page.locator(selector).input_value() == iso

    def pick(self, selector: str, value: str) -> None:
        """From a list, with the arrow."""
        self.reach(selector)
        for _ in range(60):
            if self.page.locator(selector).input_value() == value:
                return
            self._board.press("ArrowDown")
        pytest.fail(f"{self.watched.here}: {selector} has no {value}")

    def mark(self, name: str, value: str) -> None:
        """One of several radio buttons: into the group with Tab, to it with the arrow."""
        self.reach(f'[name="{name}"]')
        focused = f"document.activeElement.value === {value!r}"
        for _ in range(20):
            if self.page.evaluate(focused):
                break
            self._board.press("ArrowDown")
        else:
            pytest.fail(f"{self.watched.here}: {name} has no {value}")
        if not self.page.evaluate("document.activeElement.checked"):
            self._board.press("Space")
        assert self.page.evaluate("document.activeElement.checked")

    def tick(self, name: str, value: str) -> None:
        """A box, with the space bar."""
        self.reach(f'[name="{name}"][value="{value}"]')
        self._board.press("Space")
        assert self.page.evaluate("document.activeElement.checked")

    def open(self, selector: str) -> None:
        """A fold, with the space bar."""
        self.reach(selector)
        self._board.press("Space")

    def choose_file(self, selector: str, file: Path) -> None:
        """The browser's own window for files opens on the space bar."""
        self.reach(selector)
        with self.page.expect_file_chooser() as chooser:
            self._board.press("Space")
        chooser.value.set_files(file)

    def enter(self, selector: str, *, back: bool = False) -> None:
        """A link or a button; the next page is there."""
        self.reach(selector, back=back)
        with self.page.expect_navigation():
            self._board.press("Enter")
        self.watched.look()

    def fill(self, fields: Mapping[str, Any]) -> None:
        """Fields in the order that the page has them, each by its name, as what it is."""
        order: list[str] = self.page.evaluate(
            "names => [...new Set([...document.querySelectorAll('main [name]')]"
            ".map((one) => one.name))].filter((name) => names.includes(name))",
            list(fields),
        )
        for name in order:
            place = f'main [name="{name}"]'
            sort = self.page.locator(place).first.evaluate("one => one.type")
            value = fields[name]
            if sort == "checkbox":
                inside = self.page.eval_on_selector_all(
                    place, "all => all.map((one) => one.value)"
                )
                given = value if isinstance(value, list) else [value]
                for each in sorted(given, key=inside.index):
                    self.tick(name, each)
            elif sort == "radio":
                self.mark(name, value)
            elif sort.startswith("select"):
                self.pick(place, value)
            elif sort == "date":
                self.day(place, value)
            elif sort == "file":
                self.choose_file(place, value)
            else:
                self.write(place, str(value))
