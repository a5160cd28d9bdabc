# Everything there is to do here. What a target needs of the machine it installs itself (scripts/bootstrap), so each of
# `make demo` and `make test` is one command on a fresh Debian 12 with a Swift toolchain on PATH.

# Further options for swift build, as --ignore-lock or --jobs 1.
SWIFTFLAGS ?=

# What `make install` and `make deb` take: release or debug.
CONFIGURATION ?= release
# Where `make install` puts it: below DESTDIR, for the place PREFIX.
DESTDIR ?=
PREFIX ?= /usr/local

# What is installed; the tests and what only they need are not built for it.
PROGRAMS := lexd-runtime lexd-archive lx lexd

.PHONY: help build release install uninstall deb tests test test-unit test-host test-system test-vm check fmt docs \
	generate demo fuzz bench soak clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

build: ## build for debugging, into .build/debug
	swift build $(SWIFTFLAGS)

release: ## build optimised, into .build/release; needs no Swift installed where it runs
	for program in $(PROGRAMS); do \
		swift build $(SWIFTFLAGS) --configuration release --static-swift-stdlib --disable-local-rpath \
			--product $$program || exit 1; done

install: ## put what was built below DESTDIR/PREFIX; says what is left to do
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' CONFIGURATION='$(CONFIGURATION)' scripts/install

uninstall: ## remove what make install put there; keeps all data
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' scripts/uninstall

deb: ## make a Debian package of what make release built, in .build/deb
	@CONFIGURATION='$(CONFIGURATION)' scripts/make-deb

tests: ## build the tests and what they run
	swift build $(SWIFTFLAGS) --build-tests

# The exit code of the build is what counts: it says "Build complete!" also when an import crosses a wall.
check: docs ## the format, the walls between the modules, the scripts, the documentation's links
	swift format lint --strict --recursive --parallel Package.swift Sources Tests
	@command -v shellcheck >/dev/null || { echo 'check: run scripts/bootstrap --test first' >&2; exit 1; }
	shellcheck --external-sources .ci/run scripts/bootstrap scripts/check-docs scripts/check-keys scripts/demo \
		scripts/fuzz scripts/fuzz-api scripts/host-state scripts/install scripts/lib.bash scripts/make-deb \
		scripts/prepare-host scripts/strangers scripts/subordinate-ids \
		scripts/sweep scripts/test scripts/test-all scripts/test-vm scripts/uninstall \
		Benchmarks/lib.bash Benchmarks/run Benchmarks/soak \
		packaging/deb/postinst packaging/deb/prerm packaging/deb/postrm \
		Tests/VM/busybox-dhcp Tests/VM/busybox-init Tests/VM/guest \
		Tests/SystemTests/Golden/capture
	swift build $(SWIFTFLAGS) --explicit-target-dependency-import-check error
	scripts/check-keys
	"$$(swift build $(SWIFTFLAGS) --show-bin-path)/lexd-docs" --check docs/generated

generate: ## write docs/generated: the OpenAPI document, and the pages of endpoints and configuration keys
	swift build $(SWIFTFLAGS) --product lexd-docs
	"$$(swift build $(SWIFTFLAGS) --show-bin-path)/lexd-docs" docs/generated

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

fuzz: tests ## feed lexd what strangers send, ten minutes for each kind; SECONDS=60 for less; as root
	scripts/fuzz $(or $(SECONDS),600)
	scripts/fuzz-api $(or $(SECONDS),600)

test-vm: ## the package on a fresh Debian 12 in an emulated machine; as root, most of an hour
	@CONFIGURATION='$(CONFIGURATION)' scripts/test-vm

demo: ## from nothing to a Debian system in a container, and back; KEEP=1 leaves it running
	@scripts/demo

bench: release ## measure lexd beside a stock LXD; as root
	scripts/bootstrap --bench
	Benchmarks/run

soak: release ## work lexd for most of an hour, and see that nothing is left; as root
	scripts/bootstrap --bench
	Benchmarks/soak

clean: ## remove what was built
	swift package clean
