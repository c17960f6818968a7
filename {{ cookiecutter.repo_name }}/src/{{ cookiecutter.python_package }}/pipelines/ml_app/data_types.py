"""Names for what the nodes hand on to each other.

Kedro resolves the type hints of every node in every command, so the classes behind
these names, from libraries that are slow to import, are not imported for them.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    Texts: TypeAlias = pd.Series[str]
else:
    Texts = pd.Series  # not subscriptable at run time

Rows: TypeAlias = np.ndarray[Any, Any]
"""Row numbers, shape (n,)."""

Probabilities: TypeAlias = np.ndarray[Any, Any]
"""One row per text, one column per label, shape (n, labels)."""

Counts: TypeAlias = Any
"""``scipy.sparse.csr_matrix`` of shape (n, words)."""

Tokenizer: TypeAlias = Any
"""``sklearn.feature_extraction.text.CountVectorizer``, fitted."""

LabelEncoder: TypeAlias = Any
"""``sklearn.preprocessing.LabelEncoder``, fitted."""

Figure: TypeAlias = Any
"""``plotly.graph_objects.Figure``."""
