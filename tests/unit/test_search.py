"""The search over all chapters: what it looks through, and that nothing in it is taken for the page's own code."""

import json
import re

import nbformat

from imagecourse.reports.run import build_site
from imagecourse.reports.search import sections


def test_a_page_is_divided_at_its_headings():
    page = """<nav>not this</nav><main><h1 id="top">01 · Noise</h1><p>First <b>words</b>.</p>
    <h2 id="a">Filters</h2><pre>blur = 1</pre><table><tr><td>3</td>
    <td>4</td></tr></table><h3 id="b">More</h3><footer>nor this</footer></main>"""
    found = sections("01.html", page, "Chapter 1")
    assert [(each.anchor, each.title, each.text) for each in found] == [
        ("top", "01 · Noise", "First words."),
        ("a", "Filters", "blur = 1 3 4"),
        ("b", "More", ""),
    ]
    assert {(each.page, each.chapter) for each in found} == {("01.html", "Chapter 1")}


def test_the_index_holds_the_sections_of_all_chapters(tmp_path):
    runs = {}
    for name in ("01_first", "02_second"):
        cells = [nbformat.v4.new_markdown_cell(f"# {name}\n\nThe end: `</script><b>`"), nbformat.v4.new_code_cell("1")]
        notebook = nbformat.v4.new_notebook(cells=cells)
        notebook.metadata.papermill = {"input_path": str(tmp_path / f"{name}.ipynb")}
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
        facts = {"passed": True, "seconds": 1, "finished": "2026-01-01", "seed": 1, "failure": None, "versions": {}}
        runs[name] = {"name": name, "figures_dir": "figures", "parameters": {}} | facts
    (tmp_path / "runs.json").write_text(json.dumps(runs))
    build_site(tmp_path)
    index = (tmp_path / "index.html").read_text()
    searched = json.loads(re.search(r'id="sections">(.*?)</script>', index, re.DOTALL)[1])
    assert [(each["page"], each["text"]) for each in searched] == [
        ("01_first.html", "The end: </script><b> 1"),
        ("02_second.html", "The end: </script><b> 1"),
    ]
    assert 'href="index.html#search="' in (tmp_path / "01_first.html").read_text()
