"""What the pages name exists, and the repository names nothing of one machine or one registry."""

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from docs.generator.metrics import metrics
from docs.generator.settings import settings
from tests.docs.blocks import ROOT

PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "bench" / "README.md",
        *ROOT.glob("sdks/**/*.md"),
    ]
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_REGISTRIES = (
    "pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com", "crates" + ".io", "docker" + ".io",
    "proxy.golang" + ".org", "aliyun" + ".com/pypi", "tuna." + "tsinghua", "npmmirror" + ".com", "ghcr" + ".io",
"maven" + ".org", "packagist" + ".org", "rubygems" + ".org",
)  # fmt: skip


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(_FENCED.sub("", page.read_text("utf-8"))):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


def test_every_page_is_linked_from_the_index() -> None:
    index = {
        (ROOT / "docs" / link.partition("#")[0]).resolve()
        for link in _LINK.findall((ROOT / "docs" / "README.md").read_text("utf-8"))
    }
    for page in (ROOT / "docs").rglob("*.md"):
        if not page.name.endswith(".zh-CN.md") and page.name != "README.md":
            assert page in index, page


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_metric_and_variable_named_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    known = {each.name for each in metrics()}
    known |= {
        each.name + end
        for each in metrics()
        if each.kind == "histogram"
        for end in ("_bucket", "_count", "_sum")
    }
    labels = {label for each in metrics() for label in each.labels}
    rules = "\n".join(re.findall(r"^ *expr: (.*)$", text, re.MULTILINE))
    assert set(re.findall(r"\blingpai_[a-z_]+", rules)) <= known
    assert set(re.findall(r"[{,](\w+)=~?\"", rules)) <= labels | {"job"}  # Prometheus's own
    assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels
    variables = {each.variable for each in settings()} | {"LINGPAI_URL", "LINGPAI_STRENGTH"}
    variables |= {"LINGPAI_LOGIN_KEY", "LINGPAI_ISS"}  # of a site that logs users in
    variables |= {"LINGPAI_SERVER", "LINGPAI_ADMIN_KEY_FILE"}  # of the command line alone
    variables |= {"LINGPAI_ACME__BASE_URL"}  # of a platform that a file describes
    assert {
        name
        for name in re.findall(r"\bLINGPAI_[A-Z_]*[A-Z]\b", text)
        if not re.search(f"{name}__<|{name}_<", text)
    } <= variables


def test_the_source_tree_of_the_architecture_is_complete() -> None:
    drawn = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    house = drawn.partition("## Source tree")[2].partition("\n## ")[0]
    package = ROOT / "src" / "lingpai"
    rooms = [path for path in package.rglob("__init__.py") if path.parent != package]
    assert len(rooms) > 10
    for room in rooms:
        name = room.parent.relative_to(package)
        if len(name.parts) <= 2:
            assert f"{name.name}/" in house, f"src/lingpai/{name} is not on the map"
    for named in re.findall(r"^ *([a-z_]+)/ ", house, re.MULTILINE):
        assert any(path.name == named and path.is_dir() for path in (*package.rglob("*"), *ROOT.iterdir())), (
            named
        )
    for module in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|sql))`", drawn):
        assert (package / module).exists(), module


def test_the_walk_through_names_what_its_files_define() -> None:
    drawn = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    walk = drawn.partition("## One request, from the socket to the row and back")[2].partition("\n## ")[0]
    steps = re.findall(r"^\| \d+ \| (.+?) \|", walk, re.MULTILINE)
    assert len(steps) > 15
    for step in steps:
        modules = [ROOT / "src" / "lingpai" / name for name in re.findall(r"`([a-z_/]+\.py)`", step)]
        assert modules, step
        for name in re.findall(r"`([A-Za-z_.]+)`", re.sub(r"`[a-z_/]+\.py`", "", step)):
            defined = re.compile(rf"^ *(?:async )?(?:class|def) {name.rpartition('.')[2]}\b", re.MULTILINE)
            assert any(defined.search(module.read_text("utf-8")) for module in modules), (step, name)


@pytest.mark.parametrize(
    "name",
    ["LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "README.md", "README.zh-CN.md", "constraints.txt",
     "Makefile", "Dockerfile", "compose.yaml", "deploy/lingpai.service", "docs/README.md", "docs/README.zh-CN.md"],
)  # fmt: skip
def test_the_usual_files_are_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 100


def test_the_license_is_the_one_that_is_named() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text("utf-8")


def _texts() -> list[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    return [(name, (ROOT / name).read_text("utf-8", errors="replace")) for name in names]


def test_no_file_names_a_registry() -> None:
    found = {name: host for name, text in _texts() for host in _REGISTRIES if host in text}
    assert not found


def test_no_file_names_a_path_of_one_machine() -> None:
    pattern = re.compile(r"(?<![\w.$}~-])/(?:root|home/\w+|Users/\w+|work|tmp/pytest-of-\w+)/[\w.]")
    found = {name: match.group() for name, text in _texts() if (match := pattern.search(text))}
    assert not found
