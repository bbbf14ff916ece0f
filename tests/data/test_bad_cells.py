"""What is odd in a raw file costs its own row, which is named; nothing else changes."""

import itertools

import pytest

from gaintrace.data.prepare import prepare
from gaintrace.data.readers import READERS

SEVERAL_FILES = {"pykt", "xes3g5m", "nips_task34", "ednet", "ednet5000"}
"""Readers of more than one table."""
KDD_CUP = ("algebra2005", "bridge2algebra2006")
HEADERS = {name: reader.columns for name, reader in READERS.items()}
SEPARATORS = dict.fromkeys(HEADERS, ",") | dict.fromkeys(KDD_CUP, "\t")
ORDER = {"assist2009": "order_id", "assist2015": "log_id", "assist2017": "startTime"}
FIRST_ID = 2**57 + 1
"""Beyond what a float can tell from its neighbours."""


def rows(name, students=6, answers=5):
    """A clean file's rows as dictionaries: five answers a student, responses 1, 0, 1, 0, 1, in order."""
    made = []
    for student, step in itertools.product(range(students), range(answers)):
        number = str(FIRST_ID + student * 100 + step)
        when = f"2005-09-09 12:{step:02}:00.0"
        right = 1 - step % 2
        a_step = (f"u{student}", f"p{step}", "s", when, str(right), f"k {step % 3}")
        values = {
            "assist2009": (number, f"u{student}", f"p{step}", str(step % 3), str(right)),
            "assist2015": (f"u{student}", number, str(step % 3), str(right)),
            "assist2017": (f"u{student}", f"p{step}", f"skill-{step % 3}", str(right), number, "1.5"),
            "assist2012": (f"u{student}", f"p{step}", str(step % 3), str(right), when, when),
            "algebra2005": a_step,
            "bridge2algebra2006": a_step,
            "statics2011": (f"u{student}", f"p{step % 3}", "s", when, ["incorrect", "correct"][right]),
            "poj": (f"u{student}", str(step % 3), ["Wrong Answer", "Accepted"][right], when),
        }[name]  # fmt: skip
        made.append(dict(zip(HEADERS[name], values, strict=True)))
    return made


def written(path, name, made):
    separator = SEPARATORS[name]
    lines = [separator.join(HEADERS[name]), *(separator.join(row.values()) for row in made)]
    path.write_text("\n".join(lines) + "\n")
    return path


def read(tmp_path, name, made):
    return prepare(name, [written(tmp_path / "raw.csv", name, made)])


def content(dataset):
    frame = dataset.interactions
    skill = [dataset.skills[s] for s in frame["skill"]]
    uid = dataset.students["uid"].to_numpy()[frame["student"]]
    return list(zip(uid, frame["step"], skill, frame["response"], strict=True))


TABLES = sorted(set(HEADERS) - SEVERAL_FILES)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("bad", ["", " ", "n/a", "n/a!", "x\1y", '"'])
def test_one_bad_cell_costs_one_row_in_every_column(tmp_path, name, bad):
    clean = rows(name)
    without = content(read(tmp_path, name, clean[:7] + clean[8:]))
    whole = content(read(tmp_path, name, clean))
    for column in HEADERS[name]:
        made = [dict(row) for row in clean]
        made[7][column] = bad
        dataset = read(tmp_path, name, made)
        if sum(dataset.dropped.values()):
            assert content(dataset) == without
            assert list(dataset.dropped.values()) == [1]
            assert list(dataset.dropped_at.values()) == ["line 9"]
        else:  # a name like any other, or a column that may be empty
            assert len(content(dataset)) == len(whole)
            assert [row for row in content(dataset) if row not in whole] in ([], [content(dataset)[7]])
        assert dataset.rows_read == 30


@pytest.mark.parametrize("name", sorted(ORDER))
@pytest.mark.parametrize(
    "first", [FIRST_ID, 10**25, -(2**60), 0.5, 1e300], ids=["int64", "longer", "negative", "fractions", "exponents"]
)
@pytest.mark.parametrize("spoiled", [False, True])
def test_order_is_that_of_the_written_numbers(tmp_path, name, first, spoiled):
    clean = rows(name)
    expected = content(read(tmp_path, name, clean))
    for index, row in enumerate(clean):
        row[ORDER[name]] = str(first + index) if isinstance(first, int) else f"{index + first}"
    if first == 1e300:
        for index, row in enumerate(clean):
            row[ORDER[name]] = f"{index + 1}e300"
    made = list(reversed(clean))
    made.sort(key=lambda row: row[HEADERS[name][0 if name != "assist2009" else 1]])  # students in their order
    extra = [dict(clean[0], **{ORDER[name]: "12 o'clock"})] if spoiled else []
    dataset = read(tmp_path, name, made + extra)
    assert content(dataset) == expected
    assert dataset.dropped == ({f"{ORDER[name]} is not a number": 1} if spoiled else {})


