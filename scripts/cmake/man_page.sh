#!/bin/sh
# Makes a man page of a page of src/doc, with lowdown.
#
#   man_page.sh LOWDOWN PAGE.md MAN_PAGE        MAN_PAGE ends in its section: .../dnmf-files.5
set -eu
lowdown=$1 page=$2 man_page=$3
name=$(basename "$man_page")
section=${name##*.}
name=${name%.*}

# The title becomes NAME, headings move up, pictures are left out, and links to other pages are their names; behind
# lowdown, code is bold, no paragraph follows a heading, and short cells of tables are as wide as they are.
awk -v name="$name" '
  /^```/ { inside = !inside; print inside ? "```" : $0; next }
  inside { print; next }
  NR == 1 { print "# NAME\n\n" name " - " tolower(substr($0, 3, 1)) substr($0, 4) "\n\n# DESCRIPTION"; next }
  /^!\[/ { next }
  {
    sub(/^##/, "#")
    while (match($0, /\[[^]]*\]\([^)]*\)/)) {
      text = substr($0, RSTART + 1, RLENGTH - 2)
      target = text
      sub(/.*\]\(/, "", target)
      sub(/\]\(.*/, "", text)
      if (target ~ /^[a-z-]+\.md/) {
        sub(/\.md.*/, "", target)
        text = "**dnmf-" target "**(" (target == "files" ? 5 : 7) ")"
      }
      $0 = substr($0, 1, RSTART - 1) text substr($0, RSTART + RLENGTH)
    }
    print
  }
  END { print "\n# SEE ALSO\n\n**dnmf**(1), whose SEE ALSO lists all pages" }' "$page" |
  "$lowdown" -s -tman -M "title=$name" -M "section=$section" - |
  awk -v name="$name" -v width=70 '
    # Columns of short cells are as wide as these, the others share what is left of the line.
    function print_table(    r, c, left, long, most, format) {
      left = width - 2 * (columns - 1)
      for (c = 1; c <= columns; c++) {
        most = 0
        for (r = 1; r <= rows; r++)
          if (length(plain(cells[r, c])) > most)
            most = length(plain(cells[r, c]))
        wide[c] = most > 26
        long += wide[c]
        left -= wide[c] ? 0 : most
      }
      for (c = 1; c <= columns; c++)
        format = format (c > 1 ? " " : "") "l" (wide[c] ? "w(" int(left / long) "n)" : "") (c < columns ? "2" : "")
      print ".TS\ntab(|);\n" format "."
      for (r = 1; r <= rows; r++)
        for (c = 1; c <= columns; c++)
          printf "%s%s", (wide[c] ? "T{\n" cells[r, c] "\nT}" : cells[r, c]), c < columns ? "|" : "\n"
      print ".TE"
    }
    function plain(text) { gsub(/\\f[BIR]|\\&/, "", text); gsub(/\\\(../, "x", text); return text }
    /^\.TH / { print; print ".ad l"; next }
    { gsub(/\\f(C|\(C[A-Z])/, "\\fB") }
    index($0, name " - ") == 1 { sub(/ - /, " \\- ") }
    /^\.TS/ { table = 1; rows = columns = 0; next }
    /^\.TE/ { table = behind_heading = 0; print_table(); next }
    table && /^T\{$/ { column = 1; cells[++rows, 1] = ""; inside = 1; next }
    table && /^T\}/ { inside = /T\{$/; column++; if (inside) cells[rows, column] = ""; next }
    table && inside { cells[rows, column] = cells[rows, column] (cells[rows, column] == "" ? "" : " ") $0
                      columns = column > columns ? column : columns }
    table { next }
    /^\.S[HS]/ { behind_heading = 2; print; next }
    behind_heading-- > 0 && /^\.LP$/ { next }
    { print }' >"$man_page.part"
mv "$man_page.part" "$man_page"
