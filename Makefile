# ssocheck: the SSO conformance tester for Paperless-ngx behind authentik.
SHELL := /bin/bash
GO ?= go
REPORT ?= report
# As the releases are built: what is tested is what is shipped, and compiled once.
export CGO_ENABLED ?= 0
export GOFLAGS ?= -buildvcs=false
# The tools have a go.mod of their own: whoever imports e2e gets none of theirs.
TOOL := $(GO) tool -modfile=scripts/tools.mod
BIN := bin/ssocheck
SOURCES := $(shell find e2e fixtures compose -type f 2>/dev/null) go.mod go.sum

.DEFAULT_GOAL := help

##@ Use it
.PHONY: run
run: browser $(BIN) ## Run the guide's checklist on the lab (default deployment)
	@$(BIN) run --report $(REPORT) $(ARGS)

.PHONY: guide
guide: browser $(BIN) ## Run it on the guide as written: says what is wrong with it
	@$(BIN) run --config fixtures/configs/guide/compose.yaml --report $(REPORT) $(ARGS)

.PHONY: build
build: $(BIN) ## Build bin/ssocheck

$(BIN): $(SOURCES)
	@mkdir -p bin
	@CGO_ENABLED=0 $(GO) build -o $@ ./e2e/cmd/ssocheck

##@ Test it
# What runs goroutines of its own: there the race detector has something to find. It
# makes a program many times as slow, so the others go without. The report runs one, for
# the line that is rewritten on a terminal.
RACY := ./e2e/internal/browser ./e2e/internal/conformance/... ./e2e/internal/doctor ./e2e/internal/edge ./e2e/internal/evidence ./e2e/internal/external \
	./e2e/internal/lab ./e2e/internal/runner ./e2e/internal/stack/...
RACY_E2E := ^(TestChecklist|TestConformanceOnly|TestExternalReadOnly|TestInterfacesComeAndGo|TestTwoMistakes|TestUpgrade)$$
RACY_REPORT := ^TestProgress
RACY_COMMAND := ^TestScripts$$/^(green|matrix|upgrade)$$
TESTSUM := $(TOOL) gotestsum --format $(or $(GOTESTSUM_FORMAT),pkgname)

# Without vet: lint has it whole. Four tests of a package at a time: a browser that waits
# leaves a core to the others.
.PHONY: test
# What compiles collects its garbage less often: a tenth of its processor time.
test: export GOGC = 400
test: browser fmt-check ## Every test: unit, lab with the real browser, shuffled; the slowest twenty at the end
	@status=0; $(TESTSUM) --junitfile TEST-ssocheck.xml --jsonfile-timing-events TEST-ssocheck.json -- -vet=off -parallel=4 -shuffle=on -timeout=40m ./... || status=$$?; \
	echo "the slowest twenty:"; $(TOOL) gotestsum tool slowest --num 20 --jsonfile TEST-ssocheck.json; exit $$status

.PHONY: test-race
test-race: export CGO_ENABLED = 1
test-race: browser ## The race detector where goroutines are (needs a C compiler)
	$(TESTSUM) --junitfile TEST-race.xml -- -race -shuffle=on -timeout=40m $(RACY)
	$(TESTSUM) --junitfile TEST-race-report.xml -- -race -shuffle=on -timeout=40m -run '$(RACY_REPORT)' ./e2e/internal/report
	$(TESTSUM) --junitfile TEST-race-e2e.xml -- -race -timeout=40m -run '$(RACY_E2E)' ./e2e
	$(TESTSUM) --junitfile TEST-race-command.xml -- -race -timeout=40m -run '$(RACY_COMMAND)' ./e2e/cmd/ssocheck

.PHONY: test-docker
test-docker: browser ## The Docker stack on stand-in images, with a real engine: no image is pulled
	@sh scripts/docker.sh
	$(TOOL) gotestsum --format $(or $(GOTESTSUM_FORMAT),pkgname) --junitfile TEST-docker.xml -- -tags docker -p 1 -parallel=3 -timeout=30m -run '$(or $(RUN),^TestDocker)' ./e2e/internal/stack ./e2e/internal/doctor ./e2e ./e2e/cmd/ssocheck

.PHONY: test-real
test-real: browser ## The same on the real images that the engine has, each pair of versions; NOT RUN without any
	@sh scripts/real.sh
	SSO_REAL=1 $(TOOL) gotestsum --format $(or $(GOTESTSUM_FORMAT),testname) --junitfile TEST-real.xml -- -tags docker -p 1 -timeout=180m -run '$(or $(RUN),^TestDocker(Checklist|Conformance|Findings|Jobs|Upgrade|External|NetworksComeAndGo)$$)' ./e2e

.PHONY: bench
bench: browser $(BIN) ## Measure: checklist, planted items and how they grow, overhead of a check, peak memory; against docs/bench.md
	@set -o pipefail; $(GO) test -run '^$$' -bench . -benchtime 1x -timeout=60m ./e2e | $(GO) run ./e2e/cmd/benchdiff docs/bench.md

##@ Keep it clean
.PHONY: fmt-check
fmt-check:
	@out=$$(gofmt -l e2e fixtures compose); if [ -n "$$out" ]; then echo "not gofmt-ed: $$out"; exit 1; fi

.PHONY: vet
vet: ## go vet, of the files that only Docker's tests compile, too
# Without race: that tag has the whole standard library compiled again, more than a
# minute on two cores, for two constants that test-race compiles.
	$(GO) vet -tags docker ./...

.PHONY: lint
lint: fmt-check vet ## gofmt, go vet and the golangci-lint set of .golangci.yml
	$(TOOL) golangci-lint run ./...

.PHONY: golden
golden: ## Rewrite the golden files after a change that you have read
	$(GO) test ./e2e/internal/deployment ./e2e/internal/report ./e2e/internal/stack ./e2e/cmd/ssocheck -update

.PHONY: docs
docs: ## Make the pages of docs/ from the catalogue, the settings, the recordings and the lab's sources
	$(GO) test ./e2e/internal/lab -run '^TestDocs$$' -update
	$(GO) test ./e2e/internal/lab -run '^TestExplainObserved$$' -update
	$(GO) test ./e2e -run '^TestConfusion$$' -update
	$(GO) run ./e2e/cmd/docs

.PHONY: browser
browser:
	@sh scripts/browser.sh

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*##"; print "make TARGET [ARGS=...]"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*##/ {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
