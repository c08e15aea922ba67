# Everything that is built lands in build/ or in the cache ($KOPERATOR_CACHE, by default ~/.cache/koperator).
SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION  ?= dev
CACHE    ?= $(or $(KOPERATOR_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/koperator)
INSTANCE ?= default
SANDBOX  := $(CACHE)/bin/sandbox
GO       := go
TOOL     := $(GO) tool -modfile=cmd/tools/go.mod
NESTED   := cmd/tools cmd/sandbox cmd/bench
CRDS     := kafkaclusters kafkatopics kafkausers cruisecontroloperations
KUBE     := v1.36.3
KUBEFLAGS := -s -w -X k8s.io/component-base/version.gitVersion=$(KUBE) -X k8s.io/component-base/version.gitMajor=1 \
	-X k8s.io/component-base/version.gitMinor=36

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the daemon for this machine into build/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o build/koperator ./cmd/koperator

.PHONY: image
image: ## build the operator's image for amd64 and arm64 into build/, without a container engine (PUSH=registry/name:tag pushes it)
	$(GO) -C cmd/tools run ./image --root ../.. --output ../../build/koperator-image.tar $(if $(PUSH),--push $(PUSH))

.PHONY: generate
generate: ## make deepcopy, apply configurations and CRDs from kube/api
	rm -rf kube/apply
	$(TOOL) controller-gen object crd applyconfiguration paths=./kube/api/... output:crd:artifacts:config=deploy/crds
	$(GO) -C cmd/tools run ./crdtrim -root ../.. $(CRDS:%=../../deploy/crds/kafka.banzaicloud.io_%.yaml)

.PHONY: golden
golden: ## write golden files anew; read the diff
	$(GO) test ./kube ./kafka -update

.PHONY: lint
# The sandbox is Kubernetes, which takes staticcheck five CPU minutes; check vets it.
lint: ## gofmt, and staticcheck of all modules but the sandbox's
	@test -z "$$(gofmt -l actors cmd kafka kube messages)" || { gofmt -l actors cmd kafka kube messages; echo "run gofmt -w on these"; exit 1; }
	$(TOOL) staticcheck ./...
	$(TOOL) staticcheck -tags e2e ./cmd/e2e/...
	$(GO) -C cmd/tools vet ./...
	@for module in $(filter-out cmd/sandbox,$(NESTED)); do \
	  echo "staticcheck of the module $$module"; \
	  $(GO) -C $$module tool -modfile=$(CURDIR)/cmd/tools/go.mod staticcheck -tags root ./... || exit 1; \
	done

# The nested modules read files outside of themselves (deploy/crds), which Go's cache of test results does not see: -count=1.
# Only packages with tests are built: the sandbox as a whole is Kubernetes.
.PHONY: test
test: ## vet, and all tests of all modules that need neither root nor a sandbox, those of the root module under the race detector, with a sample of the simulation
	@cc=$$($(GO) env CC); command -v "$${cc%% *}" >/dev/null || { \
	  echo "the race detector needs a C compiler, and $$cc is not there: apt-get install gcc libc6-dev (Debian), or name yours: make test CC=…" >&2; exit 1; }
	$(GO) vet ./...
	CGO_ENABLED=1 $(TOOL) gotestsum --format pkgname -- -race -timeout 30m ./...
	@for module in $(NESTED); do \
	  echo "tests of the module $$module"; \
	  (cd $$module && packages=$$($(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...) && \
	    $(GO) tool -modfile=$(CURDIR)/cmd/tools/go.mod gotestsum --format pkgname -- -count=1 $$packages) || exit 1; \
	done

SEEDS ?= 1000
FRESH ?= 0
.PHONY: sim
sim: ## simulate the whole daemon with SEEDS random histories (a quarter of them from FRESH on, where given), one in ten but no more than 200 also through client-go, without the race detector
	GOGC=off GOMEMLIMIT=2GiB GODEBUG=adaptivestackstart=1 $(GO) test ./actors/simulation -run 'TestSeeds|TestLarge' -count=1 -seeds=$(SEEDS) -fresh=$(FRESH) -timeout 60m

.PHONY: bench
bench: $(SANDBOX) ## measure the daemon against a real API server, and its judgement of 50,000 partitions: the tables of deploy/BENCHMARKS.md
	$(GO) test ./kafka -run '^$$' -bench RestartOf100Brokers -benchtime 20x
	$(GO) -C cmd/bench run . --sandbox $(SANDBOX)

# The script is not told of $(MAKE): make -n runs every line that names it.
.PHONY: demo
demo: ## a real Kubernetes, the operator and a Kafka cluster on this machine (Debian, root); 1,000 messages through it
	@INSTANCE="$(INSTANCE)" SANDBOX=$(SANDBOX) deploy/demo.sh

# A sandbox that does not compile now must not keep what an earlier one started.
.PHONY: demo-down
demo-down: ## remove everything that demo started
	@$(MAKE) --no-print-directory $(SANDBOX) || { test -x $(SANDBOX) && echo "the sandbox could not be built: going down with the one that was built before"; } || \
	  { echo "the sandbox could not be built, and $(SANDBOX) is not there: correct what the lines above say, and try again" >&2; exit 1; }
	$(SANDBOX) down --instance "$(INSTANCE)"

.PHONY: test-kafka
test-kafka: ## the tests of our Kafka clients and of the start script against real Kafka, without Kubernetes (Debian, root)
	@SANDBOX=$(SANDBOX) MAKE="$(MAKE)" deploy/kafka-tests.sh

.PHONY: e2e-smoke
e2e-smoke: ## the short end-to-end tests, on KUBECONFIG or on a sandbox of their own
	SANDBOX=$(SANDBOX) MAKE="$(MAKE)" deploy/e2e.sh -run 'TestSmoke' -timeout 25m

.PHONY: e2e
e2e: ## all end-to-end tests, on KUBECONFIG or on a sandbox of their own
	SANDBOX=$(SANDBOX) MAKE="$(MAKE)" deploy/e2e-all.sh

.PHONY: check
check: ## what the project's CI runs
	@MAKE="$(MAKE)" deploy/check.sh

# The sandbox is Kubernetes itself, so its first build takes some minutes; Go's cache makes the next ones quick.
.PHONY: FORCE
$(SANDBOX): FORCE
	@mkdir -p $(CACHE)/bin
	@test -x $@ || echo "building the sandbox, which is Kubernetes: the first time takes six to ten minutes on two cores, without a word"
	@$(GO) build -C cmd/sandbox -p 2 -ldflags "$(KUBEFLAGS)" -o $@ .
