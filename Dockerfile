# ssocheck with the browser that it drives.
#   docker build -t ssocheck .
#   docker run --rm -v "$PWD:/work:ro" ssocheck lint compose.yaml
# A report belongs to who asks for it:
#   docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/work" ssocheck run --report report
# The stack needs the engine, and the names of its user: -v /var/run/docker.sock:/var/run/docker.sock --group-add "$(stat -c %g /var/run/docker.sock)"
ARG GO_IMAGE=docker.io/library/golang:1.26-trixie
ARG BASE_IMAGE=docker.io/library/debian:trixie-slim

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY fixtures fixtures
COPY compose compose
COPY e2e e2e
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/ssocheck/ssocheck/e2e.Version=${VERSION}" -o /out/ ./e2e/cmd/ssocheck

FROM ${BASE_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends chromium-headless-shell ca-certificates && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ssocheck /usr/local/bin/
# Not root: the browser needs no more, and files that are written belong to nobody.
USER 65532:65532
ENV HOME=/tmp
WORKDIR /work
ENTRYPOINT ["ssocheck"]
CMD ["--help"]
