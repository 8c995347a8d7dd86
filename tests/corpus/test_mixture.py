"""Settings, budgets, refusals. What becomes of them is in `test_mix_plan`."""

import pytest

from corpus.mixture import Infeasible, MixConfig, Share, budgets, cell, narrow
from tests.corpus.mixing import TWO, mixed, samples


def test_without_a_total_the_scarcest_domain_decides():
    rows = [("code", "source", 1)] * 1000 + [("math", "web", 1)] * 30
    lines, _, _ = mixed(MixConfig(shares=TWO), rows)
    assert [line.got for line in lines] == [140, 60]  # math: 30 tokens x 2 repeats = 30 % of 200


def test_a_domain_without_tokens_is_refused_by_name():
    with pytest.raises(Infeasible, match=r"math: 30\.0% of the mixture asked, 0 tokens available in 0 samples"):
        mixed(MixConfig(shares=TWO), [("code", "source", 5)])


def test_too_few_tokens_are_refused_with_the_numbers_and_the_total_that_would_do():
    rows = [("code", "source", 100), ("math", "web", 30)]
    with pytest.raises(
        Infeasible, match=r"math: 30\.0% of 300 tokens asked, 30 available .* = 60: set total_tokens to 200"
    ):
        mixed(MixConfig(shares=TWO, total_tokens=300), rows)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MixConfig(shares=(Share(domain="code", share=0.5),)), r"shares must sum to 1, not 0\.5"),
        (lambda: MixConfig(total_tokens=0), "total_tokens must be at least 1, not 0"),
        (lambda: MixConfig(shares=(Share(domain="a", share=0.5),) * 2), "names a domain twice"),
        (lambda: Share(domain="code", share=0.5, max_repeats=0), r"max_repeats of code must be in 1\.\.1000, not 0"),
        (
            lambda: Share(domain="code", share=0.5, subdomains=(("web", 0.5),)),
            "sub-domain shares of code must sum to 1",
        ),
        (
            lambda: Share(domain="code", share=1, caps=(("Pyhton", 0.1),)),
            "caps of code names Pyhton: not among the 338",
        ),
        (lambda: Share(domain="code", share=1, caps=(("C", 1.1),)), r"caps of code must name .* in \[0, 1\]"),
        (
            lambda: Share(domain="code", share=1, caps=(("C", 0.1), ("C", 0.2))),
            "caps of code must name a language once",
        ),
        (
            lambda: Share(domain="code", share=1, temperature=0.5),
            r"temperature of code must be in \[1, 100\], not 0\.5",
        ),
        (lambda: Share(domain="code", share=1, lengths=((9, 2.0), (5, 3.0))), "lengths of code must be ascending"),
        (lambda: Share(domain="code", share=1, lengths=((9, 0.0),)), "lengths of code must be ascending"),
    ],
    ids=[
        "sum",
        "zero budget",
        "twice",
        "repeats",
        "sub-domains",
        "no such language",
        "cap above 1",
        "language twice",
        "cold",
        "lengths fall",
        "no weight",
    ],
)
def test_a_wrong_setting_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_ten_shares_of_a_tenth_sum_to_one():
    MixConfig(shares=tuple(Share(domain=f"d{i}", share=0.1) for i in range(10)))


def test_the_drawn_order_never_changes():
    batch, _ = narrow(*samples([("code", "source", 1)] * 3), 5)
    assert batch["key"].to_pylist() == [5693849704162617344, 6025433538095724544, 12518831121556158464]


def test_a_share_that_comes_to_no_token_is_refused():
    cfg = MixConfig(shares=(Share(domain="code", share=0.9), Share(domain="math", share=0.1)), total_tokens=3)
    kinds = (("code", "source", "Python"), ("math", "web", None))
    counts = {cell(what, *kind): n for kind in kinds for what, n in (("tokens", 9), ("samples", 1))}
    with pytest.raises(Infeasible, match=r"math: 10\.0% of 3 tokens is a budget of 0"):
        budgets(cfg, counts)


def by_language(lines, domain="code"):
    return {line.language: line.budget for line in lines if line.domain == domain}


def asked(cfg, rows):
    return budgets(cfg, narrow(*samples(rows), 0)[1])


MIXED = [("code", "source", "Python", 60), ("code", "source", "C", 30), ("code", "source", "HTML", 110)]
PROSE = [("natural", "web", 1000)]


def two(**settings):
    code = Share(domain="code", share=0.5, **settings)
    return MixConfig(shares=(code, Share(domain="natural", share=0.5)), total_tokens=200)


def test_a_cap_holds_a_language_and_the_others_share_what_it_leaves_in_proportion():
    assert by_language(asked(two(caps=(("HTML", 0.1),)), MIXED + PROSE)) == {"HTML": 10, "Python": 60, "C": 30}


def test_a_cap_holds_in_each_sub_domain_that_has_a_share():
    rows = [*MIXED, *(("code", "web", language, n) for _, _, language, n in MIXED), *PROSE]
    cfg = two(caps=(("HTML", 0.1),), subdomains=(("source", 0.8), ("web", 0.2)))
    found = {(line.subdomain, line.language): line.budget for line in asked(cfg, rows)}
    assert (found["source", "HTML"], found["web", "HTML"]) == (8, 2)
    assert sum(n for (name, _), n in found.items() if name == "source") == 80


def test_a_cap_of_nothing_leaves_a_language_out():
    assert by_language(asked(two(caps=(("HTML", 0.0),)), MIXED + PROSE)) == {"HTML": 0, "Python": 67, "C": 33}


def test_a_temperature_brings_languages_nearer_and_repeats_bound_it():
    rows = [("code", "source", "C", 1600), ("code", "source", "Zig", 100), ("code", "source", "Ada", 4), *PROSE]
    found = by_language(asked(two(temperature=2.0), rows))  # roots 40, 10, 2 of a hundred
    assert found == {"C": 77, "Zig": 19, "Ada": 4}
    scarce = by_language(asked(two(temperature=100.0, max_repeats=1), rows))
    assert scarce["Ada"] == 4 and abs(scarce["C"] - scarce["Zig"]) < 4


def test_what_is_in_no_language_is_a_language_of_its_own():
    rows = [*MIXED, ("code", "text", None, 100), *PROSE]
    assert by_language(asked(two(caps=(("HTML", 0.0),)), rows)) == {"": 53, "C": 16, "HTML": 0, "Python": 31}


def test_languages_are_one_line_where_nothing_tells_them_apart():
    assert by_language(asked(two(), MIXED + PROSE)) == {None: 100}


def test_caps_lower_what_a_domain_can_give_and_the_refusal_says_so():
    cfg = two(caps=(("HTML", 0.1), ("Python", 0.1)), max_repeats=1)
    with pytest.raises(
        Infeasible, match=r"code: 50\.0% .* 200 available .* = 200, 37 of them under its caps: set total_tokens to 75"
    ):
        asked(cfg, MIXED + PROSE)


def test_without_a_total_caps_decide_it():
    code = Share(domain="code", share=0.5, caps=(("HTML", 0.1), ("Python", 0.1)), max_repeats=1)
    cfg = MixConfig(shares=(code, Share(domain="natural", share=0.5)))
    assert sum(line.budget for line in asked(cfg, MIXED + PROSE)) == 75  # 37.5 of code: C's 30, and a tenth twice


def test_caps_that_leave_no_room_at_all_are_refused():
    cfg = two(caps=(("C", 0.1), ("HTML", 0.1), ("Python", 0.1)))
    with pytest.raises(Infeasible, match="0 of them under its caps: raise its caps"):
        asked(cfg, MIXED + PROSE)
