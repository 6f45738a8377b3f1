# Errors and seconds of RcppML's nmf after more and more iterations from one seed:
#   Rscript rcppml_error.R MATRIX COMPONENTS SEED ITERATIONS SECONDS THREADS
# MATRIX is a Matrix Market file, dense or sparse. Prints a JSON object; ends once a fit takes longer than SECONDS.
suppressMessages({library(RcppML); library(Matrix)})
arguments <- commandArgs(trailingOnly = TRUE)
components <- as.integer(arguments[2])
seed <- as.integer(arguments[3])
iterations <- as.integer(arguments[4])
limit <- as.numeric(arguments[5])
RcppML::setRcppMLthreads(as.integer(arguments[6]))

read <- function(path) {
  header <- readLines(path, 1)
  if (grepl("coordinate", header)) return(as(readMM(path), "CsparseMatrix"))
  lines <- scan(path, comment.char = "%", quiet = TRUE)
  matrix(lines[-(1:2)], lines[1], lines[2])
}
a <- read(arguments[1])
squares <- sum(a^2)
fit <- function(count) RcppML::nmf(a, components, tol = 0, maxit = count, verbose = FALSE, seed = seed)
relative_error <- function(model) {
  w <- model$w %*% diag(model$d, components)
  left <- squares - 2 * sum(as.matrix(a %*% t(model$h)) * w) + sum(crossprod(w) * tcrossprod(model$h))
  sqrt(max(left, 0) / squares)
}
invisible(fit(1))
errors <- seconds <- c()
count <- 1
repeat {
  began <- as.numeric(Sys.time())
  model <- fit(count)
  taken <- as.numeric(Sys.time()) - began
  seconds <- c(seconds, taken)
  errors <- c(errors, relative_error(model))
  if (count >= iterations || taken > limit) break
  count <- min(iterations, max(count + 1, round(count * 1.25)))
}
cat('{"errors": [', paste(format(errors, digits = 12), collapse = ", "), '], "seconds": [',
    paste(format(seconds, digits = 6), collapse = ", "), "]}\n", sep = "")
