"""Packages for build systems: each is laid out as its system expects, and compiles."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy import packages
from snnc.compiler.deploy.package_kinds import KINDS
from snnc.errors import BAD_OPTION, SnncError
from tests import fuzzing

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}$")
SEMVER = re.compile(r"^\d+\.\d+\.\d+([-+].*)?$")
CATEGORIES = {"Display", "Communication", "Signal Input/Output", "Sensors", "Device Control"}
CATEGORIES |= {"Timing", "Data Storage", "Data Processing", "Other"}
ARM = ("-mthumb", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")


@pytest.fixture(scope="module")
def events() -> Compilation:
    return fuzzing.MODELS["events-i8"]()


@pytest.fixture(scope="module")
def ring() -> Compilation:
    return fuzzing.MODELS["ring-i8"]()


def need(*tools: str) -> None:
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")


def run(*command: object, folder: Path | None = None) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def properties(text: str) -> dict[str, str]:
    """A Java properties file as Arduino reads it."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all("=" in line for line in lines)
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("kind", packages.LAYOUTS)
def test_the_library_is_the_same_in_every_package(kind, events):
    files = packages.package_files(events, kind)
    headers = "src" if kind == "arduino" else "include"
    for name, place in (("model.c", "src"), ("model_weights.h", "src"), ("model.h", headers)):
        assert files[f"{place}/{name}"] == events.generated.files[name]
    assert f"{headers}/snn/types.h" in files
    assert "Apache License" in files["LICENSE"]
    assert "snnc" in files["NOTICE"]
    assert f"{headers}/snn/vec/f32/neon.h" in files


# cmake --------------------------------------------------------------------------------------------


def test_cmake_adds_installs_and_finds(ring, tmp_path):
    need("cmake", "gcc")
    library, app = tmp_path / "library", tmp_path / "app"
    packages.write(library, ring, "cmake")
    run(
        "cmake",
        "-S",
        library,
        "-B",
        tmp_path / "b",
        "-DMODEL_EXAMPLE=ON",
        "-DCMAKE_BUILD_TYPE=Release",
    )
    run("cmake", "--build", tmp_path / "b")
    assert run(tmp_path / "b" / "model_example").count("class ") == 10
    run("cmake", "--install", tmp_path / "b", "--prefix", tmp_path / "prefix")
    app.mkdir()
    shutil.copy(library / "examples" / "classify" / "main.c", app)
    how = "find_package(model REQUIRED)"
    lines = ["cmake_minimum_required(VERSION 3.16)", "project(app C)", how]
    lines += ["add_executable(app main.c)", "target_link_libraries(app PRIVATE model::model)"]
    (app / "CMakeLists.txt").write_text("\n".join(lines))
    prefix = f"-DCMAKE_PREFIX_PATH={tmp_path / 'prefix'}"
    run("cmake", "-S", app, "-B", tmp_path / "found", prefix)
    run("cmake", "--build", tmp_path / "found")
    assert run(tmp_path / "found" / "app").count("class ") == 10


# arduino ------------------------------------------------------------------------------------------


def test_arduino_library_keeps_the_specification(ring):
    """The rules of arduino-lint for a library of format 1.5 that are about files and fields."""
    files = packages.package_files(ring, "arduino")
    given = properties(files["library.properties"])
    required = ("name", "version", "author", "maintainer", "sentence", "paragraph", "category")
    assert set(given) >= {*required, "url", "architectures", "includes"}
    assert all(value.strip() for value in given.values())
    assert NAME.match(given["name"])
    assert "arduino" not in given["name"].lower()
    assert SEMVER.match(given["version"])
    assert given["category"] in CATEGORIES
    assert given["url"].startswith("https://")
    assert not given["paragraph"].startswith(given["sentence"])
    assert f"src/{given['includes']}" in files
    roots = {path.split("/")[0] for path in files}
    assert roots == {"library.properties", "keywords.txt", "src", "examples", "LICENSE", "NOTICE"}
    sketches = [path for path in files if path.endswith(".ino")]
    for sketch in sketches:
        folder, name = sketch.split("/")[-2:]
        assert name == f"{folder}.ino"
    assert sketches
    for line in files["keywords.txt"].splitlines():
        assert re.fullmatch(r"\w+\t(KEYWORD1|KEYWORD2|LITERAL1)", line)
        assert line.split("\t")[0] in files["src/model.h"]


