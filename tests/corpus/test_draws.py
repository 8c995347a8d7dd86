from corpus.draws import uniform_draws


def test_draws_never_change():
    assert uniform_draws(b"x" * 16, 7, "fim", 0, 3) == GOLDEN


def test_purpose_repeat_seed_and_id_each_give_other_numbers():
    base = uniform_draws(b"x" * 16, 7, "fim", 0, 1)
    others = [
        uniform_draws(b"y" * 16, 7, "fim", 0, 1),
        uniform_draws(b"x" * 16, 8, "fim", 0, 1),
        uniform_draws(b"x" * 16, 7, "order", 0, 1),
        uniform_draws(b"x" * 16, 7, "fim", 1, 1),
    ]
    assert len({*map(tuple, others), tuple(base)}) == 5


def test_a_longer_run_begins_with_the_shorter():
    assert uniform_draws(b"", 0, "p", 0, 20)[:9] == uniform_draws(b"", 0, "p", 0, 9)


def test_draws_fill_the_unit_interval_evenly():
    draws = [uniform_draws(i.to_bytes(16, "little"), 0, "p", 0, 1)[0] for i in range(4000)]
    assert all(0 <= d < 1 for d in draws)
    deciles = [sum(i / 10 <= d < (i + 1) / 10 for d in draws) for i in range(10)]
    assert max(deciles) < 480 and min(deciles) > 320  # 400 expected, 19 the standard deviation


GOLDEN = [0.6581063371710475, 0.13430167560343698, 0.13830287792889906]
