# The trainer's image. CUDA comes with torch's own wheels; the driver is the node's.
#
#   docker build -t gaintrace .                                               # for GPUs
#   docker build -t gaintrace --build-arg PIP_EXTRA_INDEX_URL=<CPU wheels> .  # for CPUs, several GB smaller
#   docker run --rm --read-only --cap-drop=ALL -v "$PWD/store:/work/store" gaintrace sweep demo
#
# Runs as 65532; the root may be read-only: /work and /tmp are all that is written to.
ARG BASE_IMAGE=python:3.11.14-slim-bookworm

FROM ${BASE_IMAGE} AS build
# An index with torch's CPU wheels, whose version sorts above the same one with CUDA. Certificates: a file in the build.
ARG PIP_EXTRA_INDEX_URL
ARG PIP_CERT
ARG PIP_FIND_LINKS
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python3 -m venv /opt/gaintrace
# Dependencies in a layer of their own: code changes more often.
COPY constraints.txt pyproject.toml ./
RUN python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
    > requirements.txt \
 && /opt/gaintrace/bin/pip install -c constraints.txt -r requirements.txt
COPY README.md LICENSE ./
COPY app app
# Tests and headers of what is installed are an eighth of it, and nothing here runs or compiles them.
RUN /opt/gaintrace/bin/pip install --no-deps . \
 && /opt/gaintrace/bin/pip uninstall --yes pip \
 && find /opt/gaintrace/lib -type d \( -path '*/torch/test' -o -path '*/torch/include' -o -name tests \) \
    -prune -exec rm -r {} +

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gaintrace" \
      org.opencontainers.image.description="Trains dual-encoder knowledge-tracing models and runs their experiments" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/gaintrace /opt/gaintrace
ENV PATH=/opt/gaintrace/bin:${PATH} \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GAINTRACE_REVISION=${REVISION}
RUN mkdir /work && chown 65532:65532 /work
WORKDIR /work
VOLUME ["/work", "/tmp"]
USER 65532:65532
ENTRYPOINT ["gaintrace"]
CMD ["--help"]
