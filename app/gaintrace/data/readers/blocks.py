"""Rows of a text file, megabytes at a time where it is as plain as most are, and line by line where it is not.

A block is plain if no quotation mark, no control character, no empty line and no bare carriage return is in it, and
every line has as many cells as the header: then lines are rows, and Arrow finds the same cells in them as `Records`.
"""

import codecs
import re
from collections.abc import Iterator
from itertools import chain
from operator import itemgetter

import pyarrow as pa
from pyarrow import compute, csv

from gaintrace.data.readers.cells import Cells
from gaintrace.data.readers.records import Records

EMPTY_LINE = re.compile(rb"^\r?\n|\n\r?\n")
CONTROL = bytes(c for c in (*range(0x20), 0x7F) if c not in b"\t\n\x0b\x0c\r")


def read_cells(records: Records, where: list[int], cells: Cells, lost: dict[str, list[int]]) -> None:
    """All rows of a file, of which `where` says the columns; lines of rows that have no such cells go to `lost`."""
    pick = itemgetter(*where)
    before = 1
    blocks = iter(records.blocks)
    for block in blocks:
        found = _plain(block, records, where)
        if found is not None:
            cells.add_many(before + 1, found, _ascii(block, found))
            before += len(found[0])
            continue
        # A quotation mark may swallow what follows the block, so the rest of the file is read with care.
        whole = records.quoted and b'"' in block
        careful: Iterator[bytes] = chain([block], blocks) if whole else iter([block])
        for line, row in records.rows(where, lost, careful, before):
            cells.add(line, pick(row) if len(where) > 1 else (row[where[0]],))
        before += block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")


def _plain(block: bytes, records: Records, where: list[int]) -> "list[pa.Array[pa.StringScalar]] | None":
    """The columns of a block, or None where it needs care."""
    if (
        (records.quoted and b'"' in block)
        or block.startswith(codecs.BOM_UTF8)  # which Arrow leaves out, and which is part of a cell here
        or EMPTY_LINE.search(block)
        or block.count(b"\r") != block.count(b"\r\n")
        or len(block.translate(None, CONTROL)) != len(block)
    ):
        return None
    names = [str(place) for place in range(len(records.header))]
    wanted = list(dict.fromkeys(str(place) for place in where))
    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            csv.ReadOptions(use_threads=False, column_names=names, block_size=max(len(block), 1)),
            csv.ParseOptions(delimiter=records.separator, quote_char=False, ignore_empty_lines=False),
            csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    return [table.column(str(place)).combine_chunks() for place in where]


def _ascii(block: bytes, columns: "list[pa.Array[pa.StringScalar]]") -> bool:
    return block.isascii() or all(compute.all(compute.string_is_ascii(column)).as_py() for column in columns)
