#!/usr/bin/env bash
# Builds, for `make kube`, a real Kubernetes control plane and its client from Go modules, into .cache/kube: etcd,
# kube-apiserver, kube-controller-manager, kubectl. Go fetches some 300 MB of modules with your settings and builds for
# 10 to 20 minutes on two cores, at the lowest priority; what is built already is kept. It needs Go 1.26 or newer.
set -euo pipefail
cd "$(dirname "$0")/.."

kubernetes=1.36.3 etcd=3.6.5
home=${DRIFTLINE_KUBE:-$PWD/.cache/kube}

command -v go >/dev/null || { echo "kube-setup: no go on the PATH (1.26 or newer)" >&2; exit 1; }
export CGO_ENABLED=0 GOWORK=off GOFLAGS="-p=${GO_JOBS:-2} -buildvcs=false"

# $1 and on: packages of Kubernetes. Its own go.mod asks for its staging parts at v0.0.0, which nobody has published:
# each is replaced by the version that was published with it.
kubernetes_module() {
    local module=k8s.io/kubernetes gomod part replaced=() package
    gomod=$(go mod download -json "$module@v$kubernetes" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
    while read -r part; do
        replaced+=("-replace=$part=$part@v0.${kubernetes#1.}")
    done < <(sed -n 's/^\t\(k8s\.io\/[a-z-]*\) v0\.0\.0\( .*\)\{0,1\}$/\1/p' "$gomod" | sort -u)
    go mod init driftline.invalid/kube 2>/dev/null
    go mod edit -require="$module@v$kubernetes" "${replaced[@]}" -go="$(sed -n 's/^go //p' "$gomod")"
    for package in "$@"; do
        printf '//go:build tools\n\npackage kube\n\nimport _ "%s"\n' "$package" >"$(basename "$package").go"
    done
}

etcd_module() {
    go mod init driftline.invalid/etcd 2>/dev/null
    go mod edit -require="go.etcd.io/etcd/server/v3@v$etcd"
    printf '//go:build tools\n\npackage etcd\n\nimport _ "%s"\n' "$1" >etcd.go
}

# $1 what, $2 version, $3 and on: its packages. Built in a module of its own, which stays for Go's cache to know it.
build() {
    local what=$1 version=$2 place=$home/$1-$2 info=k8s.io/component-base/version package
    shift 2
    [ -f "$place/built" ] && return
    echo "kube-setup: building $what $version"
    rm -rf "$place"
    mkdir -p "$place" "$home/bin"
    (
        cd "$place"
        "${what}_module" "$@"
        go mod tidy 2>/dev/null || go mod tidy
        for package in "$@"; do
            echo "kube-setup: $package"
            nice -n 19 go build -trimpath -o "$place/" -ldflags "-s -w -X $info.gitVersion=v$version
                -X $info.gitMajor=${version%%.*} -X $info.gitMinor=$(cut -d. -f2 <<<"$version")" "$package"
        done
    )
    find "$place" -maxdepth 1 -type f -executable -exec mv {} "$home/bin/" \;
    touch "$place/built"
}

build etcd "$etcd" go.etcd.io/etcd/server/v3
# Go names the program after the last part of its path that is no version.
[ -e "$home/bin/etcd" ] || mv "$home/bin/server" "$home/bin/etcd"
build kubernetes "$kubernetes" k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kubectl}
