# Gaussian naive Bayes: male or female? Reads the training rows (first file), then scores the rows of
# the second. `features`: names of columns. `by`: a column whose values have a model each, or empty.
BEGIN { FS = OFS = ","; wanted = split(features, name, " ") }

FNR == 1 {
  file++
  for (i = 1; i <= NF; i++) at[$i] = i
  if (file == 2) print "id", "label", "score", "species"
  next
}

$at["sex"] == "NA" { next }

{ group = by ? $at[by] : "all" }

file == 1 {
  count[group, $at["sex"]]++
  for (i = 1; i <= wanted; i++) {
    x = $at[name[i]]
    sum[group, $at["sex"], i] += x
    squares[group, $at["sex"], i] += x * x
  }
  next
}

{
  odds = log(count[group, "male"]) - log(count[group, "female"])
  for (i = 1; i <= wanted; i++)
    odds += density("male", i, $at[name[i]]) - density("female", i, $at[name[i]])
  printf "%d,%s,%.6f,%s\n", FNR - 1, $at["sex"], 1 / (1 + exp(-odds)), $at["species"]
}

# Logarithm of the normal density, without what both have.
function density(sex, i, x,    rows, mean, variance) {
  rows = count[group, sex]
  mean = sum[group, sex, i] / rows
  variance = squares[group, sex, i] / rows - mean * mean
  return -log(variance) / 2 - (x - mean) ^ 2 / (2 * variance)
}
