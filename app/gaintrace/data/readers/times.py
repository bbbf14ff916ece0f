"""When answers were given, however a table says it: as numbers, or as dates in any of the ways programs write them."""

import re
from typing import Any

import pandas as pd
from pandas.api.types import is_integer_dtype

from gaintrace.data.readers.cells import by_text
from gaintrace.data.readers.common import NUMBER, Table

DATE = re.compile(
    r"^(?P<first>\d{1,4})(?P<sign>[-/.])(?P<second>\d{1,2})(?P=sign)(?P<third>\d{4}|\d{1,2})"
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<moment>\d{2}(?:[.,]\d{1,9})?))?"
    r"\s*(?P<half>[AaPp])?\.?(?:[Mm]\.?)?)?$"
)
MONTH = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", re.IGNORECASE)
PARTS = ("year", "month", "day")


def in_order(table: Table, column: str) -> None:
    """Turn a column of numbers or of dates into whole numbers in the same order; drop rows where it is neither.

    It holds what most of its cells are. Dates are ISO 8601, of which those with a zone are put into one; three numbers
    and maybe the time of day, the year first, or day and month in the order that all of the column allows; or have the
    name of the month.
    """
    values = table.frame[column]
    if is_integer_dtype(values) or by_text(values, lambda texts: texts.str.fullmatch("[0-9]+")).all():
        table.numeric(column)
        return
    known = pd.Series(values.unique(), dtype="str")
    if 2 * known.str.fullmatch(NUMBER.pattern).sum() >= len(known):
        table.numeric(column)
        return
    moments = pd.to_datetime(known.str.removesuffix(" UTC"), errors="coerce", format="ISO8601", utc=True)
    others = known[moments.isna()]
    if len(others):
        parts = others.str.extract(DATE)
        order, note = _order(parts)
        moments = moments.fillna(_moments(parts, order).reindex(known.index))
        table.notes += [f"{column} {note}"] if note and moments[others.index].notna().any() else []
    named = known[moments.isna() & known.str.contains(MONTH) & known.str.contains("[0-9]")]
    moments = moments.fillna(pd.to_datetime(named, errors="coerce", format="mixed", utc=True).reindex(known.index))
    rank = dict(zip(known, moments.rank(method="dense"), strict=True))
    ranks = by_text(values, lambda texts: texts.map(rank))
    wrong = values[ranks.isna()]
    table.keep(ranks.notna(), f"{column} is not a time" + (f", as {wrong.iloc[0][:40]!r}" if len(wrong) else ""))
    table.frame = table.frame.assign(**{column: ranks.dropna().astype("int64")})


def _order(parts: pd.DataFrame) -> tuple[tuple[str, str, str], str]:
    """Which part of a date is what, and what to say of it."""
    numbers = parts[["first", "second"]].apply(pd.to_numeric)
    year_last = parts[parts["first"].str.len() <= 2]
    if year_last.empty:
        return PARTS, ""
    first, second = (numbers.loc[year_last.index, name].max() for name in ("first", "second"))
    dots = bool((year_last["sign"] == ".").all())
    if first > 12 or (dots and second <= 12):
        return ("day", "month", "year"), ""
    if second > 12:
        return ("month", "day", "year"), ""
    return ("month", "day", "year"), (
        f"is read as month/day/year: no day beyond the 12th says which is which ({year_last.iloc[0]['first']}"
        f"/{year_last.iloc[0]['second']}/{year_last.iloc[0]['third']})"
    )


def _moments(parts: pd.DataFrame, order: tuple[str, str, str]) -> "pd.Series[Any]":
    named = parts.rename(columns=dict(zip(("first", "second", "third"), order, strict=True)))
    first_is_year = parts["first"].str.len() == 4
    if order != PARTS:
        for name, part in zip(PARTS, ("first", "second", "third"), strict=True):
            named[name] = named[name].mask(first_is_year, parts[part])
    numbers = named[[*PARTS, "hour", "minute"]].apply(pd.to_numeric)
    seconds = pd.to_numeric(named["moment"].str.replace(",", ".")).fillna(0)
    year = numbers["year"].where(numbers["year"] >= 100, numbers["year"] + 2000)
    half = named["half"].str.lower()
    hour = numbers["hour"].where(half.isna(), numbers["hour"] % 12 + 12 * (half == "p")).fillna(0)
    day = pd.to_datetime(
        pd.DataFrame({"year": year, "month": numbers["month"], "day": numbers["day"]}), errors="coerce", utc=True
    )
    clock = hour * 3600 + numbers["minute"].fillna(0) * 60 + seconds
    moments: pd.Series[Any] = day + pd.to_timedelta(clock.where(clock < 86_400 + 1), unit="s")
    return moments
