"""Documentation is true: every ``bash`` block of README and docs runs, in order, in a fresh folder.

Blocks see ``data/ptbxl`` where real recordings are at hand; a page that needs them is skipped elsewhere. Blocks marked
``sh`` are for the reader's eyes.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem)
def test_the_commands_of_a_page_run(page, tmp_path):
    script = "\n".join(blocks(page))
    if "data/" in script:
        root = os.environ.get("ECG_TEST_DATA")
        if not root:
            pytest.skip("ECG_TEST_DATA is not set: this page needs real recordings")
        (tmp_path / "data").symlink_to(root)
    environment = {
        **os.environ,
        "ECG_HOME": str(tmp_path / "home"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{page.name}:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


def test_the_readme_says_what_this_is_not():
    assert "Not a medical device" in (ROOT / "README.md").read_text(encoding="utf-8")
