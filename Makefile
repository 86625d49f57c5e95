# The whole build. Sources are found by folder, so adding a file changes nothing here. `make help` lists the targets.

PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
DEVELOPER ?=
OPTIMIZE ?= -O2 -g -D_FORTIFY_SOURCE=2
SANITIZE ?=
SECONDS ?= 60
T ?=
VERSION := 0.1.0

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
ALL_CPPFLAGS = -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Iinclude $(LIBRARY_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS = -std=c11 -pthread $(OPTIMIZE) $(WARNINGS) $(HARDENING) $(if $(DEVELOPER),-Werror) $(SANITIZE) $(CFLAGS)
ALL_LDFLAGS = -pthread -pie -Wl,-z,relro,-z,now,-z,noexecstack $(SANITIZE) $(LDFLAGS)

# A missing library is named with its Debian package.
need = $(if $(shell pkg-config --exists $(1) && echo yes),,$(error $(1) is missing: apt-get install pkg-config $(2)))
ifneq ($(filter-out clean help format,$(or $(MAKECMDGOALS),all)),)
$(call need,libmicrohttpd,libmicrohttpd-dev)$(call need,libxml-2.0,libxml2-dev)
$(call need,zlib,zlib1g-dev)$(call need,libdeflate,libdeflate-dev)$(call need,libcurl,libcurl4-openssl-dev)
$(call need,sqlite3,libsqlite3-dev)$(call need,libpq,libpq-dev)$(call need,libcrypto,libssl-dev)
LIBRARY_CFLAGS := $(shell pkg-config --cflags libmicrohttpd libxml-2.0 zlib libdeflate libcurl sqlite3 libpq libcrypto)
LIBS_mprelay := $(shell pkg-config --libs libmicrohttpd libxml-2.0 zlib libdeflate libcrypto)
LIBS_statesys := $(shell pkg-config --libs libmicrohttpd libxml-2.0 sqlite3 libpq libcrypto)
LIBS_smx := $(shell pkg-config --libs libcurl libxml-2.0 zlib libdeflate sqlite3 libpq libcrypto)
endif

PROGRAMS := mprelay statesys smx
# In floor order, so that a call upward does not link.
FLOORS := db spool report base
ARCHIVES := $(FLOORS:%=$(BUILD)/lib%.a)
UNIT_TESTS := $(filter-out $(LEAVE_OUT:%=$(BUILD)/test/%),\
    $(patsubst test/unit/%.c,$(BUILD)/test/%,$(wildcard test/unit/test_$(or $(T),*).c)))
FUZZ_TARGETS := $(patsubst test/fuzz/fuzz_%.c,%,$(wildcard test/fuzz/fuzz_*.c))
REPLAYS := $(FUZZ_TARGETS:%=$(BUILD)/test/replay_%)
FAILING := $(BUILD)/test/failing.so
objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/$(1)/*.c))

.SECONDEXPANSION:
.SECONDARY:
.PHONY: all tests check check-unit check-integration check-fuzz check-mutants lint analyze format asan tsan coverage \
    check-install check-package campaign bench fuzz install uninstall deb clean help always

all: $(PROGRAMS:%=$(BUILD)/%)  ## Build the programs (DEVELOPER=1: warnings are errors).

# Other flags make other objects.
$(BUILD)/flags: export FLAGS = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS)
$(BUILD)/flags: always
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS" | cmp -s - $@ || printf '%s\n' "$$FLAGS" >$@

$(BUILD)/%.o: %.c Makefile $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(ARCHIVES): $(BUILD)/lib%.a: $$(call objects,%)
	@rm -f $@
	$(AR) rcs $@ $^

# All of a program but its main, for the program itself and for the tests of its modules.
$(PROGRAMS:%=$(BUILD)/%.a): $(BUILD)/%.a: $$(filter-out %/main.o,$$(call objects,%))
	@rm -f $@
	$(AR) rcs $@ $^

$(PROGRAMS:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/src/%/main.o $(BUILD)/%.a $(ARCHIVES)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_$*)

$(BUILD)/test/test_%: $(BUILD)/test/unit/test_%.o $(PROGRAMS:%=$(BUILD)/%.a) $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(sort $(LIBS_mprelay) $(LIBS_statesys) $(LIBS_smx)) -lcmocka

$(BUILD)/test/replay_%: $(BUILD)/test/fuzz/fuzz_%.o $(BUILD)/test/fuzz/replay.o $(PROGRAMS:%=$(BUILD)/%.a) $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(sort $(LIBS_mprelay) $(LIBS_statesys) $(LIBS_smx))

$(BUILD)/test/fuzz_%: $(BUILD)/test/fuzz/fuzz_%.o $(PROGRAMS:%=$(BUILD)/%.a) $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(sort $(LIBS_mprelay) $(LIBS_statesys) $(LIBS_smx))

# What the loader is measured with and against.
$(BUILD)/bench/loading: $$(patsubst %.c,$(BUILD)/%.o,$$(filter-out %/signature.c,$$(wildcard test/bench/*.c))) \
    $(BUILD)/statesys.a $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_statesys)

# What one check of a signature costs; runs alone.
$(BUILD)/bench/signature: $(BUILD)/test/bench/signature.o $(BUILD)/libreport.a $(BUILD)/libbase.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_mprelay)

# Stands between a program and the kernel; its own calls are not looked at by a sanitizer.
$(FAILING): test/fault/failing.c Makefile $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=c11 -O2 -g -fPIC $(WARNINGS) $(if $(DEVELOPER),-Werror) -shared -o $@ $<

tests: all $(UNIT_TESTS) $(REPLAYS) $(FAILING)  ## Build the programs and their tests.

check: tests  ## Run the unit tests, the fuzz corpora and the integration tests, one after the other.
	@$(MAKE) --no-print-directory -k -j1 check-unit check-fuzz check-integration

check-unit: $(UNIT_TESTS)  ## Run the unit tests (T=spool: one module's).
	@scripts/run-unit-tests $^

check-integration: all $(FAILING)  ## Run the real programs on loopback (T=name: one story).
	@scripts/run-integration-tests $(BUILD) $(if $(T),-k $(T))

build/promtool:
	scripts/fetch-promtool $@

check-install: all build/promtool  ## Run what `make install` puts there: under a live systemd (as root), in a real bash (T=name).
	@stories=install scripts/run-integration-tests $(BUILD) -k '$(or $(T),not debian)'

check-package: all deb  ## Install, upgrade and purge the Debian packages on a fresh Debian (as root, with a network).
	@stories=install scripts/run-integration-tests $(BUILD) -k debian

check-fuzz: $(REPLAYS)  ## Replay every saved fuzz input, without a fuzzer.
	@scripts/run-fuzz-corpora $(BUILD) $(FUZZ_TARGETS)

check-mutants:  ## Break spool and loader in each known way: the test that must see it fails.
	@test/mutants/run $(BUILD)

fuzz:  ## Fuzz one target with libFuzzer (T=report SECONDS=60).
	$(MAKE) BUILD=build/fuzz CC=clang OPTIMIZE='-O2 -g' HARDENING=-fPIE SANITIZE='-fsanitize=address,undefined \
	    -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp -fno-sanitize-recover=all' build/fuzz/test/fuzz_$(T)
	build/fuzz/test/fuzz_$(T) -timeout=10 -dict=test/fuzz/dictionary \
	    $(or $(FUZZ),-max_total_time=$(SECONDS) test/fuzz/corpus/$(T))

SANITIZED = HARDENING=-fPIE OPTIMIZE='-O1 -g1 -fno-omit-frame-pointer' DEVELOPER=1
# The sanitizers' maps of memory do not bear every kernel's random addresses.
FIXED_ADDRESSES = $(shell setarch -R true 2>/dev/null && echo setarch -R)
ASAN = BUILD=build/asan $(SANITIZED) SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all'
asan:  ## Run all tests under AddressSanitizer and UndefinedBehaviorSanitizer.
	$(FIXED_ADDRESSES) $(MAKE) $(ASAN) check

# Faults of disks and kills prove little more there, and take their time.
asan tsan: export KILLS = 10
asan tsan: export CUTS = 2
asan tsan: export CALLS = 1
asan tsan: export EVERY = 5
tsan: export ONE_IN = 4

# What takes long and has one thread only has nothing to show there.
ALONE = spool_cuts compose operation inbox_faults report ledger_histories xml resync store_faults db_ask inflate mover_power
TSAN = BUILD=build/tsan $(SANITIZED) SANITIZE=-fsanitize=thread LEAVE_OUT='$(ALONE:%=test_%)'
tsan: export TSAN_OPTIONS = halt_on_error=1
tsan:  ## Run the unit and integration tests under ThreadSanitizer.
	$(MAKE) $(TSAN) tests
	$(FIXED_ADDRESSES) $(MAKE) $(TSAN) -k -j1 check-unit check-integration

# Counters of an earlier build say nothing; threads would lose counts that are not atomic.
COVERAGE = BUILD=build/coverage OPTIMIZE='-O0 -g' SANITIZE='--coverage -fprofile-update=atomic'
coverage:  ## Run the tests and print line and branch coverage by file.
	$(MAKE) $(COVERAGE) tests
	find build/coverage -name '*.gcda' -delete
	$(MAKE) $(COVERAGE) -k check; status=$$?; scripts/show-coverage build/coverage && exit $$status

campaign: tests  ## Do every fault at full length, for hours; writes the table of docs/TESTING.md.
	@BUILD=$(BUILD) test/fault/campaign

bench: all $(BUILD)/bench/loading $(BUILD)/bench/signature  ## Measure the relay beside nginx and fastify, the loader; writes docs/BENCH.md.
	test/bench/run
	test/bench/loader.py
	$(BUILD)/bench/signature

lint:  ## Check format, floors, banned calls, settings against manual pages; print the sizes.
	@BUILD=$(BUILD) scripts/lint

analyze:  ## Run clang-tidy and gcc's analyzer over every file.
	@scripts/analyze

format:  ## Bring the sources into the house's format.
	scripts/format

install uninstall: export DESTDIR := $(DESTDIR)
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export UNITS := $(or $(UNITS),$(PREFIX)/lib/systemd/system)
install: all  ## Install programs, manual pages, units, samples and completion (DESTDIR, PREFIX, UNITS).
	@scripts/install install $(BUILD)

uninstall:  ## Take away what `make install` put there (DESTDIR, PREFIX).
	@scripts/install uninstall $(BUILD)

deb:  ## Build the Debian packages, in build/deb.
	@scripts/make-packages

clean:  ## Remove everything that was built.
	rm -rf build

help:  ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*  ## /  make \1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-26s %s\n", $$1, $$2}'

-include $(shell find $(BUILD)/src $(BUILD)/test -name '*.d' 2>/dev/null)
