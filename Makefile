# What people and CI call. `make` alone explains the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# One target directory for all clones of a user: RocksDB's C++ takes over ten minutes to build.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kappa-streams
export CARGO_TARGET_DIR ?= $(CACHE)/target
# Debian's ccache stands before the compilers where it is installed.
export PATH := /usr/lib/ccache:$(PATH)

# One set of features and one profile for everything but benchmarks, so that nothing is built twice.
CARGO_FLAGS := --workspace --exclude with-kafka --all-features --locked
BIN := $(CARGO_TARGET_DIR)/debug
KAFKA_VERSION := 4.3.1
# Tests whose bodies run on any broker or registry. Chosen by target, so that the features of all packages stay as they are built.
BROKER_TESTS := --test conformance --test streams --test services --test registry --test schemas
# Run only beside a broker that is secured; no other command takes them along.
SECURITY_TESTS := --test security
# Where a comparison leaves its figures and its chart.
BENCH_OUT := $(CARGO_TARGET_DIR)/bench-kafka
BESIDE_KAFKA := integration-tests/kafka/beside $(KAFKA_VERSION)
BESIDE_REGISTRY := integration-tests/registry/beside

.PHONY: help
help: ## Show this help
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what the build needs and is missing (asks apt-get, as root or by sudo)
	@.ci/setup

.PHONY: build
build: setup ## Build all programs
	@cargo build $(CARGO_FLAGS) --bins --examples

.PHONY: demo
demo: build ## Show the main job on a year of real flights (KAFKA=host:port REGISTRY=url FRESH=1)
	@$(BIN)/demo $(if $(KAFKA),--kafka $(KAFKA)) $(if $(REGISTRY),--registry $(REGISTRY)) $(if $(filter 1,$(FRESH)),--fresh)

.PHONY: test
test: setup ## Run every test that needs only this checkout
	@cargo test $(CARGO_FLAGS) --exclude benchmarks
	@.ci/check-pure
	@$(MAKE) --no-print-directory schemas-check
	@$(MAKE) --no-print-directory k8s-check

.PHONY: k8s-check
k8s-check: build ## Hold the manifests of k8s/ against schemas, a review and the programs (UPDATE=1 writes Strimzi resources)
	@.ci/k8s-check $(BIN) $(if $(UPDATE),--update)

.PHONY: schemas-check
schemas-check: setup ## Hold every schema against all released ones, in words
	@cargo build $(CARGO_FLAGS) --bin schema-gate
	@$(BIN)/schema-gate schemas

.PHONY: check
check: setup ## Formatting, lints and documentation, warnings denied
	@cargo fmt --all --check
	@cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings
	@cargo clippy $(CARGO_FLAGS) $(SECURITY_TESTS) -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_FLAGS) --no-deps

.PHONY: deny
deny: setup ## Licences, sources, bans and known vulnerabilities of all dependencies
	@.ci/deny

.PHONY: test-kafka
test-kafka: build ## The same tests, and the demo, on a real Apache Kafka and a real registry (needs Docker)
	@cargo test $(CARGO_FLAGS) $(BROKER_TESTS) $(SECURITY_TESTS) --no-run
	@$(BESIDE_KAFKA) $(BESIDE_REGISTRY) cargo test $(CARGO_FLAGS) $(BROKER_TESTS)
	@$(BESIDE_KAFKA) $(BESIDE_REGISTRY) bash -c '"$$(integration-tests/registry/python)" integration-tests/registry/flights.py \
	  $(BIN) "$$KAPPA_TEST_BOOTSTRAP" "$$KAPPA_TEST_REGISTRY"'
	@$(BESIDE_KAFKA) integration-tests/containers/check $(BIN)
	@$(BESIDE_KAFKA) bash -c '$(BIN)/demo --kafka "$$KAPPA_TEST_BOOTSTRAP"'
	@integration-tests/kafka/secured $(KAFKA_VERSION) cargo test $(CARGO_FLAGS) $(SECURITY_TESTS)

.PHONY: test-security
test-security: build ## TLS, passwords and ACLs on a real Apache Kafka (needs Docker; part of test-kafka)
	@cargo test $(CARGO_FLAGS) $(SECURITY_TESTS) --no-run
	@integration-tests/kafka/secured $(KAFKA_VERSION) cargo test $(CARGO_FLAGS) $(SECURITY_TESTS)

.PHONY: test-registry-python
test-registry-python: build ## Let Confluent's client for Python use the embedded registry, and exchange flights with the services (asks PyPI once)
	@integration-tests/registry/test-python $(BIN)

.PHONY: kafka-image
kafka-image: ## Build kappa/kafka-local, a stand-in for apache/kafka, from Maven Central
	@integration-tests/kafka/build-image $(KAFKA_VERSION)

.PHONY: image
image: ## Build the image of an application, released (APP=airline-delays BASE=image RUST=image)
	@docker build --build-arg APP=$(or $(APP),airline-delays) $(if $(BASE),--build-arg BASE=$(BASE)) $(if $(RUST),--build-arg RUST=$(RUST)) \
	  --build-arg REVISION=$$(git rev-parse --short HEAD) -t kappa/$(or $(APP),airline-delays) .

.PHONY: bench
bench: setup ## Measure the framework's parts, without a broker (QUICK=1 runs each once; BENCH=name picks)
	@cargo bench $(if $(QUICK),--profile dev $(CARGO_FLAGS),--locked -p benchmarks) --bench framework -- $(if $(QUICK),--test) $(BENCH)

.PHONY: bench-kafka
bench-kafka: setup ## Compare with bare clients and Kafka Streams (needs Docker, or KAFKA=host:port; RECORDS= REPEAT= MINUTES= ONLY=)
	@cargo build --release --locked -p benchmarks
	@classpath=$$(integration-tests/benchmarks/java/build $(BENCH_OUT)/java); \
	  $(if $(KAFKA),KAPPA_TEST_BOOTSTRAP=$(KAFKA),$(BESIDE_KAFKA)) $(CARGO_TARGET_DIR)/release/benchmarks \
	  --jvm-classpath "$$classpath" --out $(BENCH_OUT) $(if $(RECORDS),--records $(RECORDS)) $(if $(REPEAT),--repeat $(REPEAT)) \
	  $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ONLY),--only $(ONLY))

.PHONY: bench-telemetry
bench-telemetry: setup ## What metrics and traces cost: off, on, sampled, in one run on the embedded broker (RECORDS= REPEAT=)
	@cargo build --release --locked -p benchmarks
	@$(CARGO_TARGET_DIR)/release/benchmarks --records $(or $(RECORDS),1000000) --repeat $(or $(REPEAT),5) telemetry

.PHONY: fmt
fmt: ## Format all code
	@cargo fmt --all
