#!/bin/sh
# Compile generated/*/latex/derivations.tex into build/pdf/, and refuse what looks wrong on paper.
set -eu
cd "$(dirname "$0")/.."

widest=5  # points by which a line may stick out

if command -v latexmk >/dev/null && command -v pdflatex >/dev/null; then
    compile() { latexmk -pdf -interaction=nonstopmode -halt-on-error -silent -output-directory="$1" derivations.tex; }
elif command -v pdflatex >/dev/null; then
    compile() {
        for _ in 1 2 3; do
            pdflatex -interaction=nonstopmode -halt-on-error -output-directory="$1" derivations.tex || return
        done
    }
else
    echo "pdf: no pdflatex here; install TeX (Debian: apt-get install texlive-latex-recommended lmodern latexmk)" >&2
    exit 2
fi

for document in generated/*/latex/derivations.tex; do
    folder=$(dirname "$document")
    name=$(basename "$(dirname "$folder")")
    out="$PWD/build/pdf/$name"
    mkdir -p "$out"
    log="$out/derivations.log"
    if ! (cd "$folder" && compile "$out") >"$out/run.txt" 2>&1; then
        echo "pdf: $document does not compile:" >&2
        grep -A 3 '^!' "$log" >&2 || tail -n 20 "$out/run.txt" >&2
        exit 1
    fi
    # A log line reads: Overfull \hbox (12.3pt too wide) in paragraph at lines 10--11
    if ! awk -v widest="$widest" '
        /^Overfull \\hbox/ { split($3, width, /[(p]/); if (width[2] > widest) { print; bad = 1 } }
        END { exit bad }' "$log" >&2
    then
        echo "pdf: $document has lines more than $widest pt too wide" >&2
        exit 1
    fi
    cp "$out/derivations.pdf" "build/pdf/derivations-$name.pdf"
    echo "pdf: wrote build/pdf/derivations-$name.pdf"
done
