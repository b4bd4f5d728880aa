#!/bin/sh
# apiserver.sh TARGET: build Kubernetes' API server from Debian's source package of Kubernetes 1.20,
# of which Debian's own packages have kubectl alone. Takes some ten minutes on two cores.
set -eu
target=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/src/k8s.io"
sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources > "$work/debian.sources"
cat > "$work/apt.conf" <<END
Dir::Etc::SourceList "$work/debian.sources";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
APT::Sandbox::User "root";
END
export APT_CONFIG="$work/apt.conf"
cd "$work"
apt-get update -qq
apt-get source -qq --download-only kubernetes
tar -C "$work/src/k8s.io" -xf kubernetes_*.orig.tar.gz
mv "$work"/src/k8s.io/kubernetes-* "$work/src/k8s.io/kubernetes"
cd "$work/src/k8s.io/kubernetes"
version=$(basename "$work"/kubernetes_*.orig.tar.gz .orig.tar.gz | sed 's/.*really//')
place=k8s.io/component-base/version
export GO111MODULE=off GOPROXY=off GOPATH="$work" GOCACHE="$work/go-cache" CGO_ENABLED=0
mkdir -p "$(dirname "$target")"
go build -p 2 -o "$target" -ldflags "-s -w -X $place.gitVersion=v$version \
    -X $place.gitMajor=${version%%.*} -X $place.gitMinor=$(echo "$version" | cut -d. -f2)" ./cmd/kube-apiserver
