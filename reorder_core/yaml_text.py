"""YAML as plain values, within bounds: no tags, no bombs, names as they are written."""

from collections.abc import Collection
from typing import Any

import yaml

from reorder_core.errors import ConfigError

LARGEST = 1_000_000
"""Characters of a YAML text."""
MOST_NODES = 20_000
"""Values in it, each alias counted as often as it is used."""
_TEXT = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"


def load_yaml(text: str, source: str, names: Collection[str] = ()) -> Any:
    """The value of a YAML text.

    Under keys in `names` a plain scalar stays the text it is: `no`, `1.10` and
    `on` are names there. Raises ConfigError for what is not YAML, holds tags,
    names a key twice, or grows too large by its aliases.
    """
    if len(text) > LARGEST:
        raise ConfigError(f"{source} has {len(text):,} characters; at most {LARGEST:,} are read")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _bounded(node, source)
        _keep_names(node, names)
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{source} is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ConfigError(f"{source} is nested too deeply, or holds itself") from None


def _bounded(root: yaml.Node, source: str) -> None:
    """ConfigError where the tree with every alias written out is too large."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, above: frozenset[int]) -> int:
        if id(node) in above:
            raise ConfigError(f"{source}: an alias stands for something that holds itself")
        if id(node) not in sizes:
            inside = above | {id(node)}
            sizes[id(node)] = 1 + sum(size(child, inside) for child in _children(node, source))
        if sizes[id(node)] > MOST_NODES:
            raise ConfigError(
                f"{source} holds more than {MOST_NODES:,} values, its aliases written out; "
                "expected a configuration of a few dozen"
            )
        return sizes[id(node)]

    size(root, frozenset())


def _children(node: yaml.Node, source: str) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return node.value
    if not isinstance(node, yaml.MappingNode):
        return []
    keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    twice = next((key for key in keys if keys.count(key) > 1 and key != "<<"), None)
    if twice is not None:
        raise ConfigError(f"{source}, line {node.start_mark.line + 1}: {twice!r} is given twice")
    return [part for pair in node.value for part in pair]


def _keep_names(node: yaml.Node, names: Collection[str]) -> None:
    """Turn plain scalars under these keys, alone or in a list, into text; null stays null."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        _keep_names(value, names)
        if isinstance(key, yaml.ScalarNode) and key.value in names:
            for scalar in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if isinstance(scalar, yaml.ScalarNode) and scalar.tag != _NULL:
                    scalar.tag = _TEXT
