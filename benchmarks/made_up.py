"""Made-up reviews that look like real ones: ``python made_up.py FILE COUNT``."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

WORDS = 230
VOCABULARY = 40_000
TELLING = 2_000


def write_reviews(file: Path, count: int) -> None:
    """Write a CSV file with reviews of some 230 words and their labels.

    Frequencies of words follow Zipf's law, and a third of the words are stopwords.
    Three words in a hundred lean to one label, some of them more than others.
    """
    random = np.random.default_rng(3)
    stopwords = np.array(["the", "and", "a", "of", "to", "it's", "in", "that", "was"])
    words = np.array([_spell(i) for i in range(VOCABULARY)])
    frequency = 1 / np.arange(1, VOCABULARY + 1)
    telling = random.choice(np.arange(50, VOCABULARY // 2), TELLING, replace=False)
    leaning = random.normal(0, 1, TELLING)
    texts, labels = [], []
    for i in range(count):
        positive = i % 2
        length = random.poisson(WORDS)
        drawn = words[random.choice(VOCABULARY, length, p=frequency / frequency.sum())]
        slots = random.random(length)
        drawn[slots < 1 / 3] = random.choice(stopwords, (slots < 1 / 3).sum())
        weights = np.exp(leaning if positive else -leaning)
        lean = slots > 0.97
        drawn[lean] = words[
            random.choice(telling, lean.sum(), p=weights / weights.sum())
        ]
        texts.append(" ".join(drawn).capitalize().replace(" the ", ", the ") + "!")
        labels.append("positive" if positive else "negative")
    pd.DataFrame({"text": texts, "label": labels}).to_csv(file, index=False)


def _spell(number: int) -> str:
    """Return a made-up word, a different one for each number."""
    syllables = ["ba", "do", "ki", "lu", "me", "no", "ra", "si", "tu", "ve"]
    return "".join(syllables[int(digit)] for digit in str(number))


if __name__ == "__main__":
    write_reviews(Path(sys.argv[1]), int(sys.argv[2]))
