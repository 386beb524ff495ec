# Sourced by scripts/docs: regenerates the tool's output in the articles. Tests compare it with the tool.

# Draws the curves by the commands in the article, and copies the tool's help into its articles.
update_articles() {
  local program=$1
  local catalog=Sources/Schedules/Schedules.docc
  local command
  # Long commands are continued by a backslash.
  # shellcheck disable=SC2086
  sed -e ':join' -e '/ \\$/{N;s/ \\\n */ /' -e 'tjoin' -e '}' "$catalog/ScheduleCurves.md" \
    | sed -n '/^adafactor schedule .* --output /p' | while read -r command; do
    echo "==> $command"
    (cd "$catalog/Resources" && "$program" ${command#adafactor })
  done

  local article
  for article in Sources/adafactor/adafactor.docc/*.md; do
    echo "==> $article"
    write_help "$program" "$article"
  done
}

# Fills each block of ```text after a comment `<!-- adafactor ARGUMENTS -->` with the tool's output for these
# arguments.
write_help() {
  local program=$1 article=$2 line arguments="" inside=""
  while IFS= read -r line; do
    case "$line" in
      '<!-- adafactor '*' -->') arguments=${line#'<!-- adafactor '} && arguments=${arguments%' -->'} ;;
      '```text') [ -z "$arguments" ] || inside=yes ;;
      '```')
        # shellcheck disable=SC2086
        [ -z "$inside" ] || COLUMNS=80 "$program" $arguments | sed -e 's/ *$//' -e '${/^$/d;}'
        inside="" arguments=""
        ;;
      *) [ -z "$inside" ] || continue ;;
    esac
    printf '%s\n' "$line"
  done < "$article" > "$article.new"
  mv "$article.new" "$article"
}
