# Turns the Swift examples of an article into a file that the compiler can check.
#
# Each block of ```swift becomes a separate scope in one function. Imports are moved to the top. An article
# declares what its examples assume in comments that readers don't see:
#
#     <!-- given
#     let batches: [Batch] = []
#     -->
#
# The compiler's messages name the article and its line.

/^```swift$/ { inside = 1; body = body location(NR + 1) "    do {\n"; count++; next }
/^```$/ && inside { inside = 0; body = body "    }\n"; next }
/^<!-- given$/ { given = 1; declarations = declarations location(NR + 1); next }
/^-->$/ && given { given = 0; next }

inside && /^import / { imports[$0] = 1; body = body "\n"; next }
inside { body = body $0 "\n"; next }
given && /^import / { imports[$0] = 1; declarations = declarations "\n"; next }
given { declarations = declarations $0 "\n" }

function location(line) { return "#sourceLocation(file: \"" article "\", line: " line ")\n" }

END {
  if (!count) exit
  for (line in imports) print line
  name = article
  gsub(/.*\/|\.md$/, "", name)
  gsub(/[^A-Za-z0-9]/, "_", name)
  printf "func %s() throws {\n%s%s}\n", name, declarations, body
}
