"""Whole tokens divided among parts by weight, where no part can give more than it has: exact, on every machine.

Comes in: a total, exact weights, what each part can give at most. Goes out: whole tokens that sum to the total. Knows
no domains and no samples. Weights are fractions; those of a temperature are decimals of 40 digits, whose logarithm
and exponential are rounded the same everywhere, which those of floating point are not.
"""

import decimal
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

_DIGITS: Final = decimal.Context(prec=40, rounding=decimal.ROUND_HALF_EVEN, Emin=-(10**6), Emax=10**6)


def exact(share: float) -> Fraction:
    """The share as it was written: 0.1 is a tenth, and not 0.1000000000000000055."""
    return Fraction(str(share))


def tempered(tokens: int, temperature: float) -> Fraction:
    """Weight tokens ** (1 / temperature): 1 leaves the natural proportions, more brings parts nearer to each other."""
    if tokens == 0 or temperature == 1:
        return Fraction(tokens)
    power = _DIGITS.divide(_DIGITS.ln(decimal.Decimal(tokens)), decimal.Decimal(str(temperature)))
    return Fraction(_DIGITS.exp(power))


def divide(total: int, weights: Sequence[Fraction], most: Sequence[int]) -> list[int]:
    """In proportion to the weights; a part that reaches its `most` stays there and the others share the rest.

    Parts without weight get nothing. Rounded by largest remainder, the earlier part where remainders are equal.
    """
    parts = sorted((i for i, weight in enumerate(weights) if weight), key=lambda i: (most[i] / weights[i], i))
    if total > sum(most[i] for i in parts):
        raise ValueError(f"{total} cannot be divided among parts of at most {[most[i] for i in parts]}")
    given = [0] * len(weights)
    left, weight_left = total, sum((weights[i] for i in parts), Fraction())
    for at, part in enumerate(parts):
        if most[part] * weight_left > weights[part] * left:
            shared = sorted(parts[at:])
            found = rounded(left, [weights[i] / weight_left for i in shared])
            for i, tokens in zip(shared, found, strict=True):
                given[i] = tokens
            break
        given[part] = most[part]
        left -= most[part]
        weight_left -= weights[part]
    assert sum(given) == total
    return given


def rounded(total: int, shares: Sequence[Fraction]) -> list[int]:
    """Whole tokens that sum to the total, by largest remainder; the earlier share where remainders are equal."""
    floors = [int(total * share) for share in shares]
    order = sorted(range(len(shares)), key=lambda i: (floors[i] - total * shares[i], i))
    for i in order[: total - sum(floors)]:
        floors[i] += 1
    return floors


def capped(total: int, cap: Fraction | None, most: int) -> int:
    """What a part can give to a total of which it may hold the share `cap`, rounded up to a whole token."""
    return most if cap is None else min(most, -int(-cap * total // 1))


def largest_total(parts: Sequence[tuple[Fraction | None, int]]) -> Fraction:
    """The largest total that parts of (cap, most) can give: the largest T with sum(min(cap x T, most)) >= T.

    The sum less T is concave in T and not negative at 0, so that all totals up to this one can be given.
    """
    free = sum((most for cap, most in parts if cap is None), 0)
    growing = sorted((most / cap, cap, most) for cap, most in parts if cap)
    slope = sum((cap for _, cap, _ in growing), Fraction())
    for reached, cap, most in growing:
        if slope < 1 and free <= reached * (1 - slope):
            break
        free += most
        slope -= cap
    return free / (1 - slope)
