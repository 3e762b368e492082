# make            build/libfpnas.so and build/fpnas
# make run        install what is missing, build, search and retrain on the digits
# make test       everything: Swift tests, checks, C tests, Python tests
# make study      the comparison of all systems, hours, resumable; STUDY=quick: a minute
# make install    PREFIX=/usr/local DESTDIR=

PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: all run test test-release test-valgrind check study format install clean

all:
	@scripts/build.sh

run:
	@scripts/setup.sh
	@scripts/build.sh
	build/fpnas search --data data/digits --out runs/digits --overwrite
	build/fpnas retrain runs/digits --data data/digits --overwrite

test:
	@scripts/setup.sh test
	@scripts/test.sh debug

test-release:
	@scripts/setup.sh test
	@scripts/test.sh release

test-valgrind: all
	@scripts/test_c.sh --valgrind

check: all
	@scripts/check_sources.sh
	@scripts/check_header.sh
	@scripts/check_symbols.sh
	@scripts/check_dependencies.sh

study: all
	@scripts/study.sh $(STUDY)

format:
	swift format --in-place --recursive Package.swift Sources Tests

# Installs what `make` built, so that root need not build.
install: $(if $(wildcard build/libfpnas.so),,all)
	@scripts/install.sh "$(DESTDIR)" "$(PREFIX)"

clean:
	rm -rf build .build