def test_ids_beyond_a_float_stay_apart_in_every_column(tmp_path):
    names = {"assist2009": ("user_id", "problem_id", "skill_id"), "assist2015": ("user_id", "sequence_id")}
    names |= {"assist2017": ("studentId", "problemId", "skill"), "algebra2005": ("Anon Student Id", "Problem Name")}
    for name, columns in names.items():
        short = rows(name)
        for column in columns:
            numbers = {value: str(place) for place, value in enumerate(dict.fromkeys(r[column] for r in short))}
            for row in short:
                row[column] = numbers[row[column]]
        long = [row | {column: str(FIRST_ID + int(row[column])) for column in columns} for row in short]
        ours, theirs = read(tmp_path, name, short), read(tmp_path, name, [*long, long[0] | {columns[0]: ""}])
        assert ours.interactions.equals(theirs.interactions)
        assert theirs.students["uid"].tolist() == [str(FIRST_ID + i) for i in range(6)]
        assert list(theirs.dropped.values()) == [1]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("space", [" {} ", "{}  ", "\u00a0{}", "  {}"])
def test_space_around_a_value_is_no_part_of_it(tmp_path, name, space):
    clean = rows(name)
    spaced = [{c: space.format(v) for c, v in row.items()} if i % 2 else row for i, row in enumerate(clean)]
    assert read(tmp_path, name, spaced).hash == read(tmp_path, name, clean).hash


@pytest.mark.parametrize("name", [name for name in TABLES if SEPARATORS[name] == ","])
@pytest.mark.parametrize("note", ['"fine, he said"', "fine"])
@pytest.mark.parametrize("strays", [[3], [3, 4], [3, 10], [3, 10, 17], [29], [0, 29]])
def test_a_stray_quotation_mark_swallows_no_other_row(tmp_path, name, note, strays):
    """Left to itself, a CSV reader makes one cell of all that stands between two of them."""
    header = ",".join([*HEADERS[name], "note", "end"])
    good = [",".join([*row.values(), note, "x"]) for row in rows(name)]
    path = tmp_path / "raw.csv"

    def content_of(lines):
        path.write_text("\n".join([header, *lines]))
        return prepare(name, [path])

    without = content_of([line for place, line in enumerate(good) if place not in strays])
    dataset = content_of([line.replace(note, '"fine') if i in strays else line for i, line in enumerate(good)])
    assert content(dataset) == content(without)
    assert dataset.dropped == {"unbalanced quotation mark": len(strays)}
    assert dataset.rows_read == 30


def test_a_text_of_several_lines_is_one_row(tmp_path):
    clean = rows("assist2009")
    path = tmp_path / "raw.csv"
    header = ",".join([*HEADERS["assist2009"], "answer_text"])
    lines = [",".join([*row.values(), '"first, line\r\nsecond ""line"",\n\nthe end"']) for row in clean]
    path.write_text("\n".join([header, *lines[:-1], lines[-1].replace(",4,", ",,")]) + "\n", newline="")
    dataset = prepare("assist2009", [path])
    assert (dataset.rows_read, dataset.dropped) == (30, {})
    assert content(dataset) == content(read(tmp_path, "assist2009", clean))


@pytest.mark.parametrize("name", TABLES)
def test_a_row_with_more_cells_than_the_header_is_dropped_and_named(tmp_path, name):
    clean = rows(name)
    made = [dict(row) for row in clean]
    first = HEADERS[name][0]
    made[7][first] += SEPARATORS[name] + "a part after an unquoted delimiter"
    dataset = read(tmp_path, name, made)
    assert (dataset.dropped, dataset.dropped_at) == (
        {"more cells than the header": 1},
        {"more cells than the header": "line 9"},
    )
    assert content(dataset) == content(read(tmp_path, name, clean[:7] + clean[8:]))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "latin-1"])
def test_a_byte_order_mark_says_how_to_read(tmp_path, encoding):
    made = [row | {"skill": "álgebra"} for row in rows("assist2017")]
    plain = written(tmp_path / "raw.csv", "assist2017", made)
    (tmp_path / "other.csv").write_bytes(plain.read_text().encode(encoding))
    assert prepare("assist2017", [tmp_path / "other.csv"]).hash == prepare("assist2017", [plain]).hash


def test_one_cell_that_is_not_utf_8_does_not_turn_the_others_into_latin_1(tmp_path):
    made = [row | {"skill": "álgebra"} for row in rows("assist2017")]
    path = written(tmp_path / "raw.csv", "assist2017", made)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[8] = lines[8].replace("á".encode(), b"\xe1")
    path.write_bytes(b"".join(lines))
    dataset = prepare("assist2017", [path])
    assert dataset.skills == ["álgebra"]
    assert (dataset.dropped, dataset.dropped_at) == ({"not readable as text": 1}, {"not readable as text": "line 9"})


def test_times_with_and_without_a_zone_are_read(tmp_path):
    clean = rows("algebra2005")
    for row in clean[::2]:
        row["First Transaction Time"] += "+00:00"
    assert read(tmp_path, "algebra2005", clean).hash == read(tmp_path, "algebra2005", rows("algebra2005")).hash


@pytest.mark.parametrize("name", TABLES)
def test_rows_of_dropped_students_are_rows_of_the_file(tmp_path, name):
    skill = HEADERS[name][-1] if name == "algebra2005" else "skill_id" if name == "assist2009" else None
    made = rows(name)[:-3]
    for row in made:
        row.update({skill: "1~~2~~3"} if skill else {})
    dataset = read(tmp_path, name, made)
    reason = "of students with fewer than 3 answers"
    assert (dataset.dropped, dataset.dropped_at) == ({reason: 2}, {reason: "lines 27, 28"})
    assert dataset.rows_read == 27
    assert dataset.info.answers == 25
