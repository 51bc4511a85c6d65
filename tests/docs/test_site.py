"""The pages make a site: every page is in its navigation, and every link of a page leads somewhere."""

import os
import re
import subprocess
import sys

import site_pages


def test_it_is_built_without_a_warning(tmp_path):
    site_pages.gather()
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "-f", ".mkdocs.yml", "-d", str(tmp_path)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=site_pages.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.rglob("*.html"))) > 50
    broken = []
    for page in tmp_path.rglob("*.html"):
        if page.name == "404.html":  # its links are those of a site at the top of a host
            continue
        for target in re.findall(r'(?:href|src)="([^"#?:]+)[#"]', page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(tmp_path)}: {target}")
    assert broken == []


def test_links_are_those_of_the_site():
    assert "(tutorial.md)" in site_pages.page("README.md")
    assert "(../" not in site_pages.page("docs/tutorial.md")
