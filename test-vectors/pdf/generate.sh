#!/usr/bin/env bash
# Makes the PDF files of this folder anew, with as many producers as a Debian machine has.
# The committed files are what tests read; this is where they come from. Bytes differ from run to run
# (dates, identifiers, keys), so manifest.json is written in the same go.
#
# apt-get install --no-install-recommends libreoffice-writer texlive-latex-base ghostscript librsvg2-bin qpdf \
#   chromium mupdf-tools wkhtmltopdf fonts-dejavu-core
# The Python environment and PDFBox come from the judges' cache, installed on demand (../judges/lib.sh).
# generate.sh [DIR]: into DIR, otherwise beside itself.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
mkdir -p "$out"
out=$(cd "$out" && pwd)
. "$here/../judges/lib.sh"
need_fixture_packages
need_dss
pdfbox=$built/lib
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

title='Təhsil haqqında arayış'
text='Bu sənəd sınaq üçündür: ə Ə ğ Ğ ı İ ö Ö ş Ş ç Ç ü Ü'

# --- browsers and office suites ------------------------------------------------------------------
cat > doc.html <<HTML
<!DOCTYPE html><html lang="az"><head><meta charset="utf-8"><title>$title</title>
<style>body{font-family:"DejaVu Sans"}</style></head>
<body><h1>$title</h1><p>$text</p></body></html>
HTML
soffice=(soffice -env:UserInstallation="file://$work/profile" --headless --convert-to)
"${soffice[@]}" odt:writer8 --infilter="HTML (StarWriter)" doc.html >/dev/null 2>&1
"${soffice[@]}" pdf doc.odt >/dev/null 2>&1
mv doc.pdf "$out/libreoffice.pdf"
"${soffice[@]}" 'pdf:writer_pdf_Export:{"SelectPdfVersion":{"type":"long","value":"2"}}' doc.odt >/dev/null 2>&1
mv doc.pdf "$out/libreoffice-pdfa-2b.pdf"
chromium --headless --no-sandbox --disable-gpu --no-pdf-header-footer \
    --print-to-pdf="$out/chromium.pdf" "file://$work/doc.html" >/dev/null 2>&1
xvfb=()
wkhtmltopdf --version | grep -q 'with patched qt' || xvfb=(env QT_QPA_PLATFORM=offscreen)
"${xvfb[@]}" wkhtmltopdf -q doc.html "$out/wkhtmltopdf.pdf" 2>/dev/null
"$cache/venv/bin/weasyprint" -q doc.html "$out/weasyprint.pdf"

# --- TeX: object streams by default, classic tables on request -------------------------------------
tex() { # NAME PREAMBLE
    cat > "$1.tex" <<TEX
$2
\\documentclass{article}
\\usepackage[utf8]{inputenc}\\usepackage[T1]{fontenc}
\\begin{document}
Sənəd 1: T\\"urkiyə, Şəki, Gəncə\\newpage ikinci s\\u ahifə\\newpage 3
\\end{document}
TEX
    # Computer Modern has no schwa; what counts here is the file's structure.
    sed -i 's/ə/e/g' "$1.tex"
    pdflatex -interaction=batchmode "$1.tex" >/dev/null
    mv "$1.pdf" "$out/"
}
tex pdftex-15 ''
tex pdftex-14 '\pdfminorversion=4 \pdfobjcompresslevel=0'

# --- cairo, Ghostscript, MuPDF, qpdf ---------------------------------------------------------------
cat > doc.svg <<SVG
<svg xmlns="http://www.w3.org/2000/svg" width="595" height="842"><text x="60" y="90" font-family="DejaVu Sans"
 font-size="18">$title</text><text x="60" y="130" font-family="DejaVu Sans" font-size="11">$text</text></svg>
SVG
rsvg-convert -f pdf -o "$out/cairo.pdf" doc.svg
cat > doc.ps <<'PS'
%!PS-Adobe-3.0
/Helvetica findfont 18 scalefont setfont 60 700 moveto (Sinaq 1) show showpage
/Helvetica findfont 18 scalefont setfont 60 700 moveto (Sinaq 2) show showpage
PS
ps2pdf -dCompatibilityLevel=1.4 doc.ps "$out/ghostscript.pdf"
gs -q -dNOPAUSE -dBATCH -sDEVICE=pdfwrite -dCompatibilityLevel=1.7 -sOutputFile="$out/ghostscript-17.pdf" "$out/cairo.pdf"
qpdf --linearize "$out/cairo.pdf" "$out/qpdf-linearized.pdf"
qpdf --linearize --object-streams=generate "$out/chromium.pdf" "$out/qpdf-linearized-objstm.pdf"
qpdf --object-streams=generate "$out/cairo.pdf" "$out/qpdf-object-streams.pdf"
qpdf --object-streams=disable --qdf "$out/cairo.pdf" qdf.pdf
qpdf --rotate=+90 --object-streams=disable "$out/ghostscript.pdf" "$out/qpdf-rotated.pdf"
qpdf --encrypt '' owner 256 -- "$out/cairo.pdf" "$out/qpdf-encrypted-aes256.pdf"
qpdf --allow-weak-crypto --encrypt '' owner 128 --use-aes=y -- "$out/ghostscript.pdf" "$out/qpdf-encrypted-aes128.pdf"
mutool clean -gggg -z "$out/cairo.pdf" "$out/mutool.pdf" >/dev/null

# --- PDFBox ------------------------------------------------------------------------------------------
javac -cp "$pdfbox/*" -d classes "$here/PdfBoxFixture.java"
java -cp "classes:$pdfbox/*" PdfBoxFixture /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf \
    "$title" "$text" "$out/pdfbox.pdf"

# --- by script: ReportLab, img2pdf, pikepdf, hand-made structures, forms, signed and locked files --------
"$python" "$here/fixtures.py" "$out"
"$python" "$here/manifest.py" "$out" > "$out/manifest.json"
# The keys are of no use to anyone; the certificates and CRLs stay, so that the signatures can be validated.
rm -f "$out"/pki/*.key.pem
