# syntax=docker/dockerfile:1
# The tag is pinned to a line of Python; where you deploy, pin what you have tried, by its digest:
#   docker build --build-arg PYTHON=python:3.13-slim@sha256:... -t saleor-cinetpay .
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN pip download --require-hashes --only-binary=:all: --dest /wheels -r requirements/runtime.txt \
 && pip install --require-hashes --only-binary=:all: -r requirements/build.txt
COPY pyproject.toml README.md manifest.json ./
COPY saleor_cinetpay saleor_cinetpay
COPY webhooks webhooks
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

FROM ${PYTHON}
LABEL org.opencontainers.image.title="saleor-cinetpay" \
      org.opencontainers.image.description="Mobile-money payments for Saleor shops in West Africa, through CinetPay"
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-index --no-deps --no-cache-dir --no-compile --root-user-action=ignore /wheels/*.whl \
 && python -m compileall -q "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && groupadd --gid 10001 app \
 && useradd --uid 10001 --gid app --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin app \
 && install --directory --owner app --group app --mode 0700 /data

# Nothing but /data is written to, so the root file system can be read-only (docker run --read-only).
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DATABASE_URL=sqlite:////data/saleor_cinetpay.db
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM

# For `serve`; a container that runs `worker` or another command takes --no-healthcheck.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\") or 8000}/health/live', timeout=4)"]

ENTRYPOINT ["saleor-cinetpay"]
CMD ["serve"]
