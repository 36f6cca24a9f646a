#!/bin/bash
# assemble.sh OUT: Python, numpy and MultiQC with what the report of a sheet needs, and nothing else. The tests make a
# report with all its modules, so what is missing here is found there.
set -euo pipefail
out=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=(python3.13-minimal libpython3.13-minimal libpython3.13-stdlib libexpat1 libffi8 python3-numpy libblas3)
site=$out/opt/multiqc
mkdir -p "$out/usr/bin" "$out/usr/lib" "$out/biojobs" "$site"

unpacked=$(mktemp -d)
cd "$unpacked"
apt-get download -q "${packages[@]}"
for package in *.deb; do dpkg -x "$package" x; done
version_of() { dpkg-deb -f "$1"_*.deb Version; }
printf 'python=%s\nnumpy=%s\n' "$(version_of python3.13-minimal)" "$(version_of python3-numpy)" > "$out/biojobs/versions"
cp -a x/usr/bin/python3.13 "$out/usr/bin/"
ln -s python3.13 "$out/usr/bin/python3"
cp -a x/usr/lib/python3.13 "$out/usr/lib/"
mkdir "$out/usr/lib/x86_64-linux-gnu"
cp -a x/usr/lib/x86_64-linux-gnu/lib*.so* x/usr/lib/x86_64-linux-gnu/blas/lib*.so* "$out/usr/lib/x86_64-linux-gnu/"
cd "$out/usr/lib/python3.13"
rm -rf test pydoc_data turtle.py _pyrepl lib-dynload/_test*

# Every file is known by its hash, so it does not matter who hands it out: networks that open TLS have certificates
# which this build does not know.
read -r index files < <(python3 -c 'from pip._internal.models.index import PyPI as it
print(it.netloc, it.file_storage_domain)')
python3 -m pip install --quiet --no-cache-dir --no-compile --no-deps --only-binary=:all: --require-hashes \
  --trusted-host "$index" --trusted-host "$files" --root-user-action=ignore \
  --target "$site" -r "$here/../requirements.txt"
printf 'multiqc=%s\n' "$(sed -n 's/^multiqc==\([^ ]*\).*/\1/p' "$here/../requirements.txt")" >> "$out/biojobs/versions"

cd "$site"
cp -a "$unpacked/x/usr/lib/python3/dist-packages/numpy" .
# Of Pillow the names of colours: pictures are drawn for flat plots alone. Of numpy all but random numbers and linear
# algebra, which is numpy's second half: LAPACK.
find PIL pillow.libs -type f ! -name ImageColor.py -delete
rm -rf numpy/linalg numpy/random numpy/f2py numpy/_core/include numpy/_core/_simd.*
mkdir numpy/linalg
touch PIL/__init__.py
cp "$here/absent.py" PIL/Image.py
cp "$here/absent.py" numpy/linalg/__init__.py
# Other tools' modules and other templates; the same plotly.js, not minified
find multiqc/modules -mindepth 1 -maxdepth 1 -type d ! -name fastqc ! -name samtools ! -name bcftools -exec rm -rf {} +
rm -rf multiqc/templates/{geo,gathered,sections,simple} multiqc/templates/default/assets/js/packages/plotly-*[0-9].js
# MultiQC has its own plotly.js
rm -rf bin share plotly/{labextension,express,figure_factory,matplotlylib,package_data/*.js}
# The kinds of traces that MultiQC never makes
cd plotly/graph_objs
for file in _[a-z]*.py; do
  kind=${file#_} kind=${kind%.py}
  case $kind in
    bar | box | violin | scatter | heatmap | table | layout | figure | frame | deprecations) ;;
    *) rm -rf "$file" "$kind" ;;
  esac
done
cd "$site"
# PyYAML does without, and MultiQC does not ask for it
rm -f yaml/_yaml*.so
# All but the colours of a traceback
find pygments/lexers -name '*.py' ! -name '_mapping.py' ! -name '__init__.py' ! -name 'python.py' -delete
find . -type d \( -name tests -o -name __pycache__ \) -prune -exec rm -rf {} +
find . -empty -type d -delete
find "$out" -name '*.pyi' -delete
find "$out" -name '__pycache__' -prune -exec rm -rf {} +
