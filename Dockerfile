# The trainer's image. CUDA comes with torch's own wheels; the driver is the node's.
#
#   docker build -t gaintrace .                                               # for GPUs
#   docker build -t gaintrace --build-arg PIP_EXTRA_INDEX_URL=<CPU wheels> .  # for CPUs, several GB smaller
#   docker run --rm --read-only --cap-drop=ALL -v "$PWD/store:/work/store" gaintrace sweep demo
#
# Runs as 65532; the root may be read-only: /work and /tmp are all that is written to.
# By the digest of its index, which has amd64 and arm64; docs/releasing.md says how to find a newer one.
ARG BASE_IMAGE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${BASE_IMAGE} AS build
# An index with torch's CPU wheels, whose version sorts above the same one with CUDA. Certificates: a file in the build.
ARG PIP_EXTRA_INDEX_URL
ARG PIP_CERT
ARG PIP_FIND_LINKS
# What the lock cannot know: the hash of that index's wheel, as in sha256:… . Empty: this one package is not verified.
ARG TORCH_HASH
# Packages that are optional, at the versions of constraints.txt and without hashes, as mlflow-skinny. Empty: none.
ARG WITH
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python3 -m venv /opt/gaintrace
# Dependencies in a layer of their own: code changes more often. They are all in the locks, so nothing is resolved here.
COPY requirements.lock requirements-cuda.lock constraints.txt ./
RUN pip="/opt/gaintrace/bin/pip" \
 && "$pip" install --no-deps --require-hashes -r requirements.lock \
 && if [ -z "${PIP_EXTRA_INDEX_URL}${PIP_FIND_LINKS}" ]; then \
      "$pip" install --no-deps --require-hashes -r requirements-cuda.lock; \
    else \
      echo "$(grep '^torch==' constraints.txt)${TORCH_HASH:+ --hash=$TORCH_HASH}" > torch.txt \
      && "$pip" install --no-deps -r torch.txt; \
    fi \
 && if [ -n "$WITH" ]; then "$pip" install -c constraints.txt "$WITH"; fi \
 && "$pip" check
COPY pyproject.toml README.md LICENSE ./
COPY app app
# Built by the setuptools that is locked. Tests and headers of what is installed are an eighth of it, and nothing here
# runs or compiles them.
RUN /opt/gaintrace/bin/pip install --no-deps --no-build-isolation . \
 && /opt/gaintrace/bin/pip uninstall --yes pip \
 && find /opt/gaintrace/lib -type d \( -path '*/torch/test' -o -path '*/torch/include' -o -name tests \) \
    -prune -exec rm -r {} +

# docker build --target sbom --output dist .    writes what is installed, as CycloneDX
FROM build AS inventory
COPY release/tools.lock release/sbom.py ./
RUN python3 -m venv /opt/tools \
 && /opt/tools/bin/pip install --no-deps --require-hashes -r tools.lock \
 && /opt/tools/bin/python sbom.py /opt/gaintrace/bin/python /sbom.json

FROM scratch AS sbom
COPY --from=inventory /sbom.json /

FROM ${BASE_IMAGE}
ARG BASE_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
# When that was committed, and where it can be read, whoever builds it adds as labels (Makefile, release.yaml).
LABEL org.opencontainers.image.title="gaintrace" \
      org.opencontainers.image.description="Trains dual-encoder knowledge-tracing models and runs their experiments" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"
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