STUB = """#pragma once
#include <stdint.h>
#include <stddef.h>
struct Printer {
  void begin(long);
  template <class T> void print(T) {}
  template <class T> void println(T) {}
  void println() {}
};
extern Printer Serial;
void delay(unsigned long);
"""


@pytest.fixture(scope="module")
def floats() -> Compilation:
    return fuzzing.MODELS["window-f32"]()


@pytest.mark.parametrize("which", ["ring", "events", "floats"])
def test_the_sketch_compiles_as_the_arduino_builder_does(which, request, tmp_path):
    need("arm-none-eabi-g++")
    packages.write(tmp_path, request.getfixturevalue(which), "arduino")
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "Arduino.h").write_text(STUB)
    (tmp_path / "core" / "stdint.h").write_text("#include_next <stdint.h>\n")
    sketch = (tmp_path / "examples" / "classify" / "classify.ino").read_text()
    (tmp_path / "sketch.cpp").write_text(f"#include <Arduino.h>\n{sketch}")
    includes = ("-I", tmp_path / "core", "-I", tmp_path / "src", "-I", stub_headers(tmp_path))
    strict = ("-Wall", "-Wextra", "-Werror", "-ffreestanding", *ARM)
    cpp = ("arm-none-eabi-g++", "-std=gnu++11", "-Os", "-fno-exceptions", "-fno-rtti", *strict)
    run(*cpp, *includes, "-c", tmp_path / "sketch.cpp", "-o", tmp_path / "sketch.o")
    c = ("arm-none-eabi-gcc", "-std=gnu11", "-Os", *strict, *includes)
    run(*c, "-c", tmp_path / "src" / "model.c", "-o", tmp_path / "model.o")
    symbols = run("arm-none-eabi-nm", tmp_path / "sketch.o")
    for function in ("init", "reset", "push_events", "scores"):
        assert f"U model_{function}\n" in symbols, "a name as C gives it"


def stub_headers(tmp_path: Path) -> Path:
    """<string.h> for a toolchain without a C library."""
    folder = tmp_path / "libc"
    folder.mkdir()
    text = (packages.files("snnc") / "runtime_c" / "targets" / "common" / "string.h").read_text()
    guarded = text.replace(
        "void *memcpy", '#ifdef __cplusplus\nextern "C" {\n#endif\nvoid *memcpy', 1
    )
    end = guarded.rindex("#endif")
    (folder / "string.h").write_text(
        f"{guarded[:end]}#ifdef __cplusplus\n}}\n#endif\n{guarded[end:]}"
    )
    return folder


def test_a_sketch_needs_events(events):
    with pytest.raises(SnncError, match="takes events") as caught:
        packages.package_files(replace(events, framing=None), "arduino")
    assert caught.value.code is BAD_OPTION


# platformio ---------------------------------------------------------------------------------------


def test_platformio_manifest_keeps_its_schema(ring):
    """The rules of platformio's own ManifestSchema for the fields in use."""
    files = packages.package_files(ring, "platformio")
    given = json.loads(files["library.json"])
    assert NAME.match(given["name"])
    assert SEMVER.match(given["version"])
    assert 1 <= len(given["description"]) <= 1000
    assert all(re.fullmatch(r"[a-z\d\- +,.]{1,50}", word) for word in given["keywords"])
    assert all(0 < len(author["name"]) <= 100 for author in given["authors"])
    assert given["frameworks"] == given["platforms"] == "*"
    build = given["build"]
    assert f"{build['includeDir']}/{given['headers']}" in files
    assert f"{build['srcDir']}/model.c" in files
    assert "-ffp-contract=off" in build["flags"]
    for example in given["examples"]:
        assert re.fullmatch(r"[a-zA-Z\d\-_/. ]+", example["name"])
        assert all(f"{example['base']}/{file}" in files for file in example["files"])


