# docker build -t synthnotes .                                   (CPU)
# docker build -t synthnotes --build-arg KIND=gpu \
#     --build-arg BASE=nvidia/cuda:13.0.1-devel-ubuntu24.04 .   (CUDA)
# docker run --rm -v "$PWD":/synthnotes synthnotes make repro
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}
ARG KIND=cpu
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make gcc g++ python3 python3-venv python3-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/synthnotes
COPY requirements requirements
COPY pyproject.toml README.md LICENSE ./
COPY src src
# The environment is newer than any checkout that is mounted beside it: make must not set it up again.
RUN requirements/install /opt/synthnotes/.venv ${KIND} && touch --date=2100-01-01 /opt/synthnotes/.venv/.ready
ENV VENV=/opt/synthnotes/.venv PATH=/opt/synthnotes/.venv/bin:$PATH PYTHONPATH=/synthnotes/src
WORKDIR /synthnotes
CMD ["make", "repro"]
