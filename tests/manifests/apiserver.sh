#!/bin/sh
# apiserver.sh TARGET: build Kubernetes' API server from Debian's source package of Kubernetes 1.20,
# of which Debian's own packages have kubectl alone. Takes some ten minutes on two cores.
set -eu
target=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/src/k8s.io"
sed 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources > "$work/debian.sources"
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
apt-get download -qq golang-github-modern-go-reflect2-dev
dpkg -x golang-github-modern-go-reflect2-dev_*.deb reflect2
tar -C "$work/src/k8s.io" -xf kubernetes_*.orig.tar.gz
mv "$work"/src/k8s.io/kubernetes-* "$work/src/k8s.io/kubernetes"
cd "$work/src/k8s.io/kubernetes"
export GO111MODULE=off GOPROXY=off GOPATH="$work" GOCACHE="$work/go-cache" CGO_ENABLED=0

# the copy in the source is older than Go 1.18, and ends the server at the first map
reflect=vendor/github.com/modern-go/reflect2
rm -r "$reflect"
cp -rL "$work/reflect2/usr/share/gocode/src/github.com/modern-go/reflect2" "$reflect"

# what the source leaves to its own build: the description of all kinds
go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
kinds=$(grep -rl --include='*.go' -e '// *+k8s:openapi-gen=' staging/src/k8s.io pkg \
    | grep -v -E '_test.go|/testdata/|sample|code-generator|gengo|kube-openapi|example' \
    | xargs -n1 dirname | sort -u \
    | sed -e 's,^staging/src/,k8s.io/kubernetes/vendor/,' -e 's,^pkg,k8s.io/kubernetes/pkg,' \
    | paste -sd,)
"$work/openapi-gen" -O zz_generated.openapi -h hack/boilerplate/boilerplate.generatego.txt \
    -i "$kinds" -p k8s.io/kubernetes/pkg/generated/openapi -o "$work/src" -r "$work/violations"

version=$(basename "$work"/kubernetes_*.orig.tar.gz .orig.tar.gz | sed 's/.*really//')
place=k8s.io/kubernetes/vendor/k8s.io/component-base/version
mkdir -p "$(dirname "$target")"
go build -p 2 -o "$target" -ldflags "-s -w -X $place.gitVersion=v$version \
    -X $place.gitMajor=${version%%.*} -X $place.gitMinor=$(echo "$version" | cut -d. -f2)" ./cmd/kube-apiserver
