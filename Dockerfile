# The course's library and models in a container: what student code runs in with `imagecourse teach grade --sandbox docker`.
# Notebooks, with their solutions and hidden tests, stay outside. Build: docker build --target grading -t imagecourse:VERSION .
FROM python:3.11-slim AS grading
ENV PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*
WORKDIR /course
COPY requirements.txt pyproject.toml README.md LICENSE ./
RUN sed -e '/^# Checks/,/^$/d' -e '/^# Demo/,/^$/d' -e '/^-e /d' requirements.txt > /tmp/requirements.txt && pip install -r /tmp/requirements.txt
COPY lib lib
COPY models models
COPY data data
RUN pip install --no-deps -e .
USER 65534:65534
WORKDIR /tmp
