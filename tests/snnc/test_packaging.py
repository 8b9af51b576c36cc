"""What leaves the checkout: wheel, sdist, and the command installed from each."""

import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from shutil import copytree, ignore_patterns

import pytest

from tests.support.places import ROOT

PACKAGES = ("compiler", "estimator", "models", "runtime_c")
SOURCES = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "NOTICE",
    "MANIFEST.in",
    "CHANGELOG.md",
    "constraints.txt",
)
GENERATED = ("__pycache__", "*.pyc", "*.o", "*.so", ".*")


def run(*command: str | Path, cwd: Path) -> str:
    """Run ``command`` and return what it printed; where it fails, show its errors."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def files_of(checkout: Path) -> set[str]:
    """Every file of the package, as its path inside a wheel."""
    own = checkout / "snnc"
    found = {f"snnc/{path.name}" for path in own.iterdir() if path.is_file()}
    folders = [p for p in own.iterdir() if p.is_dir() and not p.is_symlink()]
    for folder in folders:
        found |= {p.relative_to(checkout).as_posix() for p in folder.rglob("*") if p.is_file()}
    for package in PACKAGES:
        paths = (checkout / package).rglob("*")
        found |= {f"snnc/{p.relative_to(checkout).as_posix()}" for p in paths if p.is_file()}
    return found


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources alone, symlinks kept: a build leaves nothing in, and takes nothing from, ours."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("src", "snnc", *PACKAGES):
        copytree(ROOT / folder, copy / folder, symlinks=True, ignore=ignore_patterns(*GENERATED))
    for name in SOURCES:
        (copy / name).write_bytes((ROOT / name).read_bytes())
    return copy


def build_wheel(source: Path, destination: Path) -> Path:
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "wheel", *options, "-w", destination, source, cwd=destination)
    (wheel,) = destination.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    destination = tmp_path_factory.mktemp("sdist")
    build = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    run(sys.executable, "-c", build, destination, cwd=checkout)
    (archive,) = destination.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh venv that holds the wheel, and sees our dependencies but not our checkout."""
    venv = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv)
    pip = (sys.executable, "-m", "pip", "--python", venv / "bin" / "python")
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=venv)
    # A path in a .pth file is searched after the venv's own, and the .pth files behind it (an
    # editable install's among them) are not read.
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_wheel_holds_every_file_of_the_package_and_nothing_else(
    checkout: Path, wheel: Path
) -> None:
    names = {name for name in names_in(wheel) if ".dist-info/" not in name}
    assert names == files_of(checkout)


def test_wheel_holds_what_the_installed_command_needs(wheel: Path) -> None:
    names = names_in(wheel)
    assert {PurePosixPath(name).parts[0].split("-")[0] for name in names} == {"snnc"}
    assert {"snnc/py.typed", "snnc/__main__.py", "snnc/compiler/ir/graph.py"} <= names
    for pattern in ("snnc/runtime_c/include/snn/*.h", "snnc/models/zoo/*.pt"):
        assert any(PurePosixPath(name).match(pattern) for name in names), pattern
    for name in ("LICENSE", "NOTICE"):
        assert any(other.endswith(f".dist-info/licenses/{name}") for other in names)
        assert f"snnc/runtime_c/{name}" in names


def test_the_runtime_has_the_licence_of_the_project() -> None:
    assert (ROOT / "runtime_c" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_sdist_gives_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        links = [member.name for member in archive if member.issym() or member.islnk()]
        tests = [name for name in archive.getnames() if "/tests/" in name]
    assert not links
    assert not tests
    assert names_in(build_wheel(sdist, tmp_path)) == names_in(wheel)


def test_editable_install_is_imported_beside_a_folder_called_snnc(
    checkout: Path, tmp_path: Path
) -> None:
    """As in the folder that holds a clone: Python takes any folder for a package without a file."""
    build = "import sys; from setuptools.build_meta import build_editable as b; b(sys.argv[1])"
    run(sys.executable, "-c", build, tmp_path, cwd=checkout)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (link,) = (name for name in archive.namelist() if name.endswith(".pth"))
        entries = archive.read(link).decode().split()
    (tmp_path / "snnc").mkdir()
    paths = [str(tmp_path), *entries]
    find = f"import sys; sys.path[:0] = {paths}; import snnc; print(snnc.__file__)"
    printed = run(sys.executable, "-I", "-S", "-c", find, cwd=tmp_path)
    assert Path(printed.strip()).resolve().is_relative_to(checkout)


def test_installed_package_is_the_one_imported(installed: Path, tmp_path: Path) -> None:
    find = "import snnc, importlib.resources as r; print(snnc.__file__); print(r.files('snnc'))"
    printed = run(installed / "bin" / "python", "-c", find, cwd=tmp_path).splitlines()
    assert len(printed) == 2
    for path in printed:
        assert Path(path).is_relative_to(installed)


@pytest.mark.parametrize("command", [("snnc",), ("python", "-m", "snnc")], ids=" ".join)
def test_installed_command_shows_its_help(
    installed: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    program, *arguments = command
    printed = run(installed / "bin" / program, *arguments, "--help", cwd=tmp_path)
    for name in ("check", "compile", "verify", "energy", "run", "train"):
        assert name in printed


def test_command_line_starts_without_torch() -> None:
    heavy = ("torch", "matplotlib", "networkx")
    look = f"import sys, snnc.cli; print(*(name for name in {heavy} if name in sys.modules))"
    assert run(sys.executable, "-c", look, cwd=ROOT).split() == []
