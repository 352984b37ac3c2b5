"""Small stories from a grammar: someone wants something, something is in the way."""

import re
from collections.abc import Iterator, Sequence

from reorder_core.corpus.sources.wording import Random, pick, words

GRAMMAR: dict[str, Sequence[str]] = {
    "opening": [
        "One {time}, a {look} {animal} called {name} set out for the {place}.",
        "In the {place} lived {name}, a {look} {animal}.",
        "There was once a {look} {animal} whose name was {name}.",
        "{name} was a {look} {animal} and the {work} of the {place}.",
        "Nobody in the {place} knew the {look} {animal} called {name}.",
    ],
    "wish": [
        "{name} wanted to find the {precious} {thing}.",
        "More than anything, {name} wished for a {precious} {thing}.",
        "A {precious} {thing} was all that {name} could think of.",
        "{name} had lost a {precious} {thing} near the {place}.",
        "{name} had promised a {precious} {thing} to a {look} {friend}.",
    ],
    "trouble": [
        "But the {obstacle} was {bad}, and {name} had to wait until {time}.",
        "But the {bad} {friend} would not let anyone pass the {obstacle}.",
        "On the way the {obstacle} broke, and the road was {bad}.",
        "Then came the {bad} {weather}, and the {obstacle} was gone.",
        "The {obstacle} looked {bad}, so {name} sat down and {felt}.",
    ],
    "help": [
        "A {look} {friend} came by with a {tool} and {gave}.",
        "With a {tool} and a little {virtue}, {name} got across.",
        "At {time}, {name} met a {look} {friend} who {gave}.",
        "It took {number} days, a {tool} and much {virtue}.",
        "A {friend} laughed, lent {name} a {tool} and {gave}.",
    ],
    "ending": [
        "In the end the {precious} {thing} lay behind the {place}.",
        "So {name} gave the {thing} to the {friend} and {felt}.",
        "From that day on, {name} and the {friend} {together}.",
        "The {thing} was not {precious} at all, and {name} {felt}.",
        "That {time}, {number} lamps burned in the {place}, and {name} {felt}.",
    ],
    "time": words("morning|evening|spring night|summer day|winter night|market day|grey dawn|noon"),
    "look": words(
        "young|thin|brave|sleepy|clever|shy|red|tall|lame|proud|quiet|hungry|round|patient"
    ),
    "animal": words(
        "fox|hare|otter|badger|heron|mouse|goat|toad|owl|hedgehog|crow|beaver|snail|wolf"
    ),
    "friend": words(
        "miller|tortoise|widow|ferryman|magpie|tailor|shepherd|mole|baker|pedlar|swan|cook"
    ),
    "place": words(
        "old mill|dark wood|north harbour|salt marsh|empty tower|walled garden|stone quarry|"
        "hill village|frozen lake|cherry orchard|fish market|deep valley"
    ),
    "work": words("guard|gardener|singer|messenger|thief|clown|fisher|judge"),
    "precious": words("silver|golden|lost|magic|tiny|broken|painted|heavy|forgotten|blue"),
    "thing": words("key|drum|lamp|ring|coat|mirror|whistle|crown|letter|basket|clock|spoon"),
    "obstacle": words("bridge|gate|river|ladder|wall|path|ferry|staircase|fence|cave"),
    "bad": words("cold|steep|cruel|narrow|angry|endless|muddy|greedy|terrible|rotten"),
    "weather": words("storm|fog|flood|frost|hail|wind"),
    "tool": words(
        "rope|lantern|wooden spade|loaf of bread|long pole|sack of flour|fishing net|wheel"
    ),
    "virtue": words("patience|courage|luck|kindness|cunning|hope"),
    "number": words("two|three|four|five|seven|nine|twelve|forty"),
    "felt": words(
        "wept|was glad|slept well|said nothing|sang all night|felt ashamed|danced|grew wise"
    ),
    "gave": words(
        "showed the way|asked for nothing|told an old secret|shared some soup|pulled hard|"
        "wanted a song in return|knew the answer"
    ),
    "together": words(
        "lived side by side|never spoke again|shared one roof|sailed the sea|kept bees"
    ),
}
CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"


def story(random: Random) -> Iterator[str]:
    """Five sentences about one hero; the thing wished for stays the same throughout."""
    letters = [CONSONANTS, VOWELS] * 2
    name = "".join(pick(random, letter) for letter in letters).capitalize()
    # What a later sentence speaks of again keeps its first wording.
    kept = {key: pick(random, GRAMMAR[key]) for key in ("thing", "precious", "friend")}
    kept["name"] = name
    for part in ("opening", "wish", "trouble", "help", "ending"):
        yield re.sub(
            r"{(\w+)}",
            lambda match: kept.get(match[1]) or pick(random, GRAMMAR[match[1]]),
            pick(random, GRAMMAR[part]),
        )