def compile_all(folder: Path, sources: Sequence[str], *flags: str) -> None:
    """Compile and link the files of a package as its build system would."""
    includes = (f"-I{folder / 'include'}", f"-I{folder / 'src'}")
    run("gcc", "-O1", *flags, *includes, *sources, "-o", folder / "app", folder=folder)


def test_platformio_files_build_as_the_manifest_says(events, tmp_path):
    need("gcc")
    packages.write(tmp_path, events, "platformio")
    build = json.loads((tmp_path / "library.json").read_text())["build"]
    compile_all(tmp_path, ["src/model.c", "examples/classify/main.c"], *build["flags"])
    assert run(tmp_path / "app").count("class ") == 10


# zephyr -------------------------------------------------------------------------------------------


def test_zephyr_module_names_what_exists(ring):
    """Zephyr's module schema: name, build.cmake, build.kconfig and samples are paths."""
    files = packages.package_files(ring, "zephyr")
    module = files["zephyr/module.yml"]
    assert re.fullmatch(
        r"name: model\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\nsamples:\n  - samples\n",
        module,
    )
    assert {"zephyr/CMakeLists.txt", "zephyr/Kconfig", "samples/classify/CMakeLists.txt"} <= set(
        files
    )
    assert re.search(
        r'^config SNNC_MODEL\n\tbool ".+"\n\thelp\n\t  .+', files["zephyr/Kconfig"], re.M
    )
    assert files["samples/classify/prj.conf"] == "CONFIG_SNNC_MODEL=y\n"


ZEPHYR = """cmake_minimum_required(VERSION 3.16)
project(stub C)
set(CONFIG_SNNC_MODEL {enabled})
macro(zephyr_library)
  add_library(module STATIC)
  target_include_directories(module PRIVATE ${{ZEPHYR_INCLUDES}})
endmacro()
macro(zephyr_include_directories)
  list(APPEND ZEPHYR_INCLUDES ${{ARGN}})
endmacro()
macro(zephyr_library_sources)
  target_sources(module PRIVATE ${{ARGN}})
endmacro()
macro(zephyr_library_compile_options)
  target_compile_options(module PRIVATE ${{ARGN}})
endmacro()
include({module}/zephyr/CMakeLists.txt)
if(TARGET module)
  add_executable(app {module}/samples/classify/src/main.c)
  target_include_directories(app PRIVATE ${{ZEPHYR_INCLUDES}})
  target_link_libraries(app PRIVATE module)
endif()
"""


@pytest.mark.parametrize("enabled", [True, False])
def test_zephyr_builds_the_module_where_it_is_chosen(enabled, ring, tmp_path):
    """With the four functions of Zephyr's build system that a module calls."""
    need("cmake", "gcc")
    module, home = tmp_path / "module", tmp_path / "home"
    packages.write(module, ring, "zephyr")
    home.mkdir()
    text = ZEPHYR.format(module=module, enabled="y" if enabled else "n")
    (home / "CMakeLists.txt").write_text(text)
    run("cmake", "-S", home, "-B", tmp_path / "build")
    run("cmake", "--build", tmp_path / "build")
    app = tmp_path / "build" / "app"
    assert app.exists() is enabled
    if enabled:
        assert run(app).count("class ") == 10


# the kinds ----------------------------------------------------------------------------------------


def test_the_command_line_knows_every_layout():
    assert tuple(packages.LAYOUTS) == KINDS


