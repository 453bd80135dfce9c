# What one does with hansom. `make` alone prints this list.
# Needs Go and GNU make; `race` a C compiler as well, `lint` golangci-lint, `smoke` curl. Tests on the second engine need
# PostgreSQL's programs (Debian: postgresql; no server has to run), those with a browser Chromium (Debian: chromium), those
# of ACME Pebble (go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1); without them they say SKIPPED.

SHELL   := /bin/sh
GO      ?= $(shell command -v go || echo /usr/local/go/bin/go)
LINT    ?= golangci-lint
# A clone without git, or without a tag, still builds.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# The longest a package may test, and a target may be fuzzed.
TIMEOUT  ?= 10m
FUZZTIME ?= 10s
RESULTS  := bin/results.json
# Further flags of go test, such as -json.
FLAGS    ?=
# Some packages test through programs that they start, in which the detector would not see anything, or have nothing that
# runs beside anything else.
RACED    = $(shell $(GO) list ./... | grep -v -e /cmd/hansom$$ -e /bench -e /internal/trial -e /e2e)

# The version is stamped by hand below; asking git again would fail in a tree that another user owns.
export GOFLAGS := -buildvcs=false $(filter-out -buildvcs=%,$(GOFLAGS))

.DEFAULT_GOAL := help
.PHONY: help run build test race fuzz lint fmt bench microbench conformance interop crash soak e2e-full docs docs-check smoke ci clean

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

run: build ## start a demo server over HTTPS, with its data in .demo
	bin/hansom demo --data .demo

build: ## build bin/hansom, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/hansom ./cmd/hansom

test: ## run all tests
	@$(GO) test $(FLAGS) -timeout $(TIMEOUT) ./...

race: ## run the tests with the race detector and sum them up
	@mkdir -p bin
	@CGO_ENABLED=1 $(GO) test -race -count=1 -timeout $(TIMEOUT) -json $(RACED) >bin/race.json || true
	@$(GO) run ./internal/trial/tally bin/race.json

fuzz: ## fuzz every target, each for FUZZTIME (10s)
	@GO=$(GO) .ci/fuzz $(FUZZTIME)

lint: ## look for faults with golangci-lint (.golangci.yml)
	$(LINT) run ./...

fmt: ## format all Go files
	$(GO) fmt ./...

bench: build ## measure against the limit: about 35 min, with QUICK=1 about 8 (docs/performance.md)
	$(GO) build -o bin/bench ./bench
	$(GO) test -c -o bin/straight.test ./bench/straight
	bin/bench -straight bin/straight.test -json bin/bench.json $(if $(QUICK),-quick,-doc docs/performance.md) $(BENCH)

microbench: ## run the Go benchmarks
	$(GO) test -run '^$$' -bench . -benchmem -timeout $(TIMEOUT) ./...

ROUNDS  ?= 50
ENGINES ?= sqlite postgres

conformance: build ## check the built demo with all checks of hansom conformance
	@.ci/conformance bin/hansom

interop: build ## check it with the rows of the OASIS TAXII 2.1 interoperability document alone
	@.ci/conformance bin/hansom --interop

crash: ## kill the server ROUNDS (50) times while it is written to, on each engine, and check what it kept
	@for e in $(ENGINES); do echo "$$e:"; $(GO) run ./internal/trial/crash -rounds $(ROUNDS) -store $$e || exit 1; done
	@HANSOM_LONG=1 $(GO) test -count=1 -v -timeout 60m ./internal/trial/channels -run 'Acknowledged|Expires' -kills 30

soak: ## 10,000 followers of a Channel, and five minutes of Messages that expire as fast as they come
	@HANSOM_LONG=1 $(GO) test -count=1 -v -timeout 60m ./internal/trial/soak -followers 10000 -steady 5m

e2e-full: ## a real browser and real clients against the real binary
	@HANSOM_LONG=1 HANSOM_CLIENTS=1 $(GO) test -count=1 -timeout 20m ./e2e ./internal/trial/whole

docs: ## run the tests and write docs/conformance.md from their results
	@mkdir -p bin
	@$(GO) test -count=1 -timeout $(TIMEOUT) -json ./... >$(RESULTS) || { $(GO) run ./internal/trial/tally $(RESULTS); exit 1; }
	$(GO) run ./internal/trial/coverage $(RESULTS)

docs-check: ## compare docs/conformance.md with the results of the last run of docs
	$(GO) run ./internal/trial/coverage -check $(RESULTS)

smoke: build ## start the built demo, ask it with curl, stop it
	@.ci/smoke bin/hansom

ci: ## all that is checked on every push (as root on Debian it installs what is missing)
	.ci/run

clean: ## remove what was built and the demo's data
	rm -rf bin .demo
