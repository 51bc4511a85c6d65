"""The direction of imports, and what the sources never do with a user's text."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "snnrun").rglob("*.py"))

FORBIDDEN_CALLS = frozenset({"eval", "exec", "compile", "__import__", "sympify", "input", "breakpoint"})
FORBIDDEN_MODULES = frozenset(
    {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "runpy", "code"}
)
FORBIDDEN_ATTRIBUTES = frozenset(
    {("yaml", "load"), ("yaml", "load_all"), ("yaml", "full_load"), ("yaml", "unsafe_load"), ("os", "system")}
    | {("os", "popen"), ("builtins", "eval"), ("builtins", "exec"), ("builtins", "compile"), ("np", "fromregex")}
)
# Python is loaded from a file in three places: generated kernels, and hooks and scripts that `--allow-code` allows.
MAY = {
    "snnrun/codegen/load.py": "exec_module",
    "snnrun/running/hooks.py": "exec_module",
    "snnrun/importing/recorder.py": "runpy",
}


def test_imports_go_one_way():
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run(
        [program, "--config", str(ROOT / "pyproject.toml")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def faults(text):
    """What a source does that it must not: (line, what) pairs."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in FORBIDDEN_CALLS:
                yield node.lineno, name
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (module, name) in FORBIDDEN_ATTRIBUTES:
                yield node.lineno, f"{module}.{name}"
            case ast.Import(names=names):
                yield from ((node.lineno, n.name) for n in names if n.name.partition(".")[0] in FORBIDDEN_MODULES)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in FORBIDDEN_MODULES:
                yield node.lineno, module
            case ast.keyword(arg="allow_pickle" | "shell", value=value) if not is_false(value):
                yield value.lineno, f"{node.arg}=..."
            case ast.Attribute(attr="exec_module" | "load_module"):
                yield node.lineno, "exec_module"


def is_false(node):
    return isinstance(node, ast.Constant) and node.value is False


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_text_is_executed(path):
    name = path.relative_to(ROOT).as_posix()
    found = [f for f in faults(path.read_text(encoding="utf-8")) if f[1] != MAY.get(name)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "eval(x)",
        "exec(x)",
        "compile(x, '', 'exec')",
        "import pickle",
        "from pickle import loads",
        "yaml.load(x)",
        "np.load(x, allow_pickle=True)",
        "np.load(x, allow_pickle=flag)",
        "subprocess.run(x, shell=True)",
        "os.system(x)",
        "loader.exec_module(m)",
        "__import__(x)",
    ],
)
def test_the_scan_finds_what_it_looks_for(text):
    assert len(list(faults(text))) == 1


def test_the_scan_lets_patterns_and_safe_loading_pass():
    assert list(faults("re.compile(x)\nnp.load(x, allow_pickle=False)\nself.exec()\n")) == []


def lengths(kind):
    """(lines, place) of every definition of a kind in the package."""
    return [
        (node.end_lineno - node.lineno + 1, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, kind)
    ]


def test_no_class_is_longer_than_250_lines():
    assert [place for lines, place in lengths(ast.ClassDef) if lines > 250] == []


def test_no_function_is_longer_than_60_lines_and_few_than_30():
    functions = sorted(lengths(ast.FunctionDef))
    assert [place for lines, place in functions if lines > 60] == []
    assert functions[len(functions) * 95 // 100][0] < 30
