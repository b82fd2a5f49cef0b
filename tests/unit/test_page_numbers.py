"""Numbers that pages state to be the most."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warpline.figures.page_numbers import at_most


@pytest.mark.parametrize(
    "value, decimals, stated",
    [
        (3.37e-13, None, "4e-13"),
        (1.29e-5, None, "2e-05"),
        (0.003283, None, "0.004"),
        (2e-13, None, "2e-13"),
        (0.0, None, "0"),
        (0.0002, 4, "0.0002"),
        (0.006622, 4, "0.0067"),
    ],
)
def test_what_is_stated(value, decimals, stated):
    assert at_most(value, decimals) == stated


@given(st.floats(0, 1e6, allow_subnormal=False), st.one_of(st.none(), st.integers(1, 6)))
def test_it_is_not_below_the_value_and_the_next_digit_would_be(value, decimals):
    stated = Decimal(at_most(value, decimals))
    assert stated >= Decimal(repr(value))
    # One unit of the last digit less is below it.
    unit = Decimal(1).scaleb(stated.adjusted() if decimals is None else -decimals)
    assert value == 0 or stated - unit < Decimal(repr(value))
