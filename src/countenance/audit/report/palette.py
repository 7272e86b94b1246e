"""Every colour the report uses, in both themes, and the contrast between any two.

Groups take Okabe and Ito's hues in one fixed order (Color Universal Design, 2008), as published
where they have 3:1 against the paper (WCAG 2.2, 1.4.11); the four that have not are darkened in
the light theme, and black is white in the dark one. Colour never carries meaning alone: groups are
labelled directly and also differ in shape and dash.
"""

from __future__ import annotations

from typing import Final

#: name -> (light theme, dark theme). Light values are unique: a figure is drawn in them, and the
#: dark theme replaces each by attribute selectors.
COLOURS: Final[dict[str, tuple[str, str]]] = {
    "paper": ("#fbfaf7", "#171614"),
    "ink": ("#1c1b19", "#ece9e2"),
    "muted": ("#5f5b53", "#b0aba0"),
    "line": ("#8a857b", "#7d786f"),
    "rule": ("#dcd8ce", "#38352f"),
    "shade": ("#f1eee7", "#211f1c"),
    "accent": ("#1d4e89", "#8fb8ea"),
    "group1": ("#0072b2", "#0072b2"),
    "group2": ("#d55e00", "#d55e00"),
    "group3": ("#009e73", "#009e73"),
    "group4": ("#b5588b", "#cc79a7"),
    "group5": ("#a87100", "#e69f00"),
    "group6": ("#2e83b5", "#56b4e9"),
    "group7": ("#837a00", "#f0e442"),
    "group8": ("#000000", "#ffffff"),
    "heat1": ("#9fc6e8", "#1d4f7c"),
    "heat2": ("#cfe2f3", "#1a3850"),
    "heat3": ("#e7e4dc", "#3a3731"),
    "heat4": ("#fbdcb4", "#5b3d16"),
    "heat5": ("#f5b36c", "#7c4710"),
    "heat6": ("#ec8b50", "#95441a"),
}

#: Pairs that carry text (4.5:1) and graphics that carry meaning (3:1), as drawn.
TEXT_PAIRS: Final = (
    *((name, ground) for name in ("ink", "muted", "accent") for ground in ("paper", "shade")),
    *(("ink", f"heat{i}") for i in range(1, 7)),
)
GRAPHIC_PAIRS: Final = (("line", "paper"), *((f"group{i}", "paper") for i in range(1, 9)))

LIGHT: Final = {name: light for name, (light, _) in COLOURS.items()}
DARK: Final = {name: dark for name, (_, dark) in COLOURS.items()}
GROUPS: Final = tuple(LIGHT[f"group{i}"] for i in range(1, 9))
HEAT: Final = tuple(LIGHT[f"heat{i}"] for i in range(1, 7))
SHAPES: Final = ("circle", "square", "up", "diamond", "down", "cross", "left", "right")
DASHES: Final[tuple[tuple[float, ...], ...]] = (
    (),
    (7, 3),
    (2, 2),
    (9, 3, 2, 3),
    (4, 2),
    (12, 3),
    (1, 3),
    (6, 2, 2, 2, 2, 2),
)


def contrast(a: str, b: str) -> float:
    """WCAG 2.2 contrast ratio of two ``#rrggbb`` colours, 1 to 21."""
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def variables(theme: dict[str, str]) -> str:
    """CSS custom properties of one theme."""
    return "".join(f"--{name}:{value};" for name, value in theme.items())


def figure_rules(prefix: str = "svg") -> str:
    """CSS that turns a figure drawn in the light colours into the dark theme."""
    return "".join(
        f'{prefix} [{which}="{light}"]{{{which}:{dark}}}'
        for light, dark in COLOURS.values()
        for which in ("fill", "stroke")
    )


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
