# The project's commands; `make` alone lists them. CI calls the same ones (.ci/run).
.DEFAULT_GOAL := help
.PHONY: help setup demo test screenshots live simulate bench bench-scale bench-claims bench-desk bench-flood bench-memory check wheel lock clean schema

BIN := .venv/bin
INSTALLED := .venv/.installed
LOCKED := requirements/dev.txt requirements/build.txt
export PYTHON

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make the environment in .venv (the others call it first)

$(INSTALLED): $(LOCKED) pyproject.toml scripts/setup
	@echo "Setting up .venv ..."
	@scripts/setup
	@touch $@

demo: setup ## a shop, a buyer and a simulated CinetPay on this machine
	@$(BIN)/saleor-cinetpay demo

test: setup ## run every test, and hold the heart's coverage
	@scripts/axe
	$(BIN)/pytest --cov --cov-report=json:test-results/coverage.json
	$(BIN)/python scripts/coverage_floor.py test-results/coverage.json saleor_cinetpay/payments saleor_cinetpay/cinetpay

ENGINES ?= sqlite postgresql
BASE ?=
BASE_PACKAGES ?=
ROUNDS ?= 5
bench: setup ## how fast the app is, beside the floor of its parts: ENGINES=sqlite BASE=<commit> ROUNDS=5
	PYTHONPATH=tests $(BIN)/python -m bench --engines $(ENGINES) --rounds $(ROUNDS) --base "$(BASE)" \
		--base-packages "$(BASE_PACKAGES)" --out test-results/bench

live: setup ## try everything against a Saleor of yours: SALEOR_API_URL=... SALEOR_EMAIL=... SALEOR_PASSWORD=...
	@SALEOR_API_URL="$(SALEOR_API_URL)" SALEOR_EMAIL="$(SALEOR_EMAIL)" SALEOR_PASSWORD="$(SALEOR_PASSWORD)" \
		APP_URL="$(APP_URL)" APP_PORT="$(APP_PORT)" scripts/live

bench-flood: setup ## show that forged notifications, 2,000 a second, hold up no webhook and lose no payment
	PYTHONPATH=tests:tests/processes:tests/app $(BIN)/python -m bench.flood

LEDGER ?= 1000000
bench-scale: setup ## what a large ledger costs: the app on LEDGER=1000000 payments beside the app on none
	PYTHONPATH=tests $(BIN)/python -m bench.scale --payments $(LEDGER) --engines $(ENGINES)

MARKS ?= 1000 2000 5000 10000
bench-memory: setup ## memory after 1,000 to 10,000 payments, and starts on their database: BASE=<commit> ENGINES=sqlite
	PYTHONPATH=tests $(BIN)/python -m bench.memory --engines $(ENGINES) --marks $(MARKS) --base "$(BASE)" \
		--base-packages "$(BASE_PACKAGES)"

schema: setup ## fetch a running Saleor's schema for the tests: SALEOR_API_URL=...
	@$(BIN)/python scripts/schema $(SALEOR_API_URL)

bench-claims: setup ## show that what is due is found as fast among a million payments
	PYTHONPATH=tests $(BIN)/python -m bench.claims

bench-desk: setup ## show that the Dashboard's pages come in 200 ms with 100,000 payments
	PYTHONPATH=tests $(BIN)/python -m bench.desk

screenshots: setup ## make the pictures of docs/admin.*.md anew (needs Chromium)
	@PYTHONPATH=tests:tests/app $(BIN)/python scripts/admin_screenshots.py

SEEDS ?= 10
FIRST ?= 0
PAYMENTS ?= 100
simulate: setup ## payments in worlds where everything goes wrong: SEEDS=1000 FIRST=0 PAYMENTS=100
	@PYTHONPATH=tests:tests/simulation $(BIN)/python -m simulate \
		--seeds $(SEEDS) --first $(FIRST) --payments $(PAYMENTS) --without "$(WITHOUT)"

check: setup ## lint, format, types, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_architecture.py
	@scripts/audit

wheel: setup ## build the wheel, install it into an environment of its own, and run it there
	@scripts/try_wheel

lock: ## lock the newest versions that fit pyproject.toml (needs uv)
	scripts/lock

clean: ## remove what tests and builds leave behind; .venv and data stay
	rm -rf .coverage* htmlcov build dist test-results .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -exec rm -rf {} +
