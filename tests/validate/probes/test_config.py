import pytest

from validate.probes.config import ProbeConfig


def test_an_unknown_size_lists_the_sizes():
    with pytest.raises(ValueError, match="tiny, small, 1b, lite"):
        ProbeConfig(size="huge")


def test_a_vocabulary_without_room_for_bytes_is_refused():
    with pytest.raises(ValueError, match="256 bytes"):
        ProbeConfig(vocabulary=100)
