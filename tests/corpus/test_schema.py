import re
from pathlib import Path

import pyarrow as pa
import pytest

from corpus import schema

SCHEMAS = {name: value for name, value in vars(schema).items() if isinstance(value, pa.Schema)}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_survives_a_file(name, tmp_path):
    """A type that IPC files cannot hold (a dictionary inside a list) would be seen here and not in a build."""
    path = str(tmp_path / "empty.arrow")
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, SCHEMAS[name]) as writer:
        writer.write_table(SCHEMAS[name].empty_table())
    with pa.memory_map(path) as source:
        assert pa.ipc.open_file(source).schema.equals(SCHEMAS[name])


def test_text_has_64_bit_offsets():
    for name, value in SCHEMAS.items():
        if "text" in value.names:
            assert value.field("text").type == pa.large_string(), name


def test_columns_that_need_it_say_what_they_mean():
    """Every column of the documents has a comment beside it, but those whose name says all."""
    source = Path(schema.__file__).read_text()
    block = source[source.index("DOCUMENTS") : source.index("LISTING")]
    silent = re.findall(r'^\s+\("(\w+)", [^#\n]*$', block, re.MULTILINE)
    assert set(silent) <= {"stars", "forks", "text"}
