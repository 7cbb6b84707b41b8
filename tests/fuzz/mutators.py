"""Damage that keeps a document's structure: random bytes alone rarely get past the first bracket of a telegram.

Pure: the same document and the same random numbers make the same damage. Used by the fuzz targets and by the suite.
"""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

from lxml import etree

#: Values that have broken parsers before.
ODD = (
    "",
    " ",
    "NaN",
    "-0",
    "1e999",
    "²",
    "９",
    "9" * 400,
    "-1",
    "0000000",
    "2026-13-01T00:00:00Z",
    "0001-01-01T00:00:00+09:00",
    "9999-12-31T23:59:59-23:59",
    "+1+1+1/",
    "+91+181/",
    "取消",
    "訓練",
    "\u202e\u2028",
    "../../etc/passwd",
    "urn:oasis:names:tc:emergency:cap:1.2",
)
ODD_JSON: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    "\0",
    "\ud800",
    *ODD,
)


def damage_xml(body: bytes, rng: Random) -> bytes | None:
    """The document with one to three elements changed; None if it is not well-formed to begin with."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    for _ in range(rng.randint(1, 3)):
        elements = [e for e in root.iter(etree.Element) if e is not root]
        if not elements:
            break
        element = rng.choice(elements)
        parent = element.getparent()
        match rng.randrange(8):
            case 0 | 1:
                element.text = rng.choice(ODD)
            case 2:
                element.text = rng.choice(elements).text
            case 3:
                parent.remove(element)
            case 4:
                parent.append(copy.deepcopy(element))
            case 5:
                rng.choice(elements).append(copy.deepcopy(element))
            case 6:
                element.tag = rng.choice(elements).tag
            case _:
                for name in element.attrib:
                    element.attrib[name] = rng.choice(ODD)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def damage_json(body: bytes, rng: Random) -> bytes | None:
    """The document with one to three values changed; None if it is no JSON to begin with."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    for _ in range(rng.randint(1, 3)):
        holders = [node for node in _nodes(document) if isinstance(node, dict | list) and node]
        if not holders:
            break
        holder = rng.choice(holders)
        key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        match rng.randrange(4):
            case 0:
                del holder[key]
            case 1:
                holder[key] = copy.deepcopy(rng.choice(holders))
            case _:
                holder[key] = rng.choice(ODD_JSON)
    return json.dumps(document).encode()


def _nodes(document: Any) -> list[Any]:
    """The document and everything in it, without recursion."""
    found, waiting = [], [document]
    while waiting and len(found) < 5_000:
        node = waiting.pop()
        found.append(node)
        if isinstance(node, dict):
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found
