"""Times in the ways in which programs write them: their order is what counts, and a cell that is none costs its row."""

from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.data.readers.common import Table
from gaintrace.data.readers.times import in_order


def ordered(values):
    table = Table(Path("table"), pd.DataFrame({"when": pd.Series(values, dtype="str")}), len(values))
    in_order(table, "when")
    return table


@pytest.mark.parametrize(
    "values",
    [
        ["1", "2.5", "1e3", "12345678901234567890", "12345678901234567891"],
        ["2020-01-02", "2020-01-02 00:30", "2020-01-02T03:00:00+02:00", "2020-01-02 01:00:00.001"],
        ["2020-01-02 01:00 UTC", "2020-01-02 02:00 UTC"],
        ["20191231", "20200101"],
        ["9/24/2011 13:05", "9/24/2011 1:06 PM", "9/24/2011 1:06:30 p.m.", "10/1/2011"],
        ["12/31/2012 12:00 AM", "12/31/2012 1:00 AM", "12/31/2012 12:00 PM"],
        ["24/9/2011 9:05", "24/9/2011 10:05", "1/10/2011"],
        ["24.9.11", "01.10.11", "02.10.11 08:00"],
        ["1.2.2021", "3.2.2021", "2.3.2021"],
        ["2011/9/24 13:05", "2011/10/1 2:01"],
        ["31-12-2020", "1-1-2021"],
        ["Dec 31 2020", "2 January 2021", "Jan 3, 2021 10:00"],
        ["0001-01-01", "2020-01-01", "9999-12-31"],
    ],
)  # fmt: skip
def test_times_are_in_order(values):
    table = ordered(values[::-1])
    assert table.dropped == {}
    assert table.notes == []
    assert all(later > earlier for later, earlier in pairwise(table.frame["when"]))


def test_equal_times_are_equal():
    assert ordered(["2020-01-02T03:00:00+02:00", "2020-01-02 01:00", "2/1/2020"]).frame["when"].nunique() == 2
    assert ordered(["10:00 1/2/2020"] * 2 + ["1", "1.0"]).frame["when"].nunique() == 1


def test_what_could_be_two_dates_is_said():
    table = ordered(["3/2/2021", "2/3/2021"])
    assert table.frame["when"].tolist() == [2, 1]
    assert table.notes == ["when is read as month/day/year: no day beyond the 12th says which is which (3/2/2021)"]


@pytest.mark.parametrize("bad", ["monday", "32/13/2021", "2021-13-01", "2021-01-01 25:00", "x", "2021-1-1-1", "1/2"])
def test_what_is_no_time_costs_its_row(bad):
    table = ordered(["2021-01-01", bad, "2021-01-02"])
    assert table.frame["when"].tolist() == [1, 2]
    assert table.dropped == {f"when is not a time, as '{bad}'": [1]}


@given(
    st.lists(st.datetimes(), min_size=1),
    st.sampled_from(["%Y/%m/%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S"]),
)
def test_any_date_keeps_its_place(dates, written):
    dates = [date.replace(microsecond=0, year=1000 + date.year % 9000) for date in dates]
    table = ordered([date.strftime(written) for date in dates])
    found = table.frame["when"].tolist()
    assert [found.index(rank) for rank in found] == [dates.index(date) for date in dates]
    assert sorted(range(len(dates)), key=found.__getitem__) == sorted(range(len(dates)), key=dates.__getitem__)