STUBS = {
    "esp-idf": """cmake_minimum_required(VERSION 3.18)
project(stub C)
macro(idf_component_register)
  cmake_parse_arguments(C "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
  set(COMPONENT_LIB component${COUNT})
  if(C_SRCS)
    add_library(${COMPONENT_LIB} STATIC ${C_SRCS})
    target_include_directories(${COMPONENT_LIB} PUBLIC ${C_INCLUDE_DIRS})
  endif()
endmacro()
set(COUNT 1)
add_subdirectory(@ model)
set(COUNT 2)
add_subdirectory(@/examples/classify/main example)
target_link_libraries(component2 PUBLIC component1)
set(START ${CMAKE_BINARY_DIR}/start.c)
file(WRITE ${START} "void app_main(void); int main(void) { app_main(); return 0; }")
add_executable(app ${START})
target_link_libraries(app PRIVATE component2)
""",
    "pico-sdk": """cmake_minimum_required(VERSION 3.18)
project(stub C)
add_subdirectory(@ model)
set(START ${CMAKE_BINARY_DIR}/start.c)
set(EXAMPLE @/examples/classify/classify.c)
file(WRITE ${START} "int classify(void); int main(void) { return classify(); }")
add_executable(app ${START} ${EXAMPLE})
set_source_files_properties(${EXAMPLE} PROPERTIES COMPILE_DEFINITIONS main=classify)
target_link_libraries(app model::model)
""",
}
"""Projects with the functions of the build system that the package calls."""


@pytest.mark.parametrize("kind", STUBS)
def test_the_build_files_make_a_program_that_decodes_events(kind, ring, tmp_path):
    need("cmake", "gcc")
    package, home = tmp_path / "package", tmp_path / "home"
    packages.write(package, ring, kind)
    home.mkdir()
    (home / "CMakeLists.txt").write_text(STUBS[kind].replace("@", str(package)))
    run("cmake", "-S", home, "-B", tmp_path / "b", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
    run("cmake", "--build", tmp_path / "b")
    assert run(next((tmp_path / "b").rglob("app"))).count("class ") == 10
    commands = json.loads((tmp_path / "b" / "compile_commands.json").read_text())
    model = next(c["command"] for c in commands if c["file"].endswith("src/model.c"))
    assert {"-O2", "-ffp-contract=off"} <= set(model.split())


def test_esp_idf_names_what_exists(ring):
    files = packages.package_files(ring, "esp-idf")
    text = files["idf_component.yml"]
    version, licence, example = (
        re.search(rf"^ *-? ?{key}: \"?([\w./-]+)\"?$", text, re.M)[1]  # type: ignore[index]
        for key in ("version", "license", "path")
    )
    assert SEMVER.match(version)
    assert licence == "Apache-2.0"
    assert f"{example}/CMakeLists.txt" in files
    assert text.count("\n  idf: ") == 1
    main = files["examples/classify/main/idf_component.yml"]
    assert main.startswith("dependencies:\n  model:\n")
    assert 'override_path: "../../.."' in main
    assert re.search(r"^    config SNNC_MODEL\n        bool \".+\"\n", files["Kconfig"], re.M)
    assert files["Kconfig"].rstrip().endswith("endmenu")


def test_a_cmsis_pack_names_what_exists_and_its_cores(ring):
    """What packchk looks at: the file's name, required elements in their order, and files."""
    files = packages.package_files(ring, "cmsis-pack")
    root = ElementTree.fromstring(files["snnc.model.pdsc"])
    order = [child.tag for child in root]
    assert order == [
        "vendor", "name", "description", "url", "license", "releases", "conditions", "components",
    ]  # fmt: skip
    assert (root.findtext("vendor"), root.findtext("name")) == ("snnc", "model")
    assert root.findtext("license") in files
    component = root.find("components/component")
    assert component is not None
    assert root.find(f"conditions/condition[@id='{component.get('condition')}']") is not None
    for file in component.iter("file"):
        name = str(file.get("name"))
        assert name in files or (name.endswith("/") and any(f.startswith(name) for f in files))
    cores = [entry.get("Dcore") for entry in root.iter("accept")]
    assert len(cores) == len(set(cores)) > 6
    one = packages.package_files(ring, "cmsis-pack", "cortex-m4")["snnc.model.pdsc"]
    assert re.findall(r'Dcore="(.+)"', one) == ["Cortex-M4"]
    with pytest.raises(SnncError, match="Cortex-M cores") as caught:
        packages.package_files(ring, "cmsis-pack", "riscv32")
    assert caught.value.code is BAD_OPTION


def test_the_page_for_stm32cube_names_what_exists(ring):
    files = packages.package_files(ring, "stm32cube")
    for place in re.findall(r"`Middlewares/model/([\w./]+)`", files["README.md"]):
        assert any(path.startswith(place) for path in files), place
