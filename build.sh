#!/usr/bin/env bash
# The one command of this repository; `./build.sh help` tells what it does.
#
# Needs bash, coreutils and one Python from 3.10 on, no root. This file finds that Python and starts `python -m tools`,
# which does the rest. Everything it makes is in .venv/, .cache/ and dist/, and the tests' bytecode in __pycache__/, all
# ignored by git; deleting them only costs the time to make them again.
set -euo pipefail
readonly CALLED_FROM="$PWD"
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }

usage() {
    cat <<'TEXT'
./build.sh layer           build dist/flight-recorder-python.zip, for every Python runtime and both architectures
./build.sh layer --standalone [--arch x86_64|arm64]
                           build dist/flight-recorder-x86_64.zip and -arm64.zip, which bring their own Python, for functions
                           that have none; the first time compiles it, in some ten minutes (docs/standalone.md)
./build.sh demo [ARG...]   build the layer and watch it record real functions in the local Lambda
./build.sh test [ARG...]   run the tests: unit tests on the oldest and the newest Python from 3.10 on that are found, those
                           that may differ by version on all between; end-to-end tests, and those against real services,
                           on the newest, with the branch coverage of extension/; ARGs go to pytest
                           (./build.sh test -k buffer); on Debian, a missing Python 3.14 is unpacked in .cache/, once
./build.sh test --standalone [ARG...]
                           build the standalone layers and test them: the end-to-end tests on the one for this machine,
                           functions that have no Python, arm64 under qemu
./build.sh fuzz [ARG...]   try the extension's parts with made-up inputs, on all cores: --minutes N (1), --seed S, --only NAME,
                           --case N; exit status 1 if an invariant breaks, with the smallest input found
./build.sh fuzz --properties [ARG...]
                           run the property tests on many random examples, on the newest Python; takes long; ARGs go to
                           pytest (./build.sh fuzz --properties -k redaction)
./build.sh chaos [ARG...]  build the layer and freeze it, stop it and take its sinks away at random moments: --minutes N (1),
                           --seed S; exit status 1 if a line is lost or comes twice, or Next is missing; --shutdown
                           measures what is out at SHUTDOWN instead
./build.sh fleet [ARG...]  build the layer and run 200 environments of it at once, in one account with AWS's quotas (moto's server),
                           beside a simulation of the same, in some eight minutes: --environments N; writes bench/results/ and the
                           tables of docs/fleet.md; exit status 1 if the two do not agree
./build.sh bench [ARG...]  build the layer and measure what it costs, beside the floor and the obvious way, in some ten
                           minutes; writes bench/results/ (--quick: two, --only PART,...: some parts, these write to
                           .cache/bench/; --only fleet: a simulation of up to 10,000 environments, which writes to bench/results/
                           and docs/fleet.md; --beside ZIP: compare the layer with another one in the same run; --python PATH)
./build.sh show [ARG...]   show the failures of a time, or with an ID one invocation whole: --group GROUP..., s3://BUCKET/PREFIX,
                           FILE...; --since 1h, --region R, --html PAGE (docs/show.md)
./build.sh whatif LOG...   replay exported logs under a grid of settings: what would be kept, which failures whole, at what
                           cost; prints tables and writes whatif.html (docs/whatif.md)
./build.sh explain [ID...] show the settings in force, where each comes from, and the verdict on trace or request ids, or on
                           one by which the function's lines name the transaction (--correlation ID)
./build.sh release [--standalone]
                           build the layers of a clean commit, with checksums, a bill of materials, licences and provenance,
                           in dist/release-VERSION/ (docs/release.md)
./build.sh publish [ARG...] publish the built layer with the aws command: --region R,... --arch ARCH --standalone
                           --public | --organization O-...; without --yes it prints the commands only
./build.sh prove [ARG...]   prove in an AWS account that every line of a failed invocation is kept: make functions of every kind with
                           the built layer, let them fail in every way, compare, and take all of it down; without --yes it
                           tells what it would make and cost; --clean takes down what a killed run left (docs/prove.md)
