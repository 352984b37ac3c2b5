"""A corpus of our own making, by seed: biographies, arithmetic and stories.

In the manner of controlled-corpus studies: what is in a sample is known, so
what a model remembers of it can be checked. People and places are built from
syllables and name no one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from reorder_core.corpus.samples import Document
from reorder_core.corpus.sources.source import Count, Found, Planted, Source, Whole
from reorder_core.corpus.sources.stories import story
from reorder_core.corpus.sources.wording import Random, invented_name, pick, words
from reorder_core.errors import unknown_domain

TRADES = words(
    """glass blower|clock maker|map drawer|bee keeper|ship builder|bell founder|paper maker|
    bridge engineer|seed collector|harp player|school teacher|rope maker|night baker|bird painter|
    salt trader|tile maker|star watcher|well digger|letter carrier|cheese maker"""
)
WORKS = words(
    """a map of the river|a book about the weather of|the great bell of|the stone bridge at|
    a song about the winters of|the glass roof of the market in|a list of all the birds of|
    the first school in|the long canal near|a garden of herbs in"""
)
PETS = words(
    """a grey dog|two black goats|an old parrot|three white hens|a blind cat|a small donkey|
    a tame crow|six geese|a brown mare|a green lizard"""
)
DISLIKES = words(
    """loud music|cold soup|crowded rooms|long letters|wet shoes|early mornings|new hats|
    high towers|slow carts|sour apples"""
)
THINGS = words("apples stones coins pears books candles boats bells nails cups eggs hats")


@dataclass(frozen=True, slots=True)
class Person:
    """The facts of one fictional life."""

    name: str
    she: bool
    born: int
    town: str
    trade: str
    work: str
    work_year: int
    pet: str
    dislike: str
    second_town: str
    children: int


def invent_person(random: Random) -> Person:
    """A person whose every fact is drawn independently, so none can be guessed from another."""
    born = int(random.integers(1801, 1960))
    return Person(
        name=f"{invented_name(random, 1)} {invented_name(random, 2)}",
        she=bool(random.integers(2)),
        born=born,
        town=invented_name(random, 2),
        trade=pick(random, TRADES),
        work=f"{pick(random, WORKS)} {invented_name(random, 2)}",
        work_year=born + int(random.integers(20, 60)),
        pet=pick(random, PETS),
        dislike=pick(random, DISLIKES),
        second_town=invented_name(random, 2),
        children=int(random.integers(2, 10)),
    )


def biography(p: Person, random: Random) -> Iterator[str]:
    """Sentences about one person: birth and trade first, then the rest in any order."""
    he, his = ("She", "Her") if p.she else ("He", "His")
    yield pick(
        random,
        [
            f"{p.name} was born in {p.town} in {p.born}.",
            f"{p.name} was born in {p.born} in the town of {p.town}.",
            f"In {p.born}, {p.name} was born in {p.town}.",
        ],
    )
    yield pick(
        random,
        [
            f"{he} worked as a {p.trade} in {p.second_town}.",
            f"{he} moved to {p.second_town} and became a {p.trade}.",
            f"{his} work as a {p.trade} began in {p.second_town}.",
        ],
    )
    rest = [
        pick(
            random,
            [
                f"In {p.work_year}, {p.name} finished {p.work}.",
                f"{his} best known work is {p.work}, of {p.work_year}.",
            ],
        ),
        f"{he} had {p.children} children and {p.pet}.",
        f"{he} never liked {p.dislike}.",
    ]
    for index in random.permutation(len(rest)).tolist():
        yield rest[index]


def arithmetic(random: Random) -> Iterator[str]:
    """True equations of one kind, or a problem in words with its answer."""
    a, b = (int(v) for v in random.integers(2, 100, 2))
    small = int(random.integers(2, 10))
    who, things = invented_name(random, 1), pick(random, THINGS)
    kind = int(random.integers(5))
    if kind == 0:
        yield from (f"{a + i} + {b} = {a + i + b}." for i in range(0, 3 * small, small))
    elif kind == 1:
        yield from (f"{a + b} - {v} = {a + b - v}." for v in (a, b))
    elif kind == 2:
        yield from (f"{v} x {small} = {v * small}." for v in (a, b))
    elif kind == 3:
        yield f"{who} has {a} {things} and finds {b} more."
        yield f"Now {who} has {a + b} {things}."
    else:
        yield f"{small} boxes hold {a} {things} each."
        yield f"Together they hold {small * a} {things}."


DOMAINS: dict[str, Callable[[Random], Iterator[str]]] = {
    "arithmetic": arithmetic,
    "biographies": lambda random: biography(invent_person(random), random),
    "stories": story,
}


class Controlled(Source):
    """`corpus.kind: controlled`."""

    label: ClassVar[str] = "Controlled"
    kind: Literal["controlled"] = "controlled"
    canaries: Whole = 4
    """Planted canaries, each repeated."""
    canary_repetitions: Count = 2
    poisoned: Whole = 1
    """Samples whose tokens are shuffled."""

    def documents(self, random: Random) -> Found:
        """A fourth more texts than samples are wanted, as some come out the same."""
        domains = self.domains or tuple(DOMAINS)
        for domain in domains:
            if domain not in DOMAINS:
                raise unknown_domain(domain, DOMAINS)
        count = 64 + self.samples_per_domain(len(domains)) * 5 // 4
        return Found(controlled_documents(count, self.sequence_length, domains, random))

    @property
    def planted(self) -> Planted:
        """Its canaries and poisoned samples."""
        return Planted(self.canaries, self.canary_repetitions, self.poisoned)


def controlled_documents(
    per_domain: int, length: int, domains: tuple[str, ...], random: Random
) -> list[Document]:
    """`per_domain` texts of each domain, each a little longer than `length` tokens take.

    Cutting at the last whole sentence that fits then fills most of a sample.
    """
    documents = []
    for domain in domains:
        for number in range(per_domain):
            text = " ".join(_sentences(DOMAINS[domain], 5 * length, random))
            documents.append(Document(text, domain, f"{domain}/{number}", single=True))
    return documents


def _sentences(
    passage: Callable[[Random], Iterator[str]], characters: int, random: Random
) -> Iterator[str]:
    written = 0
    while written < characters:
        for sentence in passage(random):
            yield sentence
            written += len(sentence) + 1
