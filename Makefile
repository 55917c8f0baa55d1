# pg_inventory: the extension is built by PGXS, the relay by relay/Makefile.
#
# PGXS knows no subdirectories and gives all of its sources to one module, so
# the relay has a Makefile of its own.  Targets above the line "PGXS" work on
# a machine that has neither PostgreSQL nor its headers yet: they install them.

.DEFAULT_GOAL = all

## make demo        everything on this machine: database, relay, page, seed data; Ctrl-C ends it
demo:
	@test/deps build demo
	@test/demo/run

## make test        every suite; SUITES="regress pgtap" runs some, see test/run
test:
	@test/deps build test
	@test/run $(SUITES)

## make web         the browser client and the dashboard, for `make install` and `make demo` (needs Node 20 and npm)
web:
	cd web && npm ci && npm run build

## make chaos       writers and screens while everything breaks: SEED=42 MINUTES=10
chaos:
	@test/deps build test
	@CHAOS_SEED=$(SEED) CHAOS_MINUTES=$(or $(MINUTES),10) test/run chaos

## make attacks     what others notice of floods and bombs: SECONDS=15 of each
attacks:
	@test/deps build test
	@UNSANITIZED=1 ATTACK_SECONDS=$(or $(SECONDS),15) test/run attacks

## make soak        five thousand clients that come and go: MINUTES=60
soak:
	@test/deps build test
	@SOAK_MINUTES=$(or $(MINUTES),1) test/run soak

## make sanitize    the SQL tests on a server under valgrind
sanitize:
	@test/deps build test sanitize
	@test/run sanitize

## make planted     plant the bugs of test/planted/, and see each of them caught
planted:
	@test/deps build test
	@test/planted/run

## make fuzz        each fuzz target for FUZZ_SECONDS (600), then what of the sources was reached
fuzz:
	@test/deps build test
	@$(MAKE) --no-print-directory -C test/fuzz -k -j2 run FUZZ_SECONDS=$(or $(FUZZ_SECONDS),600)
	@$(MAKE) --no-print-directory -s -C test/fuzz coverage

## make bench       the figures of test/bench/README.md, side by side
bench:
	@test/deps build bench
	@test/bench/run $(BENCHES)

## make deps        install the Debian packages all of this needs (as root)
deps:
	@test/deps

## make format      lay out the C sources with clang-format 14
format:
	@test/deps lint
	clang-format-14 -i $(C_FILES)

## make lint        layout, cppcheck and clang-tidy, warnings as errors
lint:
	@test/deps build lint
	@test/lint $(C_FILES)

## make help        this list
help:
	@sed -n 's/^## //p' Makefile

C_FILES = $(sort $(wildcard extension/*.[ch] relay/*.[ch] test/unit/*.[ch] test/fuzz/*.[ch] test/chaos/*.[ch] test/bench/*.[ch]))

.PHONY: demo test web chaos attacks soak sanitize planted fuzz bench deps format lint help relay

# The relay ------------------------------------------------------------------

RELAY_NEEDS := $(shell sed -n 's/^PACKAGES *= *//p' relay/Makefile)
RELAY_MISSING := $(shell for lib in $(RELAY_NEEDS); do pkg-config --exists $$lib 2>/dev/null || echo $$lib; done)
# Debian's cjose.pc asks for a library that its package does not bring.
RELAY_MISSING += $(shell echo '\#include <cjose/cjose.h>' | $(CC) -E - >/dev/null 2>&1 || echo cjose)
RELAY_MISSING := $(strip $(RELAY_MISSING))

ifeq ($(RELAY_MISSING),)
relay:
	$(MAKE) -C relay all
install-relay: relay
	$(MAKE) -C relay install
else
relay:
	@echo "inventory-relay is left out: $(RELAY_MISSING) not found (on Debian: sudo make deps)"
install-relay: relay
endif

uninstall-relay:
	$(MAKE) -C relay uninstall
clean-relay:
	$(MAKE) -C relay clean
	$(MAKE) -C test/unit clean
	$(MAKE) -C test/fuzz clean

.PHONY: install-relay clean-relay uninstall-relay

# PGXS -----------------------------------------------------------------------

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifeq ($(wildcard $(PGXS)),)

all install uninstall installcheck clean:
	$(error the headers of the PostgreSQL server are missing: install postgresql-server-dev-15, or set PG_CONFIG ($(PG_CONFIG)))

else

## make             build the extension, and the relay if libwebsockets is there
all: relay
## make install     into the PostgreSQL of PG_CONFIG and PREFIX (/usr/local); DESTDIR is honoured
install: install-relay
## make uninstall   take out what install put there
uninstall: uninstall-relay
## make clean       remove what was built
clean: clean-relay
## make installcheck    the extension's suites against what is installed, in a server of their own
installcheck:
	@test/run --installed regress isolation pgtap

INVENTORY_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" extension/pg_inventory.control)

EXTENSION = extension/pg_inventory
MODULE_big = pg_inventory
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard extension/*.c)))
INSTALL_SQL = extension/pg_inventory--$(INVENTORY_VERSION).sql
DATA_built = $(INSTALL_SQL)
DATA = $(wildcard extension/pg_inventory--*--*.sql)
EXTRA_CLEAN = .built-for

# A compiler that knows new warnings builds with: make WERROR=
WERROR = -Werror
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter $(WERROR)

# PGXS' own installcheck wants a server that is already running; ours brings one.
NO_INSTALLCHECK = 1
include $(PGXS)

# The chapters of the install script, joined in the order of their names.
$(INSTALL_SQL): $(sort $(wildcard extension/install/*.sql))
	cat $^ > $@

# PGXS tracks no headers.  And an object built for another server, even for
# another minor release, must not be linked again: the headers differ.
$(OBJS) $(OBJS:.o=.bc): $(wildcard extension/*.h) .built-for

.built-for: force
	@$(PG_CONFIG) --version | cmp -s - $@ || $(PG_CONFIG) --version > $@
.PHONY: force

endif
