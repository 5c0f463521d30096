"""Comments and long lines of generated C."""

from derive.targets.c_layout import WIDTH, comment, wrap


def test_a_short_line_stays_as_it_is() -> None:
    assert wrap("    y = a + b;\n\nz = c;\n") == "    y = a + b;\n\nz = c;\n"


def test_a_long_line_is_broken_where_its_operators_bind_least() -> None:
    factor, term = "f" * 50, "t" * 40
    assert wrap(f"    y = {factor} * ({term} + {term});") == f"    y = {factor} *\n        ({term} + {term});\n"


def test_either_part_of_a_choice_begins_a_line() -> None:
    name = "n" * 45
    assert (
        wrap(f"    y = a == b ? {name} + {name} : {name};") == f"    y = a == b ? {name} + {name}\n        : {name};\n"
    )


def test_a_line_without_a_place_to_break_stays_whole() -> None:
    assert wrap("x" * (WIDTH + 1)) == "x" * (WIDTH + 1) + "\n"


def test_a_comment_has_a_line_for_each_sentence_and_none_for_no_sentence() -> None:
    assert comment(()) == ()
    assert comment(("One.",)) == ("/* One. */",)
    assert comment(("One.", "Two.")) == ("/* One.", " * Two. */")
    assert max(map(len, comment((" word" * 80,)))) <= WIDTH
