"""XML taken apart node by node, and its seven harmless disguises."""

import copy
import re
from xml.etree import ElementTree

from defusedxml.ElementTree import fromstring

WORDS = (
    "", "0", "-1", "1", "3", "16", "65535", "99999999999", "1e308", "-1e308", "1e-300", "nan", "inf", "0x10", "1_0",
    "²", "AAAA", "////", "A", "=", "I", "II", "V1", "uV", "mV", "V", "mmHg", "XLI", "Plain", "Base64", "True", "False",
    "Median", "SLIST_INT", "TIME_ABSOLUTE", "../canary", "file:///etc/passwd", "\u202e", "a" * 300, "1 2 3 x", "1,2,,3",
    "\x85", "20209999999999", "9" * 400,
)  # fmt: skip


def mutate(data, rng):
    """The document with nodes dropped, repeated, moved, renamed, emptied, nested, or holding other words."""
    root = fromstring(data)
    for _ in range(rng.integers(1, 4)):
        parents = [node for node in root.iter() if len(node)]
        if not parents:
            break
        parent = parents[rng.integers(len(parents))]
        (_rearrange, _reword)[rng.integers(2)](parent, int(rng.integers(len(parent))), rng)
    encoding = ("utf-8", "utf-16", "iso-8859-1")[rng.integers(3)] if rng.integers(4) == 0 else "utf-8"
    return ElementTree.tostring(root, encoding=encoding, xml_declaration=bool(rng.integers(2)) or encoding != "utf-8")


def _rearrange(parent, at, rng):
    """Drop, repeat, move or nest a node."""
    node, kind = parent[at], rng.integers(4)
    if kind == 0:
        del parent[at]
    elif kind == 1:
        parent[at:at] = [copy.deepcopy(node) for _ in range((1, 3, 30)[rng.integers(3)])]
    elif kind == 2:
        parent.append(parent[int(rng.integers(len(parent)))])
        del parent[at]
    else:
        for _ in range((2, 80)[rng.integers(2)]):
            node = ElementTree.SubElement(node, node.tag)


def _reword(parent, at, rng):
    """Give a node another name, text or attribute, or a part of what it has."""
    node, word, kind = parent[at], WORDS[rng.integers(len(WORDS))], rng.integers(6)
    keys, text = list(node.attrib), node.text or ""
    cut = int(rng.integers(len(text) + 1))
    if kind == 0:
        node.tag = word if re.fullmatch("[A-Za-z]+", word) else f"{node.tag}x"
    elif kind == 1:
        node.text = text[:cut]
    elif kind == 2:
        node.text = text[:cut] + word + text[cut + int(rng.integers(9)) :]
    elif kind == 3 and keys:
        del node.attrib[keys[rng.integers(len(keys))]]
    elif kind == 4 and keys:
        node.set(keys[rng.integers(len(keys))], word)
    else:
        node.text = word


def disguises(data):
    """A document in seven shapes that mean the same: name -> bytes."""
    text = _decoded(data)
    body = re.sub(r"^\s*(<\?xml.*?\?>\s*)?", "", text, count=1, flags=re.DOTALL)
    bare = re.sub(r"<!DOCTYPE[^>]*>\s*", "", body)
    utf8 = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return {
        "byte order mark": b"\xef\xbb\xbf" + utf8.encode(),
        "utf-16": f'<?xml version="1.0" encoding="UTF-16"?>\n{body}'.encode("utf-16"),
        "crlf": utf8.replace("\r\n", "\n").replace("\n", "\r\n").encode(),
        "no declaration": body.encode(),
        "leading comment": f"<?xml version='1.0'?>\n<!-- {'exported ' * 1000}-->\n{bare}".encode(),
        "namespace prefix": f"<?xml version='1.0'?>\n{prefixed(bare)}".encode(),
        "document type": f'<?xml version="1.0"?>\n<!DOCTYPE {_root(bare)} SYSTEM "ecg.dtd">\n{bare}'.encode(),
    }


def prefixed(text):
    """The document with every element in a namespace that is spelled out: ``<v:Waveform>``."""
    named = re.sub(r"<(/?)([A-Za-z])", r"<\1v:\2", text)
    declared = re.search(r'\sxmlns="([^"]*)"', named)
    if declared:
        return named.replace(declared[0], f' xmlns:v="{declared[1]}"', 1)
    return re.sub(r"<v:([^\s>]+)", r'<v:\1 xmlns:v="urn:vendor"', named, count=1)


def _root(text):
    return re.search(r"<([A-Za-z][^\s/>]*)", text)[1]


def _decoded(data):
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    return data.decode("iso-8859-1" if b"ISO-8859-1" in data[:100] else "utf-8-sig")
