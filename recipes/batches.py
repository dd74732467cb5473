"""A batch of recordings in a data frame scored, for engines that hand out data frames: Ray Data and Spark.

Ray Data, with a GPU for each worker::

    import ray
    from batches import Scorer

    ray.data.read_parquet("list.parquet").map_batches(
        Scorer,
        fn_constructor_kwargs={"device": "cuda"},
        batch_format="pandas",
        batch_size=500,
        concurrency=4,
        num_gpus=1,
    ).write_parquet("s3://bucket/scores")

Spark::

    from batches import score_partition, spark_schema

    spark.read.parquet("list.parquet").mapInPandas(score_partition, spark_schema()).write.parquet("scores")

The list has a column ``path`` of files that all workers see. A recording that cannot be scored is a row with the
reason in the column ``fault`` and no numbers.
"""

from collections.abc import Iterator
from functools import lru_cache

import pandas as pd

import ecgnoise

COLUMNS = ("record", "path", "lead", "segment", "start_s", "duration_s", "psnr_db", "grade", "fault")
NUMBERS = ("segment", "start_s", "duration_s", "psnr_db")
WORDS = tuple(name for name in COLUMNS if name not in NUMBERS)


class Scorer:
    """Scores data frames with a column ``path``; the model is loaded once."""

    def __init__(self, device: str = "cpu", threads: int = 1) -> None:
        self._quantifier = ecgnoise.Quantifier(device=device, threads=threads)

    def __call__(self, batch: pd.DataFrame) -> pd.DataFrame:
        """The scores of the recordings of a batch, one row a lead-segment."""
        tables = [_table(scored) for scored in ecgnoise.score_files(batch["path"].tolist(), self._quantifier)]
        whole = pd.concat(tables, ignore_index=True).reindex(columns=list(COLUMNS))
        whole = whole.astype(dict.fromkeys(NUMBERS, float) | dict.fromkeys(WORDS, object))  # as engines take them
        return whole.where(whole.notna() | whole.columns.isin(NUMBERS), None)


def _table(scored: ecgnoise.Scored) -> pd.DataFrame:
    if isinstance(scored.outcome, ecgnoise.EcgNoiseError):
        return pd.DataFrame([{"record": scored.path.stem, "path": str(scored.path), "fault": str(scored.outcome)}])
    return scored.outcome.to_dataframe()[list(COLUMNS)]


@lru_cache(maxsize=1)
def _scorer() -> Scorer:
    return Scorer()


def score_partition(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """For Spark's ``mapInPandas``."""
    yield from map(_scorer(), batches)


def spark_schema() -> str:
    """The columns of :class:`Scorer`, as Spark writes them."""
    return ", ".join(f"{name} {'double' if name in NUMBERS else 'string'}" for name in COLUMNS)
