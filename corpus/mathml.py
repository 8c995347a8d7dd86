"""MathML to LaTeX, where a page gives nothing else.

Comes in: a `math` element of a page's arrays. Goes out: LaTeX, or None where the element is empty or too large to be a
formula. Presentation MathML only, which is what browsers draw; of content MathML the characters are kept.
Why not a library: `mathml-to-latex` 1.0.0 and `mathml2latex` 0.2.12 want the formula as XML text in a tree of their own
(lxml, or a generated parser), and a page's tree is at hand as arrays; what is needed of MathML is thirty elements.
"""

from typing import Final

from corpus.dom import TEXT, Dom, unescaped

_MAX_NODES: Final = 5_000
_MAX_DEPTH: Final = 60
_OPERATORS: Final = {
    "−": "-", "∗": "*", "⋅": r"\cdot", "·": r"\cdot", "×": r"\times", "÷": r"\div", "±": r"\pm", "∓": r"\mp",
    "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim", "≃": r"\simeq",
    "≅": r"\cong", "∝": r"\propto", "≪": r"\ll", "≫": r"\gg", "∈": r"\in", "∉": r"\notin", "∋": r"\ni",
    "⊂": r"\subset", "⊃": r"\supset", "⊆": r"\subseteq", "⊇": r"\supseteq", "∪": r"\cup", "∩": r"\cap",
    "∖": r"\setminus", "∅": r"\emptyset", "∀": r"\forall", "∃": r"\exists", "¬": r"\neg", "∧": r"\wedge",
    "∨": r"\vee", "⇒": r"\Rightarrow", "⇐": r"\Leftarrow", "⇔": r"\Leftrightarrow", "→": r"\to", "←": r"\leftarrow",
    "↔": r"\leftrightarrow", "↦": r"\mapsto", "⟶": r"\longrightarrow", "⟹": r"\Longrightarrow", "∞": r"\infty",
    "∂": r"\partial", "∇": r"\nabla", "∑": r"\sum", "∏": r"\prod", "∐": r"\coprod", "∫": r"\int", "∬": r"\iint",
    "∭": r"\iiint", "∮": r"\oint", "⋃": r"\bigcup", "⋂": r"\bigcap", "⨁": r"\bigoplus", "⨂": r"\bigotimes",
    "⊕": r"\oplus", "⊗": r"\otimes", "∘": r"\circ", "∙": r"\bullet", "⋆": r"\star", "†": r"\dagger", "…": r"\dots",
    "⋯": r"\cdots", "⋮": r"\vdots", "⋱": r"\ddots", "′": "'", "″": "''", "‖": r"\|", "∥": r"\parallel", "⊥": r"\perp",
    "∠": r"\angle", "⟨": r"\langle", "⟩": r"\rangle", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil",
    "⌉": r"\rceil", "∣": r"\mid", "⊢": r"\vdash", "⊨": r"\models", "≺": r"\prec", "≻": r"\succ", "⊤": r"\top",
    "ℏ": r"\hbar", "ℓ": r"\ell", "ℜ": r"\Re", "ℑ": r"\Im", "ℵ": r"\aleph", "{": r"\{", "}": r"\}", "%": r"\%",
    "#": r"\#", "&": r"\&", "$": r"\$", "_": r"\_", "\xa0": r"\ ",
    "\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "", "\u200b": "", "\u2009": r"\,", "\u2003": r"\quad",
}  # fmt: skip
_GREEK: Final = dict(
    zip(
        "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩϵϑϕϱϖς",
        [
            r"\alpha",
            r"\beta",
            r"\gamma",
            r"\delta",
            r"\varepsilon",
            r"\zeta",
            r"\eta",
            r"\theta",
            r"\iota",
            r"\kappa",
            r"\lambda",
            r"\mu",
            r"\nu",
            r"\xi",
            r"\pi",
            r"\rho",
            r"\sigma",
            r"\tau",
            r"\upsilon",
            r"\varphi",
            r"\chi",
            r"\psi",
            r"\omega",
            r"\Gamma",
            r"\Delta",
            r"\Theta",
            r"\Lambda",
            r"\Xi",
            r"\Pi",
            r"\Sigma",
            r"\Upsilon",
            r"\Phi",
            r"\Psi",
            r"\Omega",
            r"\epsilon",
            r"\vartheta",
            r"\phi",
            r"\varrho",
            r"\varpi",
            r"\varsigma",
        ],
        strict=True,
    )
)
_SYMBOLS: Final = _OPERATORS | _GREEK
_FUNCTIONS: Final = frozenset(
    [
        "arccos",
        "arcsin",
        "arctan",
        "arg",
        "cos",
        "cosh",
        "cot",
        "coth",
        "csc",
        "deg",
        "det",
        "dim",
        "exp",
        "gcd",
        "hom",
        "inf",
        "ker",
        "lg",
        "lim",
        "liminf",
        "limsup",
        "ln",
        "log",
        "max",
        "min",
        "Pr",
        "sec",
        "sin",
        "sinh",
        "sup",
        "tan",
        "tanh",
    ]
)
_OVER: Final = {
    "^": r"\hat", "ˆ": r"\hat", "~": r"\tilde", "˜": r"\tilde", "¯": r"\bar", "‾": r"\overline", "_": r"\bar",
    "→": r"\vec", "⃗": r"\vec", "˙": r"\dot", "¨": r"\ddot", "⏞": r"\overbrace", "ˇ": r"\check", "˘": r"\breve",
    "―": r"\overline",
}  # fmt: skip
_UNDER: Final = {"⏟": r"\underbrace", "_": r"\underline", "̲": r"\underline", "‾": r"\underline", "¯": r"\underline"}
_STYLES: Final = {
    "bold": r"\mathbf", "double-struck": r"\mathbb", "script": r"\mathcal", "fraktur": r"\mathfrak",
    "sans-serif": r"\mathsf", "monospace": r"\mathtt",
}  # fmt: skip
_LARGE: Final = (r"\sum", r"\prod", r"\coprod", r"\bigcup", r"\bigcap", r"\lim", r"\max", r"\min", r"\sup", r"\inf")


