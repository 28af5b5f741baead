# The container image: the locked packages and this project's wheel on a slim Python, run by an unprivileged user on a root
# file system that may be read-only. `make image` builds it, docs/how-to/image.md says how to run it and what was measured,
# tests/image holds what is promised.

# Pinned by version. Its digest changes whenever the base is built anew, so a release hands that over:
# --build-arg PYTHON_IMAGE=python:3.13.16-slim-trixie@sha256:…
ARG PYTHON_IMAGE=python:3.13.16-slim-trixie

# The packages, in a virtual environment without a pip of its own: the base's installs into it.
FROM ${PYTHON_IMAGE} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python3 -m venv --without-pip /opt/driftline
COPY requirements/runtime.txt requirements/apprise.txt requirements/
# Where packages come from is the builder's affair: both secrets are optional and leave nothing in the image.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf,required=false \
    --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem,required=false \
    python3 -m pip --python /opt/driftline/bin/python install --require-hashes --only-binary :all: --no-compile \
        --requirement requirements/runtime.txt --requirement requirements/apprise.txt
# Without what only building and testing need: setuptools (of grpcio-tools, for its protoc command), headers, test suites,
# and the packages' own commands. Compiled here, as nothing can be written later; unchecked, so that no time is in it.
RUN python3 -m pip --python /opt/driftline/bin/python uninstall --yes --quiet setuptools \
    && find /opt/driftline/lib -type d \( -name tests -o -name include \) -prune -exec rm -rf {} + \
    && find /opt/driftline/bin -type f -delete \
    && rm -rf /opt/driftline/include \
    && /opt/driftline/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/driftline/lib

# This project, laid out for that environment, in a layer of its own: an update moves a few megabytes.
FROM packages AS project
# A compiler for monitor/native, which reads JSON three times as fast. It stays in this stage. Not pinned: Debian keeps only
# the newest build of a version, so a pin would break the image with each fix, and nothing of it is in the image.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY requirements/build.txt requirements/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf,required=false \
    --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem,required=false \
    python3 -m pip install --require-hashes --only-binary :all: --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY monitor monitor
RUN python3 -m pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /dist . \
    && python3 -m pip --python /opt/driftline/bin/python install --prefix /project --no-deps --no-index --no-compile /dist/*.whl \
    && test -n "$(find /project -name native.so)" \
    && /opt/driftline/bin/python -m compileall -q --invalidation-mode unchecked-hash /project/lib

FROM ${PYTHON_IMAGE}
# No installer stays, and no program that changes who runs it.
RUN python3 -m pip uninstall --yes --quiet --root-user-action ignore pip \
    && rm -rf /usr/local/lib/python3.*/ensurepip \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
    && groupadd --gid 65532 driftline \
    && useradd --key UID_MAX=65532 --uid 65532 --gid 65532 --no-log-init --no-create-home \
        --home-dir /tmp --shell /usr/sbin/nologin driftline \
    && install --directory /etc/driftline \
    && install --directory --owner 65532 --group 65532 --mode 0750 /var/lib/driftline
COPY --from=packages /opt/driftline /opt/driftline
COPY --from=project /project /opt/driftline
# HOME is where a library that insists may write.
ENV PATH=/opt/driftline/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 PYTHONNOUSERSITE=1 PYTHONUNBUFFERED=1 \
    LANG=C.UTF-8 HOME=/tmp
USER 65532:65532
WORKDIR /var/lib/driftline
VOLUME ["/var/lib/driftline"]
EXPOSE 9108
STOPSIGNAL SIGTERM
# Asks /livez where the configuration says it is; a broker that is away does not make the daemon unhealthy.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["driftline", "health", "-c", "/etc/driftline/driftline.yaml"]
ENTRYPOINT ["driftline"]
CMD ["run", "-c", "/etc/driftline/driftline.yaml"]
ARG VERSION=unknown REVISION=unknown CREATED=unknown SOURCE=unknown
LABEL org.opencontainers.image.title="driftline" \
      org.opencontainers.image.description="Watches Kafka topics for data-quality faults and drift, and pages people when it matters." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
