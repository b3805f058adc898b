"""The colours of pages and charts in light and dark, and the rules of what is drawn.

Text has a contrast of 4.5 and more to what it stands on, marks of 3 and more (WCAG 2.2 AA); neighbours in a stack are
also told apart by a gap. The first colours are near Okabe and Ito's, which the colour-blind can tell apart.
"""

from __future__ import annotations

import re

LAYERS = 8
"""Series with a colour of their own."""
LIGHT = {
    "bg": "#ffffff",
    "raised": "#f4f5f6",
    "ink": "#1c2126",
    "soft": "#57606a",
    "line": "#d5d9de",
    "accent": "#0b5cad",
    "bad": "#b3261e",
    "good": "#0d7a4f",
    "warn": "#8a5000",
    "c0": "#1f6fb8",
    "c1": "#c2540a",
    "c2": "#0d7f61",
    "c3": "#9a4a94",
    "c4": "#8a6d00",
    "c5": "#b5304e",
    "c6": "#0a7c92",
    "c7": "#5c5fc4",
    "rest": "#6f757c",
}
DARK = {
    "bg": "#14171a",
    "raised": "#1e2327",
    "ink": "#e6e9ec",
    "soft": "#a3abb3",
    "line": "#3a4148",
    "accent": "#79b8ff",
    "bad": "#ff8a80",
    "good": "#5fcf9d",
    "warn": "#e8b35a",
    "c0": "#62a8e8",
    "c1": "#f0935a",
    "c2": "#45c3a0",
    "c3": "#d19ad2",
    "c4": "#d3b53f",
    "c5": "#f07f97",
    "c6": "#52bcd1",
    "c7": "#a0a3f2",
    "rest": "#8d949b",
}
FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Liberation Sans',sans-serif"
_PAINT = "".join(f".s{n}{{fill:var(--c{n});color:var(--c{n})}}" for n in range(LAYERS))
RULES = f"""\
svg text{{font:12px {FONT};fill:var(--ink);stroke:var(--bg);stroke-width:3;paint-order:stroke}}
svg text.soft{{fill:var(--soft)}}svg text.strong{{font-weight:600}}
svg .axis{{stroke:var(--soft);fill:none}}svg .grid{{stroke:var(--line);fill:none}}
svg .limit{{stroke:var(--bad);stroke-dasharray:7 4;fill:none}}
svg text.limit{{fill:var(--bad);stroke:var(--bg);stroke-dasharray:none;font-weight:600}}
svg polyline.trail{{fill:none;stroke:currentColor;stroke-width:1.5}}svg .dash{{stroke-dasharray:6 4}}
svg .mark{{stroke:transparent;stroke-width:12}}
svg .whole{{fill:var(--soft)}}svg .less{{fill:var(--good)}}svg .more{{fill:var(--bad)}}svg .rest{{fill:var(--rest)}}
svg .span{{stroke:var(--ink);stroke-width:1.5;fill:none}}svg .goal{{stroke:var(--ink);stroke-width:3;fill:none}}
svg .link{{stroke:var(--soft);stroke-dasharray:2 3;fill:none}}
""" + "".join(f"svg {rule}" for rule in re.findall(r"\.s\d\{[^}]*\}", _PAINT))


def variables(colors: dict[str, str]) -> str:
    """Return colours as the declarations of custom properties."""
    return "".join(f"--{name}:{value};" for name, value in colors.items())


def painted(rules: str, colors: dict[str, str]) -> str:
    """Return rules with the colours written out, for what knows no custom properties."""
    return re.sub(r"var\(--(\w+)\)", lambda match: colors[match.group(1)], rules)
