# moft with all that it needs, on the CPU. For a GPU: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130
ARG PYTHON=3.13
FROM docker.io/library/python:${PYTHON}-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# Clips go to /clips, models that are fetched by name to the cache: mount a volume at each to keep them.
RUN useradd --create-home --uid 1000 moft \
    && install --directory --owner moft --group moft /clips /models

WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY moft moft
# Of two indexes pip takes the newer version, and 2.13.0+cpu is newer than 2.13.0.
RUN pip install --no-cache-dir --extra-index-url "${TORCH_INDEX}" --constraint constraints.txt ".[all]" \
    && rm -rf /src/*

USER 1000
WORKDIR /clips
ENV HF_HOME=/models
VOLUME ["/clips", "/models"]
EXPOSE 8321
ENTRYPOINT ["moft"]
CMD ["--help"]