def latex_of(dom: Dom, node: int) -> str | None:
    """The formula that `node` draws."""
    if dom.after[node] - node > _MAX_NODES:
        return None
    made = _Converter(dom).row(node, 0).strip()
    return made or None


class _Converter:
    """One formula. A class for the tree alone, which every function would have to pass on."""

    def __init__(self, dom: Dom) -> None:
        self.dom = dom

    def children(self, node: int) -> list[int]:
        found, child = [], node + 1
        while child < self.dom.after[node]:
            if self.dom.tag[child] != TEXT:
                found.append(child)
            child = int(self.dom.after[child])
        return found

    def text(self, node: int) -> str:
        dom = self.dom
        parts = [dom.html[dom.start[i] : dom.end[i]] for i in range(node, dom.after[node]) if dom.tag[i] == TEXT]
        return " ".join(unescaped(b"".join(parts)).split())

    def row(self, node: int, depth: int) -> str:
        """The children one after the other."""
        return _joined([self.one(child, depth + 1) for child in self.children(node)])

    def group(self, node: int, depth: int) -> str:
        made = self.one(node, depth + 1).strip()
        return "{" + made + "}"

    def one(self, node: int, depth: int) -> str:
        """LaTeX of one element."""
        if depth > _MAX_DEPTH:
            return _escaped(self.text(node))
        name = _name(self.dom, node)
        if name in ("mi", "mn", "mo", "mtext", "ms", "ci", "cn"):
            return self.token(node, name)
        if name in ("annotation", "annotation-xml", "mphantom", "maligngroup", "malignmark", "mprescripts", "none"):
            return ""
        if name == "mspace":
            return r"\ "
        parts = self.children(node)
        if name in _ARITY and len(parts) >= _ARITY[name]:
            return self.built(name, node, parts, depth)
        if name == "mtable":
            rows = [self.cells(row, depth) for row in parts]
            return r"\begin{matrix}" + r" \\ ".join(rows) + r"\end{matrix}"
        if name == "mfenced":
            left = self.dom.attribute(node, "open") or "("
            right = self.dom.attribute(node, "close") or ")"
            inner = ", ".join(self.one(part, depth + 1) for part in parts)
            return f"{_SYMBOLS.get(left, left)} {inner} {_SYMBOLS.get(right, right)}"
        if name == "msqrt":
            return r"\sqrt{" + self.row(node, depth).strip() + "}"
        return self.row(node, depth) if parts else _escaped(self.text(node))

    def token(self, node: int, name: str) -> str:
        text = self.text(node)
        if name in ("mtext", "ms"):
            return r"\text{" + text.replace("{", r"\{").replace("}", r"\}") + "}" if text.strip("\xa0 ") else r"\ "
        style = _STYLES.get(self.dom.attribute(node, "mathvariant"), "")
        if name == "mi" and len(text) > 1 and text.isalpha():
            made = f"\\{text}" if text in _FUNCTIONS else rf"\mathrm{{{text}}}"
            return f"{style}{{{text}}}" if style else made
        made = _escaped(text)
        return f"{style}{{{made}}}" if style and made else made

    def built(self, name: str, node: int, parts: list[int], depth: int) -> str:
        """What takes a fixed number of arguments."""
        first = self.one(parts[0], depth + 1).strip()
        second = self.group(parts[1], depth)
        base = first if len(first) <= 1 or first in _LARGE or first in _GREEK.values() else "{" + first + "}"
        if name == "mfrac":
            return rf"\frac{{{first}}}{second}"
        if name == "mroot":
            return rf"\sqrt[{second[1:-1]}]{{{first}}}"
        if name == "msup":
            return f"{base}^{second}" if second.strip("{}") != "'" else f"{base}'"
        if name == "msub":
            return f"{base}_{second}"
        if name in ("msubsup", "munderover"):
            return f"{base}_{second}^{self.group(parts[2], depth)}"
        accents, other = (_OVER, r"\overset") if name == "mover" else (_UNDER, r"\underset")
        accent = accents.get(self.text(parts[1]))
        if accent is not None:
            return f"{accent}{{{first}}}"
        if first in _LARGE:
            return f"{first}{'^' if name == 'mover' else '_'}{second}"
        return f"{other}{second}{{{first}}}"

    def cells(self, row: int, depth: int) -> str:
        cells = [self.row(cell, depth + 1).strip() for cell in self.children(row)]
        return " & ".join(cells)


_ARITY: Final = {
    "mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "msubsup": 3, "munderover": 3, "mover": 2, "munder": 2,
}  # fmt: skip


def _name(dom: Dom, node: int) -> str:
    """The element's name as written; prefixes such as `m:` or `mml:` taken off."""
    tag = dom.html[dom.open[node] + 1 : dom.start[node] - 1].split(b" ", 1)[0]
    return tag.decode("ascii", "replace").rsplit(":", 1)[-1]


def _escaped(text: str) -> str:
    return _joined([_SYMBOLS.get(character, character) for character in text]) if text else ""


def _joined(parts: list[str]) -> str:
    """Parts with a space only where a command would run into a letter."""
    made = ""
    for part in parts:
        if not part:
            continue
        tail = made[-32:]  # no command is longer
        command = tail.rsplit("\\", 1)[-1] if "\\" in tail else "0"
        if made and command.isalpha() and (part[0].isalpha() or not part[0].isascii()):
            made += " "
        made += part
    return made
