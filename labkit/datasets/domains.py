"""Text from several sources that share as much as one wants, with the source of every id known."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import apportioned, number, whole
from labkit.datasets.markov import conditional_entropies, sample, softmax, stationary
from labkit.datasets.text import MOST_IDS, check_sizes, from_lines
from labkit.seeds import generator


def domains(
    *,
    domains: int = 3,
    shares: tuple[float, ...] | None = None,
    overlap: float = 0.5,
    shared_ids: float = 1.0,
    difficulty: tuple[float, ...] | float = 0.5,
    vocabulary: int = 16,
    document: int = 128,
    context: int = 16,
    examples: int = 100_000,
    validation: int = 12_000,
    test: int = 24_000,
    duplicates: float = 0.0,
    leaks: float = 0.0,
    skew: float = 0.0,
    source: int = 0,
    seed: int = 0,
) -> Dataset:
    """Documents from several Markov chains, shuffled together; which one each comes from is told.

    Arguments:
        domains: how many, 1 to 64.
        shares: of the training documents from each domain, in any unit; None is equal. Counts are exact by largest
            remainders. Validation and test have equal shares always.
        overlap: how much the chains have in common, 0 to 1: the correlation of the scores (logarithms of the
            probabilities, but for a constant) of two domains. 1 makes them equal where they are equally difficult.
        shared_ids: share of the ids that stand for the same in all domains, 0 to 1; each domain writes the others
            with ids of its own. 0 with overlap 1 is the same grammar in other words.
        difficulty: temperature of the chains, as in ``markov``: one for all, or one for each.
        vocabulary: ids that one domain uses; all domains together use at most 256.
        document: ids in a document, more than ``context``; nothing marks where one begins.
        context, examples, validation, test: as in ``markov``. The last document of a split can be cut short.
        duplicates, leaks, skew: copies of documents planted in the training text, as in ``plant``; they are written
            over documents of any domain, which moves the shares a little.
        source: which random chains.
        seed: of the training text. The chains, validation and test do not depend on it.

    ``truth`` has ``domain`` (n,), ``validation_domain`` and ``test_domain``, the domain of the id to predict;
    ``entropy_rates`` (domains,) in nats per id, within documents of a known domain; ``shares`` (domains,), what was
    asked for; ``transitions`` (domains, vocabulary, vocabulary) and ``ids`` (domains, vocabulary), how each writes its
    states. No loss on a domain can fall below its entropy rate; the first ids of a document, whose domain must be
    guessed, keep it a little above.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range.

    >>> data = domains(domains=2, shares=(3, 1), examples=12_800, context=8, validation=0)
    >>> (np.bincount(data.truth["domain"]) / len(data.inputs)).round(2).tolist()
    [0.75, 0.25]
    """
    options = dict(locals())
    whole("domains", domains, least=1, most=64)
    whole("vocabulary", vocabulary, least=2, most=MOST_IDS)
    number("overlap", overlap)
    number("shared_ids", shared_ids)
    check_sizes(options)
    whole("document", document, least=context + 1)
    temperatures = _one_each("difficulty", difficulty, domains, least=0.1, most=100)
    wanted = _one_each("shares", 1.0 if shares is None else shares, domains, least=0, most=1e9)
    if not sum(wanted) > 0:
        raise ValueError(f"shares={shares!r} are all 0; expected some above 0")
    ids = _ids(domains, vocabulary, shared_ids)
    if ids.max() >= MOST_IDS:
        raise ValueError(
            f"{domains} domains of {vocabulary} ids with shared_ids={shared_ids!r} use {ids.max() + 1} ids; expected "
            f"at most {MOST_IDS}: share more or use fewer"
        )
    tables, steady, rates = _chains(domains, vocabulary, float(overlap), temperatures, source)
    lines: dict[str, np.ndarray] = {}
    labels: dict[str, np.ndarray] = {}
    for split in SPLITS:
        count = options["examples" if split == "train" else split]
        length = count + context if count else 0
        random = generator(seed if split == "train" else 0, "domains", source, split)
        portions = wanted if split == "train" else (1.0,) * domains
        order = random.permutation(np.repeat(np.arange(domains), apportioned(-(-length // document), portions)))
        pieces = np.empty((len(order), document), dtype=np.uint8)
        for one in range(domains):
            for place in np.flatnonzero(order == one):
                pieces[place] = ids[one][sample(tables[one], steady[one], document, random)]
        lines[split] = pieces.ravel()[:length]
        labels[split] = np.repeat(order, document)[:length].astype(np.int8)
    truth = {
        "entropy_rates": rates,
        "shares": np.array(wanted) / sum(wanted),
        "transitions": tables,
        "ids": ids,
    }
    return from_lines(
        "domains", lines, vocabulary=int(ids.max()) + 1, options=options, truth=truth, tracks={"domain": labels}
    )


def _one_each(name: str, value: object, count: int, *, least: float, most: float) -> tuple[float, ...]:
    values = value if isinstance(value, tuple | list) else (value,) * count
    if len(values) != count:
        raise ValueError(f"{name}={value!r} has {len(values)} numbers for {count} domains; give one for each")
    return tuple(number(name, one, least=least, most=most) for one in values)


def _ids(domains: int, vocabulary: int, shared: float) -> np.ndarray:
    """The id by which each domain writes each state, (domains, vocabulary): the shared ones first."""
    common = round(shared * vocabulary)
    own = np.arange(domains)[:, None] * (vocabulary - common)
    return np.arange(vocabulary) + np.where(np.arange(vocabulary) < common, 0, own)


@lru_cache(maxsize=8)
def _chains(
    domains: int, vocabulary: int, overlap: float, temperatures: tuple[float, ...], source: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Transitions (domains, v, v), stationary probabilities (domains, v) and entropy rates (domains,)."""
    shape = vocabulary, vocabulary
    common = generator(source, "domains", "common", vocabulary).standard_normal(shape)
    tables, steady, rates = [], [], []
    for one, temperature in enumerate(temperatures):
        own = generator(source, "domains", "own", vocabulary, one).standard_normal(shape)
        scores = np.sqrt(overlap) * common + np.sqrt(1 - overlap) * own
        tables.append(softmax(scores / temperature))
        steady.append(stationary(tables[-1]))
        rates.append(conditional_entropies(tables[-1], steady[-1])[-1])
    return np.array(tables), np.array(steady), np.array(rates)


register(
    Entry(
        name="domains",
        kind="text",
        purpose="several texts with dials for overlap and difficulty: mixtures, transfer, forgetting, selection",
        build=domains,
        examples=100_000,
    )
)
