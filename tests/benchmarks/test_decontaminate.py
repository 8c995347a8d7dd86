"""What the benchmark promises of `decontaminate`: every verbatim leak is found, no own file is one."""

import pyarrow as pa
import pytest

from benchmarks.decontaminate import _index, _scan
from filters.benchmarks import HUMAN_EVAL, strings_of
from pipelines.benchmark_files import Digest, records
from tests.builds import ROOT
from validate.leaks import docstring_only, reindented, renamed, solution_only, translated, verbatim


@pytest.fixture(scope="module")
def human_eval():
    problems = [record for _, record in records(HUMAN_EVAL, Digest())]
    return problems, _index([item for record in problems for item in strings_of(HUMAN_EVAL, record, "")])


@pytest.mark.parametrize(
    ("leak", "least"),
    [(verbatim, 1), (reindented, 1), (docstring_only, 0.95), (renamed, 0.95), (translated, 0.9), (solution_only, 0.9)],
)
def test_leaks_are_found(human_eval, leak, least):
    problems, index = human_eval
    texts = [leak(record["prompt"] + record["canonical_solution"]) for record in problems]
    assert len(texts) == 164
    assert (_scan(index, texts)["n_hits"].to_numpy() > 0).mean() >= least


def test_innocent_code_has_no_hit(human_eval):
    texts = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("[cftvp]*/*.py"))]
    hits = _scan(human_eval[1], texts)["n_hits"]
    assert len(texts) > 150 and pa.compute.sum(hits).as_py() == 0
