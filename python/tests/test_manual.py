"""The manual: its links lead somewhere, and its commands run in a fresh checkout and print what the pages show."""

import os
import pathlib
import re
import subprocess

import pytest
from tools import needed

ROOT = pathlib.Path(__file__).parents[2]
MANUAL = ROOT / "docs" / "src"
TEXTS = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
TEXTS += sorted((ROOT / "conformance").glob("*.md")) + sorted((ROOT / "examples").glob("**/*.md"))
TEXTS += [ROOT / "python" / "README.md", *sorted(MANUAL.glob("**/*.md"))]
# Pages about databases that the repository does not have, and about figures that take minutes to make.
WITHOUT_INPUTS = {"node-databases.md", "postgres.md", "performance.md"}
PROGRAMS = ("slproof", "cp", "echo", "for", "gzip", "mkdir", "printf")


def blocks(text, language):
    """The code blocks in a language, without their indent."""
    for indent, code in re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE):
        yield [line.removeprefix(indent) for line in code.splitlines()]


def commands(lines):
    """The commands of a block, each with the output that the page shows."""
    found = []
    for line in lines:
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif not found[-1][1] and (line.startswith("> ") or found[-1][0].endswith("\\")):
            found[-1] = (f"{found[-1][0]}\n{line.removeprefix('> ')}", [])
        else:
            found[-1][1].append(line)
    return found


def without_times(line):
    return re.sub(r"[\d.,]+ (s|a second)\b", r"… \1", line).rstrip()


def is_in(line, output):
    """Whether a line of a page is in the output; `…` stands for anything."""
    pattern = ".*".join(map(re.escape, re.split("…", without_times(line))))
    return any(re.fullmatch(pattern, without_times(got)) for got in output)


def is_run(command):
    """Whether a command needs only the checkout: no words in capitals, which stand for what the reader has."""
    has_capitals = re.search(r"(?:^|\s)[A-Z][A-Z0-9_]+(?:\s|$)", command)
    # The server does not end, and the interrupted job of 1.7 GB depends on the speed of the machine.
    takes_long = command.startswith("slproof serve") or "many.jsonl" in command
    return command.startswith(PROGRAMS) and not has_capitals and not takes_long


def made_by_synthesize(command):
    """The command with the example `synthesize`, which the tests of the crate build beside the program."""
    begin, rest = command.split(" -- ", 1)
    program = pathlib.Path(os.environ["SLPROOF"]).absolute().parent / "examples" / "synthesize"
    if begin != "cargo run --release --example synthesize" or not program.exists():
        pytest.skip(f"{program} is not built")
    return f"{program} {rest}"


PAGES = [ROOT / "README.md", *sorted(MANUAL.glob("**/*.md"))]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in WITHOUT_INPUTS], ids=lambda page: page.stem)
def test_commands_print_what_the_page_shows(page, command, tmp_path):
    """Without the program, `command` skips it."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "slproof").symlink_to(pathlib.Path(os.environ["SLPROOF"]).absolute())
    environment = {**os.environ, "PATH": f"{tmp_path / 'programs'}:{os.environ['PATH']}"}
    for lines in blocks(page.read_text(), "console"):
        if not lines[0].startswith("$ "):
            continue
        for given, shown in commands(lines):
            if "--example synthesize" in given:
                given = made_by_synthesize(given)
            elif not is_run(given):
                continue
            run = subprocess.run(
                ["bash", "-c", given], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
            )
            # 2 is wrong usage, 6 a file that is not there, 127 an unknown command.
            assert run.returncode in (0, 1, 3), f"{given}\n{run.stderr}"
            # On a terminal, which this is not, `claims` shows a table.
            if "slproof claims" not in given:
                output = (run.stdout + run.stderr).splitlines()
                assert [line for line in shown if not is_in(line, output)] == [], given


@pytest.mark.parametrize("name", ["python", "tables"])
def test_snippets_of_python_run_in_the_order_of_the_page(name, command, tmp_path, monkeypatch):
    """As a reader enters them, one after the other into one session."""
    needed("pandas")
    needed("polars")
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.chdir(tmp_path)
    page = (MANUAL / "situations" / f"{name}.md").read_text()
    for given, _ in (each for lines in blocks(page, "console") for each in commands(lines)):
        if given.startswith("slproof "):
            command(*given.replace("\\\n", " ").split()[1:])
    names = {}
    for lines in blocks(page, "python"):
        code = "\n".join(lines)
        # `test_engines.py` runs the snippet for Spark.
        if "spark." not in code:
            exec(compile(code, f"{name}.md", "exec"), names)
    words = [word.removeprefix("0x") if isinstance(word, str) else word.hex() for word in names["words"]]
    assert len(words) > 3 and all(re.fullmatch("[0-9a-f]{64}", word) for word in words)


def anchors(path):
    """The names of the headings of a page, as in links."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    headings = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", line) for line in re.findall(r"^#+ (.*)$", text, re.MULTILINE))
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if not path.startswith("http"):
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_summary():
    listed = set(re.findall(r"\]\(([^)]+)\)", (MANUAL / "SUMMARY.md").read_text()))
    assert listed == {str(path.relative_to(MANUAL)) for path in MANUAL.glob("**/*.md")} - {"SUMMARY.md"}
