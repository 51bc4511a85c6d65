"""A report as its tests see it: elements with their attributes and texts, by the parser of the standard library."""

import base64
import hashlib
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

EMPTY = {"img", "input", "meta"}


@dataclass
class Element:
    """One element.

    Args:
        name: Its name.
        attributes: Its attributes.
        children: Elements and texts in it.
    """

    name: str
    attributes: dict
    children: list = field(default_factory=list)

    @property
    def text(self):
        """All texts in it."""
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    def all(self, name=None):
        """The elements in it, of a name if one is given."""
        found = [c for c in self.children if isinstance(c, Element)]
        return [e for c in found for e in ([c] if name in (None, c.name) else []) + c.all(name)]


class _Parser(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag, attrs):
        one = Element(tag, dict(attrs))
        self.open[-1].children.append(one)
        if tag not in EMPTY:
            self.open.append(one)

    def handle_endtag(self, tag):
        assert self.open.pop().name == tag, "an element ends that did not begin"

    def handle_data(self, data):
        self.open[-1].children.append(data)


def parsed(path):
    """The page in a file."""
    parser = _Parser()
    parser.feed(path.read_text(encoding="utf-8"))
    parser.close()
    assert len(parser.open) == 1, "an element does not end"
    return parser.open[0]


def under(page, heading):
    """What follows a heading, up to the next one."""
    for parent in [page, *page.all()]:
        items = [c for c in parent.children if isinstance(c, Element)]
        heads = [k for k, one in enumerate(items) if one.name in ("h1", "h2", "h3", "section", "footer")]
        for k, end in pairwise([*heads, None]):
            if items[k].text == heading and items[k].name != "section":
                return Element("", {}, items[k + 1 : end])
    raise AssertionError(f"there is no heading {heading}")


def rows(table):
    """The texts of a table, row by row, its head first."""
    return [[c.text for c in r.all("th") + r.all("td")] for r in table.all("tr")]


def check_closed(page):
    """Nothing is loaded, and nothing runs but the one script that the policy names."""
    policy = next(m.attributes["content"] for m in page.all("meta") if "http-equiv" in m.attributes)
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    for name, source in (("script", "script-src"), ("style", "style-src")):
        (only,) = page.all(name)
        sha = base64.b64encode(hashlib.sha256(only.text.encode()).digest()).decode()
        assert directives[source] == f"'sha256-{sha}'"
    assert directives["default-src"] == "'none'"
    assert "unsafe" not in policy
    for one in page.all():
        assert one.name in KNOWN, one.name
        for name, value in one.attributes.items():
            assert not name.startswith("on"), name
            assert name != "style"
            if name in ("src", "href"):
                assert value.startswith("data:image/" if name == "src" else "#"), value[:80]


KNOWN = {
    *("html", "head", "meta", "title", "style", "body", "main", "script", "section", "footer"),
    *("h1", "h2", "h3", "p", "a", "bdi", "span", "code", "pre", "dl", "div", "dt", "dd", "figure", "figcaption", "img"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