./build.sh attach WHICH LAYER_ARN
                           attach the layer to functions that exist, with the aws command: --functions A,B, --functions-regex
                           REGEX or --tag KEY=VALUE; --dry-run tells what it would do, --help has the options
./build.sh detach WHICH    take the layer off; what was kept stays
./build.sh status [WHICH]  show which functions have the layer; exit status 1 if something is wrong, such as a Deny without it
./build.sh docs            build the documentation site in dist/docs, from the pages of docs/ and the code's tables
./build.sh lint            ruff (rules and format), mypy --strict, the contracts of who imports whom, and a syntax check of
                           the shell scripts
./build.sh lock            write requirements-*.txt anew from the ranges in pyproject.toml
./build.sh pythons         list the Pythons found, oldest first
./build.sh version         the version of this checkout, and its commit
./build.sh help            this text

The first run makes a virtual environment under .venv/ (with uv where there is one, else with pip) and takes a minute;
later ones start at once. Settings, as environment variables:
  FLIGHT_RECORDER_PYTHON        use this interpreter only, such as /usr/bin/python3.12
  FLIGHT_RECORDER_TEST_WORKERS  test processes at a time, beside one for the older Pythons (default: two more than cores,
                                5 at most; 0: all in one, for --pdb)
  FLIGHT_RECORDER_SERVICES      an environment that has the services of requirements-services.txt, instead of .cache/services
TEXT
}

# Succeeds if the interpreter is CPython 3.10 to 3.14.
is_usable() {
    "$1" -I -c 'import sys; sys.exit(sys.implementation.name != "cpython" or not (3, 10) <= sys.version_info[:2] <= (3, 14))' \
        >/dev/null 2>&1 </dev/null
}

# Prints the first usable Python: FLIGHT_RECORDER_PYTHON, else one of PATH, else one of pyenv. pyenv's shims are passed
# over: the folder that they are called from chooses their version.
find_python() {
    local folder folders name
    if [[ -n "${FLIGHT_RECORDER_PYTHON:-}" ]]; then
        is_usable "$FLIGHT_RECORDER_PYTHON" || return 1
        printf '%s\n' "$FLIGHT_RECORDER_PYTHON"
        return
    fi
    IFS=: read -ra folders <<<"$PATH"
    for folder in "${folders[@]}" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin; do
        [[ "$folder" != */shims ]] || continue
        for name in "$folder"/python3{,.10,.11,.12,.13,.14}; do
            if [[ -x "$name" ]] && is_usable "$name"; then
                printf '%s\n' "$name"
                return
            fi
        done
    done
    return 1
}

# Prints the version, as the layer's --version does, and the commit where git knows one.
version() {
    local line commit
    commit="$(git rev-parse --short=7 HEAD 2>/dev/null)" || commit=""
    while IFS= read -r line; do
        if [[ "$line" =~ ^__version__\ =\ \"(.+)\"$ ]]; then
            printf 'flight-recorder %s%s\n' "${BASH_REMATCH[1]}" "${commit:+ (commit $commit)}"
            return
        fi
    done <extension/__init__.py
    fail "extension/__init__.py has no __version__: is this a whole checkout?"
}

main() {
    local command="${1:-help}" python
    [[ $# -eq 0 ]] || shift
    case "$command" in
        layer | demo | test | fuzz | chaos | fleet | bench | show | whatif | explain | release | publish | prove | attach | detach | status | docs | lint | lock | pythons) ;;
        help | -h | --help) usage; return ;;
        version | --version) version; return ;;
        *) fail "there is no command $command; ./build.sh help lists them" ;;
    esac
    python="$(find_python)" ||
        fail "no usable Python 3.10 to 3.14: install python3 and python3-venv (Debian), or python3.13 (Amazon Linux 2023)"
    exec "$python" -m tools --called-from "$CALLED_FROM" "$command" "$@"
}

main "$@"
