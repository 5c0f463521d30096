"""Templates are compiled once on a machine, and are the same whether they are kept or not."""

import pytest

from derive import render


@pytest.fixture
def anew():
    render.environment.cache_clear()
    yield render.environment
    render.environment.cache_clear()


def test_templates_are_kept_and_read_again(anew, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    name = anew("c").list_templates()[0]
    anew("c").get_template(name)
    (kept,) = (tmp_path / "derive" / "templates").iterdir()
    written = kept.stat().st_mtime_ns
    anew.cache_clear()
    anew("c").get_template(name)
    assert kept.stat().st_mtime_ns == written
    # what is written for other brackets is another program, whatever its text
    anew("c").overlay(variable_start_string="<<", variable_end_string=">>").get_template(name)
    assert kept.stat().st_mtime_ns > written


def test_nothing_is_kept_where_nothing_can_be(anew, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    name = anew("c").list_templates()[0]
    assert anew("c").get_template(name)
