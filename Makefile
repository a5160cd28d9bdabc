# Everything there is to do here. What a target needs of the machine it installs itself (scripts/bootstrap), so each of
# `make demo` and `make test` is one command on a fresh Debian 12 with a Swift toolchain on PATH.

# Further options for swift build, as --ignore-lock or --jobs 1.
SWIFTFLAGS ?=

.PHONY: help build release tests test test-unit test-host test-system check fmt docs demo bench clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

build: ## build for debugging, into .build/debug
	swift build $(SWIFTFLAGS)

release: ## build optimised, into .build/release; needs no Swift installed where it runs
	swift build $(SWIFTFLAGS) --configuration release --static-swift-stdlib

tests: ## build the tests and what they run
	swift build $(SWIFTFLAGS) --build-tests

# The exit code of the build is what counts: it says "Build complete!" also when an import crosses a wall.
check: docs ## the format, the walls between the modules, the scripts, the documentation's links
	swift format lint --strict --recursive --parallel Package.swift Sources Tests
	@command -v shellcheck >/dev/null || { echo 'check: run scripts/bootstrap --test first' >&2; exit 1; }
	shellcheck --external-sources .ci/run scripts/bootstrap scripts/check-docs scripts/demo scripts/host-state \
		scripts/lib.bash scripts/sweep scripts/test scripts/test-all Benchmarks/run \
		Tests/SystemTests/Golden/capture
	swift build $(SWIFTFLAGS) --explicit-target-dependency-import-check error

fmt: ## format all Swift sources
	swift format --in-place --recursive --parallel Package.swift Sources Tests

docs: ## see that every file and link the documentation names is there
	scripts/check-docs

test: ## install what is missing, check, build, run all tests
	@SWIFTFLAGS='$(SWIFTFLAGS)' scripts/test-all

test-unit: tests ## the tests of the modules: no root, seconds
	scripts/test unit

test-host: tests ## the tests of the host: mounts, namespaces, bridges; as root
	scripts/test host

test-system: tests ## the tests of the whole: lexd, lx and the stock lxc client; as root
	scripts/test system

demo: ## from nothing to a Debian system in a container, and back; KEEP=1 leaves it running
	@scripts/demo

bench: release ## measure lexd beside a stock LXD; as root
	scripts/bootstrap --bench
	Benchmarks/run

clean: ## remove what was built
	swift package clean
